"""Target minus posted: the entries that bring the books of one deal up to what its facts say.

For each period that something belongs to, in order: what should be in the books at its end, less
what was posted for it and the periods before. The difference belongs to that period (`origin`)
and lands there, or in the first open period where that one is closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.core import period as periods
from ledger.core import waits, workings
from ledger.core.entry import (
    ADVANCES,
    COMMISSION_COST,
    CONTRA,
    EXPECTED,
    HELD,
    PAYABLE,
    RECEIVABLE,
    Entry,
    Nature,
    Posting,
)
from ledger.core.facts import DealFacts, Fee
from ledger.core.holdback import due_on
from ledger.core.plan import Plan
from ledger.core.target import Target, expected, target
from ledger.core.workings import Step

Line = tuple[str, str]  # (manager, stage)


@dataclass(frozen=True, slots=True)
class Books:
    """What the books hold on one deal, each sum by the period it belongs to (origin).

    Positive: earned and expected are amounts owed or hoped for, held is held, advances are owed.
    """

    earned: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)  # +nature, origin
    held: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # +origin
    expected: Mapping[tuple[str, str, str], int] = field(default_factory=dict)  # +origin
    advances: Mapping[str, int] = field(default_factory=dict)  # by origin

    def origins(self, today: date) -> set[str]:
        """The periods that something in the books belongs to, up to today."""
        keyed = (self.earned, self.held, self.expected)
        found = {key[-1] for sums in keyed for key in sums} | self.advances.keys()
        return {origin for origin in found if origin and origin <= periods.of(today)}


EMPTY = Books()


@dataclass(frozen=True, slots=True)
class Terms:
    """What an entry of the deal says besides its amounts."""

    deal_id: str
    client_id: str
    currency: str
    settled_no: int  # how many settlings the deal has behind it


@dataclass(frozen=True, slots=True)
class Drawn:
    """The entries of one settling, each with its working, and the number of the last one."""

    entries: tuple[Entry, ...]
    workings: tuple[dict[str, Any] | None, ...]
    settled_no: int


def periods_of(plan: Plan, facts: DealFacts, books: Books, today: date) -> list[str]:
    """The periods in which anything about the deal changes or once did, up to today, in order.

    What fell due by itself in a period may have been undone by a later fact of an earlier day.
    """
    days = {fact.on for fact in facts.facts} | set(due_on(plan, facts))
    return sorted({periods.of(day) for day in days if day <= today} | books.origins(today))


def draw(
    plan: Plan,
    facts: DealFacts,
    books: Books,
    terms: Terms,
    *,
    today: date,
    landing: Callable[[str], str],
    because: tuple[str, ...] = (),
    told: Sequence[Step] = (),
) -> Drawn:
    """The entries that take `books` to the target of every period; none where nothing differs.

    `told` are steps that every working begins with: what happened to the deal, where it is no fact.
    """
    earned, held, hoped, advances = (
        _Running(books.earned),
        _Running(books.held),
        _Running(books.expected),
        _Running({(origin,): amount for origin, amount in books.advances.items()}),
    )
    drafts: dict[str, _Draft] = {}
    for origin in periods_of(plan, facts, books, today):
        as_of = min(periods.last_day(origin), today)
        goal = target(plan, facts, as_of)
        draft = drafts.setdefault(landing(origin), _Draft(told))
        moved = earned.to(origin, _earned(goal))
        draft.add_accrual(origin, terms, goal, moved, held.to(origin, _held(goal)))
        draft.add_expected(origin, terms, hoped.to(origin, dict(expected(plan, facts, as_of))))
        draft.add_advance(origin, terms, advances.to(origin, {(): _advance(facts, as_of)}).get((), 0))
    return _written(drafts, terms, today, because)


@dataclass(frozen=True, slots=True)
class Change:
    """What entries do to one manager's line, in minor units; each may be of either sign."""

    manager: str
    stage: str
    earned_minor: int = 0
    held_minor: int = 0
    payable_minor: int = 0
    expected_minor: int = 0


