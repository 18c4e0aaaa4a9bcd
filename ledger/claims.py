"""Claims (首报归属): who found a need first. Who logged it first, with evidence, has the claim.

Needs that may be one are found by their client and their titles. Whoever thinks a claim is theirs
contests it from their own need; operations decide, with the reason, how the first stage is divided, and
the split of the deal follows, whether it is open already or opened later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Field, Session, col, func, or_, select

from ledger import accruals, agreements, audit, db, deals, ids, likeness, needs, participants, rights
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import CLAIM, advance
from ledger.db import Instant, Json, Row
from ledger.evidence import Evidence
from ledger.needs import Need
from ledger.users import User


class Claim(Row, table=True):
    """One contested claim: a need against one that was logged by somebody else."""

    __tablename__ = "claim"

    id: str = Field(primary_key=True)
    need_id: str = Field(index=True)  # whose claim is contested
    rival_id: str = Field(index=True)  # from which it is
    why: str
    contested_by: str
    contested_at: datetime = Field(sa_type=Instant)
    state: str = Field(index=True)
    weights: dict[str, str] | None = Field(default=None, sa_type=Json)  # by manager, as decided
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Alike:
    """A need that may be the same as another, and since when it has evidence."""

    need: Need
    score: int
    same_client: bool
    evidence_at: datetime | None


def alike(session: Session, need: Need) -> list[Alike]:
    """Open and matched needs that may be the same, whoever logged them, the likest first."""
    query = select(Need).where(Need.id != need.id, Need.state != "closed").order_by(col(Need.id).desc())
    latest = session.exec(query.limit(2000)).all()
    same_client = session.exec(query.where(Need.client_id == need.client_id).limit(200)).all()
    every = {one.id: one for one in (*latest, *same_client)}
    ranked = likeness.ranked(
        need.title, [(one, one.title) for one in every.values()], least=0, most=len(every)
    )
    found = [
        (one, points)
        for one, points in ranked
        if points >= (likeness.TOGETHER if one.client_id == need.client_id else likeness.SAME)
    ]
    shown = evidence_at(session, [one.id for one, _ in found])
    return [
        Alike(one, points, one.client_id == need.client_id, shown.get(one.id)) for one, points in found[:5]
    ]


def evidence_at(session: Session, need_ids: list[str]) -> dict[str, datetime]:
    """Since when each of some needs has evidence."""
    query = (
        select(Evidence.subject_id, func.min(Evidence.added_at))
        .where(col(Evidence.subject_id).in_(need_ids))
        .group_by(col(Evidence.subject_id))
    )
    return dict(session.exec(query).all())


def holder(session: Session, need: Need) -> Need:
    """Of a need and those that may be the same, the one first logged with evidence; else the first logged."""
    others = alike(session, need)
    every = [one for one in others if one.same_client and one.need.manager_id != need.manager_id]
    shown = evidence_at(session, [need.id, *(one.need.id for one in every)])
    candidates = [need, *(one.need for one in every)]
    return min(candidates, key=lambda one: (one.id not in shown, shown.get(one.id, one.logged_at), one.id))


def contest(session: Session, need_id: str, *, rival_id: str, why: str, by: User, now: datetime) -> Claim:
    """Say that the claim to a need is one's own: `rival_id` is one's own need."""
    rival = needs.get(session, rival_id, by=by)
    rights.require(by, "claim.contest", managers=[rival.manager_id or ""])
    if not why.strip():
        raise Invalid("reason_missing", "say why")
    need = next((one.need for one in alike(session, rival) if one.need.id == need_id), None)
    if need is None:
        raise NotFound("need_unknown", "there is no need {id}", id=need_id)
    if not need.manager_id or not rival.manager_id or need.manager_id == rival.manager_id:
        raise Conflict(
            "claim_same", "both needs are of one manager, or one is of nobody: there is no claim to contest"
        )
    if rival_id not in evidence_at(session, [rival_id]):
        raise Conflict("claim_no_evidence", "add evidence to your own need first; a claim rests on it")
    db.lock(session, f"claim:{min(need.id, rival.id)}")
    if _between(session, need.id, rival.id) is not None:
        raise Conflict("claim_open", "this claim is contested already; operations have yet to decide")
    claim = Claim(
        id=ids.new("cl"),
        need_id=need.id,
        rival_id=rival.id,
        why=why.strip()[:2000],
        contested_by=by.id,
        contested_at=now,
        state="contested",
    )
    session.add(claim)
    audit.changed(session, by, "claim.contest", claim, now=now)
    session.flush()
    return claim


def _between(session: Session, one: str, other: str) -> Claim | None:
    pair = (one, other)
    query = select(Claim).where(
        Claim.state == "contested", col(Claim.need_id).in_(pair), col(Claim.rival_id).in_(pair)
    )
    return session.exec(query).first()


def decide(
    session: Session, claim_id: str, *, weights: Mapping[str, str], reason: str, by: User, now: datetime
) -> Claim:
    """How the first stage is divided between the two, with the reason; an open deal's split follows."""
    rights.require_role(by, "claim.decide")
    claim = get(session, claim_id, by=by)
    need, rival = session.get_one(Need, claim.need_id), session.get_one(Need, claim.rival_id)
    parties = [one.manager_id or "" for one in (need, rival)]
    rights.require(by, "claim.decide", managers=[*parties, *weights], made_by=claim.contested_by)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    participants.check(session, weights)
    if not set(weights) <= set(parties):
        raise Invalid(
            "claim_others",
            "only the two who claim it have a part in it: {parties}",
            parties=", ".join(parties),
        )
    db.lock(session, f"claim:{min(need.id, rival.id)}")
    session.refresh(claim)

    claim.state = advance(CLAIM, "claim", claim.state, "decide")
    claim.weights, claim.reason = participants.written(weights), reason.strip()[:2000]
    claim.decided_by, claim.decided_at = by.id, now
    audit.changed(session, by, "claim.decide", claim, now=now)
    session.flush()
    for one in (need, rival):
        deal = deals.of_need(session, one.id)
        if deal is not None:
            _follow(session, deal, claim, by=by, now=now)
    return claim


