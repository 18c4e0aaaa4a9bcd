"""What runs by the clock, and what a run of it does."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from ledger import clock, deals, printing, seals, verification
from ledger.core import period as months
from ledger.core.errors import Conflict
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import Job, Progress, subject_of


def preliminary_statements(
    database: Database, store: Store, planned_for: str, progress: Progress
) -> dict[str, Any]:
    """预结算单: last month's, on the 1st; or of the period it was asked for."""
    report = printing.run(
        database, store, _period(planned_for), kind="preliminary", workers=_cores(), progress=progress
    )
    return _told(report)


def final_statements(
    database: Database, store: Store, planned_for: str, progress: Progress
) -> dict[str, Any]:
    """结算单: of a period that was closed."""
    report = printing.run(
        database, store, _period(planned_for), kind="final", workers=_cores(), progress=progress
    )
    return _told(report)


def _period(planned_for: str) -> str:
    """The period asked for, or the one before the month of the planned time."""
    if "T" in planned_for:
        return months.preceding(months.of(clock.day_of(datetime.fromisoformat(planned_for))))
    return months.parse(subject_of(planned_for))


def _told(report: printing.Report) -> dict[str, Any]:
    if report.refused:
        raise Conflict(
            "statements_refused",
            "{made} statements were made, {count} could not be: {first}",
            made=report.made,
            count=len(report.refused),
            first="; ".join(report.refused[:3]),
        )
    return printing.result(report)


def _cores() -> int:
    return os.cpu_count() or 1


def settle_due(database: Database, store: Store, planned_for: str, progress: Progress) -> dict[str, Any]:
    """What falls due by itself: a holdback by days."""
    with database.reading() as session:
        wanted = deals.held_until_a_day(session)
    posted = 0
    for start in range(0, len(wanted), 100):
        batch = wanted[start : start + 100]
        posted += database.run(lambda s, batch=batch: deals.settle_all(s, batch, now=clock.now()))  # type: ignore[misc]
        progress(start + len(batch), len(wanted))
    return {"deals": len(wanted), "entries": posted}


def verify_books(database: Database, store: Store, planned_for: str, progress: Progress) -> dict[str, Any]:
    """Recompute and compare everything; a difference is a failed run."""
    with database.reading() as session:
        found = verification.verify(
            session, store, now=clock.now(), progress=lambda _, done, total: progress(done, total)
        )
    if found.differences:
        first = found.differences[0]
        raise Conflict(
            "books_differ",
            "{count} differences; the first is {check}: {where}: {what}",
            count=len(found.differences),
            check=first.check,
            where=first.where,
            what=first.what,
        )
    return found.counted


def seal(database: Database, store: Store, planned_for: str, progress: Progress) -> dict[str, Any]:
    """What was committed since goes into blocks; the result has the head to write down."""
    blocks = seals.seal(database, by="clock", now=clock.now())
    rows = sum(block.count for block in blocks)
    return {"rows": rows, "head": blocks[-1].sha256 if blocks else ""}


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("preliminary_statements", preliminary_statements, {"day": 1, "hour": 2}),
        Job("final_statements", final_statements),
        Job("settle_due", settle_due, {"hour": 1}),
        Job("seal", seal, {"minute": 7}),
        Job("verify_books", verify_books, {"hour": 4}),
    )
}
