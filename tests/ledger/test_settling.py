"""Settling: the order in which facts arrive does not matter, and doing it again posts nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from ledger import accruals, deals, imports, milestones, periods
from ledger.core.entry import as_text
from ledger.core.facts_file import read_lines
from ledger.core.period import following, last_day
from ledger.db import Database
from ledger.journal import Posting
from ledger.organisations import Organisation
from tests.desk import PLAN, Desk

Event = dict[str, Any]
END = date(2026, 6, 20)

BY_DAYS = PLAN.replace("release: {stage: done}", "release: {days: 30}").replace(
    'rate: "40%"}', 'rate: "40%"}\ncaps: {per_manager_per_deal: "20000.00", per_manager_per_year: "30000.00"}'
)


# --- what may arrive

days = st.integers(0, 100).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
cents = st.integers(1, 5_000_000).map(lambda minor: f"{minor // 100}.{minor % 100:02d}")
stages = st.sampled_from(("find", "sign", "done"))
who = st.sampled_from(("M1", "M2"))
people = st.dictionaries(who, st.integers(1, 9), min_size=1)


def event(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.fixed_dictionaries({"on": days.map(str), "type": st.just(kind), **more})


events = st.one_of(
    event("milestone", stage=stages, managers=people),
    event("milestone", stage=stages, managers=people),
    event("milestone_withdrawn", stage=stages),
    event("fee_invoiced", amount=cents, tax_rate=st.sampled_from(("6%", "0%"))),
    event("fee_received", amount=cents),
    event("fee_received", amount=cents),
    event("fee_refunded", amount=cents),
    event("fee_credited", amount=cents),
    event("paid", manager=who, amount=cents),
    event("cancelled", reason=st.sampled_from(("other", "no_fault", "fraud"))),
    event("reinstated"),
    event("adjustment", manager=who, stage=stages, amount=cents, reason=st.just("x")),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Facts with a name each, and a place among those of the same day."""
    drawn = draw(st.lists(events, min_size=2, max_size=9))
    ordered = ("milestone", "milestone_withdrawn", "cancelled", "reinstated")
    return [
        {**one, "ref": f"R{n}"} | ({"seq": n} if one["type"] in ordered else {})
        for n, one in enumerate(drawn)
    ]


# --- two worlds


def arrive(desk: Desk, *facts: Event, deal: str = "D-1") -> imports.Report:
    known = {"id": deal, "expected_fee": "50000.00", "opened_on": "2026-01-01", "tax_rate": "6%"}
    managers = [{"id": "M1"}, {"id": "M2"}]
    line = {"format": 1, "deal": known, "managers": managers, "events": list(facts)}
    return imports.load(
        desk.database, read_lines([json.dumps(line)], "facts", "CNY"), plan_id="simple", now=desk.now
    )


def arrive_one_by_one(desk: Desk, facts: Sequence[Event]) -> None:
    """One at a time, in this order. What cannot stand yet (a refund before its receipt) is sent again."""
    waiting = list(facts)
    while waiting:
        left = [one for one in waiting if arrive(desk, one).refused]
        if len(left) == len(waiting):
            break
        waiting = left


def standing(desk: Desk) -> dict[tuple[str, ...], int]:
    """What every account holds, also by deal, manager and stage; clients by name."""
    sums: dict[tuple[str, ...], int] = {}
    with desk.database.reading() as session:
        names = dict(session.exec(select(Organisation.id, Organisation.name)).all())
        for one in session.exec(select(Posting)):
            owner = names.get(one.owner, one.owner)
            key = (one.account, owner, one.deal_id, one.manager_id, one.stage)
            sums[key] = sums.get(key, 0) + one.amount_minor
    return {key: amount for key, amount in sums.items() if amount}


class World:
    """A desk of its own on a copy of the migrated file, for one example."""

    def __init__(self, migrated: Path, plan: str) -> None:
        self._home = TemporaryDirectory()
        home = Path(self._home.name)
        (home / "yongjin.db").write_bytes(migrated.read_bytes())
        self.desk = Desk(Database(f"sqlite:///{home / 'yongjin.db'}"), home / "files").move_in(plan)

    def __enter__(self) -> Desk:
        return self.desk

    def __exit__(self, *_: object) -> None:
        self.desk.database.close()
        self._home.cleanup()


@pytest.mark.parametrize("plan", [PLAN, BY_DAYS], ids=["released by a stage", "released by days, capped"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=histories(), order=st.randoms(use_true_random=False), closes=st.sets(st.integers(1, 8)))
def test_any_order_of_the_same_facts_leaves_the_same_balances(
    migrated_file: Path, plan: str, facts: list[Event], order: random.Random, closes: set[int]
) -> None:
    with World(migrated_file, plan) as at_once, World(migrated_file, plan) as late:
        at_once.today = END
        together = arrive(at_once, *facts)

        late.today = date(2026, 4, 12)
        shuffled = order.sample(facts, len(facts))
        for number, one in enumerate(shuffled):
            if number in closes:  # months are closed in between; what comes after lands later
                close_next(late)
            arrive_one_by_one(late, [one])
        late.today = END
        arrive_one_by_one(late, shuffled)

        if together.refused:
            return
        for desk in (at_once, late):
            desk.settle()
        assert standing(late) == standing(at_once)
        for desk in (at_once, late):
            assert desk.settle() == 0
            assert arrive(desk, *facts).entries == 0
            assert desk.wrong() == []


def close_next(desk: Desk) -> None:
    """Close the next month, three weeks after it ended."""
    with desk.database.reading() as session:
        closed = periods.calendar(session).closed_through
    period = following(closed) if closed else "2026-01"
    if period < "2026-05":
        desk.today = max(desk.today, last_day(period) + timedelta(days=1))
        desk.settle()  # as the clock does every night
        desk.close(period)


# --- each rule of settling, by itself, on both engines


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path / "files").move_in()


def test_a_settled_world_takes_no_entry(desk: Desk) -> None:
    for number in (1, 2):
        desk.deal(f"D-{number}")
        desk.reach("find", {"M1": "1", "M2": "2"}, deal=f"D-{number}")
        desk.fee("fee_received", 1_234_56, f"YH-{number}", deal=f"D-{number}")
    desk.pay()
    before = desk.entries()
    assert desk.settle() == 0
    desk.today = date(2026, 3, 1)
    assert desk.settle() == 0 and desk.entries() == before


def test_a_receipt_sent_twice_is_one_receipt(desk: Desk) -> None:
    desk.deal()
    desk.fee("fee_received", 1_000_00, "YH-1")
    before = desk.entries()
    desk.fee("fee_received", 1_000_00, "YH-1")
    assert desk.entries() == before


def test_what_settling_would_post_is_what_it_posts(desk: Desk) -> None:
    desk.deal()
    logged = desk.reach("find", verify=False)
    with desk.database.reading() as session:
        milestone = milestones.of_deal(session, "D-1")[0]
        deal = session.get_one(deals.Deal, "D-1")
        extra = [milestones.as_fact(session, milestone)]
        drawn = accruals.preview(session, deal, extra, now=desk.now).entries
    desk.do(lambda s: milestones.verify(s, logged, **desk.by("second")))
    assert [as_text(one) for one in drawn] == desk.entries()