def open_deal(session: Session, need: Need, *, by: User, now: datetime, **terms: Any) -> deals.Deal:
    """Open a deal from a need, and let its first stage's split follow a claim that was decided."""
    deal = deals.open_from(session, need, by=by, now=now, **terms)
    query = select(Claim).where(
        Claim.state == "decided", or_(col(Claim.need_id) == need.id, col(Claim.rival_id) == need.id)
    )
    decided = session.exec(query.order_by(col(Claim.decided_at).desc())).first()
    if decided is not None:
        _follow(session, deal, decided, by=by, now=now)
    return deal


def _follow(session: Session, deal: deals.Deal, claim: Claim, *, by: User, now: datetime) -> None:
    """The split of the deal's first stage is as the claim was decided."""
    first = accruals.plan_of(session, deal).stages[0].id
    agreements.ordain(
        session,
        deal.id,
        stage=first,
        weights=claim.weights or {},
        reason=f"{claim.id} {claim.reason}",
        by=by,
        now=now,
    )


def get(session: Session, claim_id: str, *, by: User) -> Claim:
    """One contested claim the user may see, or NotFound."""
    found = session.get(Claim, claim_id)
    if found is None or not rights.allows(by, "claim.see", managers=_parties(session, found)):
        raise NotFound("claim_unknown", "there is no contested claim {id}", id=claim_id)
    return found


def _parties(session: Session, claim: Claim) -> list[str]:
    both = select(Need.manager_id).where(col(Need.id).in_((claim.need_id, claim.rival_id)))
    return [manager_id or "" for manager_id in session.exec(both)]


def listing(
    session: Session, *, by: User, state: str | None = None, before: str | None = None, limit: int = 50
) -> list[Claim]:
    """Contested claims the user may see, the latest first, from before a cursor."""
    query = select(Claim).order_by(col(Claim.id).desc()).limit(limit)
    if mine := rights.reach(by, "claim.see"):
        theirs = select(Need.id).where(Need.manager_id == mine)
        query = query.where(or_(col(Claim.need_id).in_(theirs), col(Claim.rival_id).in_(theirs)))
    if state:
        query = query.where(Claim.state == state)
    if before:
        query = query.where(Claim.id < before)
    return list(session.exec(query))


def of_need(session: Session, need_id: str) -> list[Claim]:
    """Every claim contested about a need, in order."""
    query = select(Claim).where(or_(col(Claim.need_id) == need_id, col(Claim.rival_id) == need_id))
    return list(session.exec(query.order_by(col(Claim.id))))
