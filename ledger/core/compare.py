"""One history under two plans: per deal and per manager what it would have come to, and who crosses what.

Counted is what is earned from one day to another: the target at the end less the target before the
beginning, adjustments included. The cap on a manager's year is worked out over the deals compared, as the
ledger works it out. Nothing is held against what was really posted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from ledger.core.earning import unclipped_pool
from ledger.core.errors import Invalid, Refused
from ledger.core.facts import DealFacts
from ledger.core.money import format_minor
from ledger.core.plan_file import PlanFile
from ledger.core.target import Target, target
from ledger.core.year_cap import Years, accrued_by_year, relief

What = Literal["tier", "pool_floor", "pool_cap", "deal_cap", "year_cap"]
WHATS: tuple[What, ...] = ("tier", "pool_floor", "pool_cap", "deal_cap", "year_cap")


class Crossing(NamedTuple):
    """What one plan does to a deal or manager and the other does not: `old` → `new`.

    A tier is the number of a bracket, 0 below all of them; the others are 0 (does not bind) or 1.
    """

    what: What
    deal_id: str  # empty for a manager's year
    manager_id: str  # empty for what concerns the whole deal
    old: int
    new: int


class DealRow(NamedTuple):
    """One deal, in minor units."""

    deal_id: str
    title: str
    old_minor: int
    new_minor: int
    crossings: tuple[Crossing, ...]

    @property
    def difference_minor(self) -> int:
        """What the new plan gives more."""
        return self.new_minor - self.old_minor


class ManagerRow(NamedTuple):
    """One manager over all deals, after the cap on the year."""

    manager_id: str
    name: str
    old_minor: int
    new_minor: int
    old_relief_minor: int  # taken off by the cap on the year
    new_relief_minor: int
    deals: int
    crossings: tuple[Crossing, ...]

    @property
    def difference_minor(self) -> int:
        """What the new plan gives more."""
        return self.new_minor - self.old_minor


class Skipped(NamedTuple):
    """A deal that one of the plans cannot be applied to."""

    deal_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome; deals and managers with the largest differences first."""

    old: str
    new: str
    currency: str
    from_on: date | None
    to_on: date
    deals: tuple[DealRow, ...]
    managers: tuple[ManagerRow, ...]
    skipped: tuple[Skipped, ...]

    @property
    def old_minor(self) -> int:
        """What all managers have under the old plan."""
        return sum(row.old_minor for row in self.managers)

    @property
    def new_minor(self) -> int:
        """The same under the new one."""
        return sum(row.new_minor for row in self.managers)

    def named(self, names: Mapping[str, str]) -> Comparison:
        """The same with the managers' names."""
        rows = tuple(row._replace(name=names.get(row.manager_id, row.name)) for row in self.managers)
        return replace(self, managers=rows)

    def crossings(self, what: What) -> list[Crossing]:
        """Everybody and everything that crosses one kind of line."""
        of_deals = [one for row in self.deals for one in row.crossings]
        of_years = [one for row in self.managers for one in row.crossings if one.what == "year_cap"]
        return [one for one in (*of_deals, *of_years) if one.what == what]


def compare(
    old: PlanFile,
    new: PlanFile,
    history: Iterable[DealFacts],
    *,
    from_on: date | None = None,
    to_on: date,
) -> Comparison:
    """Replay a history under both plans.

    Invalid where the plans have different currencies, for then nothing can be compared.
    """
    if old.plan.currency != new.plan.currency:
        raise Invalid(
            "plan_currencies",
            "plan {old} is in {first}, plan {new} in {second}; compare plans of one currency",
            old=old.plan.id,
            first=old.plan.currency,
            new=new.plan.id,
            second=new.plan.currency,
        )
    before, after = _Side(old, from_on, to_on), _Side(new, from_on, to_on)
    deals: list[DealRow] = []
    skipped: list[Skipped] = []
    for facts in history:
        try:
            pair = before.work_out(facts), after.work_out(facts)
        except Refused as refusal:
            skipped.append(Skipped(facts.deal.id, str(refusal)))
            continue
        before.add(pair[0])
        after.add(pair[1])
        deals.append(_deal_row(facts, *pair))
    return Comparison(
        old.plan.id,
        new.plan.id,
        old.plan.currency,
        from_on,
        to_on,
        tuple(sorted(deals, key=lambda row: (-abs(row.difference_minor), row.deal_id))),
        tuple(sorted(_manager_rows(before, after, deals), key=_largest)),
        tuple(skipped),
    )


def _largest(row: ManagerRow) -> tuple[int, str]:
    return -abs(row.difference_minor), row.manager_id


@dataclass
class _Worked:
    """One deal under one plan: what each manager earned in the window, and what bound at its end."""

    by_manager: dict[str, int]
    years_before: Years  # what counts towards the cap on the year, up to the window
    years: Years  # the same up to its end
    tier: int  # the bracket that the basis falls in, from 1
    floored: bool
    capped: bool
    cut: set[str]  # managers whom the cap on the deal cuts


