"""Tianjin: a platform and professional managers; each step from a need to a finished transfer is paid."""

from __future__ import annotations

from pathlib import Path

from ledger.db import Database
from tests.stories.told import Story

TIANJIN = Story(
    "tianjin",
    """\
format: 1
deal: {id: TJ-1, category: transfer, mode: instalments, expected_fee: "53000.00", tax_rate: "6%",
       client: 优眼科技, source: 天津大学, opened_on: 2026-03-02}
managers: [{id: ZS, name: 张三, grade: senior}, {id: LS, name: 李四}]
events:
  - {on: 2026-03-02, type: milestone, stage: need_discovery, managers: {ZS: 1}}
  - {on: 2026-03-09, type: milestone, stage: tech_sourcing, managers: {ZS: 60, LS: 40}}
  - {on: 2026-04-01, type: milestone, stage: contract_signing, managers: {ZS: 1, LS: 1}}
  - {on: 2026-04-01, type: contract, contract_amount: "1000000.00", transaction_amount: "900000.00"}
  - {on: 2026-04-20, type: fee_invoiced, amount: "53000.00", ref: FP-1}
  - {on: 2026-05-06, type: fee_received, amount: "26500.00", ref: YH-1}
  - {on: 2026-06-10, type: fee_received, amount: "26500.00", ref: YH-2}
  - {on: 2026-06-15, type: milestone, stage: completion, managers: {LS: 1}}
""",
)


def test_the_need_earns_its_award_before_there_is_any_money() -> None:
    # The award of 500.00 at once, a tenth of it held until the conversion completes.
    assert (
        TIANJIN.table("2026-03-31")
        == """\
basis 0.00 pool 0.00
need_discovery    ZS     500.00     50.00    450.00
tech_sourcing     LS       0.00      0.00      0.00
tech_sourcing     ZS       0.00      0.00      0.00"""
    )


def test_half_the_fee_received_earns_half_of_every_verified_stage() -> None:
    # 26,500.00 less 6% VAT inside is 25,000.00; 40% of it 10,000.00; parts 15, 30, 30 and 25%.
    # Sourcing 3,000.00 by 60 x 120% to 40 x 100%, that is 9:5; signing 3,000.00 by 6:5.
    assert (
        TIANJIN.table("2026-05-31")
        == """\
basis 25000.00 pool 10000.00
need_discovery    ZS    1500.00    150.00   1350.00
tech_sourcing     LS    1071.43    107.14    964.29
tech_sourcing     ZS    1928.57    192.86   1735.71
contract_signing  LS    1363.64    136.36   1227.28
contract_signing  ZS    1636.36    163.64   1472.72"""
    )


def test_completion_pays_the_last_part_and_releases_what_was_held() -> None:
    # The whole 20,000.00 is earned: 10,129.87 by 张三 and 9,870.13 by 李四.
    assert (
        TIANJIN.table("2026-06-30")
        == """\
basis 50000.00 pool 20000.00
need_discovery    ZS    3000.00      0.00   3000.00
tech_sourcing     LS    2142.86      0.00   2142.86
tech_sourcing     ZS    3857.14      0.00   3857.14
contract_signing  LS    2727.27      0.00   2727.27
contract_signing  ZS    3272.73      0.00   3272.73
completion        LS    5000.00      0.00   5000.00"""
    )


def test_the_books_follow_each_step(database: Database, tmp_path: Path) -> None:
    office = TIANJIN.booked(database, "2026-06-30")
    assert office.journal("expectation", "accrual", deal_id="TJ-1").startswith(
        """\
2026-03-31 accrual TJ-1#1
  6401 commission_cost                       500.00 CNY
  2202.01 payable:ZS                        -450.00 CNY
  2202.02 held:ZS                            -50.00 CNY
"""
    )
    assert TIANJIN.agrees(office, "2026-06-30", tmp_path)
