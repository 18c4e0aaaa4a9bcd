"""Leaving (离任): open deals go to others, and what is owed either way is settled.

What is payable is paid with the next payouts, what is held when its day comes; a debt becomes one of its
own (`owings`). An administrator ends the sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from ledger import accounts, agreements, audit, deals, handovers, ids, managers, owings, rights
from ledger.agreements import SplitAgreement
from ledger.core.errors import Conflict, Invalid
from ledger.deals import Deal, DealManager
from ledger.handovers import Handover
from ledger.milestones import Milestone
from ledger.participants import moved
from ledger.users import User

REACHED = ("submitted", "verified")  # by whom such a milestone was reached stays as it is


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is still somebody's: deals to be handed over, and money either way in minor units."""

    deals: list[Deal]
    payable_minor: int  # below zero: it was taken back after it had been paid
    held_minor: int
    owed_minor: int  # a debt of its own


def of(session: Session, manager_id: str, *, by: User) -> Leaving:
    """What somebody who leaves has still to settle."""
    rights.require(by, "owing.see", managers=[manager_id])
    standing = accounts.standing(session, manager_id)
    owed = owings.of(session, manager_id, by=by)
    return Leaving(_open_deals(session, manager_id), standing.payable_minor, standing.held_minor, owed)


def _open_deals(session: Session, manager_id: str) -> list[Deal]:
    theirs = select(DealManager.deal_id).where(DealManager.manager_id == manager_id)
    found = list(session.exec(select(Deal).where(col(Deal.id).in_(theirs)).order_by(Deal.id)))
    ended = deals.cancelled_among(session, [one.id for one in found])
    ended |= handovers.given_up(session, manager_id)
    return [one for one in found if one.id not in ended]


def hand_over(
    session: Session,
    deal_id: str,
    *,
    from_manager: str,
    to_manager: str,
    from_on: date,
    reason: str,
    by: User,
    now: datetime,
) -> Handover:
    """Another takes somebody's place on a deal from a day on. What was earned stays where it is."""
    rights.require(by, "deal.hand_over", managers=[from_manager, to_manager])
    deal = deals.locked(session, deal_id)
    leaver, heir = managers.get(session, from_manager), managers.get(session, to_manager)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if leaver.id == heir.id:
        raise Invalid("handover_same", "a deal is handed over to somebody else")
    if deal.id not in {one.id for one in _open_deals(session, leaver.id)}:
        raise Conflict(
            "handover_nothing", "{name} has no place on deal {id} to hand over", name=leaver.name, id=deal.id
        )

    given = Handover(
        id=ids.new("ho"),
        deal_id=deal.id,
        from_manager_id=leaver.id,
        to_manager_id=heir.id,
        from_on=from_on,
        reason=reason.strip()[:500],
        decided_by=by.id,
        decided_at=now,
    )
    session.add(given)
    audit.changed(session, by, "deal.hand_over", given, now=now)
    session.flush()
    deals.involve(session, deal.id, [heir.id])
    for agreed in _agreed_ahead(session, deal.id, leaver.id):
        agreements.ordain(
            session,
            deal.id,
            stage=agreed.stage,
            weights=moved(agreed.weights, leaver.id, heir.id),
            reason=given.reason,
            by=by,
            now=now,
        )
    return given


def _agreed_ahead(session: Session, deal_id: str, manager_id: str) -> list[SplitAgreement]:
    """The splits in force that name somebody, of stages nobody has reached yet."""
    reached = select(Milestone.stage).where(Milestone.deal_id == deal_id, col(Milestone.state).in_(REACHED))
    query = select(SplitAgreement).where(
        SplitAgreement.deal_id == deal_id,
        SplitAgreement.state == "binding",
        col(SplitAgreement.stage).not_in(reached),
    )
    return [one for one in session.exec(query.order_by(SplitAgreement.stage)) if manager_id in one.weights]
