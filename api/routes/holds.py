"""Holds on payment (暂停付款): what waits, why and until when; the rest is paid."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Code, Cursor, Day, Id, Instant, Limit, Page, PathId, Reason, first_of
from ledger import holds
from ledger.clock import day_of

router = noun("holds")


class NewHold(Body):
    """A person, a deal, or one manager's part of one stage of a deal."""

    manager_id: Id | None = None
    deal_id: Id | None = None
    stage: Code | None = Field(default=None, description="With the deal and the manager.")
    reason: Reason
    until_on: Day = Field(description="The last day it waits.")


class Lifting(Body):
    """Why it waits no longer."""

    reason: Reason


class HoldAnswer(Answer):
    """One hold. An empty id stands for “any”."""

    id: str
    kind: Literal["hand", "dispute"]
    scope: Literal["line", "deal", "person"]
    manager_id: str
    deal_id: str
    stage: str
    reason: str
    until_on: Day | None
    put_by: str
    put_at: Instant
    lifted_by: str | None
    lifted_at: Instant | None
    lifted_reason: str | None


@router.get("")
def listing(
    session: Books,
    by: By,
    now: Now,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[Literal["standing", "ended"] | None, Query(description="Left out: all.")] = None,
) -> Page[HoldAnswer]:
    """Holds, the latest first."""
    found = holds.listing(session, by=by, state=state or "", before=cursor, limit=limit + 1, day=day_of(now))
    rows, following = first_of(found, limit)
    return Page(items=[HoldAnswer.model_validate(hold) for hold in rows], next=following)


@router.post("", status_code=201)
def put(body: NewHold, session: Books, by: By, now: Now) -> HoldAnswer:
    """Let a person, a deal or a line wait."""
    hold = holds.put(
        session,
        manager_id=body.manager_id or "",
        deal_id=body.deal_id or "",
        stage=body.stage or "",
        reason=body.reason,
        until_on=body.until_on,
        by=by,
        now=now,
    )
    return HoldAnswer.model_validate(hold)


@router.post("/{id}/lift")
def lift(id: PathId, body: Lifting, session: Books, by: By, now: Now) -> HoldAnswer:
    """End a hold before its day."""
    return HoldAnswer.model_validate(holds.lift(session, id, reason=body.reason, by=by, now=now))
