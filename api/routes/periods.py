"""Periods (会计期间): months of the books, closed after they were looked at, reopened by two people."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.openapi import problems
from api.values import Answer, Body, Code, Instant, Page, PathId, PeriodName, Reason
from api.words import sentence
from ledger import closing, periods, reopenings, rights
from ledger.findings import Finding

router = noun("periods")

Month = Annotated[PeriodName, Path(description="The month.")]


class PeriodAnswer(Answer):
    """One month of the books. A month that was never written to is not listed."""

    id: str
    state: Literal["open", "in_review", "closed", "reopened"]
    closed_at: Instant | None
    closed_by: str | None
    reopening_id: str | None


class FindingAnswer(Answer):
    """What was found before closing. What blocks refuses the close; the rest has to be accepted."""

    code: str = Field(examples=["milestones_undecided"])
    detail: str
    blocks: bool

    @classmethod
    def of(cls, found: Finding) -> FindingAnswer:
        """As it is told."""
        return cls(code=found.code, detail=sentence(found.says), blocks=found.blocks)


class Closing(Body):
    """What was found and seen."""

    accept: list[Code] = Field(default=[], max_length=50, description="Codes of findings that do not block.")


class Asking(Body):
    """Why a closed month has to take entries again, or why not."""

    reason: Reason


class ReopeningAnswer(Answer):
    """A question whether a month is reopened, and what somebody else said to it."""

    id: str
    period: str
    reason: str
    asked_by: str
    asked_at: Instant
    state: Literal["asked", "agreed", "refused"]
    answered_by: str | None
    answered_at: Instant | None

    @classmethod
    def of(cls, asked: reopenings.Asked) -> ReopeningAnswer:
        """Question and answer together."""
        said = asked.answer
        return cls(
            **asked.reopening.model_dump(),
            state=asked.state,
            answered_by=said.answered_by if said else None,
            answered_at=said.answered_at if said else None,
        )


@router.get("")
def listing(session: Books, by: By) -> Page[PeriodAnswer]:
    """Every period that was ever written to, the latest first, on one page."""
    rights.require(by, "books.see")
    found = [PeriodAnswer.model_validate(period) for period in periods.listing(session)]
    return Page(items=found, next=None)


@router.get("/{id}/findings", responses=problems(409))
def findings(id: Month, session: Books, by: By, now: Now) -> Page[FindingAnswer]:
    """What closing it now would find, what refuses it first."""
    found = closing.look(session, id, by=by, now=now)
    return Page(items=[FindingAnswer.of(one) for one in found], next=None)


@router.post("/{id}/review")
def review(id: Month, session: Books, by: By, now: Now) -> PeriodAnswer:
    """Its figures are being looked at; its preliminary statements are asked for."""
    return PeriodAnswer.model_validate(closing.review(session, id, by=by, now=now))


@router.post("/{id}/resume")
def resume(id: Month, session: Books, by: By, now: Now) -> PeriodAnswer:
    """Back from review: there is still work to do in it."""
    return PeriodAnswer.model_validate(closing.resume(session, id, by=by, now=now))


@router.post("/{id}/close")
def close(id: Month, session: Books, by: By, now: Now, body: Closing | None = None) -> PeriodAnswer:
    """Close a period, and with it every earlier one; their final statements are asked for."""
    accept = body.accept if body else []
    return PeriodAnswer.model_validate(closing.close(session, id, accept=accept, by=by, now=now))


@router.get("/{id}/reopenings")
def list_reopenings(id: Month, session: Books, by: By) -> Page[ReopeningAnswer]:
    """Every time somebody asked to reopen it, the latest first."""
    rights.require(by, "books.see")
    found = [ReopeningAnswer.of(one) for one in reopenings.of(session, [id])]
    return Page(items=found, next=None)


@router.post("/{id}/reopenings", status_code=201)
def ask(id: Month, body: Asking, session: Books, by: By, now: Now) -> ReopeningAnswer:
    """Ask for a closed month to be reopened. Somebody else has to agree."""
    asked = reopenings.ask(session, id, reason=body.reason, by=by, now=now)
    return ReopeningAnswer.of(reopenings.Asked(asked, None))


@router.post("/{id}/reopenings/{reopening}/agree")
def agree(id: Month, reopening: PathId, session: Books, by: By, now: Now) -> PeriodAnswer:
    """Agree to what somebody else asked: the month, and every later one, takes entries again."""
    rights.require_role(by, "period.agree_reopening")
    reopenings.get(session, reopening, period=id)
    return PeriodAnswer.model_validate(reopenings.agree(session, reopening, by=by, now=now))


@router.post("/{id}/reopenings/{reopening}/refuse")
def refuse(id: Month, reopening: PathId, body: Asking, session: Books, by: By, now: Now) -> ReopeningAnswer:
    """It stays closed."""
    rights.require_role(by, "period.agree_reopening")
    reopenings.get(session, reopening, period=id)
    said = reopenings.refuse(session, reopening, reason=body.reason, by=by, now=now)
    return ReopeningAnswer.of(said)
