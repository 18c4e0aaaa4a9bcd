"""Stand-ins (代理审批): who approves payouts for whom, from when to when."""

from __future__ import annotations

from fastapi import APIRouter

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Day, Id, Instant, PathId, Reason
from ledger import stand_ins

router: APIRouter = noun("stand-ins")


class NewStandIn(Body):
    """From one day to another, both included."""

    for_user: Id
    by_user: Id
    from_on: Day
    to_on: Day
    reason: Reason


class StandInAnswer(Answer):
    """`by_user` approves in the place of `for_user`."""

    id: str
    for_user: str
    by_user: str
    from_on: Day
    to_on: Day
    reason: str
    put_by: str
    put_at: Instant
    ended_by: str | None
    ended_at: Instant | None


@router.get("")
def listing(session: Books, by: By) -> list[StandInAnswer]:
    """Everybody's, the latest first."""
    return [StandInAnswer.model_validate(one) for one in stand_ins.listing(session, by=by)]


@router.post("", status_code=201)
def put(body: NewStandIn, session: Books, by: By, now: Now) -> StandInAnswer:
    """Name a stand-in; nobody names themselves for somebody else."""
    named = stand_ins.put(session, **body.model_dump(), by=by, now=now)
    return StandInAnswer.model_validate(named)


@router.post("/{id}/end")
def end(id: PathId, session: Books, by: By, now: Now) -> StandInAnswer:
    """End it before its last day."""
    return StandInAnswer.model_validate(stand_ins.end(session, id, by=by, now=now))
