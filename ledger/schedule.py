"""What runs by the clock, and what a run of it does."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import Any

from ledger import (
    clock,
    config,
    deals,
    nightly,
    notices,
    periods,
    plan_diffs,
    post,
    printing,
    reminders,
    retention,
    seals,
    verification,
    webhook_runs,
    webhooks,
    workers,
)
from ledger.core import period as months
from ledger.core.errors import Conflict
from ledger.jobs import Job, Work, subject_of
from ledger.statements import Kind


def preliminary_statements(work: Work) -> dict[str, Any]:
    """预结算单: last month's, on the 1st, unless it was closed by then; or of the period it was asked for."""
    try:
        return {"skipped": 1} if _is_over(work) else _statements(work, "preliminary")
    except Conflict:
        if _is_over(work):  # closed on the way: its final statements say the rest
            return {"skipped": 1}
        raise


def _is_over(work: Work) -> bool:
    """The clock wanted a month's preliminary statements, and the month is closed."""
    with work.database.reading() as session:
        calendar = periods.calendar(session)
    return "T" in work.planned_for and not calendar.is_open(_period(work.planned_for))


def final_statements(work: Work) -> dict[str, Any]:
    """结算单: of a period that was closed."""
    return _statements(work, "final")


def _statements(work: Work, kind: Kind) -> dict[str, Any]:
    """By the processes of this machine and, on PostgreSQL, by whatever workers there are."""
    database, hands = work.database, config.from_environment().hands
    report = printing.run(
        database,
        work.store,
        _period(work.planned_for),
        kind=kind,
        workers=(os.cpu_count() or 1) if hands is None else hands,
        run_id=work.run_id,
        dispatch=None if database.is_sqlite else lambda part_ids: workers.tell(database, part_ids),
        progress=work.progress,
    )
    people = database.run(lambda session: reminders.statements_made(session, report.period, now=clock.now()))
    return _told(report) | {"told": people}


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


def settle_due(work: Work) -> dict[str, Any]:
    """What falls due by itself: a holdback by days."""
    with work.database.reading() as session:
        wanted = deals.held_until_a_day(session)
    posted = 0
    for start in range(0, len(wanted), 100):
        batch = wanted[start : start + 100]
        posted += work.database.run(lambda s, batch=batch: deals.settle_all(s, batch, now=clock.now()))  # type: ignore[misc]
        work.progress(start + len(batch), len(wanted))
    return {"deals": len(wanted), "entries": posted}


def verify_books(work: Work) -> dict[str, Any]:
    """Recompute and compare everything; a difference is a failed run."""
    with work.database.reading() as session:
        found = verification.verify(
            session, work.store, now=clock.now(), progress=lambda _, done, total: work.progress(done, total)
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


def seal(work: Work) -> dict[str, Any]:
    """What was committed since goes into blocks; the result has the head to write down."""
    blocks = seals.seal(work.database, by="clock", now=clock.now())
    rows = sum(block.count for block in blocks)
    return {"rows": rows, "head": blocks[-1].sha256 if blocks else ""}


# --- telling people


def close_reminder(work: Work) -> dict[str, Any]:
    """Finance is reminded of the month before, while it is open."""
    day, now = _day(work), clock.now()
    return {"told": work.database.run(lambda session: reminders.close_due(session, day, now=now))}


def payday(work: Work) -> dict[str, Any]:
    """Whether it is payday, and what could be paid."""
    day, now = _day(work), clock.now()
    return dict(work.database.run(lambda session: reminders.payday(session, day, now=now)))


def remind(work: Work) -> dict[str, Any]:
    """Whoever is waited for is reminded; and operations are told of payees who share a number."""
    day, now = _day(work), clock.now()
    told = work.database.run(lambda session: reminders.waiting(session, day, now=now))
    return {"told": told + work.database.run(lambda session: reminders.shared_numbers(session, now=now))}


def _day(work: Work) -> date:
    """The day it was planned for, or today where somebody asked by hand."""
    return clock.day_of(datetime.fromisoformat(subject_of(work.planned_for)))


def tidy(work: Work) -> dict[str, Any]:
    """What need not be kept goes; what the law wants kept is not touched before its years are over."""
    now = clock.now()
    gone = work.database.run(lambda session: retention.tidy(session, now=now))
    return {**gone, **retention.after_years(work.database, work.store, now=now)}


def backup(work: Work) -> dict[str, Any]:
    """The night's backup; the last seven stay. Where no folder for them is named there is none."""
    settings = config.from_environment()
    if settings.backups is None:
        return {"skipped": 1}
    return nightly.make(settings, settings.backups, now=clock.now(), progress=work.progress)


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("preliminary_statements", preliminary_statements, {"day": 1, "hour": 2}, each_missed=True),
        Job("final_statements", final_statements),
        Job("settle_due", settle_due, {"hour": 1}),
        Job("close_reminder", close_reminder, {"day": "3,5,8", "hour": 9}),
        Job("payday", payday, {"hour": 8}),
        Job("remind", remind, {"hour": 9}),
        Job(notices.DELIVER, post.deliver),
        Job(webhooks.JOB, webhook_runs.send_due),
        Job("backup", backup, {"hour": 2, "minute": 30}),
        Job("tidy", tidy, {"hour": 3, "minute": 30}),
        Job("seal", seal, {"minute": 7}),
        Job(plan_diffs.JOB, plan_diffs.run, by_name=False),
        Job("verify_books", verify_books, {"hour": 4}),
    )
}
