"""Xi'an: use first and pay later; and technology that comes in as a stake."""

from __future__ import annotations

from pathlib import Path

from ledger.core.entry import PAYABLE
from ledger.db import Database
from tests.stories.told import Story

USED = Story(
    "xian",
    """\
format: 1
deal: {id: XA-1, category: license, mode: use_first, expected_fee: "80000.00", tax_rate: "6%"}
managers: [{id: ZJ, name: 周九}, {id: WS, name: 吴十, grade: senior}]
events:
  - {on: 2026-01-12, type: milestone, stage: matching, managers: {ZJ: 1}}
  - {on: 2026-01-30, type: milestone, stage: zero_signing, managers: {ZJ: 1, WS: 1}}
  - {on: 2026-01-30, type: contract, contract_amount: "0.00"}
  - {on: 2026-04-10, type: milestone, stage: in_use, managers: {WS: 1}}
  - {on: 2026-08-03, type: fee_invoiced, amount: "84800.00", ref: FP-1}
  - {on: 2026-08-20, type: fee_received, amount: "84800.00", ref: YH-1}
  - {on: 2026-08-20, type: milestone, stage: fee_paid, managers: {ZJ: 1, WS: 2}}
""",
)

STAKE = Story(
    "xian-stake",
    """\
format: 1
deal: {id: XA-2, category: transfer, mode: stake}
managers: [{id: ZJ, name: 周九}, {id: WS, name: 吴十, grade: senior}]
events:
  - {on: 2026-02-02, type: milestone, stage: matching, managers: {ZJ: 1}}
  - {on: 2026-03-20, type: milestone, stage: valuation, managers: {WS: 1}}
  - {on: 2026-03-20, type: stake_valued, amount: "12000000.00", ref: PG-1}
  - {on: 2026-04-25, type: milestone, stage: stake_agreed, managers: {ZJ: 1, WS: 1}}
  - {on: 2026-05-15, type: stake_valued, amount: "8000000.00", ref: PG-2}
  - {on: 2026-06-30, type: milestone, stage: registered, managers: {ZJ: 1}}
""",
)


def test_signed_at_zero_only_awards_are_earned_while_the_technology_is_tried() -> None:
    # Awards of 300.00 and 500.00, the latter by 100 to 120.
    assert (
        USED.table("2026-04-30")
        == """\
basis 0.00 pool 0.00
matching          ZJ     300.00     30.00    270.00
zero_signing      WS     272.73     27.27    245.46
zero_signing      ZJ     227.27     22.73    204.54
in_use            WS       0.00      0.00      0.00"""
    )


def test_once_the_fee_is_paid_the_commission_follows_and_awards_were_an_advance() -> None:
    # 84,800.00 less 6% VAT inside is 80,000.00; 40% of it 32,000.00 by 20, 20, 25 and 35%.
    # The last stage by 1 x 100% to 2 x 120%, that is 5:12.
    assert (
        USED.table("2026-08-31")
        == """\
basis 80000.00 pool 32000.00
matching          ZJ    6400.00      0.00   6400.00
zero_signing      WS    3490.91      0.00   3490.91
zero_signing      ZJ    2909.09      0.00   2909.09
in_use            WS    8000.00      0.00   8000.00
fee_paid          WS    7905.88      0.00   7905.88
fee_paid          ZJ    3294.12      0.00   3294.12"""
    )


def test_a_valuation_gives_the_commission_its_basis() -> None:
    # 3% of 1,000,000.00, 2% of the next 9,000,000.00 and 1% of 2,000,000.00 are 230,000.00.
    assert (
        STAKE.table("2026-04-30")
        == """\
basis 12000000.00 pool 230000.00
matching          ZJ   46000.00   4600.00  41400.00
valuation         WS   69000.00   6900.00  62100.00
stake_agreed      WS   31363.64   3136.36  28227.28
stake_agreed      ZJ   26136.36   2613.64  23522.72"""
    )


def test_a_lower_valuation_takes_back_from_everybody() -> None:
    # At 8,000,000.00 it is 170,000.00; registered, nothing is held.
    assert (
        STAKE.table("2026-06-30")
        == """\
basis 8000000.00 pool 170000.00
matching          ZJ   34000.00      0.00  34000.00
valuation         WS   51000.00      0.00  51000.00
stake_agreed      WS   23181.82      0.00  23181.82
stake_agreed      ZJ   19318.18      0.00  19318.18
registered        ZJ   42500.00      0.00  42500.00"""
    )


def test_the_books_owe_what_the_plan_says(database: Database, tmp_path: Path) -> None:
    office = USED.booked(database, "2026-08-31")
    assert office.balances(PAYABLE) == {"WS": 1_939_679, "ZJ": 1_260_321}
    assert USED.agrees(office, "2026-08-31", tmp_path)


def test_the_books_follow_the_valuation_down(database: Database, tmp_path: Path) -> None:
    office = STAKE.booked(database, "2026-06-30")
    assert office.balances(PAYABLE) == {"WS": 7_418_182, "ZJ": 9_581_818}
    assert STAKE.agrees(office, "2026-06-30", tmp_path)