_MOVES: Mapping[str, tuple[str, int]] = {
    COMMISSION_COST: ("earned_minor", 1),
    HELD: ("held_minor", -1),
    PAYABLE: ("payable_minor", -1),
    EXPECTED: ("expected_minor", 1),
}


def changes(entries: Iterable[Entry]) -> list[Change]:
    """What some entries of one deal do to everybody's lines, by manager within stage as they occur."""
    sums: dict[Line, dict[str, int]] = {}
    for posting in (posting for entry in entries for posting in entry.postings):
        if posting.account in _MOVES:
            name, sign = _MOVES[posting.account]
            of = sums.setdefault((posting.manager_id, posting.stage), defaultdict(int))
            of[name] += sign * posting.amount_minor
    return [Change(manager, stage, **of) for (manager, stage), of in sums.items()]


class _Running:
    """Sums by key as they stand after each origin in turn, and the step to a new target."""

    def __init__(self, posted: Mapping[Any, int]) -> None:
        self._ahead: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
        for (*key, origin), amount in posted.items():
            self._ahead[origin][tuple(key)] = amount
        self._waiting = sorted(self._ahead)
        self._now: dict[tuple[str, ...], int] = {}

    def to(self, origin: str, goal: Mapping[Any, int]) -> dict[Any, int]:
        """What is missing from everything posted up to `origin` to reach `goal`; now it is there."""
        while self._waiting and self._waiting[0] <= origin:
            for key, amount in self._ahead[self._waiting.pop(0)].items():
                self._now[key] = self._now.get(key, 0) + amount
        missing = {}
        for key in self._now.keys() | goal.keys():
            step = goal.get(key, 0) - self._now.get(key, 0)
            if step:
                missing[key] = step
                self._now[key] = goal.get(key, 0)
        return missing


def _earned(goal: Target) -> dict[tuple[str, str, str], int]:
    natures: tuple[tuple[Nature, Callable[[Any], int]], ...] = (
        ("earned", lambda row: row.accrued_minor),
        ("clawed_back", lambda row: row.clawed_minor),
        ("adjusted", lambda row: row.adjusted_minor),
    )
    return {
        (row.manager, row.stage, nature): amount(row)
        for row in goal.rows
        for nature, amount in natures
        if amount(row)
    }


def _held(goal: Target) -> dict[Line, int]:
    return {(row.manager, row.stage): row.held_minor for row in goal.rows if row.held_minor}


def _advance(facts: DealFacts, as_of: date) -> int:
    """What was received beyond what was invoiced: the client's money, not yet ours."""
    sign = {"fee_received": 1, "fee_refunded": -1, "fee_invoiced": -1, "fee_credited": 1}
    return max(
        0,
        sum(
            sign[fact.kind] * fact.amount_minor
            for fact in facts.facts
            if isinstance(fact, Fee) and fact.on <= as_of
        ),
    )


