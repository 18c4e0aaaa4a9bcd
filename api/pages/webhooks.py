"""Webhooks: what other programs are told, where, and what became of each message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.acts import ACTS
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import rights, users, webhooks
from ledger.core.errors import Forbidden, Invalid
from ledger.users import User

router = pages()

KINDS: Mapping[str, str] = {kind: ACTS[kind] for kind in (*webhooks.KINDS, webhooks.TEST)}
REASONS = (  # why a message was given up that nobody answered
    N_("it was ended"),
    N_("it wants no more"),
    N_("its maker may not be told of this any more"),
)
FIELDS = {
    "webhook_url": "url",
    "webhook_private": "url",
    "webhook_kinds": "kinds",
    "webhook_beyond": "kinds",
}


@router.get("/webhooks")
def listing(request: Request, session: Books, by: By) -> Response:
    """All of them, and a form for another."""
    return _listing(request, session, by, Form())


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    before = request.query_params.get("before")
    rows, older = lists.cut(request, webhooks.listing(session, by=by, before=before, limit=lists.SHOWN + 1))
    return page(
        request,
        "webhooks/list.html",
        status=422 if form.errors else 200,
        webhooks=rows,
        older=older,
        people=users.names(session, [one.made_by for one in rows]),
        kinds=[(kind, gettext(KINDS[kind])) for kind in webhooks.KINDS if webhooks.may_hear(by, kind)],
        may_make=rights.allows(by, "webhook.make"),
        form=form,
    )


@router.post("/webhooks")
def make(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Another one; its secret is shown on this answer only."""
    rights.require(by, "webhook.make")
    name, url, kinds = form.required("name"), form.required("url"), form.texts("kinds")
    if not kinds:
        form.refuse("kinds", gettext("Choose at least one."))
    if form.ok:
        try:
            made, secret = webhooks.make(session, name=name, url=url, kinds=kinds, by=by, now=now)
            return _shown(request, session, by, made.id, now, told=secret)
        except (Invalid, Forbidden) as refusal:
            form.refuse(FIELDS.get(refusal.code, ""), sentence(refusal))
    return _listing(request, session, by, form)


@router.get("/webhooks/{webhook_id}")
def show(request: Request, session: Books, by: By, now: Now, webhook_id: str) -> Response:
    """One, with its messages."""
    return _shown(request, session, by, webhook_id, now)


def _shown(
    request: Request, session: Session, by: User, webhook_id: str, now: datetime, told: str = ""
) -> Response:
    before = request.query_params.get("before")
    found = webhooks.deliveries(session, webhook_id, by=by, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    webhook = webhooks.get(session, webhook_id, by=by)
    stands = webhook.ended_at is None
    return page(
        request,
        "webhooks/webhook.html",
        webhook=webhook,
        deliveries=rows,
        older=older,
        reasons={text: gettext(text) for text in REASONS},
        titles={kind: gettext(text) for kind, text in KINDS.items()},
        people=users.names(session, [webhook.made_by]),
        own=stands and webhook.made_by == by.id and rights.allows(by, "webhook.make"),
        may_end=stands and rights.allows(by, "webhook.end"),
        both=stands and len(webhook.signing(now)) > 1,
        told=told,
    )


@router.post("/webhooks/{webhook_id}/turn")
def turn(request: Request, session: Books, by: By, now: Now, webhook_id: str) -> Response:
    """Another secret, shown on this answer only."""
    _, secret = webhooks.turn(session, webhook_id, by=by, now=now)
    return _shown(request, session, by, webhook_id, now, told=secret)


@router.post("/webhooks/{webhook_id}/test")
def test(session: Books, by: By, now: Now, webhook_id: str) -> Response:
    """A message of no meaning."""
    webhooks.test(session, webhook_id, by=by, now=now)
    return _said(webhook_id, N_("A test is on its way; look again in a moment."))


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay")
def replay(session: Books, by: By, now: Now, webhook_id: str, delivery_id: str) -> Response:
    """The same message again."""
    webhooks.replay(session, webhook_id, delivery_id, by=by, now=now)
    return _said(webhook_id, N_("The message is on its way again."))


@router.post("/webhooks/{webhook_id}/end")
def end(session: Books, by: By, now: Now, webhook_id: str) -> Response:
    """An end to it."""
    webhooks.end(session, webhook_id, by=by, now=now)
    return _said(webhook_id, N_("Nothing is told to this address any more."))


def _said(webhook_id: str, text: str) -> Response:
    response = see(f"/webhooks/{webhook_id}")
    flash.put(response, text)
    return response
