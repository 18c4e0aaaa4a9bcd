"""Split agreements (分成协议): who takes part in a stage and with what weight, settled before the money."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.doors import Books, By, Now, noun
from api.values import (
    Answer,
    Body,
    Code,
    Cursor,
    Id,
    Instant,
    Limit,
    Page,
    Participants,
    PathId,
    Reason,
    ShortNote,
    first_of,
)
from ledger import agreements
from ledger.agreements import SplitAgreement

router = noun("agreements")

AgreementState = Literal["proposed", "refused", "countered", "binding", "replaced"]


class NewAgreement(Body):
    """A split that is proposed. It is in force once everybody named has accepted it."""

    deal_id: Id = Field(examples=["D-1"])
    stage: Code = Field(examples=["tech_sourcing"])
    weights: Participants
    note: ShortNote = ""


class CounterProposal(Body):
    """Other weights instead: a new version, to be answered by all."""

    weights: Participants
    note: ShortNote = ""


class Refusal(Body):
    """Why not. Unless somebody counters it, operations decide."""

    reason: Reason


class Decision(Body):
    """What operations settle where the participants do not: a new version, in force at once."""

    weights: Participants
    reason: Reason


class SplitAnswer(Answer):
    """What one manager said to this version."""

    manager_id: str
    answer: Literal["accepted", "refused"]
    reason: str
    answered_at: Instant


class AgreementAnswer(Answer):
    """One version of the split of a stage, with what was said to it."""

    id: str
    deal_id: str
    stage: str
    version: int
    weights: dict[str, str] = Field(examples=[{"M1": "60", "M2": "40"}])
    note: str
    kind: Literal["proposal", "decision"]
    state: AgreementState
    proposed_by: str
    proposed_at: Instant
    state_at: Instant
    answers: list[SplitAnswer]


def _told(session: Session, found: Iterable[SplitAgreement]) -> list[AgreementAnswer]:
    """Versions with their answers, in a bounded number of queries."""
    shown = list(found)
    said = agreements.answers(session, [one.id for one in shown])
    return [
        AgreementAnswer(
            **one.model_dump(),
            answers=[SplitAnswer.model_validate(given) for given in said if given.agreement_id == one.id],
        )
        for one in shown
    ]


def _answer(session: Session, agreement: SplitAgreement) -> AgreementAnswer:
    return _told(session, [agreement])[0]


@router.get("")
def listing(
    session: Books,
    by: By,
    deal: Annotated[Id | None, Query(description="Only those of this deal.")] = None,
    state: Annotated[AgreementState | None, Query(description="Only those in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AgreementAnswer]:
    """Versions, the latest proposed first; a manager sees those of their deals."""
    rows = agreements.listing(session, by=by, deal_id=deal, state=state, before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=_told(session, found), next=following)


@router.post("", status_code=201)
def propose(body: NewAgreement, session: Books, by: By, now: Now) -> AgreementAnswer:
    """Propose a split. Whoever proposes it and takes part has accepted it."""
    return _answer(session, agreements.propose(session, **body.model_dump(), by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> AgreementAnswer:
    """One version."""
    return _answer(session, agreements.get(session, id, by=by))


@router.post("/{id}/accept")
def accept(id: PathId, session: Books, by: By, now: Now) -> AgreementAnswer:
    """Agree to it. With the last one it is in force."""
    return _answer(session, agreements.accept(session, id, by=by, now=now))


@router.post("/{id}/refuse")
def refuse(id: PathId, body: Refusal, session: Books, by: By, now: Now) -> AgreementAnswer:
    """Disagree, with the reason."""
    return _answer(session, agreements.refuse(session, id, reason=body.reason, by=by, now=now))


@router.post("/{id}/counter", status_code=201)
def counter(id: PathId, body: CounterProposal, session: Books, by: By, now: Now) -> AgreementAnswer:
    """Propose other weights instead; the new version is answered."""
    return _answer(session, agreements.counter(session, id, **body.model_dump(), by=by, now=now))


@router.post("/{id}/decide", status_code=201)
def decide(id: PathId, body: Decision, session: Books, by: By, now: Now) -> AgreementAnswer:
    """Settle a split that the participants do not; the new version is in force at once."""
    return _answer(session, agreements.decide(session, id, **body.model_dump(), by=by, now=now))
