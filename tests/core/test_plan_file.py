"""Reading a plan file: the contract's example, each rule's one error, and any mutation of a good file."""

# ruff: noqa: E501 - the tables of wrong files are read a line each

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.errors import InvalidFile
from ledger.core.facts import Deal
from ledger.core.plan import NO_CLAWBACK, Bracket, Clawback, Holdback, Plan, Title, Years
from ledger.core.plan_file import read_plan, read_plan_file

PLAN = """\
format: 1
plan: tianjin-platform-manager
title: {zh: 天津“平台+职业经理人”标准方案, en: Tianjin platform and professional manager}
currency: CNY
pool:
  basis: fee_received
  vat: excluded
  rate: "40%"
  floor: "1000.00"
  cap: "500000.00"
stages:
  - {id: need_discovery,   title: {zh: 需求挖掘, en: Need discovery},   share: "15%", award: "500.00", evidence: [need_form]}
  - {id: tech_sourcing,    title: {zh: 技术寻源, en: Tech sourcing},    share: "30%"}
  - {id: contract_signing, title: {zh: 合同签订, en: Contract signing}, share: "30%", requires: [need_discovery]}
  - {id: completion,       title: {zh: 完成转化, en: Completion},       share: "25%"}
grades: {junior: "80%", intermediate: "100%", senior: "120%"}
holdback: {rate: "10%", release: {stage: completion}}
caps: {per_manager_per_deal: "200000.00", per_manager_per_year: "300000.00"}
clawback:
  default: {take: unpaid, keep_awards: true}
  no_fault: {take: none}
  fraud: {take: all}
when: "deal.category in ['transfer', 'license']"
"""

SMALL = """\
format: 1
plan: small
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: all, share: 100%}]
"""


def changed(old: str, new: str) -> Plan:
    assert PLAN.count(old) == 1, old
    return read_plan(PLAN.replace(old, new), "p.yaml")


def test_the_contract_s_example_reads_as_it_says() -> None:
    plan = read_plan(PLAN, "p.yaml")
    assert plan.title == Title("天津“平台+职业经理人”标准方案", "Tianjin platform and professional manager")
    assert (plan.id, plan.currency, plan.when) == (
        "tianjin-platform-manager",
        "CNY",
        "deal.category in ['transfer', 'license']",
    )
    assert plan.pool.bases == ("fee_received",)
    assert (plan.pool.mode, plan.pool.brackets) == ("marginal", (Bracket(0, Fraction(2, 5)),))
    assert (plan.pool.floor_minor, plan.pool.cap_minor, plan.pool.vat_included) == (
        100_000,
        50_000_000,
        False,
    )
    assert [stage.id for stage in plan.stages] == [
        "need_discovery",
        "tech_sourcing",
        "contract_signing",
        "completion",
    ]
    assert [stage.weight for stage in plan.stages] == [3, 6, 6, 5]
    assert [stage.award_minor for stage in plan.stages] == [50_000, 0, 0, 0]
    assert plan.stages[0].evidence == ("need_form",)
    assert plan.stages[2].requires == ("need_discovery",)
    assert plan.grades == {"junior": Fraction(4, 5), "intermediate": 1, "senior": Fraction(6, 5)}
    assert plan.holdback == Holdback(Fraction(1, 10), "completion", None)
    assert (plan.cap_per_deal_minor, plan.cap_per_year_minor) == (20_000_000, 30_000_000)
    assert plan.on_cancel("weather") == Clawback("unpaid", keep_awards=True)
    assert plan.on_cancel("no_fault") == Clawback("none", keep_awards=False)
    assert plan.on_cancel("fraud") == Clawback("all", keep_awards=False)


def test_what_is_left_out_has_its_plainest_meaning() -> None:
    plan = read_plan(SMALL, "p")
    assert plan.title == Title("small", "small")
    assert (plan.pool.vat_included, plan.pool.floor_minor, plan.pool.cap_minor) == (False, None, None)
    assert (dict(plan.grades), plan.holdback, plan.when) == ({}, None, None)
    assert plan.on_cancel("any") == NO_CLAWBACK


def test_a_title_in_one_language_stands_for_both() -> None:
    assert read_plan(SMALL + "title: 小方案", "p").title == Title("小方案", "小方案")
    assert read_plan(SMALL + "title: {en: Small}", "p").title == Title("Small", "Small")


