"""Results (成果): what universities and institutes have to offer, and the needs they may go together with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Day, Id, Instant, Limit, Note, Page, PathId, Title, first_of
from ledger import results

router = noun("results")


class NewResult(Body):
    """A result, as its finder heard of it."""

    title: Title = Field(examples=["低功耗传感芯片"])
    source: Title = Field(
        description="The institute's name; one not met before is added.", examples=["天津大学"]
    )
    detail: Note = ""
    found_on: Day | None = Field(default=None, description="Left out: today.")
    manager_id: Id | None = Field(default=None, description="Who found it, where operations log it.")


class ResultAnswer(Answer):
    """One result."""

    id: str
    title: str
    detail: str
    source_id: str
    manager_id: str | None
    found_on: Day
    logged_by: str
    logged_at: Instant


class LikelyNeed(Answer):
    """An open need that may look for it; `score` from 0 to 100 says how alike the titles are."""

    need_id: str
    title: str
    score: int


@router.get("")
def listing(
    session: Books,
    by: By,
    q: Annotated[str, Query(max_length=100, description="Only those with this in the title.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ResultAnswer]:
    """Results, the latest first."""
    rows = results.listing(session, by=by, text=q.strip(), before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[ResultAnswer.model_validate(one) for one in found], next=following)


@router.post("", status_code=201)
def log(body: NewResult, session: Books, by: By, now: Now) -> ResultAnswer:
    """Log a result."""
    return ResultAnswer.model_validate(results.log(session, **body.model_dump(), by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> ResultAnswer:
    """One result."""
    return ResultAnswer.model_validate(results.get(session, id, by=by))


@router.get("/{id}/matches")
def matches(id: PathId, session: Books, by: By) -> Page[LikelyNeed]:
    """Open needs that may look for it, the likest first; a manager sees their own."""
    found = results.needs_for(session, results.get(session, id, by=by), by=by)
    items = [LikelyNeed(need_id=need.id, title=need.title, score=score) for need, score in found]
    return Page(items=items, next=None)
