"""Reading facts files: the contract's example, each rule's one error, many deals, and the way back."""

# ruff: noqa: E501 - the tables of wrong files are read a line each

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.errors import InvalidFile
from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    DealFacts,
    Fact,
    Fee,
    FeeKind,
    GateFailed,
    Manager,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Participant,
    Reinstated,
    Stated,
    Statement,
)
from ledger.core.facts_file import (
    FactsFile,
    check_against,
    read_facts,
    read_facts_file,
    read_lines,
    read_many,
)
from ledger.core.facts_writer import write_facts
from ledger.core.plan_file import read_plan

FACTS = """\
format: 1
deal: {id: D-1, category: transfer, mode: lump_sum, expected_fee: "50000.00"}
managers: [{id: M1, name: 张三, grade: senior}, {id: M2, name: 李四}]
events:
  - {on: 2026-03-02, type: milestone, stage: need_discovery, managers: {M1: 1}}
  - {on: 2026-03-09, type: milestone, stage: tech_sourcing, managers: {M1: 60, M2: 40}}
  - {on: 2026-04-01, type: contract, contract_amount: "1000000.00", transaction_amount: "900000.00"}
  - {on: 2026-04-20, type: fee_invoiced, amount: "50000.00", ref: FP-0001}
  - {on: 2026-05-06, type: fee_received, amount: "25000.00"}
  - {on: 2026-05-07, type: fee_refunded, amount: "1000.00"}
  - {on: 2026-05-31, type: paid, manager: M1, amount: "2000.00"}
"""

PLAN = """\
format: 1
plan: p
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: need_discovery, share: 50%}, {id: tech_sourcing, share: 50%}]
grades: {junior: 80%, senior: 120%}
"""


def with_events(*events: str, deal: str = "") -> str:
    """A small facts file: the events begin on line 4."""
    lines = "".join(f"  - {{{event}}}\n" for event in events)
    return f"format: 1\ndeal: {{id: D-1{deal}}}\nmanagers: [{{id: M1, grade: senior}}, {{id: M2}}]\nevents:\n{lines}"


def facts_of(*events: str, deal: str = "") -> tuple[Fact, ...]:
    return read_facts(with_events(*events, deal=deal), "f.yaml", "CNY").facts


def error(text: str | bytes) -> str:
    with pytest.raises(InvalidFile) as caught:
        read_facts(text, "f.yaml", "CNY")
    assert "\n" not in str(caught.value) and "; " in str(caught.value)
    return str(caught.value)


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_contract_s_example_reads_as_it_says() -> None:
    read = read_facts(FACTS, "f.yaml", "CNY")
    assert read.deal == Deal("D-1", "transfer", "lump_sum", 5_000_000)
    assert read.managers == {"M1": Manager("M1", "张三", "senior"), "M2": Manager("M2", "李四")}
    first, second = Participant("M1", Fraction(60), "senior"), Participant("M2", Fraction(40))
    assert read.facts == (
        Milestone(day("2026-03-02"), "need_discovery", (Participant("M1", Fraction(1), "senior"),)),
        Milestone(day("2026-03-09"), "tech_sourcing", (first, second)),
        Stated(day("2026-04-01"), "contract_amount", 100_000_000),
        Stated(day("2026-04-01"), "transaction_amount", 90_000_000),
        Fee(day("2026-04-20"), "fee_invoiced", 5_000_000),
        Fee(day("2026-05-06"), "fee_received", 2_500_000),
        Fee(day("2026-05-07"), "fee_refunded", 100_000),
        Paid(day("2026-05-31"), "M1", 200_000),
    )


def test_each_fact_s_line_type_and_ref_are_kept_beside_it() -> None:
    file = read_facts_file(FACTS, "f.yaml", "CNY")
    assert [origin.line for origin in file.origins] == [5, 6, 7, 7, 8, 9, 10, 11]
    assert file.origins[3] == (7, "contract", None)
    assert file.origins[4] == (8, "fee_invoiced", "FP-0001")
    assert (file.line, dict(file.manager_lines)) == (2, {"M1": 3, "M2": 3})


