"""Hefei: the whole chain on the spot, and an award for the first order."""

from __future__ import annotations

from pathlib import Path

from ledger.core.entry import PAYABLE
from ledger.db import Database
from tests.stories.told import Story

HEFEI = Story(
    "hefei",
    """\
format: 1
deal: {id: HF-1, category: development, expected_fee: "1500000.00"}
managers: [{id: WW, name: 王五, grade: intermediate}, {id: ZL, name: 赵六, grade: junior}]
events:
  - {on: 2026-01-08, type: milestone, stage: discovery, managers: {WW: 1}}
  - {on: 2026-01-20, type: milestone, stage: evaluation, managers: {WW: 1, ZL: 1}}
  - {on: 2026-02-10, type: milestone, stage: application, managers: {ZL: 1}}
  - {on: 2026-03-05, type: milestone, stage: transfer, managers: {WW: 1}}
  - {on: 2026-03-16, type: fee_received, amount: "1200000.00", ref: YH-1}
  - {on: 2026-05-20, type: milestone, stage: industrialisation, managers: {WW: 1, ZL: 2}}
  - {on: 2026-06-01, type: fee_refunded, amount: "100000.00", ref: YH-2}
""",
)


def test_the_first_order_earns_its_award_before_the_contract_is_signed() -> None:
    # Nothing is received: only the award of 2,000.00 for the first order.
    assert (
        HEFEI.table("2026-02-28")
        == """\
basis 0.00 pool 0.00
discovery         WW       0.00      0.00      0.00
evaluation        WW       0.00      0.00      0.00
evaluation        ZL       0.00      0.00      0.00
application       ZL    2000.00    200.00   1800.00"""
    )


def test_one_large_fee_earns_by_slices_and_the_cap_on_a_deal_cuts_the_last_stage() -> None:
    # 40% of 1,000,000.00 and 30% of 200,000.00 are 460,000.00.
    # 王五: 69,000.00 + 38,333.33 leave 92,666.67 under the cap of 200,000.00, not the transfer's 138,000.00.
    assert (
        HEFEI.table("2026-03-31")
        == """\
basis 1200000.00 pool 460000.00
discovery         WW   69000.00   6900.00  62100.00
evaluation        WW   38333.33   3833.33  34500.00
evaluation        ZL   30666.67   3066.67  27600.00
transfer          WW   92666.67   9266.67  83400.00
application       ZL  115000.00  11500.00 103500.00"""
    )


def test_a_refund_takes_back_from_every_stage_and_makes_room_under_the_cap() -> None:
    # 1,100,000.00 make 430,000.00. 王五 still has 200,000.00 in all: what the early stages lose, the
    # transfer gains. Ninety days after each milestone nothing of its stage is held.
    assert (
        HEFEI.table("2026-06-30")
        == """\
basis 1100000.00 pool 430000.00
discovery         WW   64500.00      0.00  64500.00
evaluation        WW   35833.33      0.00  35833.33
evaluation        ZL   28666.67      0.00  28666.67
transfer          WW   99666.67      0.00  99666.67
application       ZL  107500.00      0.00 107500.00
industrialisation WW       0.00      0.00      0.00
industrialisation ZL   39692.31   3969.23  35723.08"""
    )


def test_the_books_owe_what_the_plan_says(database: Database, tmp_path: Path) -> None:
    office = HEFEI.booked(database, "2026-06-30")
    assert office.balances(PAYABLE) == {"WW": 20_000_000, "ZL": 17_188_975}
    assert HEFEI.agrees(office, "2026-06-30", tmp_path)
