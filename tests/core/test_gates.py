"""A gate: passed, it opens the stages after it; failed, it ends the deal."""

from __future__ import annotations

import pytest

from ledger.core.errors import Invalid
from ledger.core.plan import Clawback, Plan
from ledger.core.target import expected, target
from ledger.core.waits import reasons
from ledger.core.workings import render, sentences, steps
from tests.deals import day, deal, gate_failed, milestone, plan, received, reinstated, stages

END = day("12-31")
ENROL = milestone("01-01", "enrol", A=1)
PROVE = milestone("02-01", "prove", B=1)
LAND = milestone("03-01", "land", A=1)
FEE = received("03-15", 100_000)  # a pool of 40,000


def gated(**changes: object) -> Plan:
    fields: dict[str, object] = {
        "stages": stages({"enrol": 20, "prove": 30, "land": 50}, awards={"enrol": 500}, gates=("prove",)),
        "clawback": {"gate_failed": Clawback("all", keep_awards=True)},
    }
    return plan(**(fields | changes))


def earned(plan: Plan, *facts: object) -> dict[str, int]:
    return {row.stage: row.earned_minor for row in target(plan, deal(*facts), END).rows}  # type: ignore[arg-type]


def test_a_gate_not_passed_keeps_the_stages_after_it_waiting_and_those_before_it_not() -> None:
    result = target(gated(), deal(ENROL, LAND, FEE), END)
    assert {row.stage: row.earned_minor for row in result.rows} == {"enrol": 8_000, "land": 0}
    assert [(one.stage, one.why) for one in result.excluded] == [
        ("prove", "not_verified"),
        ("land", "requires_not_verified"),
    ]
    assert render(reasons(result)["land"], "zh", "CNY") == "land须待prove核实。"


def test_a_gate_passed_opens_the_rest() -> None:
    assert earned(gated(), ENROL, PROVE, LAND, FEE) == {"enrol": 8_000, "prove": 12_000, "land": 20_000}


def test_a_gate_failed_ends_the_deal_and_the_plan_says_what_stays() -> None:
    failed = gate_failed("04-01", "prove")
    late = milestone("04-02", "land", A=1)
    assert earned(gated(), ENROL, FEE, failed, received("04-01", 5), late) == {"enrol": 500, "land": 0}
    keeps_all = gated(clawback={"gate_failed": Clawback("none", keep_awards=False)})
    assert earned(keeps_all, ENROL, FEE, failed, received("04-01", 5)) == {"enrol": 8_000}


def test_a_plan_without_a_word_on_failed_gates_takes_its_default() -> None:
    by_default = gated(clawback={"default": Clawback("all", keep_awards=False)})
    assert earned(by_default, ENROL, FEE, gate_failed("04-01", "prove")) == {"enrol": 0}


def test_a_failed_gate_can_be_tried_again() -> None:
    tried = (ENROL, FEE, gate_failed("04-01", "prove"), reinstated("05-01"))
    assert earned(gated(), *tried, milestone("06-01", "prove", B=1)) == {"enrol": 8_000, "prove": 12_000}


def test_nothing_is_expected_of_a_deal_whose_gate_failed() -> None:
    facts = deal(ENROL, gate_failed("04-01", "prove"), expected_fee_minor=100_000)
    assert set(expected(gated(), facts, END).values()) == {0}


def test_a_stage_that_is_no_gate_cannot_fail() -> None:
    with pytest.raises(Invalid, match="stage “land” of plan p is no gate"):
        target(gated(), deal(gate_failed("04-01", "land")), END)


def test_the_working_names_the_gate() -> None:
    result = target(gated(), deal(ENROL, FEE, gate_failed("04-01", "prove")), END)
    said = sentences(steps(result, "A", "enrol"), "en", "CNY")
    assert (
        "The deal ended on 2026-04-01 (prove failed): what is stated, invoiced or paid from then on"
        " does not count." in said
    )
    assert "The deal was cancelled on 2026-04-01 (prove failed): everything is taken back." in said
    assert "5.00 of 80.00 stays." in said