def test_the_rarer_types_of_event() -> None:
    on = "on: 2026-06-01"
    assert facts_of(
        f"{on}, type: net_income, amount: 0, seq: 3",
        f"{on}, type: stake_valued, amount: 9.5",
        f"{on}, type: milestone_withdrawn, stage: a",
        f"{on}, type: cancelled, reason: no_fault",
        f"{on}, type: gate_failed, stage: a, seq: 2",
        f"{on}, type: reinstated",
        f"{on}, type: fee_received, amount: 1, year: 2",
        f"{on}, type: adjustment, manager: M2, stage: a, amount: -1.50, reason: agreed by both",
        f"{on}, type: paid, manager: M2, amount: -2",
    ) == (
        Stated(day("2026-06-01"), "net_income", 0, seq=3),
        Stated(day("2026-06-01"), "stake_value", 950),
        MilestoneWithdrawn(day("2026-06-01"), "a"),
        Cancelled(day("2026-06-01"), "no_fault"),
        GateFailed(day("2026-06-01"), "a", 2),
        Reinstated(day("2026-06-01")),
        Fee(day("2026-06-01"), "fee_received", 100, 0, 2),
        Adjustment(day("2026-06-01"), "M2", "a", -150, "agreed by both"),
        Paid(day("2026-06-01"), "M2", -200),
    )


@pytest.mark.parametrize(
    ("deal", "fee", "tax_minor"),
    [
        ("", "", 0),
        ("", ", tax: 5.66", 566),
        ("", ", tax_rate: 6%", 566),  # 100.00 x 6/106
        (", tax_rate: 6%", "", 566),
        (", tax_rate: 6%", ", tax_rate: 1%", 99),  # 100.00 x 1/101
        (", tax_rate: 6%", ", tax: 0", 0),
        (", tax_rate: 0%", "", 0),
    ],
)
def test_the_tax_is_the_fact_s_own_or_by_its_rate_or_by_the_deal_s(
    deal: str, fee: str, tax_minor: int
) -> None:
    event = f"on: 2026-06-01, type: fee_credited, amount: 100{fee}"
    assert facts_of(event, deal=deal) == (Fee(day("2026-06-01"), "fee_credited", 10_000, tax_minor),)


def test_a_tax_by_rate_is_rounded_half_away_from_zero() -> None:
    [fee] = facts_of("on: 2026-06-01, type: fee_received, amount: 0.03, tax_rate: 100%")
    assert fee == Fee(day("2026-06-01"), "fee_received", 3, 2)


def test_ids_stay_as_written_and_participants_are_in_order_of_code_points() -> None:
    text = """
format: 1
deal: {id: 01}
managers: [{id: NO}, {id: 01}, {id: 1e3}, {id: 张三}, {id: on}]
events: [{on: 2026-01-01, type: milestone, stage: a, managers: {张三: 1, on: 0, NO: 0.25, 1e3: 1/3, 01: 7}}]
"""
    read = read_facts(text, "f", "CNY")
    assert (read.deal.id, list(read.managers)) == ("01", ["NO", "01", "1e3", "张三", "on"])
    assert isinstance(read.facts[0], Milestone)
    assert [(who.manager, who.weight) for who in read.facts[0].participants] == [
        ("01", 7),
        ("1e3", Fraction(1, 3)),
        ("NO", Fraction(1, 4)),
        ("on", 0),
        ("张三", 1),
    ]


def test_a_milestone_may_give_the_grade_somebody_had_on_its_day() -> None:
    [milestone] = facts_of(
        "on: 2026-01-01, type: milestone, stage: a, managers: {M1: 1, M2: 1}, grades: {M1: , M2: junior}"
    )
    assert isinstance(milestone, Milestone)
    assert [who.grade for who in milestone.participants] == [None, "junior"]


def test_an_equal_ref_is_one_fact_and_without_one_every_item_counts() -> None:
    fee = "on: 2026-05-06, type: fee_received, amount: 5"
    assert len(facts_of(fee, fee)) == 2
    assert len(facts_of(f"{fee}, ref: B-1", f"{fee}.00, ref: B-1", f"{fee}, ref: B-2")) == 2
    contract = "on: 2026-05-06, type: contract, ref: C, contract_amount: 5, transaction_amount: 4"
    assert len(facts_of(contract, contract)) == 2