@dataclass
class _Side:
    """One plan, and what managers have under it so far."""

    file: PlanFile
    from_on: date | None
    to_on: date
    earned: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    years_before: Years = field(default_factory=lambda: defaultdict(int))
    years: Years = field(default_factory=lambda: defaultdict(int))

    def work_out(self, facts: DealFacts) -> _Worked:
        """One deal; Refused where the plan is not for it."""
        self.file.admit(facts.deal)
        plan = self.file.plan
        result = target(plan, facts, self.to_on)
        by_manager, before = result.earned_by_manager(), Years()
        if self.from_on is not None:
            eve = self.from_on - timedelta(days=1)
            for manager, minor in target(plan, facts, eve).earned_by_manager().items():
                by_manager[manager] = by_manager.get(manager, 0) - minor
            before = accrued_by_year(plan, facts, eve)
        floored, capped, tier = _bounds(result)
        return _Worked(
            by_manager, before, accrued_by_year(plan, facts, self.to_on), tier, floored, capped, _cut(result)
        )

    def add(self, worked: _Worked) -> None:
        """Count one deal in."""
        for manager, minor in worked.by_manager.items():
            self.earned[manager] += minor
            self.deals[manager] += 1
        for sums, more in ((self.years_before, worked.years_before), (self.years, worked.years)):
            for key, minor in more.items():
                sums[key] += minor

    def relieved(self) -> dict[str, int]:
        """By manager, what the cap on the year takes off in the window."""
        cap_minor = self.file.plan.cap_per_year_minor
        taken: dict[str, int] = defaultdict(int)
        for sums, sign in ((self.years, 1), (self.years_before, -1)):
            for (manager, _), minor in sums.items():
                taken[manager] += sign * relief(minor, cap_minor)
        return taken


def _bounds(result: Target) -> tuple[bool, bool, int]:
    """(floor binds, cap binds, the bracket that the basis falls in)."""
    if result.basis_minor <= 0:
        return False, False, 0
    rules = result.workings.rules
    free = unclipped_pool(rules, result.basis_minor, result.workings.by_year)
    tier = bisect_right(rules.thresholds, result.basis_minor)
    return result.pool_minor > free, result.pool_minor < free, tier


def _cut(result: Target) -> set[str]:
    made = result.workings
    pairs = zip(made.lines, made.accrued_minor, strict=True)
    return {manager for (_, manager, minor), accrued in pairs if accrued < minor}


def _deal_row(facts: DealFacts, old: _Worked, new: _Worked) -> DealRow:
    deal_id = facts.deal.id
    crossings: list[Crossing] = []
    lines: tuple[tuple[What, int, int], ...] = (
        ("tier", old.tier, new.tier),
        ("pool_floor", old.floored, new.floored),
        ("pool_cap", old.capped, new.capped),
    )
    crossings += [Crossing(what, deal_id, "", int(was), int(now)) for what, was, now in lines if was != now]
    crossings += [
        Crossing("deal_cap", deal_id, manager, int(manager in old.cut), int(manager in new.cut))
        for manager in sorted(old.cut ^ new.cut)
    ]
    return DealRow(
        deal_id,
        facts.deal.title or deal_id,
        sum(old.by_manager.values()),
        sum(new.by_manager.values()),
        tuple(crossings),
    )


def _manager_rows(old: _Side, new: _Side, deals: list[DealRow]) -> Iterator[ManagerRow]:
    crossed: dict[str, list[Crossing]] = defaultdict(list)
    for row in deals:
        for one in row.crossings:
            crossed[one.manager_id].append(one)
    before, after = old.relieved(), new.relieved()
    for manager in sorted(old.earned.keys() | new.earned.keys()):
        was, now = before.get(manager, 0), after.get(manager, 0)
        own = crossed.get(manager, [])
        if (was > 0) != (now > 0):
            own = [*own, Crossing("year_cap", "", manager, int(was > 0), int(now > 0))]
        yield ManagerRow(
            manager,
            manager,
            old.earned.get(manager, 0) - was,
            new.earned.get(manager, 0) - now,
            was,
            now,
            max(old.deals.get(manager, 0), new.deals.get(manager, 0)),
            tuple(own),
        )


def to_data(found: Comparison) -> dict[str, Any]:
    """The outcome as JSON takes it; amounts as text with the currency's digits."""

    def three(row: DealRow | ManagerRow | Comparison) -> dict[str, str]:
        amounts = {
            "old": row.old_minor,
            "new": row.new_minor,
            "difference": row.new_minor - row.old_minor,
        }
        return {name: format_minor(minor, found.currency) for name, minor in amounts.items()}

    def crossed(one: Crossing) -> dict[str, str | int]:
        said = {"what": one.what, "deal": one.deal_id, "manager": one.manager_id}
        return {name: text for name, text in said.items() if text} | {"old": one.old, "new": one.new}

    return {
        "old": found.old,
        "new": found.new,
        "from": str(found.from_on) if found.from_on else None,
        "to": str(found.to_on),
        "currency": found.currency,
        "totals": three(found),
        "managers": [
            {
                "manager": row.manager_id,
                "name": row.name,
                **three(row),
                "year_cap": {
                    "old": format_minor(row.old_relief_minor, found.currency),
                    "new": format_minor(row.new_relief_minor, found.currency),
                },
                "crosses": [crossed(one) for one in row.crossings],
            }
            for row in found.managers
        ],
        "deals": [
            {
                "deal": row.deal_id,
                "title": row.title,
                **three(row),
                "crosses": [crossed(one) for one in row.crossings],
            }
            for row in found.deals
        ],
        "skipped": [{"deal": one.deal_id, "why": one.why} for one in found.skipped],
    }
