"""Contested claims: contesting one from one's own need, and deciding it."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, either
from api.pages import cards, fields, lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import claims, evidence, managers, needs, rights, users
from ledger.claims import Claim
from ledger.core.errors import Conflict, Invalid
from ledger.needs import Need
from ledger.users import User

router = pages()


@router.get("/claims")
def listing(
    request: Request, session: Books, by: By, now: Now, state: str = "", before: str | None = None
) -> Response:
    """Contested claims the viewer may see, the latest first."""
    found = claims.listing(session, by=by, state=state or None, before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "claims/list.html",
        claims=rows,
        titles={one.id: session.get_one(Need, one.need_id).title for one in rows},
        state_shown=state,
        states=("contested", "decided"),
        older=older,
        now=now,
    )


@router.post("/needs/{id}/contest")
def contest(session: Books, by: By, now: Now, id: str, form: Filled) -> Response:
    """Contest somebody else's claim from one's own need."""
    response = see(f"/needs/{id}")
    needs.get(session, id, by=by)
    try:
        claims.contest(session, form.text("need"), rival_id=id, why=form.text("why"), by=by, now=now)
    except (Conflict, Invalid) as refusal:
        flash.put(response, N_("Not contested: {why}"), tone="bad", why=sentence(refusal))
        return response
    flash.put(response, N_("Operations decide whose claim it is."))
    return response


@router.get("/claims/{id}")
def show(request: Request, id: str, session: Books, by: By) -> Response:
    """Both needs with their evidence, and the decision."""
    return _claim(request, session, claims.get(session, id, by=by), by, Form())


def _claim(request: Request, session: Session, claim: Claim, by: User, form: Form) -> Response:
    both = [session.get_one(Need, one) for one in (claim.need_id, claim.rival_id)]
    parties = [one.manager_id or "" for one in both]
    may = rights.allows(by, "claim.decide", managers=parties, made_by=claim.contested_by)
    form.defaults = {f"weight-{one}": "0" for one in parties} | form.defaults
    return page(
        request,
        "claims/claim.html",
        status=422 if form.errors else 200,
        form=form,
        claim=claim,
        cards=cards.needs_of(session, both) if by.role != "manager" else [],
        titles=[one.title for one in both],
        evidence={one.id: evidence.of(session, one.id) for one in both} if by.role != "manager" else {},
        holder=claims.holder(session, both[0]).id,
        names=managers.names(session, parties),
        users=users.names(session, [claim.contested_by, claim.decided_by or ""]),
        split=either("、", ", ").join(
            f"{managers.names(session, [who]).get(who, who)} {text}"
            for who, text in (claim.weights or {}).items()
        ),
        may_decide=may and claim.state == "contested",
    )


@router.post("/claims/{id}/decide")
def decide(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """How the first stage is divided between the two, with the reason."""
    claim = claims.get(session, id, by=by)
    parties = {session.get_one(Need, one).manager_id or "" for one in (claim.need_id, claim.rival_id)}
    weights = {one: fields.plainly(form.text(f"weight-{one}")).removesuffix("%") for one in sorted(parties)}
    try:
        claims.decide(
            session,
            id,
            weights={one: text for one, text in weights.items() if text},
            reason=form.required("reason"),
            by=by,
            now=now,
        )
    except (Conflict, Invalid) as refusal:
        form.refuse("reason" if refusal.code == "reason_missing" else "", sentence(refusal))
        return _claim(request, session, claim, by, form)
    response = see(f"/claims/{id}")
    flash.put(response, N_("Decided; the split of the deal follows."))
    return response
