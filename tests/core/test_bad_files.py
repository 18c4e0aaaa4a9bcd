"""Any bytes, and any near miss, as a plan or as facts: read, or refused once, with a line that is there."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.core import file_words
from ledger.core.errors import InvalidFile
from ledger.core.facts_file import FactsFile, read_facts_file, read_lines, read_many
from ledger.core.plan_file import read_plan_file

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
  - {on: 2026-05-06, type: fee_received, amount: "25000.00", tax: "10.00", year: 2}
  - {on: 2026-05-31, type: paid, manager: M1, amount: "-2000.00"}
  - {on: 2026-06-01, type: adjustment, manager: M1, stage: tech_sourcing, amount: "1.00", reason: r}
  - {on: 2026-06-02, type: gate_failed, stage: tech_sourcing}
  - {on: 2026-06-03, type: cancelled, reason: fraud}
  - {on: 2026-06-04, type: reinstated}
"""
TABLE = """\
deal.id,deal.category,on,type,stage,managers,names,amount,ref
D-1,transfer,2026-03-02,milestone,need_discovery,M1:60; M2:40,M1:张三,,
D-1,,2026-05-06,fee_received,,,,25000.00,YH-1
"""
many = settings(max_examples=150, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
# What a hand or a machine puts in the wrong place.
ODD = st.sampled_from(
    [
        *"{}[]:,-#&*!|>'\"%@`\\\t\n\0\r\ufeff\u2028\x85０½𠮷\ud800~?",
        *("null", "<<: *a", "&a ", "!!python/object ", "? ", "---\n", "...\n", "id: a, id: a"),
        *("1e999", "NaN", "-0", "9" * 400, "1/0", "0/0", "2026-02-30", "١٢", "[" * 60, "{a: " * 40),
        *("when: deal.id == deal.id", "when: '((((((((('"),
    ]
)


@st.composite
def broken(draw: st.DrawFn, texts: list[str]) -> str:
    """One of some good files with a few things put in, taken out, doubled or swapped."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        text = text[:at] + draw(st.one_of(ODD, st.just(text[at:end] * 2), st.just(""))) + text[end:]
    return text


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
    try:
        found = read(content, "f", *more)
    except InvalidFile as error:
        refused_well(error, content)
        return
    if not isinstance(found, FactsFile) and hasattr(found, "__next__"):
        for each in found:
            if isinstance(each, InvalidFile):
                refused_well(each, content)


@many
@given(broken(PLANS))
def test_a_plan_with_something_wrong_in_it_is_read_or_refused_with_its_line(text: str) -> None:
    tried(read_plan_file, text)


@many
@given(broken([FACTS]))
def test_facts_with_something_wrong_in_them_are_read_or_refused_with_their_line(text: str) -> None:
    tried(read_facts_file, text, "CNY")
    tried(read_many, text, "CNY")


@many
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    tried(read_plan_file, content)
    tried(read_facts_file, content, "CNY")
    tried(read_many, content, "CNY")


@many
@given(broken([TABLE]))
def test_a_table_with_something_wrong_in_it_is_read_or_refused(text: str) -> None:
    tried(lambda content, _: read_many(content, "f.csv", "CNY"), text)


WORDS = [
    "id",
    "share",
    "rate",
    "from",
    "zh",
    "stage",
    "days",
    "take",
    "default",
    "min_of",
    "brackets",
    "mode",
]
keys = st.text(max_size=6) | st.sampled_from(WORDS)
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
values: Any = st.recursive(
    plain | st.sampled_from(["1.00", "40%", "a", "M1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
KEYS = [
    "format",
    "plan",
    "title",
    "currency",
    "pool",
    "stages",
    "grades",
    "holdback",
    "caps",
    "clawback",
    "when",
]
OF_EVENTS = ["on", "stage", "managers", "amount", "tax", "year", "seq", "ref", "grades"]
EVENTS = [
    "milestone",
    "contract",
    "fee_received",
    "paid",
    "cancelled",
    "adjustment",
    "net_income",
    "stake_valued",
]


@many
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=6))
def test_known_keys_with_values_of_any_shape_are_refused_with_a_line(wrong: dict[str, Any]) -> None:
    plan = {
        "format": "1",
        "plan": "p",
        "currency": "CNY",
        "pool": {"basis": "fee_received", "rate": "40%"},
        "stages": [{"id": "a", "share": "100%"}],
    }
    tried(read_plan_file, json.dumps(plan | wrong))


@many
@given(st.dictionaries(st.sampled_from(OF_EVENTS), values, max_size=5), st.sampled_from(EVENTS))
def test_events_with_values_of_any_shape_are_refused_with_a_line(wrong: dict[str, Any], kind: str) -> None:
    event = {"on": "2026-03-02", "type": kind, "stage": "a", "amount": "1.00"} | wrong
    facts = {"format": "1", "deal": {"id": "D-1"}, "managers": [{"id": "M1"}], "events": [event]}
    text = json.dumps(facts)
    tried(read_facts_file, text, "CNY")
    for each in read_lines([text, text], "f", "CNY"):
        if isinstance(each, InvalidFile):
            assert each.facts["line"] in (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 10_000,
        "{" * 10_000,
        "a: &x [*x, *x]",
        "a: " + "x" * 300_000,
        "- " * 5_000,
        "? " * 5_000,
        "a: '" + "''" * 50_000,
        "stages: [" + "{id: a, share: 1%}," * 5_000 + "]",
        "when: '" + "(" * 5_000 + ")" * 5_000 + "'",
        "pool: {basis: {min_of: [" + "fee_received, " * 5_000 + "]}}",
    ],
)
def test_what_is_made_to_take_long_does_not(text: str) -> None:
    full = f"format: 1\nplan: p\ncurrency: CNY\n{text}\n"
    with pytest.raises(InvalidFile) as caught:
        read_plan_file(full, "f")
    refused_well(caught.value, full)
