"""Is this paper genuine? Asked by anyone who has it, by its file or its number and code, without a sign-in.

Nothing is shown that the paper does not show itself, but whether a later one replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from api.forms import Filled, Form
from api.language import gettext
from api.pages.doors import see
from api.rendering import page
from api.words import sentence
from ledger import authenticity, config, papers, signing, statements
from ledger.core import report
from ledger.core.errors import NotFound
from ledger.core.statement import Header
from ledger.db import Database
from ledger.files import Store
from ledger.papers import Paper
from ledger.signing import Signature
from ledger.statements import Statement

MOST_BYTES = 8 * 1024 * 1024
AT_ONCE = 2  # strangers' files looked into at the same time

router = APIRouter(max_body_size=MOST_BYTES)  # no Door: nothing is written, and nobody waits for the books
_turns = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Found:
    """What is shown of a paper that is ours: what it says at its head."""

    header: Header | report.Header
    closing_minor: int | None  # of a statement
    is_latest: bool
    signature: Signature | None


@router.get("/verify")
def ask(request: Request) -> Response:
    """The form."""
    return _answer(request, Form())


@router.get("/verify/{number}/{code}")
def by_code(request: Request, number: str, code: str) -> Response:
    """Where the QR code on a paper leads."""
    form = Form(None, number=number, code=code)
    try:
        with _books(request).reading() as session:
            kept = papers.of_code(session, number, code) or statements.of_code(session, number, code)
            found = _shown(session, request.app.state.store, kept)
    except NotFound as refusal:
        form.refuse("code", sentence(refusal))
        return _answer(request, form, status=404)
    return _answer(request, form, found=found)


@router.post("/verify")
def by_file(request: Request, form: Filled) -> Response:
    """A file that was sent, or a number and a code that were typed."""
    files = form.files("file")
    if not files:
        number, code = form.required("number"), form.required("code")
        if not form.ok:
            return _mend(request, form)
        return see(f"/verify/{quote(number, safe='')}/{quote(code, safe='')}")
    pdf = files[0].file.read()
    with _books(request).reading() as session:
        kept = statements.of_file(session, pdf) or papers.of_file(session, pdf)
        found = _shown(session, request.app.state.store, kept) if kept else None
    if found:
        return _answer(request, form, found=found)
    return _stranger(request, form, pdf)


def _mend(request: Request, form: Form) -> Response:
    if not form.text("number") and not form.text("code"):
        form.errors.clear()
        form.refuse("file", gettext("Choose the PDF file, or type the number and the code below."))
    return _answer(request, form)


def _stranger(request: Request, form: Form, pdf: bytes) -> Response:
    """A file that is none of those kept here: what is wrong with it, as far as it can be told."""
    if not _turns.acquire(timeout=5):
        form.refuse("file", gettext("Many files are being looked at. Send yours again in a minute."))
        return _answer(request, form, status=503)
    try:
        told = authenticity.examine_apart(pdf)
    finally:
        _turns.release()
    return _answer(request, form, told=told)


def _books(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _shown(session: Session, store: Store, kept: Statement | Paper) -> Found:
    signature = signing.read(store.get(kept.pdf_sha256), signing.known(config.from_environment()))
    if isinstance(kept, Paper):
        return Found(papers.read(kept).header, None, papers.is_latest(session, kept), signature)
    shown = statements.read(kept)
    latest = statements.is_latest(session, kept)
    return Found(shown.header, shown.bridge.closing_minor, latest, signature)


def _answer(
    request: Request,
    form: Form,
    *,
    found: Found | None = None,
    told: dict[str, Any] | None = None,
    status: int = 0,
) -> Response:
    status = status or (422 if form.errors else 200)
    return page(request, "verify/verify.html", status=status, form=form, found=found, told=told)
