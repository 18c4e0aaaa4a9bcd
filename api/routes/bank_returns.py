"""The bank's answers as files (银行回单): sent as a form, matched to what was paid, applied once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Query, UploadFile

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import Upload
from api.values import Answer, Body, Cursor, Day, Id, Instant, Limit, Page, PathId, Reason, first_of, one_line
from ledger import bank_returns, layouts
from ledger.bank_returns import BankReturn
from ledger.managers import masked

router = noun("bank-returns")


class SetAside(Body):
    """How somebody dealt with a row that did not match."""

    note: Reason


class ReturnAnswer(Answer):
    """One file the bank sent; `outcomes` counts its rows, `open` are those that wait for a person."""

    id: str
    file_name: str
    sha256: str
    layout: str
    rows: int
    imported_by: str
    imported_at: Instant
    outcomes: dict[str, int]


class RowAnswer(Answer):
    """One row: what it says, and what became of it."""

    id: str
    row: int
    reference: str
    account: str
    amount: str
    result: str
    reason: str
    day: str
    outcome: str
    why: str
    line_id: str
    payout_id: str
    done_by: str | None
    done_at: Instant | None
    done_note: str | None


class WholeReturn(ReturnAnswer):
    """A file with its first 200 rows; `?after=` goes on from a row."""

    listed: list[RowAnswer]


def _rows(found: list[bank_returns.BankReturnRow]) -> list[RowAnswer]:
    return [RowAnswer.model_validate({**one.model_dump(), "account": masked(one.account)}) for one in found]


def _told(session: Books, kept: BankReturn) -> dict[str, object]:
    return {**kept.model_dump(), "outcomes": dict(bank_returns.outcomes(session, [kept.id])[kept.id])}


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[ReturnAnswer]:
    """The files, the latest first."""
    found = bank_returns.listing(session, by=by, before=cursor, limit=limit + 1)
    some, following = first_of(found, limit)
    return Page(items=[ReturnAnswer.model_validate(_told(session, one)) for one in some], next=following)


@router.post("", status_code=201)
def take(
    session: Books,
    store: Files,
    by: By,
    now: Now,
    file: Upload,
    layout: Annotated[Id, Form()] = layouts.FIRST,
    paid_on: Annotated[Day | None, Form(description="The bank's day, where the rows do not say it.")] = None,
) -> WholeReturn:
    """Read a file the bank sent; what matches is settled or returned. The same file again changes nothing."""
    kept = bank_returns.take(
        session,
        store,
        file.file.read(),
        name=file_name(file),
        layout=layout,
        paid_on=paid_on,
        by=by,
        now=now,
    )
    return get(kept.id, session, by)


def file_name(file: UploadFile) -> str:
    """What a file that was sent is called; nothing where it cannot be written down."""
    try:
        return one_line(file.filename or "")
    except ValueError:
        return ""


@router.get("/{id}")
def get(id: PathId, session: Books, by: By, after: Annotated[int, Query(ge=0, le=10**6)] = 0) -> WholeReturn:
    """One file and its rows."""
    kept = bank_returns.get(session, id, by=by)
    listed = _rows(bank_returns.rows_of(session, kept.id, after=after))
    return WholeReturn.model_validate({**_told(session, kept), "listed": listed})


@router.post("/rows/{id}/set-aside")
def set_aside(id: PathId, body: SetAside, session: Books, by: By, now: Now) -> RowAnswer:
    """Say how a row that did not match was dealt with."""
    done = bank_returns.set_aside(session, id, note=body.note, by=by, now=now)
    return _rows([done])[0]
