"""Plan and facts files that nobody would write; each is read and can be worked out, or is refused well.

`tests/core/test_bad_files.py` makes them up with hypothesis; run as a program, this module has a fuzzer
that follows the branches taken (atheris) make them up for as long as it is let:

    python -m tests.fuzzing facts -max_total_time=600        # plan, facts, lines, table

It does the same for what else comes from outside (`tests/outside.py`): layout, answer, backup and more.
"""

from __future__ import annotations

import gc
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from types import FunctionType
from typing import Any

from ledger.core import file_words, lint
from ledger.core.errors import InvalidFile
from ledger.core.facts_file import FactsFile, check_against, read_facts_file, read_lines, read_many
from ledger.core.plan_file import PlanFile, read_plan_file
from ledger.core.target import expected, target
from ledger.core.workings import sentences, steps

CITIES = files("ledger") / "cities"
PLANS = [path.read_text("utf-8") for path in CITIES.iterdir() if path.name.endswith(".yaml")]
FACTS = """\
format: 1
deal: {id: D-1, category: transfer, mode: lump_sum, expected_fee: "50000.00", tax_rate: "6%"}
managers: [{id: M1, name: 张三, grade: senior}, {id: M2, name: 李四}]
events:
  - {on: 2026-03-02, type: milestone, stage: need_discovery, managers: {M1: 1}}
  - {on: 2026-03-09, type: milestone, stage: tech_sourcing, managers: {M1: 60, M2: 1/3}, grades: {M2: junior}}
  - {on: 2026-04-01, type: contract, contract_amount: "1000000.00", transaction_amount: "900000.00"}
  - {on: 2026-04-20, type: fee_invoiced, amount: "50000.00", ref: FP-0001, seq: 3}
  - {on: 2026-05-06, type: fee_received, amount: "25000.00", tax: "10.00"}
  - {on: 2026-05-31, type: paid, manager: M1, amount: "-2000.00"}
  - {on: 2026-06-01, type: adjustment, manager: M1, stage: tech_sourcing, amount: "1.00", reason: r}
  - {on: 2026-06-03, type: cancelled, reason: fraud}
  - {on: 2026-06-04, type: reinstated}
"""
GATED = FACTS.replace(
    "{on: 2026-06-04,", "{on: 2026-06-02, type: gate_failed, stage: tech_sourcing}\n  - {on: 2026-06-04,"
)
TABLE = """\
deal.id,deal.category,on,type,stage,managers,names,amount,ref
D-1,transfer,2026-03-02,milestone,need_discovery,M1:60; M2:40,M1:张三,,
D-1,,2026-05-06,fee_received,,,,25000.00,YH-1
"""
LINE = json.dumps(
    {
        "format": 1,
        "deal": {"id": "D-1", "expected_fee": "5.00"},
        "managers": [{"id": "M1"}],
        "events": [{"on": "2026-05-06", "type": "fee_received", "amount": "25000.00", "seq": 1}],
    }
)
TIANJIN = read_plan_file((CITIES / "tianjin.yaml").read_text("utf-8"), "tianjin.yaml")
A_DAY = date(2026, 12, 31)


def refused_well(error: InvalidFile, content: str | bytes) -> None:
    """One line, in the file, that says what and how to mend it; and its Chinese does not fail."""
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + 1
    line = error.facts["line"]
    assert isinstance(line, int) and 1 <= line <= lines + 1, (line, lines)
    assert error.facts["what"] and error.facts["mend"]
    assert "\n" not in str(error)
    for part in ("what", "mend"):
        assert file_words.said(str(error.facts[part]), "zh")


def tried(read: Any, content: str | bytes, *more: Any) -> None:
    """Read it: whatever was read can be worked out to the last sentence, whatever was not is refused well."""
    try:
        found = read(content, "f", *more)
        if isinstance(found, PlanFile):
            plan_worked_out(found)
        elif isinstance(found, FactsFile):
            facts_worked_out(found)
    except InvalidFile as error:
        refused_well(error, content)
        return
    if hasattr(found, "__next__"):
        for each in found:
            if isinstance(each, InvalidFile):
                refused_well(each, content)


