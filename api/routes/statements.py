"""Settlement statements (结算单): what was made, as data and as the PDF. `jobs` make them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import download
from api.values import Answer, Cursor, Id, Instant, Limit, Page, PathId, PeriodName, first_of
from ledger import acknowledgements, reminders, statements
from ledger.core.money import format_minor
from ledger.statements import Statement

router = noun("statements")


class StatementAnswer(Answer):
    """One revision of one manager's month."""

    id: str
    number: str
    manager_id: str
    period: str
    currency: str
    kind: Literal["preliminary", "final"]
    revision: int
    replaces: str | None
    closing: str = Field(description="What is payable at the end of the month.", examples=["1296.00"])
    pdf_sha256: str
    pdf_size: int
    made_at: Instant


class WholeStatement(StatementAnswer):
    """One statement with everything the paper says."""

    snapshot: dict[str, Any]


class AcknowledgementAnswer(Answer):
    """That the payee agrees with a statement."""

    statement_id: str
    acknowledged_by: str
    acknowledged_at: Instant


def _shown(statement: Statement) -> dict[str, Any]:
    return {
        **statement.model_dump(exclude={"closing_minor", "snapshot", "content_sha256"}),
        "closing": format_minor(statement.closing_minor, statement.currency),
    }


@router.get("")
def listing(
    session: Books,
    by: By,
    period: Annotated[PeriodName | None, Query(description="Only those of this month.")] = None,
    manager: Annotated[Id | None, Query(description="Only those of this manager.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[StatementAnswer]:
    """Statements, the latest made first; a manager sees their own."""
    rows = statements.listing(
        session, by=by, period=period, manager_id=manager, before=cursor, limit=limit + 1
    )
    found, following = first_of(rows, limit)
    return Page(items=[StatementAnswer(**_shown(one)) for one in found], next=following)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WholeStatement:
    """One statement."""
    statement = statements.get(session, id, by=by)
    return WholeStatement(**_shown(statement), snapshot=statement.snapshot)


@router.post("/{id}/acknowledge")
def acknowledge(id: PathId, session: Books, by: By, now: Now) -> AcknowledgementAnswer:
    """The payee agrees with it; said again, it stays as it was."""
    made = acknowledgements.acknowledge(session, id, by=by, now=now)
    return AcknowledgementAnswer.model_validate(made)


class Resent(Answer):
    """To how many people it was sent once more."""

    told: int


@router.post("/{id}/resend")
def resend(id: PathId, session: Books, by: By, now: Now) -> Resent:
    """Tell the payee of it once more."""
    return Resent(told=reminders.statement_again(session, id, by=by, now=now))


@router.get(
    "/{id}/pdf",
    response_class=Response,
    responses={200: {"description": "The statement.", "content": {"application/pdf": {}}}},
)
def pdf(id: PathId, session: Books, store: Files, by: By) -> Response:
    """The statement on paper, the same bytes every time."""
    statement = statements.get(session, id, by=by)
    return download(store.get(statement.pdf_sha256), f"{statement.number}.pdf", "application/pdf")