def test_statements_of_one_order_may_repeat_what_was_said_or_say_it_by_seq() -> None:
    stated = "on: 2026-05-06, type: contract, contract_amount"
    assert len(facts_of(f"{stated}: 5", f"{stated}: 5.00", f"{stated}: 6, seq: 1")) == 3
    assert len(facts_of(f"{stated}: 5", "on: 2026-05-06, type: contract, transaction_amount: 6")) == 2


ON = "on: 2026-05-06"
WRONG_EVENTS: list[tuple[str, str]] = [
    # an event on line 5, the error
    ("type: paid", "“on” is missing here; add “on: …”"),
    ("on: 2026-05-06", "“type” is missing here; add “type: …”"),
    (f"{ON}, type: payed", "“type” cannot be “payed”; use one of: milestone, milestone_withdrawn, contract"),
    (f"{ON}, type: reinstated, reason: x", "there is no key “reason” here; use one of: on, type, seq, ref"),
    ("on: 2026-02-30, type: reinstated", "“on” is no day: “2026-02-30”; write one from 1990 to 2100 as 2026-05-06"),
    ("on: 2026-5-6, type: reinstated", "“on” is no day: “2026-5-6”; write"),
    ("on: 20260506, type: reinstated", "“on” is no day: “20260506”; write"),
    ("on: 1989-12-31, type: reinstated", "“on” is no day: “1989-12-31”; write"),
    ("on: 2101-01-01, type: reinstated", "“on” is no day: “2101-01-01”; write"),
    ("on: ２026-01-01, type: reinstated", "“on” is no day: “２026-01-01”; write"),
    (f"{ON}, type: reinstated, seq: -1", "“seq” cannot be “-1”; write a whole number from 0 to 999999999"),
    (f"{ON}, type: reinstated, seq: 1.0", "“seq” cannot be “1.0”; write a whole number"),
    (f"{ON}, type: contract, contract_amount: -0.01", "“contract_amount” is below zero: -0.01; write an amount of zero"),
    (f"{ON}, type: contract", "the contract states no amount; add “contract_amount: …”"),
    (f"{ON}, type: net_income, amount: 1e400", "“amount”: “1e400” is not an amount; write plain digits"),
    (f"{ON}, type: fee_received, amount: 0", "“amount” is not above zero: 0; write an amount above zero"),
    (f"{ON}, type: fee_received, amount: -5", "“amount” is not above zero: -5; write an amount above zero"),
    (f"{ON}, type: fee_received, amount: NaN", "“amount”: “NaN” is not an amount; write plain digits"),
    (f"{ON}, type: fee_received, amount: 0.12345678901", "“amount”: “0.12345678901” is not an amount"),
    (f"{ON}, type: fee_received, amount: 0.125", "“amount”: 0.125 has more than the 2 decimals of CNY; round it first"),
    (f"{ON}, type: fee_received, amount: '1,000'", "“amount”: “1,000” is not an amount; write plain digits"),
    (f"{ON}, type: fee_received, amount: 5, tax: 1, tax_rate: 6%", "the fee has both a tax and a tax_rate; keep one"),
    (f"{ON}, type: fee_received, amount: 5, tax: 5.01", "the tax is more than the amount, which includes it; correct"),
    (f"{ON}, type: fee_received, amount: 5, tax: -1", "“tax” is below zero: -1; write"),
    (f"{ON}, type: paid, manager: M3, amount: 5", "there is no manager “M3” among the managers; use one of: M1, M2"),
    (f"{ON}, type: paid, manager: M1, amount: 0", "“amount” is zero; write an amount or leave the event out"),
    (f"{ON}, type: adjustment, manager: M1, stage: a, amount: 0, reason: x", "“amount” is zero; write an amount"),
    (f"{ON}, type: adjustment, manager: M1, stage: a, amount: 5", "“reason” is missing here; add “reason: …”"),
    (f"{ON}, type: cancelled", "“reason” is missing here; add “reason: …”"),
    (f"{ON}, type: milestone, stage: a", "“managers” is missing here; add “managers: …”"),
    (f"{ON}, type: milestone, stage: a b, managers: {{M1: 1}}", "“a b” cannot be an id; use Latin letters"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 0}}", "nobody has a weight above zero; give at least one"),
    (f"{ON}, type: milestone, stage: a, managers: {{}}", "nobody has a weight above zero; give at least one"),
    (f"{ON}, type: milestone, stage: a, managers: [M1]", "“managers” is not a mapping; write it as “key: value” pairs"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 1, M9: 0}}", "there is no manager “M9” among the managers; "),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: -1}}", "the weight “-1” is no number; write one such as"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 1/0}}", "the weight “1/0” is no number; write one such as"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: .inf}}", "the weight “.inf” is no number; write one such as"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 12.345}}", "“12.345” has more than 4 significant digits"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 9000000}}", "“9000000” has more than 4 significant digits or is"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 1, M1: 2}}", "the key “M1” is repeated from line 5; keep one"),
    (f"{ON}, type: milestone, stage: a, managers: {{M1: 1}}, grades: {{M2: x}}", "“M2” has a grade but no part in"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "says"), WRONG_EVENTS, ids=[event for event, _ in WRONG_EVENTS])
