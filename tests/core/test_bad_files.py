"""Any bytes, and any near miss, as a plan or as facts: read, or refused once, with a line that is there."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.core.errors import InvalidFile
from ledger.core.facts_file import read_facts_file, read_lines, read_many
from ledger.core.plan_file import read_plan_file
from tests.fuzzing import FACTS, GATED, PLANS, TABLE, refused_well, tried

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


@many
@given(broken(PLANS))
def test_a_plan_with_something_wrong_in_it_is_read_or_refused_with_its_line(text: str) -> None:
    tried(read_plan_file, text)


@many
@given(broken([FACTS, GATED]))
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


# A good file as a tree, with branches taken off, moved, doubled, or put in each other's place.


def tree(text: str) -> Any:
    """A file's content; days and amounts stay the text they were written as."""
    return yaml.load(text, yaml.BaseLoader)


def branches(node: Any) -> list[tuple[Any, Any]]:
    """Every place of a tree: (its list or mapping, its index or key)."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    return [place for key in keys for place in ((node, key), *branches(node[key]))]


@st.composite
def regrown(draw: st.DrawFn, texts: list[str]) -> str:
    """One of some good files whose branches were moved about: its grammar holds, its sense may not."""
    root = tree(draw(st.sampled_from(texts)))
    for _ in range(draw(st.integers(1, 4))):
        places = branches(root)
        if not places:
            break
        (there, at), (other, by) = draw(st.sampled_from(places)), draw(st.sampled_from(places))
        graft = deepcopy(other[by])
        match draw(st.sampled_from(["off", "graft", "beside", "value"])):
            case "off":
                del there[at]
            case "graft":
                there[at] = graft
            case "beside" if isinstance(there, list):
                there.insert(at, graft)
            case "beside":
                there[by if isinstance(by, str) else at] = graft
            case _:
                there[at] = draw(SENSELESS)
    return json.dumps(root, ensure_ascii=False, indent=1)


SENSELESS = st.sampled_from(
    [
        *("0", "-1", "0.00", "0.01", "99999999999.99", "1/3", "2/3", "0%", "100%", "100.01%", "1/999999999"),
        *("1990-01-01", "2100-12-31", "2024-02-29", "2026-13-01", "M1", "M9", "completion", "default", ""),
        *("none", "all", "unpaid", "whole", "marginal", "net_income", "stake_value", "fee_invoiced", None),
        *([], {}, ["need_discovery"], {"M1": "1"}, {"M1": "0"}, {"days": "3650"}, {"stage": "completion"}),
    ]
)


@many
@given(regrown(PLANS))
def test_a_plan_whose_parts_are_moved_is_refused_with_its_line_or_can_be_used(text: str) -> None:
    tried(read_plan_file, text)


@many
@given(regrown([FACTS, GATED]))
def test_facts_whose_parts_are_moved_are_refused_with_their_line_or_worked_out(text: str) -> None:
    tried(read_facts_file, text, "CNY")
    tried(read_many, text, "CNY")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["plan", "facts", "lines", "table"])
def test_a_fuzzer_that_follows_the_branches_finds_nothing(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not made for this system")
    tries = [
        sys.executable,
        "-m",
        "tests.fuzzing",
        kind,
        "-max_total_time=60",
        f"-artifact_prefix={tmp_path}/",
    ]
    ended = subprocess.run(tries, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "DONE" in ended.stderr, ended.stderr[-4000:]


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
