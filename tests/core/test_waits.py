"""Why not, as the engine sees it: each reason as data, and in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from ledger.core.facts import Deal, DealFacts, Fact
from ledger.core.plan import Holdback, Plan
from ledger.core.target import target
from ledger.core.waits import of_target
from ledger.core.workings import render
from tests.deals import (
    cancelled,
    day,
    deal,
    fee,
    milestone,
    percent,
    plan,
    pool,
    received,
    stages,
    stated,
)
from tests.histories import days, deals, histories, plans

FIND = milestone("01-01", "find", A=1)
SIGN = milestone("02-01", "sign", A=1, B=1)
FEE = received("03-01", 10_000)

CASES: dict[str, tuple[dict[str, Any], DealFacts, list[tuple[str, str, str, str]]]] = {
    "not verified": (
        {},
        deal(FIND, FEE),
        [
            (
                "not_verified",
                "sign",
                "",
                "sign earns nothing yet: it is not verified.",
            )
        ],
    ),
    "wrong period": (
        {},
        deal(FIND, FEE, milestone("07-02", "sign", A=1), milestone("08-02", "sign", A=1)),
        [
            (
                "wrong_period",
                "sign",
                "",
                "sign was reached on 2026-07-02: it belongs to 2026-07 and does not count by 2026-06-30.",
            )
        ],
    ),
    "nothing received": (
        {"stages": stages({"find": 100})},
        deal(FIND, FEE, fee("03-02", "fee_refunded", 10_000)),
        [
            (
                "no_basis",
                "find",
                "",
                "find waits for the fee: by 2026-06-30 100.00 was received and 100.00 given back.",
            )
        ],
    ),
    "nothing invoiced": (
        {"stages": stages({"find": 100}), "pool": pool(bases=("fee_invoiced", "fee_received"))},
        deal(FIND, FEE),
        [
            (
                "no_basis",
                "find",
                "",
                "find waits for the invoice: by 2026-06-30 0.00 was invoiced and 0.00 taken back.",
            )
        ],
    ),
    "nothing stated": (
        {"stages": stages({"find": 100}), "pool": pool(bases=("stake_value",))},
        deal(FIND, FEE),
        [
            (
                "no_basis",
                "find",
                "",
                "find waits for a figure above zero: Value of the stake is 0.00 by 2026-06-30.",
            )
        ],
    ),
    "requires": (
        {"stages": stages({"find": 50, "sign": 50}, None, {"sign": ("find",)})},
        deal(SIGN, FEE),
        [
            ("not_verified", "find", "", "find earns nothing yet: it is not verified."),
            ("requires_not_verified", "sign", "", "sign waits for find to be verified."),
        ],
    ),
    "cap reached": (
        {"cap_per_deal_minor": 2_500},
        deal(FIND, milestone("02-01", "sign", A=1), FEE),
        [
            (
                "cut_by_cap",
                "sign",
                "",
                "sign is cut by the cap of 25.00 per manager on a deal.",
            )
        ],
    ),
    "cancelled": (
        {},
        deal(FIND, FEE, cancelled("04-01", "other"), milestone("05-01", "sign", A=1)),
        [
            (
                "cancelled",
                "sign",
                "",
                "sign earns nothing more: the deal was cancelled on 2026-04-01 (other).",
            )
        ],
    ),
    "held until a stage": (
        {"holdback": Holdback(percent(10), "sign", None)},
        deal(FIND, FEE),
        [
            ("held", "find", "A", "2.00 of find is held until sign is verified."),
            ("not_verified", "sign", "", "sign earns nothing yet: it is not verified."),
        ],
    ),
    "held until a day": (
        {"holdback": Holdback(percent(10), None, 180), "stages": stages({"sign": 100})},
        deal(SIGN, FEE),
        [
            ("held", "sign", "A", "2.00 of sign is held until 2026-07-31."),
            ("held", "sign", "B", "2.00 of sign is held until 2026-07-31."),
        ],
    ),
    "nothing to wait for": ({}, deal(FIND, SIGN, FEE), []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_earns_nothing_or_is_held_says_what_it_waits_for(case: str) -> None:
    changes, facts, expected = CASES[case]
    found = of_target(target(plan(**changes), facts, day("06-30")), facts.facts)
    assert [(one.why, one.stage, one.manager, render(one.step, "en", "CNY")) for one in found] == expected
    assert all(render(one.step, "zh", "CNY").endswith("。") for one in found)


def test_a_reason_is_data_with_its_numbers_rule_and_source() -> None:
    facts = deal(FIND, FEE, stated("03-01", "net_income", 500))
    (wait,) = of_target(target(plan(stages=stages({"find": 100}), cap_per_deal_minor=7), facts, day("06-30")))
    assert wait.to_data() == {
        "why": "cut_by_cap",
        "stage": "find",
        "manager": "",
        "rule": "why.cut_by_cap",
        "numbers": {"stage_id": "find", "stage_zh": "find", "stage_en": "find", "cap_minor": 7},
        "source": "plan caps.per_manager_per_deal",
    }


@settings(max_examples=100, deadline=None)
@given(plans(), deals, histories, days)
def test_every_stage_that_earns_nothing_and_every_fen_held_says_why(
    any_plan: Plan, about: Deal, facts: list[Fact], as_of: Any
) -> None:
    result = target(any_plan, DealFacts(about, tuple(facts)), as_of)
    found = of_target(result, facts)
    told = {one.stage for one in found if not one.manager}
    assert told == {one.stage for one in result.excluded}
    held = {(row.stage, row.manager): row.held_minor for row in result.rows if row.held_minor}
    assert held == {
        (one.stage, one.manager): one.step.numbers["held_minor"] for one in found if one.why == "held"
    }
    for one in found:
        assert json.loads(json.dumps(one.to_data())) == one.to_data()
        assert all(render(one.step, lang, "CNY") for lang in ("zh", "en"))