def test_each_wrong_event_is_one_error_with_its_line_and_how_to_mend_it(event: str, says: str) -> None:
    assert error(with_events(event)).startswith(f"f.yaml:5: {says}")


WRONG_FILES: list[tuple[str, str, str]] = [
    # what the contract's example says, what it is changed to, the error
    ("format: 1", "format: 1.0", "1: there is no format “1.0”; write “format: 1”"),
    ("format: 1\n", "", "1: “format” is missing here; add “format: …”"),
    ("deal: {", "deals: {", "2: there is no key “deals” here; did you mean “deal”?"),
    ("id: D-1", "id: D 1", "2: “D 1” cannot be an id; use 1 to 64 characters without white space and without “/”"),
    ("id: D-1", "id: D/1", "2: “D/1” cannot be an id; use"),
    ("id: D-1", "id: " + "x" * 65, "2: “" + "x" * 60 + "…” cannot be an id; use"),
    ("id: D-1, ", "", "2: “id” is missing here; add “id: …”"),
    ('"50000.00"}', '"-1"}', "2: “expected_fee” is below zero: -1; write"),
    ("mode: lump_sum", "tax_rate: 106%", "2: “tax_rate” is more than 100%: 106%; write"),
    ("mode: lump_sum", "opened_on: 2026-13-01", "2: “opened_on” is no day: “2026-13-01”; write"),
    ("mode: lump_sum", "kind: x", "2: there is no key “kind” here; use one of: id, category"),
    ("{id: M2, name: 李四}", "{id: M1}", "3: the manager M1 is repeated from line 3; keep one"),
    ("{id: M2, name: 李四}", "M2", "3: “managers” is not a mapping; write it as “key: value” pairs"),
    ("grade: senior", "rank: senior", "3: there is no key “rank” here; use one of: id, name, grade"),
    ("events:\n", "events: {}\nx:\n", "5: there is no key “x” here; use one of: format, deal, managers, events"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG_FILES, ids=[new[:40] for _, new, _ in WRONG_FILES])
def test_each_wrong_file_is_one_error_with_its_line(old: str, new: str, says: str) -> None:
    assert FACTS.count(old) >= 1
    assert error(FACTS.replace(old, new, 1)).startswith(f"f.yaml:{says}")


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (
            "type: fee_received, amount: 5, ref: A",
            "type: fee_received, amount: 6, ref: A",
            "the ref “A” stands for another fact on line 5; give each fact its own ref",
        ),
        (
            "type: fee_received, amount: 5, ref: A",
            "type: fee_invoiced, amount: 5, ref: A",
            "the ref “A” stands for another fact on line 5; give each fact its own ref",
        ),
        (
            "type: contract, contract_amount: 5",
            "type: contract, contract_amount: 6",
            "this contract contradicts line 5 of the same day and seq; give the later one a higher “seq”",
        ),
        (
            "type: net_income, amount: 5, seq: 2",
            "type: net_income, amount: 6, seq: 2",
            "this net_income contradicts line 5 of the same day and seq; give the later one a higher “seq”",
        ),
        (
            "type: milestone, stage: a, managers: {M1: 1}",
            "type: milestone, stage: a, managers: {M1: 1, M2: 1}",
            "this milestone contradicts line 5 of the same day and seq; give the later one a higher “seq”",
        ),
        (
            "type: cancelled, reason: a",
            "type: cancelled, reason: b",
            "this cancelled contradicts line 5 of the same day and seq; give the later one a higher “seq”",
        ),
    ],
)
def test_two_facts_that_contradict_each_other_name_both_lines(first: str, second: str, says: str) -> None:
    assert error(with_events(f"{ON}, {first}", f"{ON}, {second}")) == f"f.yaml:6: {says}"


