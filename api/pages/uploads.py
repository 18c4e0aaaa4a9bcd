"""Files that come with a form, kept as evidence; and evidence shown again."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

from fastapi import Response
from sqlmodel import Session

from api.doors import Books, By, Files
from api.forms import Form
from api.language import gettext
from api.pages.doors import pages
from api.words import sentence
from ledger import evidence, sniffing
from ledger.core.errors import Invalid
from ledger.files import Store
from ledger.users import User

router = pages()

FORM_MOST = 64 * 1024 * 1024  # bytes of a whole form: a few photos


def keep(
    session: Session, store: Store, form: Form, name: str, subject_id: str, *, by: User, now: datetime
) -> None:
    """Every file of a field becomes evidence of the subject; a refused one is the field's error."""
    for file in form.files(name):
        try:
            evidence.add(
                session,
                store,
                subject_id,
                name=re.sub(r"[\x00-\x1f\x7f]", "", file.filename or ""),
                content=file.file.read(),
                by=by,
                now=now,
            )
        except Invalid as refusal:
            form.refuse(name, sentence(refusal))


def chosen_again(form: Form, name: str) -> None:
    """A browser does not keep the files of a form that is shown again: say so."""
    if form.files(name):
        form.refuse(name, gettext("Please choose the files again: a browser does not keep them."))


@router.get("/evidence/{id}")
def show(id: str, session: Books, store: Files, by: By) -> Response:
    """The file itself, as a download; pages show pictures, which are what their bytes say, from here too."""
    kept = evidence.get(session, id, by=by)
    picture = kept.media_type in sniffing.PICTURES.values()
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=3600",
    }
    media_type = kept.media_type if picture else "application/octet-stream"
    return Response(store.get(kept.sha256), media_type=media_type, headers=headers)
