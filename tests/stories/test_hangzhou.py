"""Hangzhou: a proof of concept at the gate. Passed, it opens the rest; failed, it ends the deal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledger import deals
from ledger.core.entry import PAYABLE
from ledger.core.errors import Conflict, Invalid
from ledger.db import Database
from tests.stories.told import Story

PASSED = Story(
    "hangzhou",
    """\
format: 1
deal: {id: HZ-1, expected_fee: "60000.00"}
managers: [{id: QQ, name: 钱七}, {id: SB, name: 孙八, grade: senior}]
events:
  - {on: 2026-02-02, type: milestone, stage: enrolment, managers: {QQ: 1}}
  - {on: 2026-03-10, type: fee_received, amount: "20000.00", ref: YH-1}
  - {on: 2026-04-15, type: milestone, stage: proof_of_concept, managers: {QQ: 1, SB: 1}}
  - {on: 2026-05-11, type: milestone, stage: financing, managers: {SB: 1}}
  - {on: 2026-06-08, type: fee_received, amount: "40000.00", ref: YH-2}
  - {on: 2026-06-22, type: milestone, stage: landing, managers: {QQ: 1}}
""",
)

FAILED = Story(
    "hangzhou",
    """\
format: 1
deal: {id: HZ-2, expected_fee: "60000.00"}
managers: [{id: QQ, name: 钱七}]
events:
  - {on: 2026-02-02, type: milestone, stage: enrolment, managers: {QQ: 1}}
  - {on: 2026-03-10, type: fee_received, amount: "20000.00", ref: YH-1}
  - {on: 2026-04-15, type: gate_failed, stage: proof_of_concept}
  - {on: 2026-04-20, type: fee_refunded, amount: "20000.00", ref: YH-2}
""",
)


def test_before_the_gate_only_the_award_is_earned() -> None:
    # 7,000.00 are there, but the gate is not passed: the enrolment has its award, no more.
    assert (
        PASSED.table("2026-03-31")
        == """\
basis 20000.00 pool 7000.00
enrolment         QQ     800.00     80.00    720.00"""
    )


def test_passing_the_gate_opens_every_stage() -> None:
    # 15, 25 and 25% of 7,000.00; the proof of concept by 100:120.
    assert (
        PASSED.table("2026-05-31")
        == """\
basis 20000.00 pool 7000.00
enrolment         QQ    1050.00    105.00    945.00
proof_of_concept  QQ     795.45     79.55    715.90
proof_of_concept  SB     954.55     95.46    859.09
financing         SB    1750.00    175.00   1575.00"""
    )


def test_landing_releases_what_was_held() -> None:
    # 35% of 60,000.00 is 21,000.00, all of it earned.
    assert (
        PASSED.table("2026-06-30")
        == """\
basis 60000.00 pool 21000.00
enrolment         QQ    3150.00      0.00   3150.00
proof_of_concept  QQ    2386.36      0.00   2386.36
proof_of_concept  SB    2863.64      0.00   2863.64
financing         SB    5250.00      0.00   5250.00
landing           QQ    7350.00      0.00   7350.00"""
    )


def test_failing_the_gate_ends_the_deal_and_the_award_stays_and_is_held_no_longer() -> None:
    # The fee given back after the end moves nothing: there is nothing left to move.
    assert (
        FAILED.table("2026-04-30")
        == """\
basis 20000.00 pool 7000.00
enrolment         QQ     800.00      0.00    800.00"""
    )


def test_the_books_follow_the_gate(database: Database, tmp_path: Path) -> None:
    office = PASSED.booked(database, "2026-06-30")
    assert office.balances(PAYABLE) == {"QQ": 1_288_636, "SB": 811_364}
    assert PASSED.agrees(office, "2026-06-30", tmp_path)


def test_the_books_of_a_deal_that_failed_keep_the_award(database: Database, tmp_path: Path) -> None:
    office = FAILED.booked(database, "2026-06-30")
    assert (
        office.journal("accrual", "release")
        == """\
2026-02-28 accrual HZ-2#1
  6401 commission_cost                       800.00 CNY
  2202.01 payable:QQ                        -720.00 CNY
  2202.02 held:QQ                            -80.00 CNY
2026-04-30 release HZ-2#3
  2202.02 held:QQ                             80.00 CNY
  2202.01 payable:QQ                         -80.00 CNY"""
    )
    assert FAILED.agrees(office, "2026-06-30", tmp_path)


def test_operations_fail_a_gate_and_only_a_gate(database: Database) -> None:
    office = PASSED.booked(database, "2026-03-31")
    on, now = date(2026, 4, 1), datetime(2026, 4, 2, tzinfo=UTC)
    with database.writing() as session, pytest.raises(Invalid, match="its gates are: proof_of_concept"):
        deals.fail_gate(session, "HZ-1", stage="landing", on=on, by=office.maker, now=now)
    with database.writing() as session:
        deals.fail_gate(session, "HZ-1", stage="proof_of_concept", on=on, by=office.maker, now=now)
        assert deals.is_cancelled(session, "HZ-1")
        with pytest.raises(Conflict, match="deal HZ-1 is cancelled already"):
            deals.fail_gate(session, "HZ-1", stage="proof_of_concept", on=on, by=office.maker, now=now)
    assert office.balances(PAYABLE) == {"QQ": 80_000}
    with database.writing() as session:
        deals.reinstate(session, "HZ-1", on=on, by=office.maker, now=now)
        assert not deals.is_cancelled(session, "HZ-1")
