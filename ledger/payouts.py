"""Payouts (付款单): what is payable is reserved, approved by somebody else, sent to the bank, confirmed.

The figures are fixed when the batch is made; its hash is what is approved and what is paid.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from ledger import (
    accruals,
    audit,
    db,
    deals,
    ids,
    invoices,
    journal,
    managers,
    payables,
    periods,
    persons,
    rights,
    vat_corrections,
    withholding,
)
from ledger.clock import day_of
from ledger.core import entry, period
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import PAYOUT, PAYOUT_LINE, advance
from ledger.journal import Posting
from ledger.payables import Due
from ledger.payments import Payout as Payout
from ledger.payments import PayoutLine as PayoutLine
from ledger.users import User

CHUNK = 500  # lines looked up at once


def make(
    session: Session,
    *,
    value_on: date,
    currency: str = "CNY",
    only: Sequence[str] | None = None,
    by: User,
    now: datetime,
) -> Payout:
    """Make a batch of everything payable, and reserve the money."""
    rights.require(by, "payout.make")
    if value_on < day_of(now):
        raise Invalid("value_date_past", "the value date {day} has passed", day=value_on)
    calendar = periods.hold_open(session)
    accruals.keep_out(session)
    db.lock(session, "payouts")
    due = [one for one in payables.due(session, currency, day=day_of(now)) if one.why_not is None]
    if only is not None:
        due = [one for one in due if one.manager_id in only]
    if not due:
        raise Conflict("nothing_payable", "nobody can be paid now; the preview says why")

    payout = Payout(
        id=ids.new("po"),
        no=_number(session, day_of(now)),
        currency=currency,
        value_on=value_on,
        state="made",
        digest="",
        made_by=by.id,
        made_at=now,
    )
    gross = {one.manager_id: one.payable_minor for one in due}
    taxed = withholding.on_payments(session, gross, value_on, currency=currency)
    due = [one for one in due if taxed[one.manager_id].net_minor > 0]
    if not due:
        raise Conflict("nothing_left_to_pay", "what is withheld would take all of it: nothing is left to pay")
    lines = [_line(session, payout, one, taxed[one.manager_id]) for one in due]
    payout.digest = digest(payout, lines)
    session.add(payout)
    session.add_all(lines)
    audit.changed(session, by, "payout.make", payout, now=now)
    session.flush()
    invoices.use(session, [line for line in lines if line.tax_method == "invoiced"], currency=currency)
    on = _booked_on(calendar, day_of(now))
    reserved = [_reserved(payout, line, one, on) for line, one in zip(lines, due, strict=True)]
    journal.post_many(session, reserved, now=now, by=by.id)
    return payout


def _booked_on(calendar: periods.Calendar, today: date) -> date:
    return max(today, period.first_day(calendar.landing(period.of(today))))


def _number(session: Session, today: date) -> str:
    prefix = f"FK-{today:%Y%m}-"
    made = session.exec(select(func.count()).where(col(Payout.no).startswith(prefix))).one()
    return f"{prefix}{made + 1:03d}"


def _line(session: Session, payout: Payout, due: Due, taxed: withholding.Taxed) -> PayoutLine:
    manager, held = managers.get(session, due.manager_id), taxed.held
    line = PayoutLine(
        id=ids.new("pl"),
        payout_id=payout.id,
        manager_id=manager.id,
        payee_name=manager.name,
        bank_name=manager.bank_name or "",
        bank_account_kept="",
        bank_cnaps=manager.bank_cnaps or "",
        gross_minor=due.payable_minor,
        tax_minor=held.withheld_minor,
        vat_minor=taxed.vat.vat_minor,
        vat_back_minor=taxed.vat_back_minor,
        net_minor=taxed.net_minor,
        tax_method=taxed.method,
        tax_working=[step.to_data() for step in taxed.because],
        value_on=payout.value_on,
        state="reserved",
    )
    persons.keep(session, line, manager.id, "bank_account", manager.bank_account or "")
    return line


def digest(payout: Payout, lines: Sequence[PayoutLine]) -> str:
    """SHA-256 over what is approved: who gets how much on which account, and when."""
    content = [payout.no, payout.currency, payout.value_on.isoformat()]
    rows = sorted(_content(line) for line in lines)
    return hashlib.sha256(json.dumps([content, rows], ensure_ascii=False).encode()).hexdigest()


def _content(line: PayoutLine) -> list[str | int]:
    bank = [line.bank_name, line.bank_account, *([line.bank_cnaps] if line.bank_cnaps else [])]
    vat = [line.vat_minor] if line.vat_minor else []
    return [line.manager_id, line.payee_name, *bank, line.gross_minor, line.tax_minor, *vat, line.net_minor]


def _reserved(payout: Payout, line: PayoutLine, due: Due, on: date) -> entry.Entry:
    parts = [
        entry.Posting(
            entry.PAYABLE,
            part.amount_minor,
            line.manager_id,
            deal_id=part.deal_id,
            manager_id=line.manager_id,
            stage=part.stage,
        )
        for part in due.lines
    ]
    reserve = entry.Posting(entry.IN_TRANSIT, -line.gross_minor, payout.id, manager_id=line.manager_id)
    return entry.Entry(
        kind="payout_made",
        source=line.id,
        on=on,
        period=period.of(on),
        currency=payout.currency,
        summary=f"提交付款 {payout.no}",
        postings=(*parts, reserve),
    )


def in_batch(payout: Payout, lines: Iterable[PayoutLine]) -> list[PayoutLine]:
    """Of a batch's lines, those that were not taken out; of a voided batch, all."""
    return [line for line in lines if payout.state == "voided" or line.state != "taken_out"]


