"""Approving batches: one, with all that is to be looked at twice, or several with their count and sum."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import approvals, payouts, rights, users
from ledger.approvals import Case
from ledger.core.errors import Refused
from ledger.payouts import Sum

router = pages()

SHOWN = 20  # payees to be looked at twice, by name


@router.get("/payouts/{payout_id}/approve")
def ask(request: Request, session: Books, by: By, now: Now, payout_id: str) -> Response:
    """What is approved: how many, how much, what is new in it, and the fingerprint of the whole."""
    found = payouts.get(session, payout_id, by=by)
    rights.require(by, "payout.approve", made_by=found.made_by)
    case = approvals.case(session, found, now)
    places = approvals.places(session, case, by)
    able = [(seat.id, _place(seat.name, seat.id == by.id)) for seat, why in places if why is None]
    seen = approvals.look(session, found)
    lines = payouts.reserved(payouts.lines_of(session, found.id))
    return page(
        request,
        "payouts/approve.html",
        form=Form(for_user=able[0][0] if able else ""),
        payout=found,
        sums=payouts.sum_of(lines),
        maker=users.names(session, [found.made_by]).get(found.made_by, ""),
        case=case,
        able=able,
        why_not=[(seat.name, sentence(why)) for seat, why in places if why],
        spent_minor=approvals.approved_in_a_day(session, by.id, case.day),
        most_minor=case.policy.limits.get(by.role),
        first_time=[line for line in lines if line.manager_id in seen.first_time],
        changed=[line for line in lines if line.manager_id in seen.changed_account],
        same=[line for line in lines if line.manager_id in seen.shared_account],
        shown=SHOWN,
    )


def _place(name: str, own: bool) -> str:
    return gettext("Myself") if own else gettext("For {name}", name=name)


@router.post("/payouts/{payout_id}/approve")
def approve(session: Books, by: By, now: Now, payout_id: str, form: Filled) -> Response:
    """Agree to what was shown."""
    found = approvals.approve(
        session,
        payout_id,
        digest_seen=form.required("digest"),
        for_user=form.text("for_user") or None,
        by=by,
        now=now,
    )
    response = see(f"/payouts/{found.id}")
    if found.state == "made":
        flash.put(response, N_("Your approval of {no} is kept. Somebody else approves it too."), no=found.no)
    else:
        flash.put(response, N_("Payout {no} is approved. It can be sent to the bank."), no=found.no)
    return response


# Several at once


@router.post("/payouts/approve")
def approve_all(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Agree to the ticked batches: count and sum are repeated first; then all of them, or none."""
    rights.require(by, "payout.approve")
    if form.text("confirmed") != "yes":
        return _ask_all(request, session, approvals.together(session, form.texts("payout"), by=by, now=now))
    seen = dict(pair.split(":", 1) for pair in form.texts("seen") if ":" in pair)
    done = approvals.approve_all(session, seen, by=by, now=now)
    response = see("/payouts")
    flash.put(response, N_("Approved: {numbers}."), numbers=", ".join(one.no for one in done))
    return response


def _ask_all(request: Request, session: Session, found: Sequence[tuple[Case, Refused | None]]) -> Response:
    chosen = [case.payout for case, why in found if why is None]
    sums = payouts.sums(session, [one.id for one in chosen])
    parts = [sums[one.id]["reserved"] for one in chosen]
    return page(
        request,
        "payouts/approve_all.html",
        status=200 if chosen else 422,
        chosen=list(zip(chosen, parts, strict=True)),
        left_out=[(case.payout, sentence(why)) for case, why in found if why],
        total=sum(parts, Sum()),
        fields=[("seen", f"{one.id}:{one.digest}") for one in chosen],
    )
