"""Milestones (里程碑): a deal reached a stage, who took part, and what operations make of it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.openapi import problems
from api.routes import evidence
from api.routes.entries import DraftAnswer
from api.routes.evidence import EvidenceAnswer, Upload
from api.values import (
    Answer,
    Body,
    Code,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Note,
    Page,
    Participants,
    PathId,
    Reason,
    first_of,
)
from ledger import milestones

router = noun("milestones")

TakingPart = Annotated[
    Participants | None, Field(description="Left out: as the stage's split agreement in force says.")
]
MilestoneState = Literal["draft", "submitted", "verified", "rejected", "withdrawn"]


class NewMilestone(Body):
    """A deal reached a stage of its plan."""

    deal_id: Id = Field(examples=["D-1"])
    stage: Code = Field(examples=["tech_sourcing"])
    reached_on: Day
    participants: TakingPart = None
    note: Note = ""
    submit: bool = Field(default=True, description="Straight to operations; false: a draft.")


class Change(Body):
    """What a draft or a rejected milestone says from now on."""

    reached_on: Day
    participants: TakingPart = None
    note: Note = ""


class Rejection(Body):
    """Why it goes back."""

    reason: Reason


class Withdrawal(Body):
    """Why, and from which day on, a verified milestone does not count."""

    reason: Reason
    on: Day


class Shared(Body):
    """Who took part in a verified milestone after all, and why that was not known."""

    participants: TakingPart = None
    reason: Reason


class MilestoneAnswer(Answer):
    """One milestone. Verified, it is the fact `fact_id`."""

    id: str
    deal_id: str
    stage: str
    reached_on: Day
    participants: dict[str, str] = Field(examples=[{"M1": "60", "M2": "40"}])
    note: str
    state: MilestoneState
    logged_by: str
    logged_at: Instant
    submitted_at: Instant | None
    decided_by: str | None
    decided_at: Instant | None
    reason: str | None
    fact_id: str | None
    agreement_id: str | None = Field(description="The split agreement its participants come from.")


@router.get("")
def listing(
    session: Books,
    by: By,
    state: Annotated[MilestoneState | None, Query(description="Only those in this state.")] = None,
    deal: Annotated[Id | None, Query(description="Only those of this deal.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MilestoneAnswer]:
    """Milestones, the latest first; a manager sees those of their deals."""
    rows = milestones.listing(session, by=by, state=state, deal_id=deal, before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[MilestoneAnswer.model_validate(one) for one in found], next=following)


@router.post("", status_code=201)
def log(body: NewMilestone, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Log a milestone."""
    return MilestoneAnswer.model_validate(milestones.log(session, **body.model_dump(), by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> MilestoneAnswer:
    """One milestone."""
    return MilestoneAnswer.model_validate(milestones.get(session, id, by=by))


@router.post("/{id}/change")
def change(id: PathId, body: Change, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Change a draft or a rejected milestone; it is a draft again."""
    changed = milestones.change(session, id, **body.model_dump(), by=by, now=now)
    return MilestoneAnswer.model_validate(changed)


@router.post("/{id}/submit")
def submit(id: PathId, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Hand it to operations."""
    return MilestoneAnswer.model_validate(milestones.submit(session, id, by=by, now=now))


@router.get("/{id}/preview", responses=problems(409))
def preview(id: PathId, session: Books, by: By, now: Now) -> list[DraftAnswer]:
    """The entries that verifying it now would post."""
    return [DraftAnswer.of(entry) for entry in milestones.preview(session, id, by=by, now=now)]


@router.post("/{id}/verify")
def verify(id: PathId, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Accept it as true. What everyone earned on the deal is brought up to date."""
    return MilestoneAnswer.model_validate(milestones.verify(session, id, by=by, now=now))


@router.post("/{id}/reject")
def reject(id: PathId, body: Rejection, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Send it back to who logged it."""
    return MilestoneAnswer.model_validate(milestones.reject(session, id, **body.model_dump(), by=by, now=now))


@router.post("/{id}/withdraw")
def withdraw(id: PathId, body: Withdrawal, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """A verified milestone turns out untrue: it no longer counts."""
    withdrawn = milestones.withdraw(session, id, **body.model_dump(), by=by, now=now)
    return MilestoneAnswer.model_validate(withdrawn)


@router.post("/{id}/participants", responses=problems(409))
def share(id: PathId, body: Shared, session: Books, by: By, now: Now) -> MilestoneAnswer:
    """Others, or other weights, took part in a verified milestone. The difference is posted."""
    shared = milestones.share(session, id, **body.model_dump(), by=by, now=now)
    return MilestoneAnswer.model_validate(shared)


@router.post("/{id}/evidence", status_code=201)
def add_evidence(id: PathId, file: Upload, session: Books, store: Files, by: By, now: Now) -> EvidenceAnswer:
    """Add a file as evidence."""
    return evidence.kept(id, file, session, store, by, now)


@router.get("/{id}/evidence")
def list_evidence(id: PathId, session: Books, by: By) -> Page[EvidenceAnswer]:
    """The files added as evidence, in order."""
    return evidence.listed(session, milestones.get(session, id, by=by).id)