def reserved(lines: Iterable[PayoutLine]) -> list[PayoutLine]:
    """Of some lines, those whose money is reserved and waits."""
    return [line for line in lines if line.state == "reserved"]


def take_out(
    session: Session, payout_id: str, *, line_ids: Sequence[str], reason: str, by: User, now: datetime
) -> Payout:
    """Take lines out of a batch that was not sent; their money is payable again. Approvals lapse."""
    held = deals_of(session, payout_id, line_ids)
    payout = locked(session, payout_id)
    rights.require(by, "payout.make")
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    state = advance(PAYOUT, "payout", payout.state, "change")
    lines = lines_of(session, payout_id)
    known = {line.id: line for line in lines}
    chosen = [known[line_id] for line_id in dict.fromkeys(line_ids) if line_id in known]
    if not chosen or len(chosen) != len(set(line_ids)):
        raise NotFound("payment_unknown", "batch {no} has no line {id}", no=payout.no, id=", ".join(line_ids))
    if len(reserved(lines)) == len(reserved(chosen)):
        raise Conflict("payout_empty", "nothing would be left of batch {no}; void it instead", no=payout.no)

    give_back(session, payout, chosen, "take_out", reason.strip(), by=by, now=now)
    payout.state, payout.digest = state, digest(payout, reserved(lines))
    audit.changed(session, by, "payout.change", payout, now=now)
    session.flush()
    settle(session, held, by=by, now=now)
    return payout


def void(session: Session, payout_id: str, *, reason: str, by: User, now: datetime) -> Payout:
    """Give up a batch that was not sent; the money is payable again."""
    rights.require(by, "payout.make")
    held = deals_of(session, payout_id)
    payout = locked(session, payout_id)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    payout.state = advance(PAYOUT, "payout", payout.state, "void")

    payout.voided_reason = reason.strip()
    audit.changed(session, by, "payout.void", payout, now=now)
    taken = reserved(lines_of(session, payout_id))
    give_back(session, payout, taken, "take_out", reason.strip(), by=by, now=now)
    settle(session, held, by=by, now=now)
    return payout


def deals_of(session: Session, payout_id: str, line_ids: Sequence[str] | None = None) -> list[deals.Deal]:
    """The deals some lines of a batch pay for, locked before it: what is paid on them is about to change."""
    periods.hold_open(session)
    found = set(session.exec(deals_paid(payout_id))) if line_ids is None else set()
    for start in range(0, len(line_ids or ()), CHUNK):
        some = list(line_ids or ())[start : start + CHUNK]
        found |= set(session.exec(deals_paid(payout_id).where(col(PayoutLine.id).in_(some))))
    return [deals.locked(session, deal_id) for deal_id in sorted(found)]


def deals_paid(payout_id: str) -> SelectOfScalar[str]:
    """The ids of the deals a batch pays for, to be asked for."""
    return (
        select(Posting.deal_id)
        .join(journal.Entry, col(journal.Entry.id) == Posting.entry_id)
        .join(PayoutLine, col(PayoutLine.id) == journal.Entry.source)
        .where(PayoutLine.payout_id == payout_id, journal.Entry.kind == "payout_made", Posting.deal_id != "")
        .distinct()
    )


def settle(session: Session, held: Sequence[deals.Deal], *, by: User, now: datetime) -> None:
    """A cancelled deal leaves a manager what was paid: where less was, the rest is not owed any more."""
    for deal in held:
        accruals.settle(session, deal, now=now, by=by.id)


def give_back(
    session: Session,
    payout: Payout,
    lines: Sequence[PayoutLine],
    step: str,
    reason: str | Mapping[str, str],
    *,
    on: date | None = None,
    by: User,
    now: datetime,
) -> None:
    """Lines are taken out, or returned by the bank: what was reserved for them is payable again, and the
    VAT of their month is set right.

    `reason` is one for all, or one by the id of the line; `on` the day it is booked on, else today.
    """
    calendar = periods.hold_open(session)
    on = on or _booked_on(calendar, day_of(now))
    made = journal.of_sources(session, "payout_made", [line.id for line in lines])
    for line in lines:
        line.state = advance(PAYOUT_LINE, "payment", line.state, step)
        line.settled_at, line.reason = now, reason if isinstance(reason, str) else reason[line.id]
        if line.id not in made:
            raise NotFound("entry_missing", "the entry of payment {id} is not in the books", id=line.id)
    summary = f"退汇后重新应付 {payout.no}" if step == "bounce" else f"退回付款 {payout.no}"
    back = [_returned(line, made[line.id], on, summary) for line in lines]
    journal.post_many(session, back, now=now, by=by.id)
    vat_corrections.settle(session, payout, lines, on=on, by=by, now=now)


