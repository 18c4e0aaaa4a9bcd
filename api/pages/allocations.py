"""Who earned what on a deal, stage by stage, and why: the engine's target as a page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlmodel import Session

from api.explain import sentences
from api.language import either
from api.pages import cards
from ledger import accounts, accruals, managers, milestones, organisations, rights, waits
from ledger.core import workings
from ledger.core.accrual import Change, Drawn, changes
from ledger.core.entry import Entry
from ledger.core.outcome import Row
from ledger.core.plan import Plan
from ledger.core.target import Target
from ledger.core.waits import Wait, at
from ledger.deals import Deal
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one manager has of one stage, before payouts, and the sentences that say why."""

    manager_id: str
    name: str
    row: Row
    why: list[str]
    waits: list[str]  # what this part waits for


@dataclass(frozen=True, slots=True)
class StageShare:
    """One stage of a deal: its mark, its share of the pool, who has what of it, and why it earns nothing."""

    id: str
    mark: cards.StageMark
    share: Fraction
    allocations: list[Allocation]
    others: list[str]  # who else took part, where their amounts are not the viewer's to see
    waits: list[str]  # what the stage waits for, everybody in it


@dataclass(frozen=True, slots=True)
class Part:
    """What the books have for one manager on a deal, with the name."""

    name: str
    share: accounts.Share


@dataclass(frozen=True, slots=True)
class Standing:
    """A deal as it stands today."""

    target: Target
    stages: list[StageShare]
    parts: list[Part]
    waits: list[tuple[str, str]]  # manager's name, and why what they are owed is not paid or was cut


def of(session: Session, deal: Deal, *, by: User, now: datetime) -> Standing:
    """A deal's stages, allocations and what everybody has of it; a manager sees their own amounts."""
    plan, goal = accruals.plan_of(session, deal), accruals.target_of(session, deal, now=now)
    reached = milestones.progress(session, [deal.id]).get(deal.id, {})
    shares = accounts.of_deal(session, deal.id)
    names = managers.names(session, [row.manager for row in goal.rows] + [one.manager_id for one in shares])
    found = waits.of_deal(session, deal, goal, by=by, now=now)
    of_payees = [wait for wait in found if not wait.stage]
    return Standing(
        goal,
        _stages(plan, goal, reached, names, by, found),
        [Part(names.get(one.manager_id, one.manager_id), one) for one in shares if _sees(by, one.manager_id)],
        [
            (names.get(wait.manager, wait.manager), text)
            for wait, text in zip(of_payees, _said(of_payees, deal.currency), strict=True)
        ],
    )


def _said(found: Iterable[Wait], currency: str) -> list[str]:
    return sentences([wait.step for wait in found], currency)


def _sees(by: User, manager_id: str) -> bool:
    return rights.allows(by, "manager.see", managers=[manager_id])


def _stages(
    plan: Plan,
    goal: Target,
    reached: Mapping[str, str],
    names: Mapping[str, str],
    by: User,
    found: Sequence[Wait],
) -> list[StageShare]:
    currency = plan.currency
    seen = [row for row in goal.rows if _sees(by, row.manager)]
    return [
        StageShare(
            stage.id,
            cards.StageMark(either(stage.title.zh, stage.title.en), reached.get(stage.id, "waiting")),
            stage.share,
            [_allocation(goal, row, names, currency, found) for row in seen if row.stage == stage.id],
            [
                names.get(row.manager, row.manager)
                for row in goal.rows
                if row.stage == stage.id and row not in seen
            ],
            _said(at(found, stage.id), currency),
        )
        for stage in plan.stages
    ]


def _allocation(
    goal: Target, row: Row, names: Mapping[str, str], currency: str, found: Sequence[Wait]
) -> Allocation:
    steps = workings.steps(goal, row.manager, row.stage)
    waiting = _said(at(found, row.stage, row.manager), currency)
    return Allocation(
        row.manager, names.get(row.manager, row.manager), row, sentences(steps, currency), waiting
    )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a fact would post: everybody's lines, and the entries themselves."""

    changes: list[tuple[str, str, Change]]  # manager's name, stage's title, what it does
    entries: tuple[Entry, ...]
    names: Mapping[str, str]  # of the managers and clients whose accounts they touch
    stages: Mapping[str, str]


def foreseen(session: Session, deal: Deal, drawn: Drawn) -> Foreseen:
    """A preview with names."""
    plan, moved = accruals.plan_of(session, deal), changes(drawn.entries)
    names = managers.names(session, [one.manager for one in moved])
    names |= organisations.names(session, [deal.client_id])
    stages = {stage.id: cards.stage_title(plan, stage.id) for stage in plan.stages}
    lines = [(names.get(one.manager, one.manager), stages.get(one.stage, one.stage), one) for one in moved]
    return Foreseen(lines, drawn.entries, names, stages)
