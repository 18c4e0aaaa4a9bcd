"""Jobs: what runs by the clock, its runs, and asking for one more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Instant, Limit, Page, PathId, PeriodName, first_of
from ledger import jobs
from ledger.schedule import JOBS

router = noun("jobs")


class NewRun(Body):
    """What to run a job for. Asked for again once it is done, it is a run of its own."""

    period: PeriodName | None = Field(
        default=None, description="For statements; left out: as if the clock had started it now."
    )


class RunAnswer(Answer):
    """One run of one job."""

    id: str
    job: str = Field(examples=["final_statements"])
    planned_for: str = Field(examples=["2026-05"])
    state: Literal["waiting", "running", "stopping", "done", "failed", "stopped"]
    started_by: str
    started_at: Instant
    ended_at: Instant | None
    done: int
    total: int
    result: dict[str, Any]
    error: str | None
    claimed_by: str = Field(description="The process that does it, or did.")
    attempts: int
    due_at: Instant | None = Field(description="When it is tried again.")


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[RunAnswer]:
    """Runs, the latest first."""
    found, following = first_of(jobs.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[RunAnswer.model_validate(run) for run in found], next=following)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> RunAnswer:
    """One run."""
    return RunAnswer.model_validate(jobs.get(session, id, by=by))


@router.post("/{name}/run", status_code=202)
def run(
    name: Annotated[str, Path(pattern=r"^[a-z_]{1,40}$", examples=["preliminary_statements"])],
    session: Books,
    by: By,
    now: Now,
    body: NewRun | None = None,
) -> RunAnswer:
    """Ask for a run; it is taken up within seconds. Look at it under its id."""
    subject = body.period if body and body.period else now.isoformat()
    job = jobs.known(JOBS, name)
    return RunAnswer.model_validate(jobs.start(session, job.name, subject, by=by, now=now))


@router.post("/{id}/stop")
def stop(id: PathId, session: Books, by: By, now: Now) -> RunAnswer:
    """End a run before its end; what it has done stays."""
    return RunAnswer.model_validate(jobs.stop(session, id, by=by, now=now))


@router.post("/{id}/retry")
def retry(id: PathId, session: Books, by: By, now: Now) -> RunAnswer:
    """Do a run again that failed or was stopped."""
    return RunAnswer.model_validate(jobs.retry(session, id, by=by, now=now))
