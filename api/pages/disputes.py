"""Disputes: contesting a line of a statement on a phone, looking into it and deciding it at a desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import cards, fields, lists, uploads
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import disputes, evidence, rights, statements, users
from ledger.clock import day_of
from ledger.core import money
from ledger.core.errors import Forbidden, Refused
from ledger.core.states import DISPUTE
from ledger.disputes import Dispute
from ledger.statements import Statement
from ledger.users import User

router = pages(body_most=uploads.FORM_MOST)

STATES = ("open", *DISPUTE, "withdrawn", "closed")


@router.get("/disputes")
def listing(
    request: Request, session: Books, by: By, now: Now, state: str = "", before: str | None = None
) -> Response:
    """Disputes the viewer may see, the latest first."""
    found = disputes.listing(session, by=by, state=state or None, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "disputes/list.html",
        cards=cards.disputes_of(session, rows),
        state_shown=state,
        states=STATES,
        older=older,
        now=now,
        today=day_of(now),
    )


# Contesting a line


@router.get("/statements/{id}/lines/{no}/dispute")
def new(request: Request, id: str, no: int, session: Books, by: By) -> Response:
    """Why is this line wrong?"""
    kept = statements.get(session, id, by=by)
    rights.require(by, "dispute.raise", managers=[kept.manager_id])
    return _form(request, kept, no, Form())


def _form(request: Request, kept: Statement, no: int, form: Form, status: int = 200) -> Response:
    return page(
        request,
        "disputes/new.html",
        status=status,
        form=form,
        statement=kept,
        line=disputes.line(kept, no),
        until_on=statements.read(kept).dispute.until_on,
        choices=codes.choices("dispute"),
    )


@router.post("/statements/{id}/lines/{no}/dispute")
def contest(
    request: Request, id: str, no: int, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """Contest it, with what shows it."""
    kept = statements.get(session, id, by=by)
    rights.require(by, "dispute.raise", managers=[kept.manager_id])
    dispute = _contested(session, kept, no, form, by, now)
    if dispute is not None:
        uploads.keep(session, store, form, "files", dispute.id, by=by, now=now)
    if dispute is None or not form.ok:
        uploads.chosen_again(form, "files")
        return _form(request, kept, no, form, 422)
    response = see(f"/disputes/{dispute.id}")
    flash.put(response, N_("Operations have it. Only this line waits; the rest is paid."))
    return response


BESIDE = {"dispute_code": "code", "dispute_as_stated": "expected"}


def _contested(
    session: Session, kept: Statement, no: int, form: Form, by: User, now: datetime
) -> Dispute | None:
    code, expected = form.required("code"), None
    if form.text("expected"):
        expected = form.parsed("expected", lambda text: fields.amount(text, kept.currency))
    if not form.ok:
        return None
    why = form.text("why")
    try:
        return disputes.raise_on(
            session, kept.id, no, code=code, expected_minor=expected, why=why, by=by, now=now
        )
    except Refused as refusal:
        form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
        return None


# One dispute, and what can be done about it


@router.get("/disputes/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """What is contested, everything said about it, and what the viewer may do."""
    return _dispute(request, session, disputes.get(session, id, by=by), by, now, Form())


def _dispute(
    request: Request,
    session: Session,
    dispute: Dispute,
    by: User,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response:
    steps, kept = disputes.steps(session, dispute.id), statements.get(session, dispute.statement_id, by=by)
    if dispute.asked_minor is not None:
        form.defaults.setdefault("amount", money.format_minor(dispute.asked_minor, dispute.currency))
    return page(
        request,
        "disputes/dispute.html",
        status=status,
        form=form,
        card=cards.disputes_of(session, [dispute])[0],
        line=disputes.line(kept, dispute.line),
        statement=kept,
        steps=steps,
        users=users.names(session, [step.done_by for step in steps]),
        evidence=evidence.of(session, dispute.id),
        may=_may(dispute, by),
        not_own=_is_not_ones_own(dispute, by),
        overdue=dispute.state in disputes.WAITING and dispute.due_on < day_of(now),
    )


def _may(dispute: Dispute, by: User) -> set[str]:
    """The steps the viewer may take as it stands."""
    following = set(DISPUTE.get(dispute.state, {}))
    payees = {"inform", "withdraw", "close"}
    may = set()
    is_payees = by.role == "manager" or by.id == dispute.raised_by
    if is_payees and rights.allows(by, "dispute.raise", managers=[dispute.manager_id]):
        may |= following & payees
    if rights.allows(by, "dispute.decide", managers=[dispute.manager_id], made_by=dispute.raised_by):
        may |= following - payees
    return may | ({"add"} if may & payees and dispute.state in disputes.OPEN else set())


def _is_not_ones_own(dispute: Dispute, by: User) -> bool:
    """Whether another of operations has to decide it."""
    return by.role == "operator" and by.id == dispute.raised_by and dispute.state in disputes.OPEN


DONE = {
    "take": N_("You have it now."),
    "ask": N_("Asked. The clock stands still until the answer."),
    "inform": N_("Sent. Operations look at it again."),
    "accept": N_("Accepted. The adjustment is in the books and the line waits no longer."),
    "accept_in_part": N_("Accepted in part. The adjustment is in the books and the line waits no longer."),
    "refuse": N_("Refused. The line stays, and is paid with the next run."),
    "withdraw": N_("Withdrawn. It is paid with the next run."),
    "close": N_("Closed."),
}


def _with_amount(
    session: Session, dispute_id: str, *, amount: str, note: str, by: User, now: datetime
) -> Dispute:
    """Accepted in full where the amount is all that was asked for, else in part."""
    dispute = disputes.get(session, dispute_id, by=by)
    minor = fields.amount(amount, dispute.currency)
    if dispute.asked_minor in (None, minor):
        return disputes.accept(session, dispute_id, amount_minor=minor, note=note, by=by, now=now)
    return disputes.accept_in_part(session, dispute_id, amount_minor=minor, note=note, by=by, now=now)


# by step: what does it, and the fields it takes
STEPS: dict[str, tuple[Callable[..., Dispute], tuple[str, ...]]] = {
    "take": (disputes.take, ()),
    "ask": (disputes.ask, ("note",)),
    "inform": (disputes.inform, ("note",)),
    "accept": (_with_amount, ("amount", "note")),
    "refuse": (disputes.refuse, ("note",)),
    "withdraw": (disputes.withdraw, ()),
    "close": (disputes.close, ()),
}


@router.post("/disputes/{id}/evidence")
def add_evidence(
    request: Request, id: str, session: Books, store: Files, by: By, now: Now, form: Filled
) -> Response:
    """More files beside it."""
    dispute = disputes.get(session, id, by=by)
    evidence.require(session, id, by=by)
    if "add" not in _may(dispute, by):
        return see(f"/disputes/{id}")
    uploads.keep(session, store, form, "files", id, by=by, now=now)
    if not form.ok:
        return _dispute(request, session, dispute, by, now, form, 422)
    return see(f"/disputes/{id}")


@router.post("/disputes/{id}/{step}")
def do(request: Request, id: str, step: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Take one step."""
    dispute = disputes.get(session, id, by=by)
    if step not in STEPS:
        return see(f"/disputes/{id}")
    act, names = STEPS[step]
    try:
        act(session, id, **{name: form.text(name) for name in names}, by=by, now=now)
    except Refused as refusal:
        if isinstance(refusal, Forbidden):
            raise
        form.refuse(_beside(refusal.code), sentence(refusal))
        return _dispute(request, session, dispute, by, now, form, 422)
    response = see(f"/disputes/{id}")
    flash.put(response, DONE["accept_in_part" if dispute.state == "partly_accepted" else step])
    return response


def _beside(code: str) -> str:
    """The field a refusal belongs to."""
    return "note" if code == "reason_missing" else "amount" if code.startswith("amount") else ""
