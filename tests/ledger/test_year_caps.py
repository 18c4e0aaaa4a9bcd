"""The cap on a manager's year, through the books, on both engines."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledger import closing, deals, fees, statements
from ledger.core.entry import PAYABLE
from ledger.db import Database
from ledger.files import Store
from tests.office import Office, opened

NOW = datetime(2026, 6, 30, 2, tzinfo=UTC)
CAPPED = """\
format: 1
plan: capped
currency: CNY
pool: {basis: fee_received, rate: 50%}
stages: [{id: all, share: 100%}]
caps: {per_manager_per_year: "300.00"}
clawback: {default: {take: all}}
"""


def deal(name: str, *events: str) -> str:
    listed = "".join(f"\n      - {{{event}}}" for event in events)
    return (
        f"  - deal: {{id: {name}, opened_on: 2026-01-01}}\n    managers: [{{id: M1}}, {{id: M2}}]\n"
        f"    events:{listed}\n"
    )


def reached(on: str) -> str:
    return f"on: 2026-{on}, type: milestone, stage: all, managers: {{M1: 3, M2: 1}}"


def received(on: str, amount: str) -> str:
    return f"on: 2026-{on}, type: fee_received, amount: '{amount}'"


def world(*deals: str) -> str:
    return "format: 1\ndeals:\n" + "".join(deals)


JANUARY = deal("D-1", reached("01-05"), received("01-09", "400.00"))  # M1 150.00, M2 50.00
MARCH = deal("D-2", reached("03-05"), received("03-09", "600.00"))  # M1 225.00, M2 75.00
APRIL = deal("D-3", reached("04-05"), received("04-09", "80.00"))  # M1 30.00, M2 10.00


@pytest.fixture
def office(database: Database) -> Office:
    made = opened(database)
    made.publish(CAPPED, now=NOW)
    return made


def test_what_a_manager_has_above_the_cap_is_taken_off_by_entries_of_no_deal(
    office: Office, tmp_path: Path
) -> None:
    office.take(world(JANUARY, MARCH, APRIL), "capped", now=NOW)
    assert office.journal("year_cap") == (
        "2026-03-31 year_cap capped/M1/2026/CNY#1\n"
        "  2202.01 payable:M1                          75.00 CNY\n"
        "  6401 commission_cost                       -75.00 CNY\n"
        "2026-04-30 year_cap capped/M1/2026/CNY#2\n"
        "  2202.01 payable:M1                          30.00 CNY\n"
        "  6401 commission_cost                       -30.00 CNY"
    )
    assert office.balances(PAYABLE) == {"M1": 30_000, "M2": 13_500}
    assert office.settle_everything(now=NOW) == 0
    assert office.differences(Store(tmp_path / "files"), now=NOW) == []


def test_any_order_of_arrival_leaves_the_same_relief(office: Office) -> None:
    for number, order in enumerate(itertools.permutations((JANUARY, MARCH, APRIL))):
        plan_id = f"capped{number}"
        office.publish(CAPPED.replace("plan: capped", f"plan: {plan_id}"), now=NOW)
        for one in order:
            own = one.replace("D-", f"D{number}-").replace("M1", f"M1-{number}").replace("M2", f"M2-{number}")
            office.take(world(own), plan_id, now=NOW)
    assert {office.balances(PAYABLE)[f"M1-{number}"] for number in range(6)} == {30_000}
    assert office.settle_everything(now=NOW) == 0


def test_an_action_that_moves_a_manager_s_year_caps_it_in_the_same_breath(office: Office) -> None:
    office.take(world(JANUARY, deal("D-2", reached("03-05"))), "capped", now=NOW)
    assert office.journal("year_cap") == ""
    with office.database.writing() as session:
        fees.record(
            session,
            "fee_received",
            on=date(2026, 3, 9),
            parts={"D-1": 10_000, "D-2": 60_000},
            ref="YH-1",
            by=office.finance,
            now=NOW,
        )
    assert office.balances(PAYABLE) == {"M1": 30_000, "M2": 13_750}
    with office.database.writing() as session:
        deals.cancel(session, "D-1", reason="x", on=date(2026, 5, 1), by=office.maker, now=NOW)
    assert office.balances(PAYABLE) == {"M1": 22_500, "M2": 7_500}
    assert office.settle_everything(now=NOW) == 0


def test_an_adjustment_by_hand_comes_after_the_cap(office: Office) -> None:
    office.take(world(JANUARY, MARCH), "capped", now=NOW)
    with office.database.writing() as session:
        deals.adjust(
            session,
            "D-1",
            manager_id="M1",
            stage="all",
            amount_minor=1_000,
            reason="agreed",
            on=date(2026, 5, 1),
            by=office.maker,
            now=NOW,
        )
    assert office.balances(PAYABLE)["M1"] == 31_000


def test_each_calendar_year_has_its_own_cap(office: Office) -> None:
    later = APRIL.replace("2026-04", "2027-04")
    office.take(world(JANUARY, MARCH, later), "capped", now=datetime(2027, 6, 1, tzinfo=UTC))
    assert office.balances(PAYABLE)["M1"] == 33_000


def test_an_accrual_that_comes_too_late_for_its_year_counts_in_the_next(office: Office) -> None:
    soon = datetime(2027, 1, 8, tzinfo=UTC)
    office.take(world(JANUARY), "capped", now=soon)
    with office.database.writing() as session:
        closing.close(session, "2026-12", by=office.finance, now=soon)
    office.take(world(MARCH), "capped", now=soon)
    assert office.balances(PAYABLE)["M1"] == 37_500
    assert office.journal("year_cap") == ""


def test_a_later_version_s_cap_counts_from_the_first_deal_under_it(office: Office, tmp_path: Path) -> None:
    office.take(world(JANUARY, MARCH), "capped", now=NOW)
    office.publish(CAPPED.replace("300.00", "350.00"), effective_on=date(2026, 4, 1), now=NOW)
    assert office.settle_everything(now=NOW) == 0
    assert office.balances(PAYABLE)["M1"] == 30_000
    office.take(world(APRIL.replace("2026-01-01", "2026-04-01")), "capped", now=NOW)
    assert office.balances(PAYABLE)["M1"] == 35_000
    assert office.differences(Store(tmp_path / "files"), now=NOW) == []


def test_the_statement_shows_the_cap_as_a_line_of_its_own(office: Office) -> None:
    office.take(world(JANUARY, MARCH), "capped", now=NOW)
    with office.database.reading() as session:
        drawn = statements.draw(session, "M1", "2026-03", kind="preliminary", now=NOW)
    assert drawn.bridge.year_cap_minor == -7_500
    told = [(item.row, item.what.en) for item in drawn.further]
    assert told == [("year_cap", "Cap over the year 2026")]
    assert drawn.bridge.closing_minor == 30_000


def test_verify_finds_a_cap_that_was_not_kept(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.year_caps.settle", lambda *given, **more: [])
    office.take(world(JANUARY, MARCH), "capped", now=NOW)
    [found] = office.differences(Store(tmp_path / "files"), now=NOW)
    assert found.startswith("settled: year capped/M1/2026/CNY: is not settled: 2026-03-31 year_cap")