def plan_worked_out(file: PlanFile) -> None:
    """A plan that was read can be checked, and used for a deal that reached every stage and got money."""
    for finding in lint.check(file.plan):
        assert finding.say("zh", file.plan.currency) and finding.say("en", file.plan.currency)
    reached = [
        {"on": "2026-03-02", "type": "milestone", "stage": stage.id, "managers": {"M1": 1, "M2": "1/3"}}
        for stage in file.plan.stages
    ]
    money = [
        {"on": "2026-04-01", "type": "fee_invoiced", "amount": "7000000"},
        {"on": "2026-04-02", "type": "fee_received", "amount": "7000000"},
        {"on": "2026-05-02", "type": "cancelled", "reason": "fraud"},
    ]
    facts = {
        "format": 1,
        "deal": {"id": "D"},
        "managers": [{"id": "M1"}, {"id": "M2"}],
        "events": reached + money,
    }
    facts_worked_out(read_facts_file(json.dumps(facts), "facts", file.plan.currency), file)


def facts_worked_out(file: FactsFile, plan: PlanFile = TIANJIN) -> None:
    """Facts that go with the plan have a target, and every row of it says why; the sums tie."""
    check_against(plan.plan, file)
    result = target(plan.plan, file.facts, A_DAY)
    assert result.allocated_minor + result.reserve_minor == result.pool_minor
    for row in result.rows:
        assert row.payable_minor + row.held_minor == row.earned_minor
        made = steps(result, row.manager, row.stage)
        assert sentences(made, "zh", plan.plan.currency) and sentences(made, "en", plan.plan.currency)
    assert all(minor >= 0 for minor in expected(plan.plan, file.facts, A_DAY).values())


# The fuzzer


def _lines(content: bytes) -> None:
    tried(lambda text, file: read_lines(text.splitlines(), file, "CNY"), content)


READERS: dict[str, tuple[Callable[[bytes], None], list[str]]] = {
    "plan": (lambda content: tried(read_plan_file, content), PLANS),
    "facts": (lambda content: tried(read_facts_file, content, "CNY"), [FACTS, GATED]),
    "lines": (_lines, [LINE]),
    "table": (lambda content: tried(lambda text, _: read_many(text, "f.csv", "CNY"), content), [TABLE]),
}
FOLLOWED = (
    "ledger.bank_sheets",
    "ledger.registers",
    "ledger.sniffing",
    "ledger.authenticity",
    "ledger.backups",
)
TOKEN = re.compile(r"[\w.%/]+|\"[^\"\n]*\"|'[^'\n]*'|\n *|.", re.S)


def shuffled(content: bytes, most: int, seed: int, words: list[str]) -> bytes:
    """A few tokens of a file taken out, doubled, swapped, or put in the place of others."""
    chance = random.Random(seed)
    tokens = TOKEN.findall(content.decode("utf-8", "replace")) or [""]
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(5):
            case 0:
                tokens[at] = ""
            case 1:
                tokens[at] *= 2
            case 2:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                first, last = sorted((at, other))
                tokens[first:first] = tokens[first : min(last, first + 20)]
            case _:
                tokens[at] = chance.choice(words)
    return "".join(tokens).encode("utf-8", "replace")[:most]


def main() -> None:
    """Try one reader for as long as libFuzzer's own options say; what breaks it ends the run."""
    import atheris

    from tests import outside

    kind, *options = sys.argv[1:]
    if kind in READERS:
        one, texts = READERS[kind]
        seeds = [text.encode() for text in texts]
    else:
        one, seeds = (lambda content: outside.tried(kind, content)), outside.READERS[kind][1]
    words = sorted({word for seed in (*PLANS, FACTS, LINE, TABLE) for word in TOKEN.findall(seed)})

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        return atheris.Mutate(content, most) if seed % 4 == 0 else shuffled(content, most, seed, words)

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        for function in [found for found in gc.get_objects() if isinstance(found, FunctionType)]:
            if str(function.__module__).startswith(("ledger.core", *FOLLOWED)):
                atheris.instrument_func(function)
        atheris.Setup(
            [sys.argv[0], "-timeout=10", "-max_len=4000", *options, folder], one, custom_mutator=mutate
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
