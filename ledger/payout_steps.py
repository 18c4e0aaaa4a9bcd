"""Payouts (付款单) as a statement tells them: the steps of a month, the tax and its working."""

from __future__ import annotations

from sqlmodel import Session, col, select

from ledger import clock, payouts
from ledger.core import period as months
from ledger.core import statement as paper
from ledger.core import tax
from ledger.core.entry import PAYABLE
from ledger.journal import Entry, Posting


def of(session: Session, manager_id: str, period: str, currency: str) -> tuple[paper.Payout, ...]:
    """The payouts of a manager that moved in a month, with the steps booked in it."""
    found = []
    for payout, line in session.exec(
        select(payouts.Payout, payouts.PayoutLine)
        .join(payouts.PayoutLine, col(payouts.PayoutLine.payout_id) == payouts.Payout.id)
        .where(payouts.PayoutLine.manager_id == manager_id, payouts.Payout.currency == currency)
        .order_by(payouts.Payout.no)
    ):
        steps = _steps(session, payout, line, period)
        if steps:
            found.append(
                paper.Payout(
                    reference=f"{payout.no}/{line.id}",
                    gross_minor=line.gross_minor,
                    tax_minor=line.tax_minor,
                    vat_minor=line.vat_minor,
                    net_minor=line.net_minor,
                    steps=tuple(steps),
                    tax_working=tax_words(line),
                )
            )
    return (*found, *_paid_elsewhere(session, manager_id, period, currency))


def tax_words(line: payouts.PayoutLine) -> tuple[paper.Words, ...]:
    """The tax of a payment worked out in sentences, in both languages."""
    read = tax.from_data(line.tax_working)
    both = zip(tax.sentences(read, "zh"), tax.sentences(read, "en"), strict=True)
    return tuple(paper.Words(zh=zh, en=en) for zh, en in both)


_STEPS: dict[str, paper.StepKind] = {
    "payout_made": "made",
    "payout_returned": "returned",
    "payout_confirmed": "confirmed",
}


def _steps(
    session: Session, payout: payouts.Payout, line: payouts.PayoutLine, period: str
) -> list[paper.Step]:
    booked = session.exec(
        select(Entry)
        .where(Entry.source == line.id, col(Entry.kind).in_(list(_STEPS)))
        .order_by(col(Entry.id))
    ).all()
    steps = [
        paper.Step(what=_what(line, entry.kind), on=entry.booked_on, why=_why(line, entry.kind))
        for entry in booked
        if entry.period == period
    ]
    if payout.sent_at is not None and line.state != "taken_out":
        sent = max(clock.day_of(payout.sent_at), booked[0].booked_on)
        if months.of(sent) == period:
            steps.append(paper.Step(what="sent", on=sent))
    order = ("made", "sent", "confirmed", *paper.CAME_BACK)
    return sorted(steps, key=lambda step: order.index(step.what))


def _what(line: payouts.PayoutLine, kind: str) -> paper.StepKind:
    """What came back after it was paid has a name of its own (退汇)."""
    what = _STEPS[kind]
    return "bounced" if what == "returned" and line.state == "bounced" else what


def _why(line: payouts.PayoutLine, kind: str) -> str:
    """Why money came back."""
    return (line.reason or "") if kind == "payout_returned" else ""


def _paid_elsewhere(session: Session, manager_id: str, period: str, currency: str) -> list[paper.Payout]:
    rows = session.exec(
        select(Entry, Posting)
        .join(Posting, col(Posting.entry_id) == Entry.id)
        .where(
            Entry.kind == "paid_elsewhere",
            Posting.account == PAYABLE,
            Posting.owner == manager_id,
            Posting.period == period,
            Posting.currency == currency,
        )
        .order_by(col(Entry.id))
    )
    return [
        paper.Payout(
            reference=str(entry.id),
            gross_minor=posting.amount_minor,
            net_minor=posting.amount_minor,
            steps=(paper.Step(what="paid_elsewhere", on=entry.booked_on),),
        )
        for entry, posting in rows
    ]
