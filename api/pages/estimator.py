"""The estimator: what a deal would bring its manager if it signs at X, under the plan in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Now
from api.explain import sentences
from api.forms import Form
from api.language import either
from api.pages import fields, lists
from api.pages.doors import pages
from api.rendering import page
from api.words import sentence
from ledger import deals, managers, plans, rights
from ledger.clock import day_of
from ledger.core import workings
from ledger.core.errors import Invalid, Refused
from ledger.core.estimate import ME, estimate
from ledger.core.money import parse_minor
from ledger.core.outcome import Row
from ledger.core.plan import Plan
from ledger.core.rules import FEES
from ledger.core.target import Target
from ledger.plans import PlanVersion
from ledger.users import User

router = pages()


@dataclass(frozen=True, slots=True)
class Part:
    """One stage: what the manager would have of it, and why."""

    title: str
    row: Row | None
    why: list[str]


@router.get("/estimate")
def show(request: Request, session: Books, by: By, now: Now) -> Response:
    """The form and, where a fee is given, what comes of it. Nothing is kept."""
    rights.require(by, "plan.see")
    known = {version.plan_id: version for version in plans.offered(session, day_of(now))}
    form = Form(lists.filters(request).fields)
    version = _version(session, form, known, by)
    plan = plans.value(version) if version else None
    whole = {f"part-{stage.id}": "100" for stage in plan.stages} if plan else {}
    form = Form(form.fields, **whole)
    worth = _worth(session, form, plan, by, day_of(now)) if plan and form.text("fee") else None
    return page(
        request,
        "estimate/estimate.html",
        block="result",
        form=form,
        plan=plan,
        plans=[(one.plan_id, either(one.title_zh, one.title_en)) for one in known.values()],
        chosen=version.plan_id if version else "",
        asks_stated=plan is not None and any(basis not in FEES for basis in plan.pool.bases),
        worth=worth,
        parts=_parts(plan, worth) if plan and worth else [],
        mine=_mine(worth) if worth else {},
    )


def _version(session: Session, form: Form, known: Mapping[str, PlanVersion], by: User) -> PlanVersion | None:
    """The plan asked for; else that of the manager's latest deal; else the first."""
    if form.text("plan") in known:
        return known[form.text("plan")]
    latest = deals.listing(session, by=by, limit=1)
    if latest and (last := plans.get(session, latest[0].plan_version_id)).plan_id in known:
        return known[last.plan_id]
    return next(iter(known.values()), None)


def _worth(session: Session, form: Form, plan: Plan, by: User, on: date) -> Target | None:
    currency = plan.currency
    fee = form.parsed("fee", lambda text: parse_minor(text, currency))
    stated = form.parsed("stated", lambda text: parse_minor(text, currency)) if form.text("stated") else None
    tax = form.parsed("tax", _rate) if form.text("tax") else None
    parts = {
        stage.id: form.parsed(f"part-{stage.id}", _part) if form.text(f"part-{stage.id}") else 100
        for stage in plan.stages
    }
    if not form.ok or fee is None:
        return None
    grade = managers.grades_on(session, [by.manager_id], on).get(by.manager_id) if by.manager_id else None
    try:
        return estimate(
            plan,
            fee_minor=fee,
            stated_minor=stated,
            tax_rate=tax,
            parts={stage: part or 0 for stage, part in parts.items()},
            grade=grade if plan.grades and grade in plan.grades else None,
            on=on,
        )
    except Refused as refusal:
        form.refuse("fee", sentence(refusal))
        return None


def _rate(text: str) -> Fraction:
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 6:
        raise Invalid("rate_unreadable", "{text} is no rate in per cent", text=text)
    return Fraction(text) / 100


def _part(text: str) -> int:
    part = fields.whole(text, 100)
    if part is None:
        raise Invalid("estimate_part", "a part of a stage is from 0 to 100 per cent")
    return part


def _parts(plan: Plan, worth: Target) -> list[Part]:
    rows = {row.stage: row for row in worth.rows if row.manager == ME}
    return [
        Part(
            either(stage.title.zh, stage.title.en),
            rows.get(stage.id),
            sentences(workings.steps(worth, ME, stage.id), plan.currency) if stage.id in rows else [],
        )
        for stage in plan.stages
    ]


def _mine(worth: Target) -> dict[str, int]:
    rows = [row for row in worth.rows if row.manager == ME]
    return {"earned": sum(row.earned_minor for row in rows), "held": sum(row.held_minor for row in rows)}
