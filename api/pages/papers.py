"""Papers besides statements: asked for with a button, kept, and downloaded; their tables as a workbook."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from fastapi import Request, Response

from api.doors import Books, By, Files, Now
from api.forms import Filled
from api.language import either
from api.pages import lists
from api.pages.doors import pages, see
from api.rendering import page
from ledger import papers
from ledger.core.errors import NotFound
from ledger.core.report import Kind
from ledger.papers import Paper

router = pages()

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/papers")
def listing(request: Request, session: Books, by: By, before: str | None = None) -> Response:
    """Papers this person may see, the latest first."""
    found = papers.listing(session, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(request, "papers/list.html", papers=rows, titles=_titles(rows), older=older)


def _titles(rows: list[Paper]) -> dict[str, tuple[str, str]]:
    """(title, about) of each."""
    heads = {one.id: papers.read(one).header for one in rows}
    return {key: (either(head.title.zh, head.title.en), head.about) for key, head in heads.items()}


@router.post("/papers")
def issue(session: Books, store: Files, by: By, now: Now, form: Filled) -> Response:
    """Have one made, or found where it says the same as the last."""
    kept = papers.issue(session, store, _kind(form.text("kind")), form.text("subject"), by=by, now=now)
    return see(f"/papers/{kept.id}/pdf")


def _kind(text: str) -> Kind:
    for kind in get_args(Kind):
        if kind == text:
            known: Kind = kind
            return known
    raise NotFound("paper_kind_unknown", "there is no paper of the kind {kind}", kind=text)


@router.get("/papers/workbook")
def workbook(session: Books, by: By, now: Now, kind: str, subject: str) -> Response:
    """The tables of a paper, whole, as XLSX."""
    name, content = papers.workbook(session, _kind(kind), subject, by=by, now=now)
    return Response(content, media_type=WORKBOOK, headers=_named(f"{name}.xlsx", "attachment"))


@router.get("/papers/{paper_id}/pdf")
def pdf(session: Books, store: Files, by: By, paper_id: str, download: str = "") -> Response:
    """The paper, the same bytes every time."""
    kept = papers.get(session, paper_id, by=by)
    headers = _named(f"{kept.number}.pdf", "attachment" if download else "inline")
    return Response(store.get(kept.pdf_sha256), media_type="application/pdf", headers=headers)


def _named(name: str, how: str) -> dict[str, str]:
    return {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}"}
