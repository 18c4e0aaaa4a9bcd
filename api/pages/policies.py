"""The payout policy: every version, drafting one, putting somebody else's in force."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page, plain
from api.words import sentence
from ledger import policies, rights, users
from ledger.clock import day_of
from ledger.core import policy as core
from ledger.core.errors import Conflict, Invalid
from ledger.core.policy import Band, Policy
from ledger.policies import APPROVERS, PayoutPolicy
from ledger.users import User

router = pages()

BANDS = 4  # a form has room for so many
BESIDE = {
    "policy_minimum": "minimum",
    "policy_first_band": "from_1",
    "policy_bands_rise": "from_2",
    "policy_roles": "from_1",
}


@router.get("/policies")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """What holds today, and every version."""
    return _listing(request, session, by, now, Form(effective_on=day_of(now).isoformat()))


def _listing(request: Request, session: Session, by: User, now: datetime, form: Form) -> Response:
    found = policies.listing(session, by=by)
    standing = policies.version_on(session, day_of(now))
    return page(
        request,
        "policies/list.html",
        status=422 if form.errors else 200,
        form=form,
        versions=[(version, core.from_data(version.content)) for version in found],
        standing=standing,
        in_force=policies.in_force(session, day_of(now)),
        people=users.names(
            session, [who for one in found for who in (one.drafted_by, one.published_by or "")]
        ),
        may_edit=rights.allows(by, "policy.edit"),
    )


@router.get("/policies/new")
def new(request: Request, session: Books, by: By, now: Now) -> Response:
    """A draft that begins as what holds today."""
    rights.require(by, "policy.edit")
    return _new(request, Form(**_written(policies.in_force(session, day_of(now)))))


def _new(request: Request, form: Form) -> Response:
    status = 422 if form.errors else 200
    return page(
        request, "policies/new.html", status=status, form=form, bands=range(1, BANDS + 1), roles=APPROVERS
    )


def _written(policy: Policy) -> dict[str, str]:
    """A policy as the fields of the form."""
    written = {"minimum": plain(policy.minimum_minor)}
    for number, band in enumerate(policy.bands, 1):
        written |= {
            f"from_{number}": plain(band.from_minor),
            f"approvers_{number}": str(band.approvers),
            f"roles_{number}": " ".join(band.roles),
        }
    return written | {f"limit_{role}": plain(most) for role, most in policy.limits.items()}


@router.post("/policies/new")
def draft(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Keep the draft, or say what is wrong with it."""
    rights.require(by, "policy.edit")
    if not _drafted(session, by, now, form):
        return _new(request, form)
    response = see("/policies")
    flash.put(response, N_("The draft is kept. Somebody else puts it in force."))
    return response


def _drafted(session: Session, by: User, now: datetime, form: Form) -> bool:
    minimum = form.parsed("minimum", fields.amount)
    bands = [
        _band(form, number) for number in range(1, BANDS + 1) if number == 1 or form.text(f"from_{number}")
    ]
    limits = {role: _limit(form, role) for role in APPROVERS if form.text(f"limit_{role}")}
    if not form.ok:
        return False
    policy = Policy(
        minimum or 0, tuple(filter(None, bands)), {role: most or 0 for role, most in limits.items()}
    )
    try:
        policies.draft(session, policy, by=by, now=now)
    except Invalid as refusal:
        form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
    return form.ok


def _band(form: Form, number: int) -> Band | None:
    start = form.parsed(f"from_{number}", fields.amount)
    approvers = form.parsed(f"approvers_{number}", _count)
    if start is None or approvers is None:
        return None
    return Band(start, approvers, tuple(sorted(form.texts(f"roles_{number}"))))


def _limit(form: Form, role: str) -> int | None:
    return form.parsed(f"limit_{role}", fields.amount)


def _count(text: str) -> int:
    count = fields.whole(text, core.MOST_APPROVERS)
    if not count:
        raise Invalid(
            "policy_approvers", "a band takes 1 to {most} people to approve", most=core.MOST_APPROVERS
        )
    return count


@router.post("/policies/{version_id}/publish")
def publish(request: Request, session: Books, by: By, now: Now, version_id: str, form: Filled) -> Response:
    """Put a draft in force from a day on."""
    day = form.parsed("effective_on", fields.day)
    published: PayoutPolicy | None = None
    if day is not None:
        try:
            published = policies.publish(session, version_id, effective_on=day, by=by, now=now)
        except (Invalid, Conflict) as refusal:
            form.refuse("effective_on", sentence(refusal))
    if published is None:
        return _listing(request, session, by, now, form)
    response = see("/policies")
    flash.put(response, N_("Published; in force from {day} on."), day=day)
    return response
