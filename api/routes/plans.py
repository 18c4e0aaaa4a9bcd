"""Plans (佣金方案) in versions: drafted as a text, published by somebody else, never edited."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Day, Instant, Limit, Page, PathId, first_of, no_controls
from ledger import plans, rights

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
