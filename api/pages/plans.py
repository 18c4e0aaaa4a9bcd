"""Plans in versions: what each says in plain words, drafting one, publishing somebody else's."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import audit, clock, plans, rights, users
from ledger.core.errors import Invalid, InvalidFile
from ledger.plans import PlanVersion
from ledger.users import User

router = pages()

BASES = {
    "contract_amount": N_("the contract amount"),
    "transaction_amount": N_("the technology transaction amount"),
    "net_income": N_("the net income"),
    "stake_value": N_("the value of the stake"),
    "fee_invoiced": N_("the fee invoiced"),
    "fee_received": N_("the fee received"),
}
TAKES = {
    "none": N_("nothing is taken back"),
    "unpaid": N_("what is not paid yet is taken back"),
    "all": N_("everything is taken back, also what was paid"),
}


@router.get("/plans")
def listing(request: Request, session: Books, by: By) -> Response:
    """Every plan with its versions, the latest first."""
    rights.require(by, "plan.see")
    found = plans.listing(session)
    return page(
        request,
        "plans/list.html",
        plans=[(plan_id, list(versions)) for plan_id, versions in groupby(found, lambda one: one.plan_id)],
        people=users.names(session, [one.drafted_by for one in found]),
        may_edit=rights.allows(by, "plan.edit"),
    )


@router.get("/plans/new")
def new(request: Request, session: Books, by: By, like: str = "") -> Response:
    """An empty draft, or one that begins as another version."""
    rights.require(by, "plan.edit")
    text = plans.get(session, like).text if like else ""
    return page(request, "plans/new.html", form=Form(text=text), line=0, lines=[])


@router.post("/plans/new")
def draft(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Keep a draft, or show the line that is wrong."""
    rights.require(by, "plan.edit")
    text = _text(form)
    version, line = _drafted(session, by, now, form, text) if form.required("text") else (None, 0)
    if version is None:
        lines = list(enumerate(text.split("\n"), 1))
        return page(request, "plans/new.html", status=422, form=form, line=line, lines=lines)
    response = see(f"/plans/{version.id}")
    flash.put(response, N_("The draft is kept. Somebody else publishes it."))
    return response


def _text(form: Form) -> str:
    """As it was pasted; browsers send line ends of their own."""
    value = form.fields.get("text", "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _drafted(
    session: Session, by: User, now: datetime, form: Form, text: str
) -> tuple[PlanVersion | None, int]:
    """The version, or None and the line that is wrong."""
    try:
        return plans.draft(session, text, by=by, now=now), 0
    except InvalidFile as refusal:
        line = int(str(refusal.facts["line"]))
        what, mend = refusal.facts["what"], refusal.facts["mend"]
        form.refuse("text", gettext("Line {line}: {what}; {mend}", line=line, what=what, mend=mend))
        return None, line
    except Invalid as refusal:
        form.refuse("text", sentence(refusal))
        return None, 0


@router.get("/plans/{version_id}")
def plan(request: Request, session: Books, by: By, now: Now, version_id: str) -> Response:
    """One version: in plain words, and as it was written."""
    rights.require(by, "plan.see")
    form = Form(effective_on=clock.day_of(now).isoformat())
    return _plan(request, session, by, plans.get(session, version_id), form)


def _plan(request: Request, session: Session, by: User, version: PlanVersion, form: Form) -> Response:
    value = plans.value(version)
    may_edit = rights.allows(by, "plan.edit")
    return page(
        request,
        "plans/plan.html",
        status=422 if form.errors else 200,
        form=form,
        version=version,
        plan=value,
        bases=[gettext(BASES.get(basis, basis)) for basis in value.pool.bases],
        takes={take: gettext(text) for take, text in TAKES.items()},
        titles={stage.id: stage.title for stage in value.stages},
        people=users.names(session, [version.drafted_by, version.published_by or ""]),
        may_edit=may_edit,
        may_publish=may_edit and version.state == "draft" and by.id != version.drafted_by,
        may_retire=may_edit and version.state == "published",
        retired=audit.listing(session, subject=version.id, action="plan.retire", limit=1),
        waits=version.state == "draft" and by.id == version.drafted_by,
    )


@router.post("/plans/{version_id}/publish")
def publish(request: Request, session: Books, by: By, now: Now, version_id: str, form: Filled) -> Response:
    """Put a draft in force from a day on."""
    day = form.parsed("effective_on", fields.day)
    if day is None:
        return _plan(request, session, by, plans.get(session, version_id), form)
    version = plans.publish(session, version_id, effective_on=day, by=by, now=now)
    response = see(f"/plans/{version.id}")
    flash.put(response, N_("Published; in force from {day} on."), day=day)
    return response


@router.post("/plans/{version_id}/retire")
def retire(session: Books, by: By, now: Now, version_id: str) -> Response:
    """No new deals under a version."""
    plans.retire(session, version_id, by=by, now=now)
    response = see(f"/plans/{version_id}")
    flash.put(response, N_("Retired: no new deals under it; those that keep it go on."))
    return response
