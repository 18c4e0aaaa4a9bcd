"""Needs and results from a list: a file is chosen, every row is logged, and likely matches are shown."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request, Response

from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import current, gettext
from api.pages import uploads
from api.pages.doors import pages
from api.rendering import page
from api.words import sentence
from ledger import registers, rights
from ledger.core.errors import Invalid, NotFound
from ledger.registers import Kind, Taken

router = pages(body_most=uploads.FORM_MOST)


@router.get("/registers/{kind}")
def show(request: Request, kind: Kind, by: By) -> Response:
    """The form."""
    rights.require(by, registers.RIGHT[kind])
    return _page(request, kind, Form(), None)


def _page(request: Request, kind: Kind, form: Form, taken: Taken | None) -> Response:
    return page(
        request,
        "registers/take.html",
        status=422 if form.errors else 200,
        form=form,
        kind=kind,
        taken=taken,
        headings=[_heading(called) for called in registers.COLUMNS.values()],
    )


def _heading(called: Sequence[str]) -> str:
    """What a column may be called, in the language at hand."""
    return next(one for one in called if one.isascii() == (current() == "en"))


@router.post("/registers/{kind}")
def take(request: Request, kind: Kind, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Log every row, or say which one is wrong."""
    rights.require(by, registers.RIGHT[kind])
    files, taken = form.files("file"), None
    if not files:
        form.refuse("file", gettext("Please choose the file."))
    else:
        try:
            taken = registers.take(session, kind, files[0].file.read(), by=by, now=now)
        except (Invalid, NotFound) as refusal:
            form.refuse("file", sentence(refusal))
    return _page(request, kind, form, taken)
