"""Reversals (冲销): an entry that mirrors another, once, with the reason.

Only what was entered as it stands is reversed. What follows from facts would come back with the next
settling, so the fact is corrected instead; a payment is returned or voided, its line with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from ledger import accruals, audit, deals, fees, journal, owings, periods, rights
from ledger.clock import day_of
from ledger.core import entry as core
from ledger.core import period
from ledger.core.errors import Conflict, Invalid
from ledger.journal import Entry
from ledger.users import User

DOCUMENTS = fees.KINDS  # a document is taken back whole: its facts with its entry


def may_be(entry: Entry) -> bool:
    """Whether entries of this kind are ever reversed by hand, and this one is not a reversal itself."""
    return entry.kind in (*DOCUMENTS, *core.BY_HAND) and entry.reverses is None


def reverse(session: Session, entry_id: int, *, reason: str, by: User, now: datetime) -> Entry:
    """Mirror an entry. A document's facts are taken back with it; a second time is refused."""
    rights.require(by, "entry.reverse")
    wrong = journal.get(session, entry_id)
    _check_kind(wrong)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if wrong.kind in DOCUMENTS:
        fees.correct(session, _fact_of(wrong), reason=reason, by=by, now=now)
        return _made(session, wrong)

    calendar = periods.hold_open(session)
    held = [deals.locked(session, deal_id) for deal_id in _deals_of(session, wrong)]
    there = journal.reversal_of(session, wrong.id)
    if there is not None:
        raise Conflict(
            "entry_reversed", "entry {id} is reversed already, by entry {other}", id=wrong.id, other=there.id
        )

    mirror = _mirror(journal.as_value(session, wrong), wrong.id, calendar, now)
    owings.check_reversed(session, mirror)
    journal.post(session, mirror, now=now, by=by.id, working={"origins": [], "reason": reason.strip()})
    told = {"reason": reason.strip(), "kind": wrong.kind, "source": wrong.source}
    audit.note(session, by, "entry.reverse", str(wrong.id), after=told, now=now)
    accruals.settle_many(session, [(deal, ()) for deal in held], now=now, by=by.id)
    return _made(session, wrong)


def _check_kind(entry: Entry) -> None:
    if entry.reverses is not None:
        raise Conflict(
            "reversal_reversed", "entry {id} is a reversal itself; record the right one", id=entry.id
        )
    if not may_be(entry):
        raise _instead(entry)


def _instead(entry: Entry) -> Conflict:
    """What is done instead with an entry that is not reversed by hand."""
    if entry.kind.startswith("payout_"):
        return Conflict(
            "entry_of_payment",
            "entry {id} belongs to a payment; void the batch or record that the bank returned the line",
            id=entry.id,
        )
    return Conflict(
        "entry_follows",
        "entry {id} follows from facts and would come back with the next settling; correct the fact: take"
        " back the document, amend the amount, withdraw the milestone, change who took part, or adjust",
        id=entry.id,
    )


def _fact_of(entry: Entry) -> str:
    if not entry.because:
        raise Conflict("entry_without_fact", "entry {id} names no document", id=entry.id)
    return entry.because[0]


def _deals_of(session: Session, entry: Entry) -> list[str]:
    return sorted({one.deal_id for one in journal.postings(session, [entry.id])} - {""})


def _mirror(wrong: core.Entry, entry_id: int, calendar: periods.Calendar, now: datetime) -> core.Entry:
    """In the same period where that is open; else in the first open one, and each posting says where from."""
    landing = calendar.landing(wrong.period)
    late = landing != wrong.period
    on = min(period.last_day(landing), max(day_of(now), period.first_day(landing))) if late else wrong.on
    return replace(
        wrong,
        source=f"~{wrong.source}",
        on=on,
        period=landing,
        summary=f"冲销 {wrong.summary}",
        reverses=entry_id,
        postings=tuple(
            replace(one, origin=one.origin or wrong.period) if late else one
            for one in core.mirrored(wrong.postings)
        ),
    )


def mirrors(one: core.Entry, other: core.Entry) -> bool:
    """Whether one is the other turned round, whatever period its lines say they belong to."""

    def lines(postings: tuple[core.Posting, ...]) -> list[core.Posting]:
        return [replace(posting, origin="") for posting in postings]

    return lines(one.postings) == lines(core.mirrored(other.postings))


def _made(session: Session, wrong: Entry) -> Entry:
    made = journal.reversal_of(session, wrong.id)
    if made is None:
        raise Conflict("entry_missing", "the entry of {ref} is not in the books", ref=wrong.source)
    return made
