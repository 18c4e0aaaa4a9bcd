"""The bank's answer to a batch: each line is paid on its value date, or comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session

from ledger import audit, journal, needs, payouts, periods, rights, vat_corrections
from ledger.clock import day_of
from ledger.core import entry, period
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import PAYOUT, PAYOUT_LINE, advance
from ledger.fees import BASIC_ACCOUNT
from ledger.payouts import Payout, PayoutLine, lines_of
from ledger.users import User


def confirm(
    session: Session,
    payout_id: str,
    *,
    value_on: date,
    line_ids: Sequence[str] | None = None,
    by: User,
    now: datetime,
) -> Payout:
    """The bank has paid these lines (all, if none are named) on its value date."""
    rights.require(by, "payout.confirm")
    calendar = periods.hold_open(session)
    payout = payouts.locked(session, payout_id)
    if period.of(value_on) != period.of(payout.value_on):
        raise Conflict(
            "value_month_differs",
            "batch {no} was taxed for {planned}; the bank paid in {paid}: return its lines and pay again",
            no=payout.no,
            planned=period.of(payout.value_on),
            paid=period.of(value_on),
        )
    needs.not_later(value_on, now)
    if value_on < day_of(payout.made_at):
        raise Invalid(
            "paid_before_made",
            "batch {no} was made on {made}; the bank cannot have paid it on {day}",
            no=payout.no,
            made=day_of(payout.made_at),
            day=value_on,
        )
    on = max(value_on, period.first_day(calendar.landing(period.of(value_on))))
    chosen = [line for line in _chosen(session, payout, line_ids) if line.state != "paid"]
    told = {"value_on": value_on.isoformat(), "lines": [line.id for line in chosen]}
    audit.note(session, by, "payout.confirm", payout.id, after=told, now=now)
    for line in chosen:
        line.state = advance(PAYOUT_LINE, "payment", line.state, "confirm")
        line.settled_at, line.value_on = now, value_on
    journal.post_many(session, [_paid(payout, line, on) for line in chosen], now=now, by=by.id)
    vat_corrections.settle(session, payout, chosen, on=on, by=by, now=now)
    _settled(session, payout)
    return payout


def _chosen(session: Session, payout: Payout, line_ids: Sequence[str] | None) -> list[PayoutLine]:
    if payout.state != "sent" and payout.state != "settled":
        advance(PAYOUT, "payout", payout.state, "settle")
    lines = lines_of(session, payout.id)
    if line_ids is None:
        return [line for line in lines if line.state == "reserved"]
    known = {line.id: line for line in lines}
    for line_id in line_ids:
        if line_id not in known:
            raise NotFound("payment_unknown", "batch {no} has no line {id}", no=payout.no, id=line_id)
    return [known[line_id] for line_id in line_ids]


def _paid(payout: Payout, line: PayoutLine, on: date) -> entry.Entry:
    manager, month = line.manager_id, period.of(line.value_on)
    late = "" if month == period.of(on) else month  # the tax is the value date's, whenever it is booked
    postings = (
        entry.Posting(entry.IN_TRANSIT, line.gross_minor, payout.id, manager_id=manager),
        entry.Posting(entry.BANK, -line.net_minor, BASIC_ACCOUNT, manager_id=manager),
        entry.Posting(entry.WITHHELD_IIT, -line.tax_minor, manager_id=manager, origin=late),
        entry.Posting(entry.WITHHELD_VAT, -line.vat_minor, manager_id=manager, origin=late),
    )
    return entry.Entry(
        kind="payout_confirmed",
        source=line.id,
        on=on,
        period=period.of(on),
        currency=payout.currency,
        summary=f"支付佣金 {payout.no}",
        postings=tuple(p for p in postings if p.amount_minor),
    )


def return_lines(
    session: Session, payout_id: str, *, line_ids: Sequence[str], reason: str, by: User, now: datetime
) -> Payout:
    """The bank refused these lines; the money, tax included, is payable again."""
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    return return_each(session, payout_id, dict.fromkeys(line_ids, reason.strip()), by=by, now=now)


def return_each(
    session: Session, payout_id: str, reasons: Mapping[str, str], *, by: User, now: datetime
) -> Payout:
    """The same, each line for its own reason."""
    rights.require(by, "payout.confirm")
    held = payouts.deals_of(session, payout_id, list(reasons))
    payout = payouts.locked(session, payout_id)
    chosen = [line for line in _chosen(session, payout, list(reasons)) if line.state != "returned"]
    told = {"reason": "; ".join(sorted(set(reasons.values()))), "lines": [line.id for line in chosen]}
    audit.note(session, by, "payout.return", payout.id, after=told, now=now)
    payouts.give_back(session, payout, chosen, "return", reasons, by=by, now=now)
    _settled(session, payout)
    payouts.settle(session, held, by=by, now=now)
    return payout


def _settled(session: Session, payout: Payout) -> None:
    if payout.state == "sent" and all(line.state != "reserved" for line in lines_of(session, payout.id)):
        payout.state = advance(PAYOUT, "payout", payout.state, "settle")
