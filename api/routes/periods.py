"""Periods (会计期间): months of the books, open or closed."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path

from api.doors import Books, By, Now, noun
from api.values import Answer, Instant, Page, PeriodName
from ledger import periods, rights

router = noun("periods")


class PeriodAnswer(Answer):
    """One month of the books. A month that was never written to is not listed."""

    id: str
    state: Literal["open", "closed", "reopened"]
    closed_at: Instant | None
    closed_by: str | None


@router.get("")
def listing(session: Books, by: By) -> Page[PeriodAnswer]:
    """Every period that was ever written to, the latest first, on one page."""
    rights.require(by, "books.see")
    found = [PeriodAnswer.model_validate(period) for period in periods.listing(session)]
    return Page(items=found, next=None)


@router.post("/{id}/close")
def close(
    id: Annotated[PeriodName, Path(description="The month.")], session: Books, by: By, now: Now
) -> PeriodAnswer:
    """Close a period, and with it every earlier one; their final statements are asked for."""
    return PeriodAnswer.model_validate(periods.close(session, id, by=by, now=now))