def _returned(line: PayoutLine, made: tuple[int, entry.Entry], on: date, summary: str) -> entry.Entry:
    entry_id, value = made
    return entry.Entry(
        kind="payout_returned",
        source=line.id,
        on=on,
        period=period.of(on),
        currency=value.currency,
        summary=summary,
        reverses=entry_id,
        postings=entry.mirrored(value.postings),
    )


def locked(session: Session, payout_id: str) -> Payout:
    """One batch, held until the transaction ends."""
    db.lock(session, "payouts")
    found = session.exec(
        select(Payout)
        .where(Payout.id == payout_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("payout_unknown", "there is no payout {id}", id=payout_id)
    return found


def get(session: Session, payout_id: str, *, by: User) -> Payout:
    """One batch the user may see, or NotFound."""
    rights.require(by, "payout.see")
    found = session.get(Payout, payout_id)
    if found is None:
        raise NotFound("payout_unknown", "there is no payout {id}", id=payout_id)
    return found


def lines_of(session: Session, payout_id: str) -> list[PayoutLine]:
    """The lines of a batch, by manager."""
    query = select(PayoutLine).where(PayoutLine.payout_id == payout_id)
    return list(session.exec(query.order_by(col(PayoutLine.manager_id))))


def lines_page(session: Session, payout_id: str, *, after: str = "", limit: int = 200) -> list[PayoutLine]:
    """Lines of a batch by manager, from after a manager's id."""
    query = select(PayoutLine).where(PayoutLine.payout_id == payout_id, PayoutLine.manager_id > after)
    return list(session.exec(query.order_by(col(PayoutLine.manager_id)).limit(limit)))


@dataclass(frozen=True, slots=True)
class Sum:
    """How many lines, and what they come to; minor units."""

    count: int = 0
    gross_minor: int = 0
    tax_minor: int = 0
    vat_minor: int = 0
    net_minor: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            self.count + other.count,
            self.gross_minor + other.gross_minor,
            self.tax_minor + other.tax_minor,
            self.vat_minor + other.vat_minor,
            self.net_minor + other.net_minor,
        )


def sums(session: Session, payout_ids: Iterable[str]) -> dict[str, dict[str, Sum]]:
    """By batch, what its lines come to in each state; under "" all that were not taken out."""
    query = (
        sqlalchemy.select(
            col(PayoutLine.payout_id),
            col(PayoutLine.state),
            col(Payout.state),
            func.count(),
            func.sum(PayoutLine.gross_minor),
            func.sum(PayoutLine.tax_minor),
            func.sum(PayoutLine.vat_minor),
            func.sum(PayoutLine.net_minor),
        )
        .join(Payout, col(Payout.id) == col(PayoutLine.payout_id))
        .where(col(PayoutLine.payout_id).in_(list(payout_ids)))
        .group_by(PayoutLine.payout_id, PayoutLine.state, Payout.state)
    )
    found: dict[str, dict[str, Sum]] = defaultdict(lambda: defaultdict(Sum))
    for payout_id, state, of_payout, count, *amounts in session.execute(query):
        one = Sum(int(count), *(int(amount) for amount in amounts))
        found[payout_id][state] += one
        if state != "taken_out" or of_payout == "voided":
            found[payout_id][""] += one
    return found


def sum_of(lines: Iterable[PayoutLine]) -> Sum:
    """What some lines come to."""
    return sum((Sum(1, x.gross_minor, x.tax_minor, x.vat_minor, x.net_minor) for x in lines), Sum())


def numbers(session: Session, payout_ids: Iterable[str]) -> dict[str, str]:
    """Numbers for people, by id."""
    wanted = sorted(set(payout_ids))
    return dict(session.exec(select(Payout.id, Payout.no).where(col(Payout.id).in_(wanted))).all())


def payees(session: Session, line_ids: Sequence[str]) -> dict[str, str]:
    """Payee and batch of some payments, by the payment's id."""
    query = select(PayoutLine.id, PayoutLine.payee_name, Payout.no).join(
        Payout, col(Payout.id) == PayoutLine.payout_id
    )
    found = session.exec(query.where(col(PayoutLine.id).in_(line_ids)))
    return {line_id: f"{payee} · {no}" for line_id, payee, no in found}


def listing(
    session: Session, *, by: User, state: str | None = None, before: str | None = None, limit: int = 50
) -> list[Payout]:
    """Batches, the latest first, from before a cursor."""
    rights.require(by, "payout.see")
    query = select(Payout).order_by(col(Payout.id).desc()).limit(limit)
    if state:
        query = query.where(Payout.state == state)
    if before:
        query = query.where(Payout.id < before)
    return list(session.exec(query))
