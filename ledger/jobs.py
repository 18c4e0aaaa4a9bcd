"""Jobs: what runs by the clock or by hand. Every run is a row, so it happens once and can be looked at."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, col, select

from ledger import clock, ids, rights
from ledger.core.errors import NotFound, Refused
from ledger.db import Database, Instant, Json, Row
from ledger.files import Store
from ledger.users import User


class JobRun(Row, table=True):
    """One run of one job. `planned_for` says which: the clock's time, or the thing it was started for."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("job", "planned_for", name="uq_job_run"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    job: str
    planned_for: str
    state: str = Field(index=True)  # waiting, running, done, failed
    started_by: str
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    done: int = 0
    total: int = 0
    result: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    error: str | None = None


POLL_SECONDS = 3

Progress = Callable[[int, int], None]
Task = Callable[[Database, Store, str, Progress], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """A task and when it is planned (cron fields in Asia/Shanghai; none: only by hand or event)."""

    name: str
    task: Task
    cron: Mapping[str, Any] | None = None

    def trigger(self) -> CronTrigger | None:
        """APScheduler's trigger."""
        return CronTrigger(timezone=clock.SHANGHAI, **self.cron) if self.cron else None


def latest_planned(job: Job, now: datetime) -> datetime | None:
    """The last time at or before `now` for which the job was planned, within a month or so."""
    trigger = job.trigger()
    if trigger is None:
        return None
    last, moment = None, trigger.get_next_fire_time(None, clock.days_before(now, 32))
    while moment is not None and moment <= now:
        last, moment = moment, trigger.get_next_fire_time(moment, clock.just_after(moment))
    return last


def request(session: Session, name: str, subject: str, *, by: str, now: datetime) -> JobRun:
    """Ask for a run of a job about a subject (a period); the clock takes it up. Asked twice, run once."""
    found = _find(session, name, subject)
    if found is not None and found.state != "failed":
        return found
    row = found or JobRun(
        id=ids.new("jr"), job=name, planned_for=subject, state="waiting", started_by=by, started_at=now
    )
    row.state, row.error = "waiting", None
    session.add(row)
    session.flush()
    return row


def request_again(session: Session, name: str, subject: str, *, by: str, now: datetime) -> JobRun:
    """Ask for a run also where one was done before: it is then the subject's next, such as 2026-10/2."""
    asked = request(session, name, subject, by=by, now=now)
    later = col(JobRun.planned_for).startswith(f"{subject}/", autoescape=True)
    runs = session.exec(select(JobRun).where(JobRun.job == name, later).order_by(col(JobRun.id))).all()
    last = runs[-1] if runs else asked
    if last.state != "done":
        return request(session, name, last.planned_for, by=by, now=now)
    return request(session, name, f"{subject}/{len(runs) + 2}", by=by, now=now)


def subject_of(planned_for: str) -> str:
    """What a run is about, whichever run of it this is."""
    return planned_for.partition("/")[0]


def _find(session: Session, name: str, planned_for: str) -> JobRun | None:
    query = select(JobRun).where(JobRun.job == name, JobRun.planned_for == planned_for)
    return session.exec(query.with_for_update()).first()


def claim(database: Database, name: str, planned_for: str, *, by: str, now: datetime) -> JobRun | None:
    """The row of a run that is ours to do, or None: somebody has done or is doing it.

    What waits or has failed may be claimed.
    """

    def take(session: Session) -> JobRun | None:
        found = _find(session, name, planned_for)
        if found is not None and found.state not in ("waiting", "failed"):
            return None
        run = found or JobRun(
            id=ids.new("jr"), job=name, planned_for=planned_for, state="", started_by=by, started_at=now
        )
        run.state, run.started_at = "running", now
        run.ended_at, run.error, run.done, run.total = None, None, 0, 0
        session.add(run)
        return run

    try:
        return database.run(take)
    except IntegrityError:
        return None


def waiting(database: Database) -> list[tuple[str, str]]:
    """(job, subject) of the runs somebody asked for, the oldest first."""
    with database.reading() as session:
        query = select(JobRun.job, JobRun.planned_for).where(JobRun.state == "waiting")
        return list(session.exec(query.order_by(col(JobRun.id))).all())


def run(database: Database, store: Store, job: Job, planned_for: str, *, by: str = "clock") -> JobRun | None:
    """Do one run to its end, and write down how it went. None: it was not ours to do."""
    claimed = claim(database, job.name, planned_for, by=by, now=clock.now())
    if claimed is None:
        return None

    def progress(done: int, total: int) -> None:
        _note(database, claimed.id, done=done, total=total)

    try:
        result = job.task(database, store, planned_for, progress)
    except Refused as refusal:
        return _note(database, claimed.id, state="failed", error=str(refusal), ended_at=clock.now())
    except Exception:
        _note(database, claimed.id, state="failed", error=traceback.format_exc(), ended_at=clock.now())
        raise
    return _note(database, claimed.id, state="done", result=result, ended_at=clock.now())


def _note(database: Database, run_id: str, **values: Any) -> JobRun:
    def write(session: Session) -> JobRun:
        row = session.get_one(JobRun, run_id)
        for name, value in values.items():
            setattr(row, name, value)
        return row

    return database.run(write)


def abandon(database: Database, *, now: datetime) -> int:
    """At start: runs that a stopped server left behind are failed, so that they can be done again."""

    def write(session: Session) -> int:
        left = list(session.exec(select(JobRun).where(JobRun.state == "running")))
        for row in left:
            row.state, row.error, row.ended_at = "failed", "the server stopped while it ran", now
        return len(left)

    return database.run(write)


class Clock:
    """The embedded scheduler: it only dispatches, the rows are the truth."""

    def __init__(self, database: Database, store: Store, jobs: Mapping[str, Job]) -> None:
        self._database, self._store, self._jobs = database, store, jobs
        self._scheduler = BackgroundScheduler(timezone=clock.SHANGHAI)

    def start(self) -> None:
        """Plan every job, and catch up what was missed while nothing ran."""
        abandon(self._database, now=clock.now())
        for job in self._jobs.values():
            trigger = job.trigger()
            if trigger is not None:
                self._scheduler.add_job(
                    self._fire, trigger, [job], id=job.name, coalesce=True, misfire_grace_time=3600
                )
                self._scheduler.add_job(self._fire, args=[job], id=f"{job.name}:missed")
        self._scheduler.add_job(
            self._take_up, "interval", seconds=POLL_SECONDS, id="asked for", coalesce=True
        )
        self._scheduler.start()

    def _fire(self, job: Job) -> None:
        planned = latest_planned(job, clock.now())
        if planned is not None:
            run(self._database, self._store, job, planned.isoformat())

    def _take_up(self) -> None:
        for name, subject in waiting(self._database):
            if name in self._jobs:
                run(self._database, self._store, self._jobs[name], subject)

    def stop(self) -> None:
        """Let running jobs end and plan no more."""
        if self._scheduler.running:
            self._scheduler.shutdown()


def get(session: Session, run_id: str, *, by: User) -> JobRun:
    """One run, or NotFound."""
    rights.require(by, "job.see")
    found = session.get(JobRun, run_id)
    if found is None:
        raise NotFound("job_run_unknown", "there is no job run {id}", id=run_id)
    return found


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[JobRun]:
    """Runs, the latest first, from before a cursor."""
    rights.require(by, "job.see")
    query = select(JobRun).order_by(col(JobRun.id).desc()).limit(limit)
    if before:
        query = query.where(JobRun.id < before)
    return list(session.exec(query))


def known(jobs: Mapping[str, Job], name: str) -> Job:
    """One job by name, or NotFound."""
    if name not in jobs:
        raise NotFound("job_unknown", "there is no job {name}", name=name)
    return jobs[name]
