"""Comparing plans on history (方案对比): asked for on a page, worked out as a job, kept as files.

A city's year takes seconds, so nobody waits for the answer of a request: the run has a progress bar. Its
outcome is kept in the store like any other file: the whole comparison as JSON, and the picture.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from ledger import audit, clock, jobs, plans, replay, rights
from ledger.core import compare, picture
from ledger.core.errors import Invalid, NotFound
from ledger.core.plan_file import PlanFile, read_plan_file
from ledger.core.workings import Lang
from ledger.files import Store
from ledger.jobs import JobRun, Work
from ledger.plans import PlanVersion
from ledger.users import User

JOB = "compare_plans"


def request(
    session: Session,
    version_id: str,
    *,
    old_id: str,
    from_on: date | None,
    to_on: date,
    by: User,
    now: datetime,
) -> JobRun:
    """Ask for a version to be compared with another on the deals in the books."""
    rights.require(by, "plan.compare")
    new, old = plans.get(session, version_id), plans.get(session, old_id)
    if new.id == old.id:
        raise Invalid("plans_same", "a version is compared with another one; choose another")
    if new.currency != old.currency:
        raise Invalid("plans_currency", "plans of different currencies cannot be compared")
    if from_on is not None and from_on > to_on:
        raise Invalid("days_reversed", "{from_on} comes after {to_on}", from_on=from_on, to_on=to_on)
    subject = " ".join((old.id, new.id, str(from_on or "-"), str(to_on)))
    asked = jobs.request_again(session, JOB, subject, by=by.id, now=now)
    audit.note(session, by, "plan.compare", new.id, after={"with": old.id, "run": asked.id}, now=now)
    return asked


def run(work: Work) -> dict[str, Any]:
    """The comparison itself. Nothing is written to the books."""
    old_id, new_id, from_on, to_on = jobs.subject_of(work.planned_for).split()
    with work.database.reading() as session:
        old, new = (_file(plans.get(session, one)) for one in (old_id, new_id))
        found = replay.compared(
            session,
            old,
            new,
            from_on=None if from_on == "-" else date.fromisoformat(from_on),
            to_on=date.fromisoformat(to_on),
            progress=work.progress,
        )
    found = replace(found, old=old.name, new=new.name)
    said = json.dumps(compare.to_data(found), ensure_ascii=False).encode()
    return {
        "deals": len(found.deals),
        "managers": len(found.managers),
        "files": {
            "json": work.store.put(said),
            "zh": work.store.put(picture.draw(found, "zh").encode()),
            "en": work.store.put(picture.draw(found, "en").encode()),
        },
    }


def _file(version: PlanVersion) -> PlanFile:
    return read_plan_file(version.text, f"{version.plan_id} v{version.version}")


def get(session: Session, run_id: str, *, by: User) -> JobRun:
    """One comparison, done or not, or NotFound."""
    rights.require(by, "plan.compare")
    found = session.get(JobRun, run_id)
    if found is None or found.job != JOB:
        raise NotFound("comparison_unknown", "there is no comparison {id}", id=run_id)
    return found


def versions_of(session: Session, found: JobRun) -> tuple[PlanVersion, PlanVersion]:
    """The old version and the new one."""
    old_id, new_id, _, _ = jobs.subject_of(found.planned_for).split()
    return plans.get(session, old_id), plans.get(session, new_id)


def outcome(store: Store, found: JobRun) -> dict[str, Any] | None:
    """What came out, or None while it works or where it failed."""
    return json.loads(file(store, found)) if found.state == "done" else None


def drawn(store: Store, found: JobRun, lang: Lang) -> bytes:
    """The picture, or NotFound while there is none."""
    return _kept(store, found, lang)


def file(store: Store, found: JobRun) -> bytes:
    """The whole comparison as JSON, or NotFound while there is none."""
    return _kept(store, found, "json")


def _kept(store: Store, found: JobRun, what: str) -> bytes:
    if found.state != "done":
        raise NotFound("comparison_not_done", "comparison {id} is not done", id=found.id)
    return store.get(found.result["files"][what])


def before(session: Session, version: PlanVersion, now: datetime) -> PlanVersion | None:
    """What a version is compared with unless another is chosen: the plan's in force, or its latest other."""
    others = [one for one in plans.versions(session, version.plan_id) if one.id != version.id]
    day = clock.day_of(now)
    in_force = [one for one in others if one.effective_on and one.effective_on <= day]
    return max(in_force or others, key=lambda one: one.version, default=None)
