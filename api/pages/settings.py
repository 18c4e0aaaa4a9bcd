"""Settings: what the operator decides, each from a day on, with who set it, when and why."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import rights, settings, users
from ledger.clock import day_of
from ledger.core.errors import Invalid
from ledger.users import User

WORDS = {"yes": N_("yes"), "no": N_("no")}  # values that are words; the others say themselves

router = pages()


def said(value: str) -> str:
    """A value, or several with commas, in the language at hand."""
    return ", ".join(gettext(WORDS[one]) if one in WORDS else one for one in value.split(", "))


def _meant(text: str) -> str:
    """The value that somebody wrote in the language at hand."""
    return {gettext(word): value for value, word in WORDS.items()}.get(text, text)


@router.get("/settings")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """All there are, with what counts today and how that came."""
    return _listing(request, session, by, now, Form(from_on=str(day_of(now))))


def _listing(request: Request, session: Session, by: User, now: Now, form: Form) -> Response:
    names = settings.names(by=by)
    told = {name: settings.history(session, name) for name in names}
    return page(
        request,
        "settings/list.html",
        status=422 if form.errors else 200,
        form=form,
        choices=[(name, codes.title("setting", name)) for name in names],
        known=settings.KNOWN,
        today={name: settings.on(session, name, day_of(now)) for name in names},
        told=told,
        said=said,
        people=users.names(session, [one.set_by for some in told.values() for one in some]),
        may_decide=rights.allows(by, "setting.decide"),
    )


BESIDE = {
    "setting_value": "value",
    "setting_past": "from_on",
    "reason_missing": "reason",
    "setting_unknown": "name",
}


@router.post("/settings")
def decide(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Let a value count from a day on."""
    rights.require(by, "setting.decide")
    name, value, reason = form.required("name"), form.required("value"), form.required("reason")
    from_on = form.parsed("from_on", fields.day)
    if form.ok and from_on is not None:
        try:
            settings.decide(
                session, name, value=_meant(value), from_on=from_on, reason=reason, by=by, now=now
            )
        except Invalid as refusal:
            form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
    if not form.ok:
        return _listing(request, session, by, now, form)
    response = see("/settings")
    flash.put(response, N_("It counts from {day}."), day=from_on)
    return response
