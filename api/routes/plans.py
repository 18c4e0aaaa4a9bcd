"""Plans (佣金方案) in versions: drafted as a text, published by somebody else, never edited."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.doors import Books, By, Files, Now, noun
from api.routes.jobs import RunAnswer
from api.values import Answer, Body, Cursor, Day, Id, Instant, Limit, Page, PathId, first_of, no_controls
from ledger import plan_diffs, plans, rights
from ledger.clock import day_of

router = noun("plans")

PlanText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100_000),
    AfterValidator(no_controls),
    Field(description="A plan file, as docs/PLANS.md describes it."),
]


class NewPlan(Body):
    """A plan file. The same text again is the same version."""

    text: PlanText


class Publication(Body):
    """From when on it is in force."""

    effective_on: Day


class NewComparison(Body):
    """What to compare a version with, and what is earned from when to when."""

    old: Id = Field(description="The id of the version it would replace.")
    from_on: Day | None = Field(default=None, description="Left out: from the beginning.")
    to_on: Day | None = Field(default=None, description="Left out: up to today.")


class PlanAnswer(Answer):
    """One version of one plan."""

    id: str
    plan_id: str
    version: int
    state: Literal["draft", "published", "retired"]
    title_zh: str
    title_en: str
    currency: str
    digest: str = Field(description="SHA-256 of the text.")
    effective_on: Day | None
    drafted_by: str
    drafted_at: Instant
    published_by: str | None
    published_at: Instant | None


class WholePlan(PlanAnswer):
    """One version with its text."""

    text: str


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[PlanAnswer]:
    """Versions, the latest drafted first."""
    rights.require(by, "plan.see")
    found, following = first_of(plans.page(session, before=cursor, limit=limit + 1), limit)
    return Page(items=[PlanAnswer.model_validate(version) for version in found], next=following)


@router.post("", status_code=201)
def draft(body: NewPlan, session: Books, by: By, now: Now) -> WholePlan:
    """Draft a version. What is wrong in the file is told with its line."""
    return WholePlan.model_validate(plans.draft(session, body.text, by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WholePlan:
    """One version, by its id."""
    rights.require(by, "plan.see")
    return WholePlan.model_validate(plans.get(session, id))


@router.post("/{id}/publish")
def publish(id: PathId, body: Publication, session: Books, by: By, now: Now) -> WholePlan:
    """Put a draft in force from a day on; whoever drafted it cannot."""
    version = plans.publish(session, id, effective_on=body.effective_on, by=by, now=now)
    return WholePlan.model_validate(version)


@router.post("/{id}/retire")
def retire(id: PathId, session: Books, by: By, now: Now) -> WholePlan:
    """No new deals under it; those that keep it go on."""
    return WholePlan.model_validate(plans.retire(session, id, by=by, now=now))


@router.post("/{id}/compare", status_code=202)
def compare(id: PathId, body: NewComparison, session: Books, by: By, now: Now) -> RunAnswer:
    """Replay the deals in the books under another version and this one. Nothing is written to the books.

    Follow it under `/jobs/{id}`; what came out is under `/plans/comparisons/{id}`.
    """
    asked = plan_diffs.request(
        session,
        id,
        old_id=body.old,
        from_on=body.from_on,
        to_on=body.to_on or day_of(now),
        by=by,
        now=now,
    )
    return RunAnswer.model_validate(asked)


@router.get("/comparisons/{id}")
def comparison(id: PathId, session: Books, store: Files, by: By) -> dict[str, Any]:
    """What came out: old, new and difference per manager and deal, and who crosses what, as
    `yongjin plan diff --json` prints it."""
    found: dict[str, Any] = json.loads(plan_diffs.file(store, plan_diffs.get(session, id, by=by)))
    return found
