"""Jobs: what runs by the clock or by hand. Every run is a row: the truth about it, whoever does it.

A run is claimed by one node for as long as its lease is renewed; one that is left behind is taken up
by another. So it happens once, however many nodes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import CursorResult, UniqueConstraint, Update, update
from sqlmodel import Field, Session, col, or_, select

from ledger import audit, clock, ids, rights
from ledger.core.errors import Conflict, NotFound
from ledger.db import Database, Instant, Json, Row, insert_missing
from ledger.files import Store
from ledger.users import User

LEASE = timedelta(seconds=60)
ATTEMPTS_MOST = 3
PAUSE = timedelta(minutes=1)  # before the second attempt, and twice that before the third
CLOCK = "clock"


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
    state: str = Field(index=True)  # waiting, running, stopping, done, failed, stopped
    started_by: str
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    done: int = 0
    total: int = 0
    result: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    error: str | None = None
    claimed_by: str = ""
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    attempts: int = 0
    due_at: datetime | None = Field(default=None, sa_type=Instant)  # of the next attempt


Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What a task is given: the run it does, where, and how it tells how far it is.

    `progress` raises where the run is to stop.
    """

    database: Database
    store: Store
    run_id: str
    planned_for: str
    progress: Progress


Task = Callable[[Work], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """A task and when it is planned (cron fields in Asia/Shanghai; none: only by hand or event).

    Of times that were missed the last is caught up; of a job about a month, each.
    """

    name: str
    task: Task
    cron: Mapping[str, Any] | None = None
    each_missed: bool = False
    by_name: bool = True  # whether somebody may ask for it by its name alone

    def trigger(self) -> CronTrigger | None:
        """APScheduler's trigger."""
        return CronTrigger(timezone=clock.SHANGHAI, **self.cron) if self.cron else None


# --- planning


def plan(session: Session, job: Job, *, now: datetime) -> list[str]:
    """Rows for the times of a job that have come since its last, and have none yet."""
    query = select(JobRun.planned_for).where(JobRun.job == job.name, JobRun.started_by == CLOCK)
    last = session.exec(query.order_by(col(JobRun.planned_for).desc())).first()
    missed = times(job, datetime.fromisoformat(last) if last else None, now)
    wanted = missed if job.each_missed and last else missed[-1:]
    # Another node may be adding the same rows just now.
    rows = [
        JobRun(
            id=ids.new("jr"),
            job=job.name,
            planned_for=moment.isoformat(),
            state="waiting",
            started_by=CLOCK,
            started_at=now,
        ).model_dump()
        for moment in wanted
        if find(session, job.name, moment.isoformat()) is None
    ]
    insert_missing(session, JobRun, rows)
    return [row["planned_for"] for row in rows]


def times(job: Job, after: datetime | None, now: datetime) -> list[datetime]:
    """When the job was planned, after a moment (a month ago or so where there is none) and up to now."""
    trigger = job.trigger()
    if trigger is None:
        return []
    beginning = clock.just_after(after) if after else clock.days_before(now, 32)
    if after and not job.each_missed:
        beginning = max(beginning, clock.days_before(now, 32))
    found, moment = [], trigger.get_next_fire_time(None, beginning)
    while moment is not None and moment <= now:
        found.append(moment)
        moment = trigger.get_next_fire_time(moment, clock.just_after(moment))
    return found


def request(session: Session, name: str, subject: str, *, by: str, now: datetime) -> JobRun:
    """Ask for a run of a job about a subject (a period); the clock takes it up. Asked twice, run once."""
    found = find(session, name, subject)
    if found is not None and found.state not in ("failed", "stopped"):
        return found
    row = found or JobRun(
        id=ids.new("jr"), job=name, planned_for=subject, state="waiting", started_by=by, started_at=now
    )
    row.state, row.error, row.attempts, row.due_at = "waiting", None, 0, None
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


def find(session: Session, name: str, planned_for: str) -> JobRun | None:
    """The run of a job for a time or a subject, locked."""
    query = select(JobRun).where(JobRun.job == name, JobRun.planned_for == planned_for)
    return session.exec(query.with_for_update()).first()


# --- claiming, and holding on to what was claimed


@dataclass(frozen=True, slots=True)
class Claim:
    """That a node does a run, for the so-manieth time. Another's claim ends it."""

    run_id: str
    node: str
    attempt: int


def due(session: Session, now: datetime) -> list[JobRun]:
    """Runs that wait to be taken up, the oldest first."""
    query = select(JobRun).where(
        JobRun.state == "waiting", or_(col(JobRun.due_at).is_(None), col(JobRun.due_at) <= now)
    )
    return list(session.exec(query.order_by(col(JobRun.id))))


def claim(session: Session, run_id: str, *, node: str, now: datetime) -> Claim | None:
    """The claim to a waiting run, or None: somebody else was faster."""
    taking = update(JobRun).where(col(JobRun.id) == run_id, col(JobRun.state) == "waiting")
    values = {
        "state": "running",
        "claimed_by": node,
        "lease_until": now + LEASE,
        "attempts": JobRun.attempts + 1,
        "started_at": now,
        "ended_at": None,
        "error": None,
        "done": 0,
        "total": 0,
    }
    if not _changed(session, taking.values(**values)):
        return None
    return Claim(run_id, node, session.get_one(JobRun, run_id, populate_existing=True).attempts)


def _changed(session: Session, statement: Update) -> bool:
    """Whether the statement met its row."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    return isinstance(result, CursorResult) and result.rowcount == 1


def _mine(held: Claim) -> Update:
    return update(JobRun).where(
        col(JobRun.id) == held.run_id,
        col(JobRun.claimed_by) == held.node,
        col(JobRun.attempts) == held.attempt,
        col(JobRun.state).in_(("running", "stopping")),
    )


def renew(session: Session, held: Claim, *, now: datetime) -> bool:
    """Keep a run for one lease more. False: it is somebody else's by now."""
    return _changed(session, _mine(held).values(lease_until=now + LEASE))


def tell(session: Session, held: Claim, done: int, total: int) -> bool:
    """Write down how far it is. False: it is to stop, or somebody else's by now."""
    if not _changed(session, _mine(held).values(done=done, total=total)):
        return False
    return session.exec(select(JobRun.state).where(JobRun.id == held.run_id)).one() == "running"


def end(session: Session, held: Claim, state: str, *, now: datetime, **values: Any) -> None:
    """Write down how a run ended, unless somebody else has it by now."""
    _changed(session, _mine(held).values(state=state, ended_at=now, lease_until=None, **values))


def finish(session: Session, held: Claim, result: dict[str, Any], *, now: datetime) -> None:
    """Write down what came of it; whatever it told of how far it was, it is through."""
    end(session, held, "done", now=now, result=result, done=col(JobRun.total))


def fail(session: Session, held: Claim, error: str, *, again: bool, now: datetime) -> None:
    """Write down why it failed: for good, or until the next attempt where that may help."""
    if again and held.attempt < ATTEMPTS_MOST:
        end(session, held, "waiting", now=now, error=error, due_at=now + PAUSE * 2 ** (held.attempt - 1))
    else:
        end(session, held, "failed", now=now, error=error, due_at=None)


LEFT_BEHIND = "the node that did it stopped"


def take_back(session: Session, *, now: datetime) -> int:
    """Runs whose lease has run out wait again; those tried too often have failed, others were to stop."""
    query = select(JobRun).where(
        col(JobRun.state).in_(("running", "stopping")), col(JobRun.lease_until) < now
    )
    left = list(session.exec(query.with_for_update(skip_locked=True)))
    for row in left:
        spent = row.attempts >= ATTEMPTS_MOST
        row.state = "stopped" if row.state == "stopping" else "failed" if spent else "waiting"
        row.error, row.lease_until, row.due_at = LEFT_BEHIND, None, None
        row.ended_at = None if row.state == "waiting" else now
    return len(left)


# --- by hand


def start(session: Session, name: str, subject: str, *, by: User, now: datetime) -> JobRun:
    """One more run of any job, asked for by a person."""
    rights.require(by, "job.run")
    return ask(session, name, subject, by=by, now=now)


def ask(session: Session, name: str, subject: str, *, by: User, now: datetime) -> JobRun:
    """One more run, asked for by somebody whose right to this one is known."""
    run = request_again(session, name, subject, by=by.id, now=now)
    audit.note(session, by, "job.start", run.id, after={"job": name, "for": run.planned_for}, now=now)
    return run


def stop(session: Session, run_id: str, *, by: User, now: datetime) -> JobRun:
    """End a run before its end. What it has done so far stays."""
    rights.require(by, "job.run")
    run = _locked(session, run_id)
    if run.state not in ("waiting", "running", "stopping"):
        raise Conflict("job_not_running", "this run has ended; there is nothing to stop")
    run.state = "stopped" if run.state == "waiting" else "stopping"
    if run.state == "stopped":
        run.ended_at = now
    audit.changed(session, by, "job.stop", run, now=now)
    return run


def retry(session: Session, run_id: str, *, by: User, now: datetime) -> JobRun:
    """Do a run again that failed or was stopped; it goes on where it can."""
    rights.require(by, "job.run")
    run = _locked(session, run_id)
    if run.state not in ("failed", "stopped"):
        raise Conflict("job_not_failed", "only a run that failed or was stopped is done again")
    run.state, run.attempts, run.due_at, run.error, run.ended_at = "waiting", 0, None, None, None
    audit.changed(session, by, "job.retry", run, now=now)
    return run


def _locked(session: Session, run_id: str) -> JobRun:
    found = session.exec(select(JobRun).where(JobRun.id == run_id).with_for_update()).first()
    if found is None:
        raise NotFound("job_run_unknown", "there is no job run {id}", id=run_id)
    return found


# --- looking


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
    """One job that may be asked for by name, or NotFound."""
    if name not in jobs or not jobs[name].by_name:
        raise NotFound("job_unknown", "there is no job {name}", name=name)
    return jobs[name]
