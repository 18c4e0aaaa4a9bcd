"""Ageing: what is open is as old as what it is left of."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import accounts, ageing
from ledger.core.entry import RECEIVABLE
from ledger.core.errors import Forbidden, NotFound
from ledger.db import Database
from tests.desk import Desk

ON = date(2026, 11, 25)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


DAYS = st.lists(st.tuples(st.dates(date(2025, 1, 1), ON), st.integers(-500, 1000)), max_size=30)


def _ago(days: int) -> date:
    return ON - timedelta(days=days)


def test_receipts_settle_the_oldest_first() -> None:
    found = ageing.aged("1122", "C", [(_ago(200), 100), (_ago(40), 50), (_ago(10), -120)], ON)
    assert found is not None
    assert found.total_minor == 30 and found.buckets_minor == (0, 30, 0, 0, 0) and found.since == _ago(40)


@pytest.mark.parametrize(("days", "place"), [(0, 0), (30, 0), (31, 1), (90, 2), (180, 3), (181, 4)])
def test_a_day_belongs_to_one_bucket(days: int, place: int) -> None:
    found = ageing.aged("1122", "C", [(_ago(days), 7)], ON)
    assert found is not None and found.buckets_minor[place] == 7


def test_nothing_open_is_no_row() -> None:
    assert ageing.aged("1122", "C", [(_ago(5), 10), (_ago(1), -10)], ON) is None


@given(DAYS)
def test_the_buckets_add_up_to_what_is_open(days: list[tuple[date, int]]) -> None:
    found = ageing.aged("1122", "C", sorted(days), ON)
    total = sum(amount for _, amount in days)
    assert (found is None) == (total <= 0)
    assert found is None or sum(found.buckets_minor) == total


def test_what_clients_owe_by_age_is_the_account(desk: Desk) -> None:
    desk.move_in().deal()
    desk.fee("fee_invoiced", 1_000_00, "FP-1")
    desk.today = date(2026, 3, 20)
    desk.fee("fee_invoiced", 500_00, "FP-2")
    desk.fee("fee_received", 400_00, "YH-1")
    with desk.database.reading() as session:
        finance = desk.people["finance"]
        found = ageing.of(session, "receivable", on=desk.today, by=finance)
        assert ageing.sums(found) == (1_100_00, 500_00, 0, 600_00, 0, 0)
        assert found[0].total_minor == accounts.total_of(session, RECEIVABLE)
        before = ageing.of(session, "receivable", on=date(2026, 1, 31), by=finance)
        assert ageing.sums(before)[0] == 1_000_00
        as_of = accounts.AsOf(date(2026, 1, 31))
        assert accounts.total_of(session, RECEIVABLE, as_of=as_of) == 1_000_00
        with pytest.raises(NotFound):
            ageing.of(session, "hopes", on=desk.today, by=finance)


def test_a_manager_does_not_see_it(desk: Desk) -> None:
    desk.move_in()
    manager = desk.people["finance"].model_copy(update={"role": "manager", "manager_id": "M1"})
    with desk.database.reading() as session, pytest.raises(Forbidden):
        ageing.of(session, "held", on=desk.today, by=manager)