def test_tiers_and_the_least_of_several_figures() -> None:
    plan = changed(
        'rate: "40%"', 'tiers: {mode: whole, brackets: [{from: 0, rate: 5%}, {from: "1000000", rate: 1/3}]}'
    )
    assert plan.pool.mode == "whole"
    assert plan.pool.brackets == (Bracket(0, Fraction(1, 20)), Bracket(100_000_000, Fraction(1, 3)))
    plan = changed("basis: fee_received", "basis: {min_of: [transaction_amount, fee_invoiced, fee_received]}")
    assert plan.pool.bases == ("transaction_amount", "fee_invoiced", "fee_received")


def test_rates_by_year_and_a_gate() -> None:
    plan = changed('rate: "40%"', 'years: {since: contract_signing, rates: ["40%", 1/3]}')
    assert plan.pool.years == Years("contract_signing", (Fraction(2, 5), Fraction(1, 3)))
    assert (plan.pool.mode, plan.pool.brackets) == ("marginal", ())
    plan = changed("id: tech_sourcing,", "id: tech_sourcing, gate: true,")
    assert [stage.gate for stage in plan.stages] == [False, True, False, False]
    assert [plan.requires(stage) for stage in plan.stages[1:]] == [
        (),
        ("need_discovery", "tech_sourcing"),
        ("tech_sourcing",),
    ]


def test_thirds_are_exact_and_a_zero_share_is_allowed() -> None:
    stages = "stages: [{id: a, share: 1/3}, {id: b, share: 2/3}, {id: gate, share: 0%, award: 10}]"
    plan = read_plan(SMALL.replace("stages: [{id: all, share: 100%}]", stages), "p")
    assert [stage.weight for stage in plan.stages] == [1, 2, 0]


def test_json_windows_line_ends_and_a_byte_order_mark_make_no_difference() -> None:
    assert read_plan(b"\xef\xbb\xbf" + PLAN.replace("\n", "\r\n").encode(), "p") == read_plan(PLAN, "p")
    as_json = (
        '{"format": 1, "plan": "small", "currency": "CNY", "pool": {"basis": "fee_received", "rate": "40%"},'
        ' "stages": [{"id": "all", "share": "100%"}], "holdback": null}'
    )
    assert read_plan(as_json, "p") == read_plan(SMALL, "p")


