"""Disputes (异议): a line of a statement is contested, looked into and decided; only that line waits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from api.doors import Books, By, Files, Now, noun
from api.routes import evidence
from api.routes.evidence import EvidenceAnswer, Upload
from api.values import (
    Amount,
    Answer,
    Body,
    Currency,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Note,
    Page,
    PathId,
    first_of,
)
from ledger import disputes, statements
from ledger.core.money import format_minor, parse_minor
from ledger.disputes import Dispute

router = noun("disputes")

Code = Literal["amount", "base", "share", "not_mine", "missing", "taken_back", "held", "other"]
State = Literal[
    "submitted",
    "in_review",
    "need_information",
    "accepted",
    "partly_accepted",
    "refused",
    "withdrawn",
    "closed",
]
Said = Annotated[Note, Field(min_length=1, max_length=2000)]
MaySay = Annotated[Note, Field(max_length=2000)]


class NewDispute(Body):
    """A line of a statement, why it is contested, and what it should be where that is known."""

    statement_id: Id
    line: int = Field(ge=1, le=100_000, description="Its number: the month's lines, then earlier months'.")
    code: Code
    expected: Amount | None = Field(default=None, description="What the line should say.")
    why: MaySay = ""


class Saying(Body):
    """What is asked, answered or decided."""

    note: Said


class MaySaying(Body):
    """What there is to say, if anything."""

    note: MaySay = ""


class Acceptance(Body):
    """The payee is right; the amount only where they named none."""

    amount: Amount | None = None
    note: MaySay = ""


class PartAcceptance(Body):
    """The payee is right in part: what is added, and why not more."""

    amount: Amount
    note: Said


class DisputeStepAnswer(Answer):
    """One thing done or said. `fact_id` is the adjustment that came of it."""

    step: str
    state: State
    note: str
    amount: str | None
    fact_id: str | None
    done_by: str
    done_at: Instant


class DisputeAnswer(Answer):
    """One contested line. `due_on` is until when operations owe an answer, while they have it."""

    id: str
    statement_id: str
    line: int
    manager_id: str
    deal_id: str
    stage: str
    entry_id: int
    currency: Currency
    stated: Amount
    expected: Amount | None
    code: Code
    why: str
    state: State
    state_at: Instant
    due_on: Day
    hold_id: str
    raised_by: str
    raised_at: Instant


class WholeDispute(DisputeAnswer):
    """One dispute with every step."""

    steps: list[DisputeStepAnswer]


def _shown(dispute: Dispute) -> dict[str, Any]:
    return {
        **dispute.model_dump(exclude={"stated_minor", "expected_minor"}),
        "stated": format_minor(dispute.stated_minor, dispute.currency),
        "expected": _written(dispute.expected_minor, dispute),
    }


def _written(minor: int | None, dispute: Dispute) -> str | None:
    return None if minor is None else format_minor(minor, dispute.currency)


def _whole(session: Session, dispute: Dispute) -> WholeDispute:
    steps = [
        DisputeStepAnswer(**step.model_dump(), amount=_written(step.amount_minor, dispute))
        for step in disputes.steps(session, dispute.id)
    ]
    return WholeDispute(**_shown(dispute), steps=steps)


@router.get("")
def listing(
    session: Books,
    by: By,
    state: Annotated[
        State | Literal["open"] | None, Query(description="Only those in this state; `open`: undecided.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DisputeAnswer]:
    """Disputes, the latest first; a manager sees their own."""
    rows = disputes.listing(session, by=by, state=state, before=cursor, limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[DisputeAnswer(**_shown(one)) for one in found], next=following)


@router.post("", status_code=201)
def contest(body: NewDispute, session: Books, by: By, now: Now) -> WholeDispute:
    """Contest a line of a statement. It waits until that is decided; the rest is paid."""
    currency = statements.get(session, body.statement_id, by=by).currency
    dispute = disputes.raise_on(
        session,
        body.statement_id,
        body.line,
        code=body.code,
        expected_minor=None if body.expected is None else parse_minor(body.expected, currency),
        why=body.why,
        by=by,
        now=now,
    )
    return _whole(session, dispute)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WholeDispute:
    """One dispute."""
    return _whole(session, disputes.get(session, id, by=by))


@router.post("/{id}/take")
def take(id: PathId, session: Books, by: By, now: Now) -> WholeDispute:
    """Begin to look into it."""
    return _whole(session, disputes.take(session, id, by=by, now=now))


@router.post("/{id}/ask")
def ask(id: PathId, body: Saying, session: Books, by: By, now: Now) -> WholeDispute:
    """Ask the payee for something; the clock stands still until they answer."""
    return _whole(session, disputes.ask(session, id, note=body.note, by=by, now=now))


@router.post("/{id}/inform")
def inform(id: PathId, body: Saying, session: Books, by: By, now: Now) -> WholeDispute:
    """Answer what was asked."""
    return _whole(session, disputes.inform(session, id, note=body.note, by=by, now=now))


@router.post("/{id}/accept")
def accept(id: PathId, body: Acceptance, session: Books, by: By, now: Now) -> WholeDispute:
    """The payee is right: an adjustment adds what is missing, and the line waits no longer."""
    currency = disputes.get(session, id, by=by).currency
    amount = None if body.amount is None else parse_minor(body.amount, currency)
    done = disputes.accept(session, id, amount_minor=amount, note=body.note, by=by, now=now)
    return _whole(session, done)


@router.post("/{id}/accept-in-part")
def accept_in_part(id: PathId, body: PartAcceptance, session: Books, by: By, now: Now) -> WholeDispute:
    """The payee is right in part."""
    amount = parse_minor(body.amount, disputes.get(session, id, by=by).currency)
    done = disputes.accept_in_part(session, id, amount_minor=amount, note=body.note, by=by, now=now)
    return _whole(session, done)


@router.post("/{id}/refuse")
def refuse(id: PathId, body: Saying, session: Books, by: By, now: Now) -> WholeDispute:
    """The line stays as it is, with the reason."""
    return _whole(session, disputes.refuse(session, id, note=body.note, by=by, now=now))


@router.post("/{id}/withdraw")
def withdraw(id: PathId, body: MaySaying, session: Books, by: By, now: Now) -> WholeDispute:
    """Contest it no longer."""
    return _whole(session, disputes.withdraw(session, id, note=body.note, by=by, now=now))


@router.post("/{id}/close")
def close(id: PathId, body: MaySaying, session: Books, by: By, now: Now) -> WholeDispute:
    """The outcome was seen."""
    return _whole(session, disputes.close(session, id, note=body.note, by=by, now=now))


@router.post("/{id}/evidence", status_code=201)
def add_evidence(id: PathId, file: Upload, session: Books, store: Files, by: By, now: Now) -> EvidenceAnswer:
    """Add a file that shows it."""
    return evidence.kept(id, file, session, store, by, now)


@router.get("/{id}/evidence")
def list_evidence(id: PathId, session: Books, by: By) -> Page[EvidenceAnswer]:
    """The files that show it, in order."""
    return evidence.listed(session, disputes.get(session, id, by=by).id)