def test_windows_line_ends_and_a_byte_order_mark_work_and_gbk_is_one_clear_error() -> None:
    windows = b"\xef\xbb\xbf" + FACTS.replace("\n", "\r\n").encode()
    assert read_facts_file(windows, "f", "CNY") == read_facts_file(FACTS, "f", "CNY")
    assert (
        error(FACTS.encode("gbk"))
        == "f.yaml:3: the file is not UTF-8 text (it looks like GBK); save it as UTF-8"
    )


# --- many deals


def outcome(results: list[FactsFile | InvalidFile]) -> list[str]:
    return [str(each) if isinstance(each, InvalidFile) else each.facts.deal.id for each in results]


def test_json_lines_go_on_after_a_refused_line() -> None:
    lines = [
        '{"format": 1, "deal": {"id": "A"}}',
        '{"format": 1, "deal": {"id": "B"}',
        "",
        '{"deal": {"id": "C"}}',
        '{"format": 1, "deal": {"id": "D"}, "events": [{"on": "2026-01-01", "type": "x"}]}',
        '{"format": 1, "deal": {"id": "E"}}\r',
    ]
    text = "\n".join(lines)
    expected = [
        "A",
        "f:2: this is no JSON: Expecting ',' delimiter at column 34; write one whole {…} on the line",
        "f:4: “format” is missing here; add “format: …”",
        "f:5: “type” cannot be “x”; use one of: ",
        "E",
    ]
    for results in (
        read_many(text, "f", "CNY"),
        read_many(text.encode(), "f", "CNY"),
        read_lines(lines, "f", "CNY"),
    ):
        told = outcome(list(results))
        assert [line[: len(start)] for line, start in zip(told, expected, strict=True)] == expected


def test_a_json_line_in_another_encoding_spoils_that_line_only() -> None:
    good = '{"format": 1, "deal": {"id": "张"}}\n'
    told = outcome(list(read_many(good.encode() + good.encode("gbk") + good.encode(), "f.jsonl", "CNY")))
    assert told == [
        "张",
        "f:2: the file is not UTF-8 text (it looks like GBK); save it as UTF-8".replace("f:", "f.jsonl:"),
        "张",
    ]


def test_a_document_of_deals_goes_on_after_a_refused_one() -> None:
    text = "format: 1\ndeals:\n  - deal: {id: A}\n  - deal: {id: B}\n    events: [{on: 2026-02-30, type: reinstated}]\n  - {deal: {id: C}}\n"
    told = outcome(list(read_many(text, "f", "CNY")))
    assert told == ["A", "f:5: “on” is no day: “2026-02-30”; write one from 1990 to 2100 as 2026-05-06", "C"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FACTS, ["D-1"]),
        (json.dumps({"format": 1, "deals": [{"deal": {"id": "A"}}, {"deal": {"id": "B"}}]}), ["A", "B"]),
        (json.dumps({"format": 1, "deals": [{"deal": {"id": "A"}}]}, indent=2), ["A"]),
        (json.dumps({"format": 1, "deal": {"id": "A"}}, indent=2), ["A"]),
        ("deals: []", ["f:1: “format” is missing here; add “format: …”"]),
        ("format: 1\ndeals: {}", ["f:2: “deals” is not a list; write it as [first, second]"]),
        ("a: [", ["f:1: this is no YAML: did not find expected node content; mend the line"]),
        ("", ["f:1: the file is empty; write “format: 1” and the rest"]),
    ],
)
def test_every_form_of_file_is_told_by_its_content(text: str, says: list[str]) -> None:
    told = outcome(list(read_many(text, "f", "CNY")))
    assert told == says


# --- against a plan


