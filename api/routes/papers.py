"""Papers besides statements: consolidated statement, a deal's life, payment advice, record of work."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Response
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import download
from api.values import Answer, Body, Cursor, Instant, Limit, Page, PathId, first_of
from ledger import papers
from ledger.core.report import Kind

router = noun("papers")


class NewPaper(Body):
    """Which paper about what. One that says the same as the last is that one."""

    kind: Kind
    subject: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/\x00-\x1f\x7f]+$")] = Field(
        description="A month (2026-10, 2026-10-USD), a deal, a payment, a manager (M1, M1@2026).",
        examples=["2026-10"],
    )


class PaperAnswer(Answer):
    """One revision of one paper."""

    id: str
    number: str
    kind: Kind
    subject: str
    manager_id: str
    revision: int
    replaces: str | None
    pdf_sha256: str
    pdf_size: int
    made_at: Instant
    made_by: str


class WholePaper(PaperAnswer):
    """One paper with everything it says."""

    snapshot: dict[str, Any]


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[PaperAnswer]:
    """Papers, the latest first; a manager sees their own."""
    found, following = first_of(papers.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[PaperAnswer.model_validate(one) for one in found], next=following)


@router.post("", status_code=201)
def issue(session: Books, store: Files, by: By, now: Now, body: NewPaper) -> PaperAnswer:
    """Have a paper made, signed and kept."""
    return PaperAnswer.model_validate(papers.issue(session, store, body.kind, body.subject, by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WholePaper:
    """One paper."""
    return WholePaper.model_validate(papers.get(session, id, by=by))


@router.get(
    "/{id}/pdf",
    response_class=Response,
    responses={200: {"description": "The paper.", "content": {"application/pdf": {}}}},
)
def pdf(id: PathId, session: Books, store: Files, by: By) -> Response:
    """The paper, the same bytes every time."""
    kept = papers.get(session, id, by=by)
    return download(store.get(kept.pdf_sha256), f"{kept.number}.pdf", "application/pdf")
