"""Moves (改用方案): a deal keeps the version of its plan unless it is moved to another, with the reason.

A move is written once and never changed. What the other version makes of the deal's facts is posted as
any other difference is: what belongs to a closed period lands in the open one, under its own origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, Session, col, select

from ledger import accruals, audit, deals, ids, plans, rights, year_caps
from ledger.clock import day_of
from ledger.core import accrual
from ledger.core.errors import Conflict, Invalid
from ledger.core.target import target
from ledger.core.workings import Step
from ledger.db import Instant, Row
from ledger.plans import PlanVersion
from ledger.users import User


class PlanMove(Row, table=True):
    """That a deal left one version of a plan for another."""

    __tablename__ = "plan_move"
    __table_args__ = (Index("ix_plan_move_deal", "deal_id", "moved_at"), {"sqlite_strict": True})

    id: str = Field(primary_key=True)
    deal_id: str
    from_version_id: str
    to_version_id: str
    reason: str
    moved_by: str
    moved_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Standing:
    """What one manager has earned on the deal under both versions, in minor units."""

    manager_id: str
    old_minor: int
    new_minor: int

    @property
    def difference_minor(self) -> int:
        """What the other version gives more."""
        return self.new_minor - self.old_minor


@dataclass(frozen=True, slots=True)
class Preview:
    """What a move would come to: everybody's sums, and the entries it would post."""

    managers: tuple[Standing, ...]
    drawn: accrual.Drawn


def move(
    session: Session, deal_id: str, *, version_id: str, reason: str, by: User, now: datetime
) -> PlanMove:
    """Move a deal to another published version. Everybody's amounts follow at once."""
    deal = deals.locked(session, deals.get(session, deal_id, by=by).id)
    rights.require(by, "deal.move", managers=deals.managers_of(session, deal_id))
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    old, new = plans.get(session, deal.plan_version_id), _fitting(session, deal, version_id)

    made = PlanMove(
        id=ids.new("pm"),
        deal_id=deal.id,
        from_version_id=old.id,
        to_version_id=new.id,
        reason=reason.strip()[:500],
        moved_by=by.id,
        moved_at=now,
    )
    session.add(made)
    deal.plan_version_id = new.id
    told = {"from": old.id, "to": new.id, "reason": made.reason}
    audit.note(session, by, "deal.move", deal.id, before={}, after=told, now=now)
    session.flush()
    accruals.settle(
        session,
        deal,
        now=now,
        because=[made.id],
        by=by.id,
        told=[_step(made, old, new)],
        years=year_caps.of_deal(session, deal.id, {old.plan_id, new.plan_id}),
    )
    return made


def preview(session: Session, deal_id: str, *, version_id: str, by: User, now: datetime) -> Preview:
    """What moving the deal now would come to. Nothing is written."""
    deal = deals.get(session, deal_id, by=by)
    rights.require(by, "deal.move", managers=deals.managers_of(session, deal_id))
    plan = plans.value(_fitting(session, deal, version_id))
    known, today = accruals.facts_of(session, deal), day_of(now)
    before = target(accruals.plan_of(session, deal), known, today).earned_by_manager()
    after = target(plan, known, today).earned_by_manager()
    return Preview(
        tuple(
            Standing(manager, before.get(manager, 0), after.get(manager, 0))
            for manager in sorted(before.keys() | after.keys())
        ),
        accruals.preview(session, deal, [], now=now, plan=plan),
    )


def choices(session: Session, deal: deals.Deal) -> list[PlanVersion]:
    """The versions a deal could be moved to, by plan, the latest first."""
    return [
        version
        for version in plans.listing(session)
        if version.state == "published"
        and version.currency == deal.currency
        and version.id != deal.plan_version_id
        and plans.is_for(version, deal.as_value())
    ]


def _fitting(session: Session, deal: deals.Deal, version_id: str) -> PlanVersion:
    """The version, if the deal may be moved to it."""
    version = plans.get(session, version_id)
    if version.id == deal.plan_version_id:
        raise Conflict("plan_kept", "the deal keeps this version already")
    if version.state != "published":
        raise Conflict("plan_not_published", "a deal is moved to a published version; this one is not")
    if version.currency != deal.currency:
        raise Conflict(
            "plan_currency",
            "the deal is in {currency} and the plan in {other}",
            currency=deal.currency,
            other=version.currency,
        )
    deals.check_condition(deal, version)
    return version


def _step(made: PlanMove, old: PlanVersion, new: PlanVersion) -> Step:
    """The move as a step of the workings it caused."""
    numbers: dict[str, int | str] = {"on": day_of(made.moved_at).isoformat(), "reason": made.reason}
    for place, version in (("old", old), ("new", new)):
        numbers[f"{place}_zh"] = f"{version.title_zh}第{version.version}版"
        numbers[f"{place}_en"] = f"{version.title_en} version {version.version}"
    return Step("plan_moved", numbers, f"move {made.id}")


def of_deal(session: Session, deal_id: str) -> list[PlanMove]:
    """Every move of a deal, the first first."""
    query = select(PlanMove).where(PlanMove.deal_id == deal_id)
    return list(session.exec(query.order_by(col(PlanMove.moved_at), col(PlanMove.id))))


def version_known(session: Session, deal: deals.Deal, at: datetime) -> PlanVersion:
    """The version the deal kept at an instant."""
    return plans.get(session, kept_at(session, [deal.id], at).get(deal.id, deal.plan_version_id))


def kept_at(session: Session, deal_ids: Sequence[str], at: datetime) -> dict[str, str]:
    """The versions that those of the deals kept at an instant which have been moved since."""
    query = select(PlanMove).where(col(PlanMove.deal_id).in_(deal_ids), PlanMove.moved_at >= at)
    latest_first = query.order_by(col(PlanMove.moved_at).desc(), col(PlanMove.id).desc())
    return {move.deal_id: move.from_version_id for move in session.exec(latest_first)}
