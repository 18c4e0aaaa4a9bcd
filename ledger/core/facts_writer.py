"""Writing a deal's facts as the single-deal file of docs/PLANS.md, so that anyone can work them out again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ledger.core import money, scalars
from ledger.core.document import UNPRINTABLE
from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    DealFacts,
    Fact,
    Fee,
    GateFailed,
    Manager,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Reinstated,
    Stated,
)
from ledger.core.facts_file import FactsFile, Origin

Json = dict[str, object]


def write_facts(source: DealFacts | FactsFile, currency: str) -> Json:
    """The single-deal file as JSON-able values; reading it again gives the same facts."""
    facts = source.facts if isinstance(source, FactsFile) else source
    origins = source.origins if isinstance(source, FactsFile) else (None,) * len(facts.facts)
    managers = _everybody(facts)
    return {
        "format": 1,
        "deal": _written_deal(facts.deal, currency),
        "managers": [_present(id=who.id, name=who.name, grade=who.grade) for who in managers.values()],
        "events": _written_events(facts, origins, managers, currency),
    }


def facts_as_text(source: DealFacts | FactsFile, currency: str) -> str:
    """The same as a file to read and to correct: what is known of the deal, then a line an event."""
    written = write_facts(source, currency)
    lines = ["format: 1", f"deal: {_flow(written['deal'])}"]
    for key in ("managers", "events"):
        items = written[key]
        if isinstance(items, list) and items:
            lines += [f"{key}:", *(f"  - {_flow(item)}" for item in items)]
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """One value on one line: JSON, which YAML reads too."""
    return UNPRINTABLE.sub("?", json.dumps(value, ensure_ascii=False)).replace("\ufeff", "\\ufeff")


def _everybody(facts: DealFacts) -> dict[str, Manager]:
    """The managers listed, and whoever else the facts name."""
    managers = dict(facts.managers)
    for fact in facts.facts:
        for manager_id in _named(fact):
            managers.setdefault(manager_id, Manager(manager_id, manager_id))
    return managers


def _named(fact: Fact) -> tuple[str, ...]:
    if isinstance(fact, Milestone):
        return tuple(participant.manager for participant in fact.participants)
    return (fact.manager,) if isinstance(fact, Paid | Adjustment) else ()


def _written_deal(deal: Deal, currency: str) -> Json:
    fee, rate = deal.expected_fee_minor, deal.tax_rate
    return _present(
        id=deal.id,
        category=deal.category,
        mode=deal.mode,
        expected_fee=None if fee is None else money.format_minor(fee, currency),
        tax_rate=None if rate is None else money.format_rate(rate),
        title=deal.title,
        client=deal.client,
        source=deal.source,
        opened_on=deal.opened_on.isoformat() if deal.opened_on else None,
    )


def _written_events(
    facts: DealFacts, origins: Iterable[Origin | None], managers: Mapping[str, Manager], currency: str
) -> list[Json]:
    """One event a fact; facts of one `ref` are one event again."""
    events: list[Json] = []
    by_ref: dict[str, Json] = {}
    for fact, origin in zip(facts.facts, origins, strict=True):
        event = _written(fact, managers, facts.deal.tax_rate is not None, currency)
        if origin is not None and origin.ref is not None:
            event["ref"] = origin.ref
            if origin.ref in by_ref:
                by_ref[origin.ref].update(event)
                continue
            by_ref[origin.ref] = event
        events.append(event)
    return events


def _written(fact: Fact, managers: Mapping[str, Manager], taxed: bool, currency: str) -> Json:
    event: Json = {"on": fact.on.isoformat(), "type": _type(fact)}
    if getattr(fact, "seq", 0):
        event["seq"] = fact.seq  # type: ignore[union-attr]
    event.update(_content(fact, managers, taxed, currency))
    return event


def _type(fact: Fact) -> str:
    if isinstance(fact, Fee):
        return fact.kind
    if isinstance(fact, Stated):
        return _FIGURES.get(fact.what, "contract")
    return _TYPES[type(fact)]


# Figures that an event of their own states, as its “amount”.
_FIGURES = {"net_income": "net_income", "stake_value": "stake_valued"}
_TYPES: dict[type, str] = {
    Milestone: "milestone",
    MilestoneWithdrawn: "milestone_withdrawn",
    Paid: "paid",
    Cancelled: "cancelled",
    GateFailed: "gate_failed",
    Reinstated: "reinstated",
    Adjustment: "adjustment",
}


def _content(fact: Fact, managers: Mapping[str, Manager], taxed: bool, currency: str) -> Mapping[str, object]:
    match fact:
        case Milestone():
            return _written_milestone(fact, managers)
        case MilestoneWithdrawn() | GateFailed():
            return {"stage": fact.stage}
        case Stated():
            key = "amount" if fact.what in _FIGURES else fact.what
            return {key: money.format_minor(fact.amount_minor, currency)}
        case Fee():
            return _written_fee(fact, taxed, currency)
        case Paid():
            return {"manager": fact.manager, "amount": money.format_minor(fact.amount_minor, currency)}
        case Cancelled():
            return {"reason": fact.reason}
        case Reinstated():
            return {}
        case Adjustment():
            amount = money.format_minor(fact.amount_minor, currency)
            return {"manager": fact.manager, "stage": fact.stage, "amount": amount, "reason": fact.reason}


def _written_fee(fact: Fee, taxed: bool, currency: str) -> Json:
    """The tax is written wherever a reader would otherwise work out another one."""
    event: Json = {"amount": money.format_minor(fact.amount_minor, currency)}
    if taxed or fact.tax_minor:
        event["tax"] = money.format_minor(fact.tax_minor, currency)
    if fact.year is not None:
        event["year"] = fact.year
    return event


def _written_milestone(fact: Milestone, managers: Mapping[str, Manager]) -> Json:
    """A grade is written here only where it is not the manager's own."""
    grades = {who.manager: who.grade for who in fact.participants if who.grade != managers[who.manager].grade}
    weights = {who.manager: scalars.format_weight(who.weight) for who in fact.participants}
    event: Json = {"stage": fact.stage, "managers": weights}
    if grades:
        event["grades"] = grades
    return event


def _present(**values: object) -> Json:
    return {key: value for key, value in values.items() if value is not None}