def test_facts_that_fit_the_plan_pass() -> None:
    check_against(read_plan(PLAN, "p"), read_facts_file(FACTS, "f", "CNY"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("stage: tech_sourcing", "stage: tech_sorcing", "6: there is no stage “tech_sorcing” in the plan p; did you mean “tech_sourcing”?"),
        ("grade: senior", "grade: seniar", "3: there is no grade “seniar” in the plan p; did you mean “senior”?"),
        ("managers: {M1: 1}", "managers: {M1: 1}, grades: {M1: expert}", "5: there is no grade “expert” in the plan p; use one of: junior, senior"),
        ("type: fee_refunded, amount", "type: adjustment, manager: M1, stage: x, reason: y, amount", "10: there is no stage “x” in the plan p; use one of: "),
        ('type: fee_refunded, amount: "1000.00"', "type: milestone_withdrawn, stage: x", "10: there is no stage “x” in the plan p; use"),
        ('type: fee_refunded, amount: "1000.00"', "type: gate_failed, stage: tech_sourcing", "10: the stage tech_sourcing of the plan p is no gate that could fail; write “type: cancelled”"),
    ],
)  # fmt: skip
def test_facts_that_do_not_fit_the_plan_are_refused_at_their_line(old: str, new: str, says: str) -> None:
    assert FACTS.count(old) == 1
    with pytest.raises(InvalidFile) as caught:
        check_against(read_plan(PLAN, "p"), read_facts_file(FACTS.replace(old, new), "f", "CNY"))
    assert str(caught.value).startswith(f"f:{says}")


def test_a_plan_without_grades_takes_any_grade() -> None:
    plan = read_plan(PLAN.replace("grades:", "# "), "p")
    check_against(plan, read_facts_file(FACTS.replace("senior", "expert"), "f", "CNY"))


def test_facts_in_another_currency_than_the_plan_s_are_refused() -> None:
    with pytest.raises(InvalidFile, match=r"^f:2: the facts are in CNY, the plan in JPY; read them in"):
        check_against(read_plan(PLAN.replace("CNY", "JPY"), "p"), read_facts_file(FACTS, "f", "CNY"))


# --- the way back

IDS = st.sampled_from(["M1", "01", "NO", "张三", "null", "x:y", "#"])
DAYS = st.dates(day("2025-01-01"), day("2026-12-31"))
SEQS = st.integers(0, 2)
STAGES = st.sampled_from(["a", "01", "NO"])
WORDS = st.sampled_from(["x", "null", "张三 李四", "a: b", "'", "true", "~"])
WEIGHTS = st.one_of(
    st.integers(1, 9999).map(Fraction),
    st.sampled_from([Fraction(1, 3), Fraction("0.025"), Fraction(641, 800)]),
)
GRADES = st.sampled_from([None, "senior", "junior"])
STATEMENTS: list[Statement] = ["contract_amount", "transaction_amount", "net_income", "stake_value"]
FEES: list[FeeKind] = ["fee_invoiced", "fee_credited", "fee_received", "fee_refunded"]


@st.composite
def deal_facts(draw: st.DrawFn) -> DealFacts:
    """Any deal that a file can say: facts of one order do not contradict each other."""
    managers = {
        who: Manager(who, draw(WORDS), draw(GRADES)) for who in draw(st.lists(IDS, min_size=1, unique=True))
    }
    somebody = st.sampled_from(sorted(managers))
    participants = (
        st.lists(somebody, min_size=1, unique=True)
        .map(sorted)
        .flatmap(
            lambda ids: st.tuples(*(st.builds(Participant, st.just(who), WEIGHTS, GRADES) for who in ids))
        )
    )
    amounts = st.integers(1, 10**12)
    fees = st.builds(
        lambda on, kind, net, tax, year: Fee(on, kind, net + tax, tax, year),
        DAYS,
        st.sampled_from(FEES),
        amounts,
        st.integers(0, 10**6),
        st.none() | st.integers(1, 9),
    )
    ordered = draw(
        st.lists(
            st.one_of(
                st.builds(Milestone, DAYS, STAGES, participants, SEQS),
                st.builds(Stated, DAYS, st.sampled_from(STATEMENTS), st.integers(0, 10**12), SEQS),
                st.builds(Cancelled, DAYS, st.sampled_from(["x", "no_fault"]), SEQS),
            ),
            max_size=5,
            unique_by=lambda fact: (fact.on, fact.seq),
        )
    )
    others = draw(
        st.lists(
            st.one_of(
                fees,
                st.builds(MilestoneWithdrawn, DAYS, STAGES, SEQS),
                st.builds(GateFailed, DAYS, STAGES, SEQS),
                st.builds(Reinstated, DAYS, SEQS),
                st.builds(Paid, DAYS, somebody, amounts),
                st.builds(Adjustment, DAYS, somebody, STAGES, amounts.map(lambda minor: -minor), WORDS),
            ),
            max_size=5,
        )
    )
    maybe = st.none() | WORDS
    deal = Deal(
        draw(IDS),
        draw(maybe),
        draw(maybe),
        draw(st.none() | st.integers(0, 10**12)),
        draw(st.sampled_from([None, Fraction(6, 100), Fraction(1, 3), Fraction(0)])),
        draw(maybe),
        draw(maybe),
        draw(maybe),
        draw(st.none() | DAYS),
    )
    return DealFacts(deal, tuple(draw(st.permutations([*ordered, *others]))), managers)


