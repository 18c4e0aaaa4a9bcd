"""Rows and cards of lists: things with the names of what they refer to, in a bounded number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from sqlmodel import Session

from api.language import either
from ledger import deals, managers, milestones, organisations, plans
from ledger.agreements import SplitAgreement
from ledger.core.plan import Plan
from ledger.deals import Deal
from ledger.disputes import Dispute
from ledger.milestones import Milestone
from ledger.needs import Need


@dataclass(frozen=True, slots=True)
class StageMark:
    """One stage on a stage bar."""

    title: str
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DealCard:
    """A deal as lists show it."""

    deal: Deal
    client: str
    stages: list[StageMark]
    state: str


@dataclass(frozen=True, slots=True)
class MilestoneCard:
    """A milestone as lists show it."""

    milestone: Milestone
    deal: Deal
    client: str
    stage: str
    people: str


@dataclass(frozen=True, slots=True)
class Share:
    """One participant of a split: the weight as it was given, and what part of all weights it is."""

    manager_id: str
    name: str
    weight: str
    part: Fraction


@dataclass(frozen=True, slots=True)
class SplitCard:
    """A version of a stage's split as lists show it."""

    agreement: SplitAgreement
    deal: Deal
    client: str
    stage: str
    shares: list[Share]

    @property
    def text(self) -> str:
        """The split in one line: 张三 60、李四 40."""
        return either("、", ", ").join(f"{one.name} {one.weight}" for one in self.shares)


@dataclass(frozen=True, slots=True)
class DisputeCard:
    """A contested line as lists show it."""

    dispute: Dispute
    deal: Deal
    client: str
    stage: str
    manager: str


@dataclass(frozen=True, slots=True)
class NeedCard:
    """A need as lists show it."""

    need: Need
    client: str
    manager: str


def of(session: Session, found: Sequence[Deal]) -> list[DealCard]:
    """Deals with client, stages and state."""
    read = plans.values_of(session, [deal.plan_version_id for deal in found])
    clients = organisations.names(session, [deal.client_id for deal in found])
    reached = milestones.progress(session, [deal.id for deal in found])
    cancelled = deals.cancelled_among(session, [deal.id for deal in found])
    return [
        DealCard(
            deal,
            clients.get(deal.client_id, ""),
            marks(read[deal.plan_version_id], reached.get(deal.id, {})),
            _state(read[deal.plan_version_id], reached.get(deal.id, {}), deal.id in cancelled),
        )
        for deal in found
    ]


def marks(plan: Plan, reached: dict[str, str]) -> list[StageMark]:
    """The stages of a plan for the stage bar."""
    return [
        StageMark(either(stage.title.zh, stage.title.en), reached.get(stage.id, "waiting"))
        for stage in plan.stages
    ]


def _state(plan: Plan, reached: dict[str, str], is_cancelled: bool) -> str:
    if is_cancelled:
        return "cancelled"
    return "completed" if all(reached.get(stage.id) == "verified" for stage in plan.stages) else "open"


class _OfStage(Protocol):
    """What is about a stage of a deal."""

    deal_id: str
    stage: str


def _places(session: Session, found: Sequence[_OfStage]) -> list[tuple[Deal, str, str]]:
    """The deal of each, its client and the title of the stage."""
    on = deals.by_id(session, [one.deal_id for one in found])
    read = plans.values_of(session, [deal.plan_version_id for deal in on.values()])
    clients = organisations.names(session, [deal.client_id for deal in on.values()])
    places = []
    for one in found:
        deal = on[one.deal_id]
        title = stage_title(read[deal.plan_version_id], one.stage)
        places.append((deal, clients.get(deal.client_id, ""), title))
    return places


def milestones_of(session: Session, found: Sequence[Milestone]) -> list[MilestoneCard]:
    """Milestones with deal, client, stage and who took part."""
    people = managers.names(session, [who for one in found for who in one.participants])
    return [
        MilestoneCard(
            one,
            *place,
            either("、", ", ").join(people.get(who, who) for who in one.participants),
        )
        for one, place in zip(found, _places(session, found), strict=True)
    ]


def splits_of(session: Session, found: Sequence[SplitAgreement]) -> list[SplitCard]:
    """Versions of splits with deal, client, stage and everybody's part."""
    people = managers.names(session, [who for one in found for who in one.weights])
    return [
        SplitCard(
            one,
            *place,
            _shares(one.weights, people),
        )
        for one, place in zip(found, _places(session, found), strict=True)
    ]


def disputes_of(session: Session, found: Sequence[Dispute]) -> list[DisputeCard]:
    """Contested lines with deal, client, stage and whose they are."""
    people = managers.names(session, [one.manager_id for one in found])
    return [
        DisputeCard(
            one,
            *place,
            people.get(one.manager_id, one.manager_id),
        )
        for one, place in zip(found, _places(session, found), strict=True)
    ]


def _shares(weights: Mapping[str, str], people: Mapping[str, str]) -> list[Share]:
    total = sum(Fraction(text) for text in weights.values())
    return [Share(who, people.get(who, who), text, Fraction(text) / total) for who, text in weights.items()]


def stage_title(plan: Plan, stage: str) -> str:
    """A stage's name in the language at hand."""
    titles = {known.id: either(known.title.zh, known.title.en) for known in plan.stages}
    return titles.get(stage, stage)


def needs_of(session: Session, found: Sequence[Need]) -> list[NeedCard]:
    """Needs with client and manager."""
    clients = organisations.names(session, [need.client_id for need in found])
    people = managers.names(session, [need.manager_id for need in found if need.manager_id])
    return [
        NeedCard(need, clients.get(need.client_id, ""), people.get(need.manager_id or "", ""))
        for need in found
    ]
