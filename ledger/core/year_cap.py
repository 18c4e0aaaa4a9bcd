"""The cap on a manager's calendar year: target relief minus relief posted, a line of its own, of no deal.

What a manager was accrued under a plan in a year, by the months of the entries, may not come to more
than the plan's `caps.per_manager_per_year`. What is above it is taken off again by entries of the kind
`year_cap`, month by month, so that each month's statement stands for itself. Adjustments by hand come
after every cap, this one too, and do not count. A pure function of the sums: in whatever order the
accruals came, the same relief is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.core import period as periods
from ledger.core import workings
from ledger.core.entry import COMMISSION_COST, PAYABLE, Entry, Nature, Posting
from ledger.core.facts import DealFacts
from ledger.core.plan import Plan
from ledger.core.target import target

COUNTED: tuple[Nature, ...] = ("earned", "clawed_back")


@dataclass(frozen=True, slots=True, order=True)
class ManagerYear:
    """What one cap is about. A plan's versions share it."""

    manager_id: str
    year: int
    plan_id: str
    currency: str

    @property
    def name(self) -> str:
        """Its name in the books and as a lock; none of its parts can hold a slash."""
        return f"{self.plan_id}/{self.manager_id}/{self.year}/{self.currency}"


@dataclass(frozen=True, slots=True)
class Books:
    """What the books hold on one manager-year, in minor units; relief is positive."""

    accrued: Mapping[str, int]  # by the period of the entry
    relieved: Mapping[str, int]  # by the period it was for (origin)
    entries: int  # how many entries relieved it so far


@dataclass(frozen=True, slots=True)
class Drawn:
    """The entries that are missing, each with its working."""

    entries: tuple[Entry, ...]
    workings: tuple[dict[str, Any], ...]


def touched(plan_id: str, entries: Iterable[Entry]) -> set[ManagerYear]:
    """The manager-years whose sums these entries of a deal under the plan move."""
    return {
        ManagerYear(posting.manager_id, int(entry.period[:4]), plan_id, entry.currency)
        for entry in entries
        for posting in entry.postings
        if posting.account == COMMISSION_COST and posting.nature in COUNTED
    }


Years = dict[tuple[str, int], int]  # by manager and calendar year, in minor units


def accrued_by_year(plan: Plan, facts: DealFacts, day: date) -> Years:
    """What each manager's years have of one deal up to a day, if every fact had been settled in time.

    Nothing where the plan has no cap on the year.
    """
    years: Years = {}
    if plan.cap_per_year_minor is None:
        return years
    last: dict[str, int] = {}
    known = [fact.on.year for fact in facts.facts if fact.on <= day]
    for year in range(min(known, default=0), max(known, default=-1) + 1):  # after that nothing accrues
        so_far: dict[str, int] = {}
        for row in target(plan, facts, min(day, date(year, 12, 31))).rows:
            so_far[row.manager] = so_far.get(row.manager, 0) + row.accrued_minor + row.clawed_minor
        for manager in so_far.keys() | last.keys():
            years[manager, year] = so_far.get(manager, 0) - last.get(manager, 0)
        last = so_far
    return years


def relief(accrued_minor: int, cap_minor: int | None) -> int:
    """What is above the cap."""
    return 0 if cap_minor is None else max(0, accrued_minor - cap_minor)


def draw(
    about: ManagerYear,
    cap_minor: int | None,
    books: Books,
    *,
    today: date,
    landing: Callable[[str], str],
    because: tuple[str, ...] = (),
) -> Drawn:
    """The entries that take the relief posted to the relief due at the end of each month; often none."""
    accrued = relieved = 0
    missing: dict[str, list[tuple[str, int, dict[str, Any]]]] = {}
    for origin in sorted(books.accrued.keys() | books.relieved.keys()):
        accrued += books.accrued.get(origin, 0)
        relieved += books.relieved.get(origin, 0)
        step = relief(accrued, cap_minor) - relieved
        if step:
            because_of = _working(about, origin, accrued, cap_minor, relieved, step)
            missing.setdefault(landing(origin), []).append((origin, step, because_of))
            relieved += step
    entries = [
        _entry(about, books.entries + number, period, missing[period], today, because)
        for number, period in enumerate(sorted(missing), 1)
    ]
    told = [{"year_cap": [working for _, _, working in missing[period]]} for period in sorted(missing)]
    return Drawn(tuple(entries), tuple(told))


def _entry(
    about: ManagerYear,
    number: int,
    period: str,
    steps: list[tuple[str, int, dict[str, Any]]],
    today: date,
    because: tuple[str, ...],
) -> Entry:
    postings: list[Posting] = []
    for origin, step, _ in steps:
        postings += [
            Posting(PAYABLE, step, about.manager_id, manager_id=about.manager_id, origin=origin),
            Posting(COMMISSION_COST, -step, manager_id=about.manager_id, origin=origin),
        ]
    return Entry(
        kind="year_cap",
        source=f"{about.name}#{number}",
        on=min(periods.last_day(period), max(today, periods.first_day(period))),
        period=period,
        currency=about.currency,
        summary=f"{about.year}年度封顶（{about.plan_id}）",
        because=because,
        postings=tuple(postings),
    )


def _working(
    about: ManagerYear, origin: str, accrued: int, cap_minor: int | None, relieved: int, step: int
) -> dict[str, Any]:
    """Why one month's relief is what it is, as the steps of a working."""
    numbers: dict[str, int | str] = {"year": about.year, "until": origin, "plan": about.plan_id}
    if cap_minor is not None:
        numbers |= {"accrued_minor": accrued, "cap_minor": cap_minor, "relief_minor": relieved + step}
    rule = "year_cap.none" if cap_minor is None else "year_cap"
    taken = [
        workings.Step(rule, numbers, "plan caps.per_manager_per_year"),
        workings.less_posted(relieved + step, relieved),
    ]
    return {"origin": origin, "because": workings.to_data(taken)}
