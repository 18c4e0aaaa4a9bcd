"""Needs (需求): what enterprises look for."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes import evidence
from api.routes.evidence import EvidenceAnswer, Upload
from api.values import (
    Answer,
    Body,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Note,
    Page,
    PathId,
    ShortNote,
    Title,
    first_of,
)
from ledger import claims, needs, results

router = noun("needs")

NeedState = Literal["open", "matched", "closed"]


class NewNeed(Body):
    """A need, as its finder heard of it."""

    title: Title = Field(examples=["青少年近视监测新产品的技术"])
    client: Title = Field(
        description="The enterprise's name; one not met before is added.", examples=["优眼科技"]
    )
    detail: Note = ""
    found_on: Day | None = Field(default=None, description="Left out: today.")
    manager_id: Id | None = Field(
        default=None, description="Who found it, where operations log it. Managers log their own."
    )


class NeedAnswer(Answer):
    """One need. `matched`: a deal was opened from it."""

    id: str
    title: str
    detail: str
    client_id: str
    manager_id: str | None
    found_on: Day
    state: NeedState
    logged_by: str
    logged_at: Instant


class LikelyResult(Answer):
    """A result that may be what is looked for; `score` from 0 to 100 says how alike they are."""

    result_id: str
    title: str
    score: int


class SimilarNeed(Answer):
    """A need that may be the same. Whose it is, is not told."""

    need_id: str
    title: str
    score: int
    same_client: bool
    logged_at: Instant
    evidence_at: Instant | None = Field(description="Since when it has evidence.")


class NewPairing(Body):
    """That a result was brought together with the need."""

    result_id: Id
    on: Day | None = Field(default=None, description="Left out: today.")
    note: ShortNote = ""
    manager_id: Id | None = Field(default=None, description="Who did, where operations log it.")


class PairingAnswer(Answer):
    """Who brought a need and a result together, and when."""

    id: str
    need_id: str
    result_id: str
    manager_id: str
    paired_on: Day
    note: str
    logged_by: str
    logged_at: Instant


@router.get("")
def listing(
    session: Books,
    by: By,
    state: Annotated[NeedState | None, Query(description="Only needs in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[NeedAnswer]:
    """Needs, the latest first; a manager sees their own."""
    rows = needs.listing(session, by=by, state=state, before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[NeedAnswer.model_validate(need) for need in found], next=following)


@router.post("", status_code=201)
def log(body: NewNeed, session: Books, by: By, now: Now) -> NeedAnswer:
    """Log a need."""
    return NeedAnswer.model_validate(needs.log(session, **body.model_dump(), by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> NeedAnswer:
    """One need."""
    return NeedAnswer.model_validate(needs.get(session, id, by=by))


@router.post("/{id}/evidence", status_code=201)
def add_evidence(id: PathId, file: Upload, session: Books, store: Files, by: By, now: Now) -> EvidenceAnswer:
    """Add a file as evidence."""
    return evidence.kept(id, file, session, store, by, now)


@router.get("/{id}/evidence")
def list_evidence(id: PathId, session: Books, by: By) -> Page[EvidenceAnswer]:
    """The files added as evidence, in order."""
    return evidence.listed(session, needs.get(session, id, by=by).id)


@router.get("/{id}/matches")
def matches(id: PathId, session: Books, by: By) -> Page[LikelyResult]:
    """Results that may be what is looked for, the likest first."""
    found = results.likely_for(session, needs.get(session, id, by=by), by=by)
    items = [LikelyResult(result_id=one.id, title=one.title, score=score) for one, score in found]
    return Page(items=items, next=None)


@router.get("/{id}/similar")
def similar(id: PathId, session: Books, by: By) -> Page[SimilarNeed]:
    """Needs that may be the same, whoever logged them, the likest first."""
    found = claims.alike(session, needs.get(session, id, by=by))
    items = [
        SimilarNeed(
            need_id=one.need.id,
            title=one.need.title,
            score=one.score,
            same_client=one.same_client,
            logged_at=one.need.logged_at,
            evidence_at=one.evidence_at,
        )
        for one in found
    ]
    return Page(items=items, next=None)


@router.get("/{id}/pairings")
def list_pairings(id: PathId, session: Books, by: By) -> Page[PairingAnswer]:
    """Who brought it together with which results, in order."""
    found = results.pairings(session, need_id=needs.get(session, id, by=by).id)
    return Page(items=[PairingAnswer.model_validate(one) for one in found], next=None)


@router.post("/{id}/pairings", status_code=201)
def pair(id: PathId, body: NewPairing, session: Books, by: By, now: Now) -> PairingAnswer:
    """Say that somebody brought it together with a result. The first to say so has it."""
    return PairingAnswer.model_validate(results.pair(session, id, **body.model_dump(), by=by, now=now))