WRONG: list[tuple[str, str, str]] = [
    # what the file says, what it is changed to, the error
    ("format: 1", "format: 2", "1: there is no format “2”; write “format: 1”"),
    ("format: 1", "# none", "2: “format” is missing here; add “format: …”"),
    ("plan: tianjin-platform-manager", "plan: 天津 方案", "2: “天津 方案” cannot be an id; use Latin letters, digits"),
    ("currency: CNY", "currency: RMB", "4: “currency”: “RMB” is no currency kept here; write its ISO 4217 code"),
    ("currency: CNY", "currency: JPY", "9: “floor”: 1000.00 has more than the 0 decimals of JPY; round it first"),
    ("currency: CNY", "curency: CNY", "4: there is no key “curency” here; did you mean “currency”?"),
    ("grades:", "grade:", "16: there is no key “grade” here; did you mean “grades”?"),
    ("  vat: excluded", "  basis: fee_invoiced", "7: the key “basis” is repeated from line 6; keep one of the two"),
    ("vat: excluded", "vat: maybe", "7: “vat” cannot be “maybe”; use one of: excluded, included"),
    ("basis: fee_received", "basis: fee_recieved", "6: “basis” cannot be “fee_recieved”; did you mean “fee_received”?"),
    ("basis: fee_received", "basis: {min_of: []}", "6: “min_of” has 0 items; write 1 to 100"),
    ("basis: fee_received", "basis: {min_of: [net_income, net_income]}", "6: “net_income” is repeated in min_of"),
    ('rate: "40%"', "rate: 140%", "8: “rate” is more than 100%: 140%; write a rate from 0% to 100%"),
    ('rate: "40%"', "rate: NaN", "8: “rate”: “NaN” is not a rate; write a percentage"),
    ('rate: "40%"', "rate: 0.4", '8: “rate”: “0.4” is not a rate; write "40%"'),
    ('rate: "40%"', "rate: -5%", "8: “rate”: “-5%” is not a rate"),
    ('rate: "40%"', "rate: 1/0", "8: “rate”: “1/0” is not a rate"),
    ('rate: "40%"', "rate:", "5: the pool has neither a rate nor tiers; add “rate: 40%”"),
    ('  rate: "40%"', "  rate: 4%\n  tiers: {mode: whole, brackets: [{from: 0, rate: 1%}]}", "9: the pool has both a rate and tiers"),
    ('rate: "40%"', "tiers: {mode: whole, brackets: [{from: 1, rate: 1%}]}", "8: the first bracket is not from 0; write “from: 0”"),
    ('rate: "40%"', "tiers: {mode: whole, brackets: [{from: 0, rate: 1%},\n    {from: 9, rate: 1%},\n    {from: 9, rate: 1%}]}", "10: a bracket does not begin above the one before"),
    ('rate: "40%"', "tiers: {mode: slices, brackets: []}", "8: “mode” cannot be “slices”; use one of: marginal, whole"),
    ('rate: "40%"', "tiers: {mode: whole, brackets: []}", "8: “brackets” has 0 items; write 1 to 100"),
    ('floor: "1000.00"', 'floor: "500000.01"', "9: the floor is above the cap; lower the floor or raise the cap"),
    ('floor: "1000.00"', 'floor: "-1"', "9: “floor” is below zero: -1; write an amount of zero or more"),
    ('floor: "1000.00"', "floor: 1e400", "9: “floor”: “1e400” is not an amount; write plain digits"),
    ('cap: "500000.00"', "cap: .inf", "10: “cap”: “.inf” is not an amount; write plain digits"),
    ('award: "500.00"', "award: -1", "12: “award” is below zero: -1; write an amount of zero or more"),
    ('award: "500.00"', 'award: "0.12345678901"', "12: “award”: “0.12345678901” is not an amount"),
    ('award: "500.00"', 'award: "0.123"', "12: “award”: 0.123 has more than the 2 decimals of CNY; round it first"),
    ('share: "15%"', 'share: "14.99%"', "11: the shares of the stages add up to 99.99%, not 100%; change them"),
    ('share: "25%"', 'share: "25.01%"', "11: the shares of the stages add up to 100.01%, not 100%; change them"),
    ("id: tech_sourcing", "id: completion", "15: “completion” is repeated from line 13; keep one of the two"),
    ("id: tech_sourcing", "id: tech/sourcing", "13: “tech/sourcing” cannot be an id; use Latin letters"),
    ("requires: [need_discovery]", "requires: [need_discovry]", "14: there is no stage “need_discovry” to require; did you mean “need_discovery”?"),
    ("requires: [need_discovery]", "requires: [contract_signing]", "14: stages require each other in a circle: contract_signing → contract_signing; remove one"),
    ("evidence: [need_form]", "requires: [contract_signing]", "12: stages require each other in a circle: "),
    ("evidence: [need_form]", "evidence: need_form", "12: “evidence” is not a list; write it as [first, second]"),
    ('junior: "80%"', "junior: 0%", "16: “junior” is zero; write a percentage above 0%"),
    ('junior: "80%"', "junior: 80.125%", "16: “80.125%” has more than 4 significant digits or is over a million; round it"),
    ("release: {stage: completion}", "release: {stage: done}", "17: there is no stage “done” to release at; use one of: need_discovery"),
    ("release: {stage: completion}", "release: {stage: completion, days: 9}", "17: a release needs either a stage or days; write"),
    ("release: {stage: completion}", "release: {}", "17: a release needs either a stage or days; write"),
    ("release: {stage: completion}", "release: {days: 0}", "17: “days” cannot be “0”; write a whole number from 1 to 3650"),
    ("release: {stage: completion}", "release: {days: 1.5}", "17: “days” cannot be “1.5”; write a whole number from 1 to 3650"),
    ('rate: "40%"', "years: {since: contract_sign, rates: [40%]}", "8: there is no stage “contract_sign” to count years from; did you mean “contract_signing”?"),
    ('rate: "40%"', "years: {since: completion, rates: []}", "8: “rates” has 0 items; write 1 to 100"),
    ('rate: "40%"', "years: {rates: [40%]}", "8: “since” is missing here; add “since: …”"),
    ('  rate: "40%"', "  rate: 4%\n  years: {since: completion, rates: [1%]}", "9: the pool has both a rate and years; keep one"),
    ('  vat: excluded\n  rate: "40%"', "  years: {since: completion, rates: [1%]}\n  tiers: {mode: whole, brackets: [{from: 0, rate: 1%}]}", "7: the pool has both tiers and years; keep one"),
    ('  basis: fee_received\n  vat: excluded\n  rate: "40%"', "  basis: stake_value\n  years: {since: completion, rates: [1%]}", "7: rates by year need fees, which have days, and the basis is stake_value; write"),
    ('share: "15%", award', 'share: "15%", gate: yes, award', "12: “gate” cannot be “yes”; write true or false"),
    ('award: "500.00", evidence: [need_form]', "gate: true, requires: [completion]", "12: stages require each other in a circle: "),
    ("take: all", "take: everything", "22: “take” cannot be “everything”; use one of: none, unpaid, all"),
    ("keep_awards: true", "keep_awards: yes", "20: “keep_awards” cannot be “yes”; write true or false"),
    ("in ['transfer', 'license']", "in ['transfer'", "23: the condition cannot be used: "),
    ("deal.category in", "deal.kind in", "23: the condition cannot be used: there is no deal.kind; a deal has id"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[f"{new[:40]}" for _, new, _ in WRONG])
def test_each_wrong_plan_is_one_error_with_its_line_and_how_to_mend_it(old: str, new: str, says: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        changed(old, new)
    assert str(caught.value).startswith("p.yaml:" + says)
    assert "\n" not in str(caught.value) and "; " in str(caught.value)


def test_three_shares_of_33_33_percent_are_99_99() -> None:
    stages = "stages: [{id: a, share: 33.33%}, {id: b, share: 33.33%}, {id: c, share: 33.33%}]"
    with pytest.raises(InvalidFile, match=r"^p:5: the shares of the stages add up to 99\.99%, not 100%"):
        read_plan(SMALL.replace("stages: [{id: all, share: 100%}]", stages), "p")


def test_a_plan_file_in_gbk_is_one_error_that_says_how_to_mend_it() -> None:
    with pytest.raises(InvalidFile, match=r"^p:3: the file is not UTF-8 text \(it looks like GBK\); save it"):
        read_plan(PLAN.encode("gb18030"), "p")


def test_a_plan_beyond_reason_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidFile, match=r"^p:1: the file is larger than 200,000 characters; divide it$"):
        read_plan(PLAN + "#" * 200_000, "p")


def test_a_deal_that_the_plan_is_not_for_is_refused_at_the_condition_s_line() -> None:
    file = read_plan_file(PLAN, "p.yaml")
    file.admit(Deal("D-1", "transfer"))
    with pytest.raises(InvalidFile, match=r"^p\.yaml:23: the plan is not for deal D-2: .*; use another plan"):
        file.admit(Deal("D-2", "service"))


def test_the_line_of_each_part_is_kept() -> None:
    lines = read_plan_file(PLAN, "p").lines
    assert (lines["pool"], lines["stages.completion"], lines["when"]) == (5, 15, 23)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The good plan with a few stretches of it cut out, doubled or overwritten."""
    text = PLAN
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        new = draw(
            st.one_of(st.just(""), st.just(text[start:end] * 2), st.sampled_from(TOKENS), st.text(max_size=5))
        )
        text = text[:start] + new + text[end:]
    return text


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
]


@settings(max_examples=100, deadline=None)
@given(mutated())
def test_any_mutation_of_a_good_plan_is_a_plan_or_one_error_with_a_line(text: str) -> None:
    try:
        plan = read_plan(text, "p.yaml")
    except InvalidFile as refused:
        assert (
            isinstance(refused.facts["line"], int)
            and 1 <= refused.facts["line"] <= text.count("\n") + text.count("\r") + 2
        )
        assert "\n" not in str(refused)
    else:
        assert sum(stage.share for stage in plan.stages) == 1


@settings(max_examples=50, deadline=None)
@given(st.binary() | st.text())
def test_any_bytes_are_a_plan_or_one_error_with_a_line(text: str | bytes) -> None:
    with pytest.raises(InvalidFile):
        read_plan(text, "p.yaml")
