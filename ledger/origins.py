"""Where an amount comes from: from an entry to plan version, milestones, evidence, statements; and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, and_, col, or_, select

from ledger import plan_moves
from ledger.deals import Deal
from ledger.evidence import Evidence
from ledger.journal import Entry, Posting
from ledger.milestones import Milestone
from ledger.plans import PlanVersion
from ledger.statements import Statement

MOST = 20  # of each kind: an entry or a milestone has a few


def version_of(session: Session, entry: Entry) -> PlanVersion | None:
    """The version of the plan that the entry's deal kept when it was booked; what a move itself posted is of
    the new one."""
    deal = session.get(Deal, entry.deal_id) if entry.deal_id else None
    after = entry.posted_at + timedelta(microseconds=1)
    return plan_moves.version_known(session, deal, after) if deal is not None else None


def milestones_behind(session: Session, entry: Entry, legs: Sequence[Posting]) -> list[Milestone]:
    """The milestones whose stages the entry's postings are about, as they were reached."""
    stages = {leg.stage for leg in legs if leg.stage and leg.deal_id == entry.deal_id}
    if not stages:
        return []
    query = select(Milestone).where(
        Milestone.deal_id == entry.deal_id,
        col(Milestone.stage).in_(stages),
        col(Milestone.state).in_(("verified", "withdrawn")),
        col(Milestone.fact_id).is_not(None),
    )
    return list(session.exec(query.order_by(col(Milestone.reached_on), col(Milestone.id)).limit(MOST)))


def evidence_of(session: Session, deal: Deal, reached: Sequence[Milestone], first: str) -> list[Evidence]:
    """The files behind some milestones of a deal; those of the need show that the first stage was reached."""
    subjects = [one.id for one in reached]
    if deal.need_id and any(one.stage == first for one in reached):
        subjects.append(deal.need_id)
    query = select(Evidence).where(col(Evidence.subject_id).in_(subjects)).order_by(col(Evidence.id))
    return list(session.exec(query))


def statements_with(session: Session, legs: Sequence[Posting]) -> list[Statement]:
    """The latest statements that say what the postings did, one for each payee and month."""
    told = sorted({(leg.manager_id, leg.period, leg.currency) for leg in legs if leg.manager_id})[:MOST]
    if not told:
        return []
    wanted = [
        and_(
            col(Statement.manager_id) == who, col(Statement.period) == month, col(Statement.currency) == money
        )
        for who, month, money in told
    ]
    found = session.exec(select(Statement).where(or_(*wanted)).order_by(col(Statement.revision)))
    latest = {(one.manager_id, one.period, one.currency): one for one in found}
    return [latest[key] for key in told if key in latest]


def entries_of(session: Session, milestone: Milestone) -> list[Entry]:
    """The entries about the milestone's stage, the latest first."""
    about = select(Posting.entry_id).where(
        Posting.deal_id == milestone.deal_id, Posting.stage == milestone.stage
    )
    query = select(Entry).where(col(Entry.id).in_(about)).order_by(col(Entry.id).desc()).limit(MOST)
    return list(session.exec(query))
