"""The audit trail: who did what, when and from where, searched by person, action, thing and day."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from api.acts import ACTS
from api.doors import Books, By
from api.forms import Form
from api.language import gettext
from api.pages import fields, lists
from api.pages.doors import pages
from api.pages.lists import SHOWN
from api.rendering import page
from ledger import audit, users
from ledger.audit import Note

router = pages()


@router.get("/audit")
def listing(
    request: Request,
    session: Books,
    by: By,
    actor: str = "",
    action: str = "",
    subject: str = "",
    day: str = "",
    before: str = "",
) -> Response:
    """What was done, the latest first."""
    form = Form(actor=actor, action=action, subject=subject, day=day)
    on = form.parsed("day", fields.day) if day else None
    found = audit.listing(
        session,
        actor=_meant(session, actor.strip()),
        actions=_acts(action.strip()),
        subject=subject.strip(),
        day=on,
        before=before or None,
        limit=SHOWN + 1,
        by=by,
    )
    rows, more = lists.cut(request, found, cursor="before")
    return page(
        request,
        "audit/list.html",
        status=200 if form.ok else 422,
        notes=[(note, _changes(note)) for note in rows],
        acts=ACTS,
        people=users.names(session, [note.actor for note in rows]),
        more=more,
        form=form,
    )


def _acts(text: str) -> list[str]:
    """Acts by their words in the reader's language, or by their code or its noun."""
    named = [code for code, words in ACTS.items() if text and text.casefold() in gettext(words).casefold()]
    return [text, *named] if text else []


def _meant(session: Books, text: str) -> str:
    """A person by phone number or name is their id."""
    found = users.find(session, text) or users.named(session, text) if text else None
    return found.id if found else text


def _changes(note: Note) -> list[tuple[str, str, str]]:
    """(column, before, after); what is personal only says that it is."""
    names = sorted({*note.before, *note.after})
    return [(name, _said(note.before.get(name)), _said(note.after.get(name))) for name in names]


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict) and set(value) == {"commitment"}:
        return "•••"
    return str(value)