@settings(max_examples=80, deadline=None)
@given(deal_facts(), st.sampled_from(["CNY", "JPY", "KWD"]))
def test_written_facts_read_back_the_same(facts: DealFacts, currency: str) -> None:
    text = json.dumps(write_facts(facts, currency))
    assert read_facts(text, "f", currency) == facts
    assert [each.facts for each in read_many(text, "f", currency) if isinstance(each, FactsFile)] == [facts]


def test_a_file_written_back_keeps_its_refs() -> None:
    file = read_facts_file(
        with_events(
            "on: 2026-05-06, type: contract, ref: C, contract_amount: 5, transaction_amount: 4",
            "on: 2026-05-06, type: fee_received, ref: B-1, amount: 5",
            deal=", tax_rate: 6%",
        ),
        "f",
        "CNY",
    )
    written = write_facts(file, "CNY")
    assert written["events"] == [
        {"on": "2026-05-06", "type": "contract", "contract_amount": "5.00", "ref": "C", "transaction_amount": "4.00"},
        {"on": "2026-05-06", "type": "fee_received", "amount": "5.00", "tax": "0.28", "ref": "B-1"},
    ]  # fmt: skip
    again = read_facts_file(json.dumps(written), "f", "CNY")
    assert again.facts == file.facts
    assert [origin.ref for origin in again.origins] == ["C", "C", "B-1"]


def test_whoever_the_facts_name_is_written_among_the_managers() -> None:
    facts = DealFacts(Deal("D"), (Paid(day("2026-01-01"), "M7", 1),))
    assert write_facts(facts, "CNY")["managers"] == [{"id": "M7", "name": "M7"}]


# --- anything at all

TOKENS = [
    "0",
    "-1",
    "1e400",
    "NaN",
    "null",
    "~",
    "[",
    "{}",
    ": ",
    "\n",
    "\n  - ",
    "&a ",
    "*a",
    "!!x ",
    "%",
    "1/0",
    "'",
    '"',
    "2026-02-30",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The good file with a few stretches of it cut out, doubled or overwritten."""
    text = draw(st.sampled_from([FACTS, json.dumps(write_facts(read_facts(FACTS, "f", "CNY"), "CNY"))]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        new = draw(
            st.one_of(st.just(""), st.just(text[start:end] * 2), st.sampled_from(TOKENS), st.text(max_size=5))
        )
        text = text[:start] + new + text[end:]
    return text


@settings(max_examples=100, deadline=None)
@given(mutated())
def test_any_mutation_of_a_good_file_is_facts_or_one_error_with_a_line(text: str) -> None:
    for each in read_many(text, "f", "CNY"):
        if isinstance(each, InvalidFile):
            assert (
                isinstance(each.facts["line"], int)
                and 1 <= each.facts["line"] <= text.count("\n") + text.count("\r") + 2
            )
            assert "\n" not in str(each)
        else:
            assert len(each.origins) == len(each.facts.facts)


@settings(max_examples=50, deadline=None)
@given(st.binary() | st.text(), st.sampled_from(["f", "f.jsonl"]))
def test_any_bytes_give_only_errors_with_a_line(text: str | bytes, name: str) -> None:
    assert all(isinstance(each, InvalidFile) for each in read_many(text, name, "CNY"))