class _Draft:
    """The postings that land in one period, by kind of entry."""

    def __init__(self, told: Sequence[Step]) -> None:
        self.told = told
        self.postings: dict[str, list[Posting]] = defaultdict(list)
        self.origins: list[dict[str, Any]] = []

    def add_accrual(
        self,
        origin: str,
        terms: Terms,
        goal: Target,
        earned: dict[tuple[str, str, str], int],
        held: dict[Line, int],
    ) -> None:
        released = {(row.manager, row.stage) for row in goal.rows if row.released}
        lines = sorted({key[:2] for key in earned} | set(held), key=_stage_then_manager(goal))
        for manager, stage in lines:
            hold = held.get((manager, stage), 0)
            freed = -hold if hold < 0 and (manager, stage) in released else 0
            about = {"deal_id": terms.deal_id, "manager_id": manager, "stage": stage, "origin": origin}
            for nature in ("earned", "clawed_back", "adjusted"):
                amount = earned.get((manager, stage, nature), 0)
                kept = (hold + freed) if nature == "earned" else 0
                self._put("accrual", COMMISSION_COST, amount, "", nature, about)
                self._put("accrual", PAYABLE, kept - amount, manager, nature, about)
                self._put("accrual", HELD, -kept, manager, nature, about)
            self._put("release", HELD, freed, manager, "", about)
            self._put("release", PAYABLE, -freed, manager, "", about)
        if lines:
            self.origins.append(_working(origin, goal, earned, held, self.told))

    def add_expected(self, origin: str, terms: Terms, missing: dict[Line, int]) -> None:
        for (manager, stage), amount in sorted(missing.items()):
            about = {"deal_id": terms.deal_id, "manager_id": manager, "stage": stage, "origin": origin}
            self._put("expectation", EXPECTED, amount, manager, "", about)
            self._put("expectation", CONTRA, -amount, "", "", about)

    def add_advance(self, origin: str, terms: Terms, missing_minor: int) -> None:
        about = {"deal_id": terms.deal_id, "manager_id": "", "stage": "", "origin": origin}
        self._put("advance", RECEIVABLE, missing_minor, terms.client_id, "", about)
        self._put("advance", ADVANCES, -missing_minor, terms.client_id, "", about)

    def _put(self, kind: str, account: str, amount: int, owner: str, nature: str, about: Any) -> None:
        if amount:
            self.postings[kind].append(Posting(account, amount, owner, nature=nature, **about))  # type: ignore[arg-type]


def _stage_then_manager(goal: Target) -> Callable[[Line], tuple[int, str, str]]:
    place = {(row.manager, row.stage): n for n, row in enumerate(goal.rows)}
    return lambda line: (place.get(line, len(place)), line[1], line[0])


def _working(
    origin: str,
    goal: Target,
    earned: Mapping[tuple[str, str, str], int],
    held: Mapping[Line, int],
    told: Sequence[Step],
) -> dict[str, Any]:
    """Why the postings of one origin are what they are: the steps for every line that moved."""
    moved: dict[Line, int] = {line: 0 for line in held}
    for (manager, stage, _), amount in earned.items():
        moved[manager, stage] = moved.get((manager, stage), 0) + amount
    return {
        "origin": origin,
        "basis_minor": goal.basis_minor,
        "pool_minor": goal.pool_minor,
        "because": {
            f"{manager}|{stage}": _because(goal, manager, stage, moved[manager, stage], told)
            for manager, stage in sorted(moved)
        },
    }


def _because(
    goal: Target, manager: str, stage: str, moved_minor: int, told: Sequence[Step]
) -> list[dict[str, Any]]:
    row = next((row for row in goal.rows if (row.manager, row.stage) == (manager, stage)), None)
    if row is not None:
        earned_minor, taken = row.earned_minor, list(workings.steps(goal, manager, stage))
    else:
        why = waits.reasons(goal).get(stage)
        earned_minor, taken = 0, [why] if why else []
    return workings.to_data([*told, *taken, workings.less_posted(earned_minor, earned_minor - moved_minor)])


_SUMMARY = {
    "accrual": "计提佣金",
    "release": "释放暂扣佣金",
    "expectation": "备查预计佣金",
    "advance": "预收账款结转",
}


def _written(drafts: Mapping[str, _Draft], terms: Terms, today: date, because: tuple[str, ...]) -> Drawn:
    entries: list[Entry] = []
    workings: list[dict[str, Any] | None] = []
    settled_no = terms.settled_no
    for landing in sorted(drafts):
        draft = drafts[landing]
        kinds: Iterable[str] = [kind for kind in _SUMMARY if draft.postings.get(kind)]
        if not kinds:
            continue
        settled_no += 1
        for kind in kinds:
            entries.append(
                Entry(
                    kind=kind,
                    source=f"{terms.deal_id}#{settled_no}",
                    on=min(periods.last_day(landing), max(today, periods.first_day(landing))),
                    period=landing,
                    currency=terms.currency,
                    summary=_SUMMARY[kind],
                    deal_id=terms.deal_id,
                    because=because,
                    postings=tuple(draft.postings[kind]),
                )
            )
            workings.append({"origins": draft.origins} if kind in ("accrual", "release") else None)
    return Drawn(tuple(entries), tuple(workings), settled_no)
