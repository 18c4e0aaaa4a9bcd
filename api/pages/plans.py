"""Plans in versions: what each says in plain words, drafting one, publishing somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, current, gettext
from api.pages import fields
from api.pages.doors import pages, see
from api.pages.plan_diffs import choices
from api.rendering import page
from api.words import sentence
from ledger import audit, clock, plan_diffs, plans, rights, users
from ledger.core import file_words, lint
from ledger.core.errors import Invalid, InvalidFile
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan_file
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
EXAMPLES = {
    "template": N_("A plan to fill in"),
    "tianjin": N_("Tianjin: platform and managers"),
    "hefei": N_("Hefei: the whole chain"),
    "hangzhou": N_("Hangzhou: proof of concept"),
    "xian": N_("Xi'an: use first, pay later"),
    "xian-stake": N_("Xi'an: technology as a stake"),
}
# What lets htmx check the text while somebody types.
TYPED = {
    "hx-post": "/plans/check",
    "hx-trigger": "input changed delay:500ms",
    "hx-target": "#found",
    "hx-swap": "outerHTML",
    "hx-sync": "this:replace",
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
def new(request: Request, session: Books, by: By, like: str = "", example: str = "template") -> Response:
    """A draft that begins as another version, as one of the examples, or as a plan to fill in."""
    rights.require(by, "plan.edit")
    text = plans.get(session, like).text if like else plans.example(example)
    return _editor(request, Form(text=text), text)


def _editor(request: Request, form: Form, text: str, status: int = 200) -> Response:
    """The text on one side; on the other what it says, what is odd about it, or the line that is wrong."""
    return page(
        request,
        "plans/new.html",
        block="found",
        status=status,
        form=form,
        typed=TYPED,
        examples={name: gettext(title) for name, title in EXAMPLES.items()},
        found=_checked(text),
    )


@router.post("/plans/check")
def check(request: Request, by: By, form: Filled) -> Response:
    """What a text says, before it is kept: asked for while somebody types, or by the button."""
    rights.require(by, "plan.edit")
    return _editor(request, form, _text(form))


@router.post("/plans/new")
def draft(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Keep a draft, or show the line that is wrong."""
    rights.require(by, "plan.edit")
    text = _text(form)
    version = _drafted(session, by, now, form, text) if form.required("text") else None
    if version is None:
        return _editor(request, form, text, 422)
    response = see(f"/plans/{version.id}")
    flash.put(response, N_("The draft is kept. Somebody else publishes it."))
    return response


def _text(form: Form) -> str:
    """As it was pasted; browsers send line ends of their own."""
    value = form.fields.get("text", "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _drafted(session: Session, by: User, now: datetime, form: Form, text: str) -> PlanVersion | None:
    """The version, or None and what is wrong."""
    try:
        return plans.draft(session, text, by=by, now=now)
    except InvalidFile as refusal:
        form.refuse("text", _at_its_line(refusal))
    except Invalid as refusal:
        form.refuse("text", sentence(refusal))
    return None


def _at_its_line(refusal: InvalidFile) -> str:
    what, mend = (file_words.said(str(refusal.facts[part]), current()) for part in ("what", "mend"))
    return gettext("Line {line}: {what}; {mend}", line=refusal.facts["line"], what=what, mend=mend)


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that was read: the plan and what is odd about it, or what is wrong and in which line."""

    words: dict[str, Any] | None
    findings: Sequence[tuple[str, int, str]]  # level, line, in words
    line: int
    error: str
    lines: list[tuple[int, str]]


def _checked(text: str) -> Checked:
    lines = list(enumerate(text.split("\n"), 1))
    try:
        read = read_plan_file(text, "plan.yaml")
    except InvalidFile as refusal:
        return Checked(None, [], int(str(refusal.facts["line"])), _at_its_line(refusal), lines)
    found = [
        (one.level, read.line_of(one.step.source), one.say(current(), read.plan.currency))
        for one in lint.check(read.plan, None)
    ]
    return Checked(_in_words(read.plan), found, 0, "", lines)


def _in_words(plan: Plan) -> dict[str, Any]:
    """What the plain words of a plan need besides itself."""
    return {
        "plan": plan,
        "bases": [gettext(BASES.get(basis, basis)) for basis in plan.pool.bases],
        "takes": {take: gettext(text) for take, text in TAKES.items()},
        "titles": {stage.id: stage.title for stage in plan.stages},
    }


@router.get("/plans/{version_id}")
def plan(request: Request, session: Books, by: By, now: Now, version_id: str) -> Response:
    """One version: in plain words, and as it was written."""
    rights.require(by, "plan.see")
    form = Form(effective_on=clock.day_of(now).isoformat())
    return _plan(request, session, by, now, plans.get(session, version_id), form)


def _plan(
    request: Request, session: Session, by: User, now: datetime, version: PlanVersion, form: Form
) -> Response:
    may_edit = rights.allows(by, "plan.edit")
    return page(
        request,
        "plans/plan.html",
        status=422 if form.errors else 200,
        form=form,
        version=version,
        words=_in_words(plans.value(version)),
        people=users.names(session, [version.drafted_by, version.published_by or ""]),
        may_edit=may_edit,
        may_publish=may_edit and version.state == "draft" and by.id != version.drafted_by,
        may_retire=may_edit and version.state == "published",
        retired=audit.listing(session, subject=version.id, actions=["plan.retire"], limit=1),
        **_comparable(session, by, now, version),
        waits=version.state == "draft" and by.id == version.drafted_by,
    )


def _comparable(session: Session, by: User, now: datetime, version: PlanVersion) -> dict[str, Any]:
    """The form that compares the version with another, for those who may."""
    before = plan_diffs.before(session, version, now)
    return {
        "compared_with": choices(session, version) if rights.allows(by, "plan.compare") else [],
        "compare": Form(old=before.id if before else "", to_on=clock.day_of(now).isoformat()),
    }


@router.post("/plans/{version_id}/publish")
def publish(request: Request, session: Books, by: By, now: Now, version_id: str, form: Filled) -> Response:
    """Put a draft in force from a day on."""
    day = form.parsed("effective_on", fields.day)
    if day is None:
        return _plan(request, session, by, now, plans.get(session, version_id), form)
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
