"""Contested claims (归属争议): who found a need first, as operations decide it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Id, Instant, Limit, Page, Participants, PathId, Reason, first_of
from ledger import claims

router = noun("claims")

State = Literal["contested", "decided"]


class Contest(Body):
    """That the claim to a need is one's own; `rival_id` is one's own need, with evidence."""

    need_id: Id
    rival_id: Id
    why: Reason


class ClaimDecision(Body):
    """How the first stage is divided between the two."""

    weights: Participants
    reason: Reason


class ClaimAnswer(Answer):
    """One contested claim."""

    id: str
    need_id: str
    rival_id: str
    why: str
    contested_by: str
    contested_at: Instant
    state: State
    weights: dict[str, str] | None
    reason: str | None
    decided_by: str | None
    decided_at: Instant | None


@router.get("")
def listing(
    session: Books,
    by: By,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ClaimAnswer]:
    """Contested claims, the latest first; a manager sees those to their needs."""
    rows = claims.listing(session, by=by, state=state, before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[ClaimAnswer.model_validate(one) for one in found], next=following)


@router.post("", status_code=201)
def contest(body: Contest, session: Books, by: By, now: Now) -> ClaimAnswer:
    """Contest a claim from one's own need."""
    made = claims.contest(session, body.need_id, rival_id=body.rival_id, why=body.why, by=by, now=now)
    return ClaimAnswer.model_validate(made)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> ClaimAnswer:
    """One contested claim."""
    return ClaimAnswer.model_validate(claims.get(session, id, by=by))


@router.post("/{id}/decide")
def decide(id: PathId, body: ClaimDecision, session: Books, by: By, now: Now) -> ClaimAnswer:
    """Decide it, with the reason; the split of the deal's first stage follows."""
    done = claims.decide(session, id, weights=body.weights, reason=body.reason, by=by, now=now)
    return ClaimAnswer.model_validate(done)
