"""Vital signs: the figures that somebody is woken for, as the database has them now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from ledger import control, inbox, journal, seals
from ledger.jobs import JobRun
from ledger.payments import Payout

PRINTING = ("preliminary_statements", "final_statements")  # the jobs that print


@dataclass(frozen=True, slots=True)
class Sign:
    """One figure, with what tells it from the others of its name."""

    name: str
    value: float
    of: str = ""  # the pile, the job, the account


# name → (what its `of` is called, what it says)
NAMES = {
    "entries": ("", "Entries posted so far."),
    "unsealed_entries": ("", "Entries that are in no block yet."),
    "waiting": ("what", "Things that wait for somebody."),
    "waiting_seconds": ("what", "How long the oldest of them has been waiting."),
    "job_runs": ("state", "Runs of jobs, by state."),
    "in_transit_seconds": ("", "How long the oldest batch sent to the bank has been without an answer."),
    "statement_seconds": ("", "What a statement took in the last run that printed any."),
    "slow_signs_seconds": ("", "How old the figures are that take a reading of all the books."),
    "control_difference_minor": ("account", "What a control account is off from its papers, in fen."),
}


def quick(session: Session, *, now: datetime) -> Iterator[Sign]:
    """What can be asked every few seconds, however old the books are."""
    yield Sign("entries", session.exec(select(func.coalesce(func.max(journal.Entry.id), 0))).one())
    for pile in inbox.everything(session):
        yield Sign("waiting", pile.count, pile.what)
        yield Sign("waiting_seconds", _age(pile.since, now), pile.what)
    counts = dict(session.exec(select(JobRun.state, func.count()).group_by(JobRun.state)).all())
    for state in ("waiting", "running", "failed"):
        yield Sign("job_runs", counts.get(state, 0), state)
    oldest = session.exec(select(func.min(Payout.sent_at)).where(Payout.state == "sent")).one()
    yield Sign("in_transit_seconds", _age(oldest, now))
    yield Sign("statement_seconds", _a_statement(session))


def slow(session: Session) -> Iterator[Sign]:
    """What reads all the books: entries in no block, and the control accounts, each against its papers."""
    yield Sign("unsealed_entries", seals.unsealed_entries(session))
    off: dict[str, int] = {}
    for one in control.differences(session):
        off[one.account] = off.get(one.account, 0) + abs(one.booked_minor - one.told_minor)
    for account in control.ACCOUNTS:
        yield Sign("control_difference_minor", off.get(account, 0), account)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _a_statement(session: Session) -> float:
    done = (col(JobRun.job).in_(PRINTING), JobRun.state == "done", col(JobRun.done) > 0)
    last = session.exec(select(JobRun).where(*done).order_by(col(JobRun.ended_at).desc()).limit(1)).first()
    if last is None or last.ended_at is None:
        return 0.0
    return (last.ended_at - last.started_at).total_seconds() / last.done
