"""Personal data (个人信息): a copy, deletion once the law allows, and numbers that two people share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import download
from api.values import Answer, Body, Day, Instant, PathId, Reason, ShortNote
from ledger import erasures, extracts, persons, rights

router = noun("persons")


class Why(Body):
    """Why. Of one's own data nobody has to say it."""

    reason: ShortNote = ""


class Asked(Body):
    """Why the data is to be deleted."""

    reason: Reason


class ErasureAnswer(Answer):
    """How it is with somebody's data."""

    subject: str
    name: str
    kept_until: Day | None = Field(description="What names them has to be kept through this day; null: not.")
    why: Annotated[str, Field(description="vouchers, others, or empty.", examples=["vouchers"])]
    is_owed: bool = Field(description="Money either way is not settled; it has to be first.")
    asked_at: Instant | None
    erased_at: Instant | None


class SharedAnswer(Answer):
    """One number that several payees have; which number it is, is not told."""

    what: str = Field(examples=["bank_account"])
    managers: list[str] = Field(examples=[["M1", "M2"]])


@router.get("/shared")
def shared(session: Books, by: By) -> list[SharedAnswer]:
    """Payees with the same bank account or identity number as another."""
    rights.require(by, "person.shared")
    return [
        SharedAnswer(what=one.place.partition(".")[2], managers=list(one.subjects))
        for one in persons.shared(session)
    ]


@router.get("/{id}/erasure")
def erasure(id: PathId, session: Books, by: By, now: Now) -> ErasureAnswer:
    """Until when somebody's data is kept."""
    found = erasures.standing(session, id, by=by, now=now)
    return ErasureAnswer(
        subject=id,
        name=found.person.name,
        kept_until=found.term.until,
        why=found.term.why,
        is_owed=found.is_owed,
        asked_at=found.request.asked_at if found.request else None,
        erased_at=found.erased_at,
    )


@router.post("/{id}/erasure", status_code=202)
def ask(id: PathId, body: Asked, session: Books, by: By, now: Now) -> ErasureAnswer:
    """Ask for the data to be deleted: it is done by itself on the day after `kept_until`."""
    erasures.ask(session, id, reason=body.reason, by=by, now=now)
    return erasure(id, session, by, now)


@router.post("/{id}/erasure/withdraw")
def withdraw(id: PathId, body: Why, session: Books, by: By, now: Now) -> ErasureAnswer:
    """Take back, before it is done, that the data is to be deleted."""
    erasures.withdraw(session, id, reason=body.reason, by=by, now=now)
    return erasure(id, session, by, now)


@router.post("/{id}/copy", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def copy(id: PathId, body: Why, session: Books, store: Files, by: By, now: Now) -> Response:
    """A ZIP of all that is kept of somebody. Who asked, when and why is noted."""
    name, content = extracts.make(session, store, id, reason=body.reason, by=by, now=now)
    return unkept(download(content, name, "application/zip"))


def unkept(response: Response) -> Response:
    """An answer nobody keeps a copy of, and we neither."""
    response.headers["Cache-Control"] = "no-store"
    return response
