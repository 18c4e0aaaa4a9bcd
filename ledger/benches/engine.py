"""The engine against zen-engine, a decision engine in Rust, on an equal decision table.

The table is given what the engine has to find first: the basis, added up, which stages are verified, and
everyone's weight by grade. It answers with the same rows, manager by manager: earned and held, which are
checked to be ours to within a fen. It splits nothing exactly, caps nobody and explains nothing: there it has
less to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib.resources import files
from time import process_time
from typing import Any

from ledger.benches import Result, a_second
from ledger.core.facts import DealFacts, Fee
from ledger.core.facts_file import read_facts
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan
from ledger.core.target import Target, target
from ledger.core.workings import steps

BAR = 10.0
AS_OF = date(2026, 5, 31)
FACTS = """\
format: 1
deal: {id: D-1, category: transfer, mode: lump_sum, expected_fee: "50000.00"}
managers: [{id: M1, grade: senior}, {id: M2}]
events:
  - {on: 2026-03-02, type: milestone, stage: need_discovery, managers: {M1: 1}}
  - {on: 2026-03-09, type: milestone, stage: tech_sourcing, managers: {M1: 60, M2: 40}}
  - {on: 2026-04-01, type: contract, contract_amount: "1000000.00", transaction_amount: "900000.00"}
  - {on: 2026-04-20, type: fee_invoiced, amount: "50000.00", ref: FP-0001}
  - {on: 2026-05-06, type: fee_received, amount: "25000.00"}
  - {on: 2026-05-07, type: fee_refunded, amount: "1000.00"}
  - {on: 2026-05-31, type: paid, manager: M1, amount: "2000.00"}
"""


def run() -> Sequence[Result]:
    """Whole deals a second against the table's; explained ones too; and long deals against short ones."""
    plan = read_plan((files("ledger") / "cities" / "tianjin.yaml").read_bytes(), "tianjin.yaml")
    facts = read_facts(FACTS, "facts", plan.currency)
    decide, missing = _zen(plan, facts)
    short, long = _grown(facts, 100), _grown(facts, 1000)
    measured = a_second(
        lambda: target(plan, facts, AS_OF),
        lambda: _read_out(plan, facts),
        lambda: target(plan, short, AS_OF),
        lambda: target(plan, long, AS_OF),
        *([decide] if decide else []),
        clock=process_time,  # all of them only compute
    )
    anchor = measured[4] if decide else None
    return (
        Result("whole-deal target with workings", measured[0], anchor, BAR, missing),
        Result("the same, every step of every row read out", measured[1], anchor, 1, missing),
        Result(
            "facts a second, a deal of 1,000 against one of 100", 1000 * measured[3], 100 * measured[2], 0.8
        ),
    )


def _read_out(plan: Plan, facts: DealFacts) -> None:
    result = target(plan, facts, AS_OF)
    for row in result.rows:
        steps(result, row.manager, row.stage)


def _grown(facts: DealFacts, count: int) -> DealFacts:
    """The same deal with as many receipts more as make `count` facts."""
    more = [
        Fee(AS_OF - timedelta(days=number % 20), "fee_received", 100 + number, 6)
        for number in range(count - len(facts.facts))
    ]
    return replace(facts, facts=(*facts.facts, *more))


# zen-engine


def _zen(plan: Plan, facts: DealFacts) -> tuple[Callable[[], object] | None, str]:
    """A call that lets zen-engine decide the deal, or why there is none."""
    try:
        import zen
    except ImportError:
        return None, "zen-engine is not installed; pip install 'yongjin[bench]'"
    result = target(plan, facts, AS_OF)
    managers = sorted(facts.managers)
    decision = zen.ZenEngine().create_decision(json.dumps(_table(plan, managers)))
    given = _given(result, managers)
    decided: Any = decision.evaluate(given)["result"]
    _check_equal(result, decided)
    return lambda: decision.evaluate(given), ""


def _given(result: Target, managers: Sequence[str]) -> dict[str, Any]:
    """The basis, and of every stage whether it is verified and what each manager weighs in it."""
    made = result.workings
    given: dict[str, Any] = {"basis": result.basis_minor, "as_of": str(AS_OF)}
    for stage, reached in zip(made.rules.ids, made.reached, strict=True):
        weights = dict.fromkeys(managers, 0)
        if reached:
            people = [one.manager for one in reached.milestone.participants]
            weights |= zip(people, reached.weights, strict=True)
        given[stage] = {"all": sum(weights.values()), **weights}
    return given


def _check_equal(result: Target, decided: Sequence[dict[str, Any]]) -> None:
    """The table's rows are the engine's: the same managers and stages, earned and held within a fen."""
    ours = {(row.stage, row.manager): (row.earned_minor, row.held_minor) for row in result.rows}
    theirs = {(row["stage"], row["manager"]): (row["earned"], row["held"]) for row in decided}
    if ours.keys() != theirs.keys() or any(
        abs(one - other) > 1 for key in ours for one, other in zip(ours[key], theirs[key], strict=True)
    ):
        raise AssertionError(f"the decision table is not equal: {decided}")


def _table(plan: Plan, managers: Sequence[str]) -> dict[str, Any]:
    """The plan as a decision table: a row a stage and manager, every row that matches collected."""
    rate, held = plan.pool.brackets[0].rate, plan.holdback.rate if plan.holdback else 0
    pool = f"min([{plan.pool.cap_minor}, max([{plan.pool.floor_minor}, basis * {float(rate)}])])"
    fields = {f"{stage.id}_{who}": f"{stage.id}.{who}" for stage in plan.stages for who in managers}
    inputs = [{"id": name, "name": name, "field": field} for name, field in fields.items()]
    outputs = [{"id": name, "name": name, "field": name} for name in ("stage", "manager", "earned", "held")]
    rules = []
    for stage in plan.stages:
        for who in managers:
            part = f"max([{stage.award_minor}, {pool} * {float(stage.share)}])"
            earned = f"{part} * {stage.id}.{who} / {stage.id}.all"
            rule = {"_id": f"{stage.id}_{who}"} | dict.fromkeys(fields, "")
            rule |= {
                f"{stage.id}_{who}": "> 0",
                "stage": f'"{stage.id}"',
                "manager": f'"{who}"',
                "earned": earned,
                "held": f"{earned} * {float(held)}",
            }
            rules.append(rule)
    content = {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rules}
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in"},
            {"id": "table", "type": "decisionTableNode", "name": "table", "content": content},
            {"id": "out", "type": "outputNode", "name": "out"},
        ],
        "edges": [
            {"id": "1", "sourceId": "in", "targetId": "table", "type": "edge"},
            {"id": "2", "sourceId": "table", "targetId": "out", "type": "edge"},
        ],
    }
