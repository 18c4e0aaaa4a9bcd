"""A payment that the bank gives back after it had paid it (退汇): days later, perhaps after the close.

What was paid stays in the books of its month. That it came back is a fact of its own, with entries in the
open period: they undo what was booked, tax included, by the month the tax was withheld for, and the money
is payable again. The income tax of what stands is set right with the payee's next payments of the year, as
with any return; VAT is a matter of its month, and is set right at once (ledger.vat_corrections).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, journal, needs, payouts, periods, rights
from ledger.core import entry, period
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import PAYOUT_LINE, advance
from ledger.db import Instant, Row
from ledger.payouts import Payout, PayoutLine
from ledger.users import User

WITHHELD = (entry.WITHHELD_IIT, entry.WITHHELD_VAT)


class Bounce(Row, table=True):
    """That one payment came back: on which day of the bank's, and why."""

    __tablename__ = "bounce"

    id: str = Field(primary_key=True)
    line_id: str = Field(unique=True)
    came_back_on: date
    reason: str
    recorded_by: str
    recorded_at: datetime = Field(sa_type=Instant)


def record(
    session: Session, payout_id: str, reasons: Mapping[str, str], *, on: date, by: User, now: datetime
) -> Payout:
    """The bank gave back payments it had made, each for its reason, by the payment's id. Told again, nothing
    happens."""
    rights.require(by, "payout.confirm")
    held = payouts.deals_of(session, payout_id, list(reasons))
    calendar = periods.hold_open(session)
    payout = payouts.locked(session, payout_id)
    lines = _chosen(session, payout, reasons)
    _check(lines, reasons, on, now)

    booked_on = max(on, period.first_day(calendar.landing(period.of(on))))
    told = {"on": on.isoformat(), "lines": [line.id for line in lines]}
    audit.note(session, by, "payout.bounce", payout.id, after=told, now=now)
    for line in lines:
        session.add(
            Bounce(
                id=ids.new("bo"),
                line_id=line.id,
                came_back_on=on,
                reason=reasons[line.id].strip()[:500],
                recorded_by=by.id,
                recorded_at=now,
            )
        )
    session.flush()
    paid = journal.of_sources(session, "payout_confirmed", [line.id for line in lines])
    undone = [_undone(payout, line, paid[line.id], booked_on) for line in lines]
    journal.post_many(session, undone, now=now, by=by.id)
    payouts.give_back(session, payout, lines, "bounce", reasons, on=booked_on, by=by, now=now)
    payouts.settle(session, held, by=by, now=now)
    return payout


def _chosen(session: Session, payout: Payout, reasons: Mapping[str, str]) -> list[PayoutLine]:
    """The payments meant that were not given back already."""
    known = {line.id: line for line in payouts.lines_of(session, payout.id)}
    for line_id in reasons:
        if line_id not in known:
            raise NotFound("payment_unknown", "batch {no} has no line {id}", no=payout.no, id=line_id)
    return [known[line_id] for line_id in reasons if known[line_id].state != "bounced"]


def _check(lines: Sequence[PayoutLine], reasons: Mapping[str, str], on: date, now: datetime) -> None:
    needs.not_later(on, now)
    for line in lines:
        advance(PAYOUT_LINE, "payment", line.state, "bounce")
        if not reasons[line.id].strip():
            raise Invalid("reason_missing", "say why")
        if on < line.value_on:
            raise Conflict(
                "bounced_before_paid",
                "the payment to {name} was made on {paid}; it cannot have come back on {day}",
                name=line.payee_name,
                paid=line.value_on,
                day=on,
            )


def _undone(payout: Payout, line: PayoutLine, paid: tuple[int, entry.Entry], on: date) -> entry.Entry:
    entry_id, value = paid
    booked, month = period.of(on), period.of(line.value_on)
    postings = (
        replace(one, origin="" if month == booked else month) if one.account in WITHHELD else one
        for one in entry.mirrored(value.postings)
    )
    return entry.Entry(
        kind="payout_bounced",
        source=line.id,
        on=on,
        period=booked,
        currency=payout.currency,
        summary=f"退汇 {payout.no}",
        reverses=entry_id,
        postings=tuple(postings),
    )


def of_lines(session: Session, line_ids: Iterable[str]) -> dict[str, Bounce]:
    """By payment, that it came back."""
    wanted = sorted(set(line_ids))
    found: dict[str, Bounce] = {}
    for start in range(0, len(wanted), payouts.CHUNK):
        some = wanted[start : start + payouts.CHUNK]
        query = select(Bounce).where(col(Bounce.line_id).in_(some))
        found |= {one.line_id: one for one in session.exec(query)}
    return found
