"""docs/PLANS.md and the four cities' plans are true: what they show is read, and comes out as they say."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from ledger.cli.simulate import Language, simulation
from ledger.core.errors import InvalidFile
from ledger.core.facts_file import (
    EVENT_TYPES,
    FactsFile,
    check_against,
    read_facts,
    read_facts_file,
    read_many,
)
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan, read_plan_file
from ledger.core.target import target

ROOT = Path(__file__).parents[2]
PAPER = (ROOT / "docs" / "PLANS.md").read_text(encoding="utf-8")
CITIES = ROOT / "ledger" / "cities"

PLAN, TIERED, RUNNING, FACTS, DEALS = re.findall(r"^```yaml\n(.*?)^```", PAPER, re.DOTALL | re.MULTILINE)
LINES, RESULT = re.findall(r"^```json\n(.*?)^```", PAPER, re.DOTALL | re.MULTILINE)


def city(name: str) -> Plan:
    return read_plan((CITIES / f"{name}.yaml").read_bytes(), f"{name}.yaml")


def earned(plan: Plan, events: str) -> dict[str, int]:
    """By stage, of a deal on which M1 does everything, at the end of 2026."""
    text = f"format: 1\ndeal: {{id: D-1, category: transfer}}\nmanagers: [{{id: M1}}]\nevents:\n{events}"
    file = read_facts_file(text, "facts", plan.currency)
    check_against(plan, file)
    return {row.stage: row.earned_minor for row in target(plan, file.facts, date(2026, 12, 31)).rows}


def event(on: str, kind: str, rest: str = "") -> str:
    return f"  - {{on: 2026-{on}, type: {kind}{rest}}}\n"


def milestones(*stages: str) -> str:
    return "".join(event("03-01", "milestone", f", stage: {stage}, managers: {{M1: 1}}") for stage in stages)


def test_the_paper_s_example_comes_out_as_it_says() -> None:
    plan, file = read_plan_file(PLAN, "plan.yaml"), read_facts_file(FACTS, "facts.yaml", "CNY")
    plan.admit(file.facts.deal)
    check_against(plan.plan, file)
    result = target(plan.plan, file.facts, date(2026, 5, 31))
    shown = simulation(plan.plan, file.facts, result, Language.en)
    for row in shown["allocations"]:
        assert len(row.pop("because")) == len(row.pop("steps")) > 5
    assert [wait["why"] for wait in shown.pop("waits")] == ["held", "held", "held"] + ["not_verified"] * 2
    assert shown == json.loads(RESULT)


@pytest.mark.parametrize("text", [PLAN, TIERED, RUNNING])
def test_every_plan_the_paper_shows_is_read(text: str) -> None:
    assert read_plan(text, "plan.yaml").stages


@pytest.mark.parametrize("text", [DEALS, LINES])
def test_every_file_of_many_deals_the_paper_shows_is_read(text: str) -> None:
    deals = [each.facts.deal.id for each in read_many(text, "f", "CNY") if isinstance(each, FactsFile)]
    assert deals == ["D-1", "D-2"]


def test_every_type_of_event_is_in_the_paper() -> None:
    section = PAPER.partition("### Types of event")[2].partition("###")[0]
    assert set(re.findall(r"`([a-z_]+)`", section)) >= set(EVENT_TYPES)


@pytest.mark.parametrize("name", ["tianjin", "hefei", "hangzhou", "xian", "xian-stake"])
def test_each_city_s_plan_says_where_it_comes_from_and_that_its_figures_are_ours(name: str) -> None:
    text = (CITIES / f"{name}.yaml").read_text(encoding="utf-8")
    assert city(name).id.startswith(name)
    assert "来源 Source: 株洲日报" in text
    assert "percentages and amounts are our defaults" in text


def test_tianjin_is_the_plan_the_paper_shows() -> None:
    assert city("tianjin") == read_plan(PLAN, "plan.yaml")


def test_hefei_gives_the_first_order_its_award_before_there_is_money() -> None:
    assert earned(city("hefei"), milestones("application")) == {"application": 200_000}


def test_hangzhou_s_gate_opens_the_rest() -> None:
    received = event("04-01", "fee_received", ", amount: 10000")  # a pool of 3500.00
    before = earned(city("hangzhou"), milestones("enrolment", "landing") + received)
    assert before == {"enrolment": 80_000, "landing": 0}
    after = earned(city("hangzhou"), milestones("proof_of_concept", "enrolment", "landing") + received)
    assert after == {"proof_of_concept": 87_500, "enrolment": 80_000, "landing": 122_500}


def test_hangzhou_s_failed_concept_ends_the_deal_and_earlier_awards_stay() -> None:
    failed = event("05-01", "gate_failed", ", stage: proof_of_concept")
    received = event("04-01", "fee_received", ", amount: 100000") + event(
        "06-01", "fee_received", ", amount: 5"
    )
    assert earned(city("hangzhou"), milestones("enrolment") + received + failed) == {"enrolment": 80_000}


def test_xian_signs_at_zero_and_the_commission_follows_the_fee_once_used() -> None:
    signed = milestones("matching", "zero_signing") + event("03-01", "contract", ", contract_amount: 0")
    assert earned(city("xian"), signed) == {"matching": 30_000, "zero_signing": 50_000}
    used = signed + milestones("in_use", "fee_paid") + event("09-01", "fee_received", ", amount: 50000")
    assert earned(city("xian"), used) == {
        "matching": 400_000,
        "zero_signing": 400_000,
        "in_use": 500_000,
        "fee_paid": 700_000,
    }


def test_xian_takes_a_stake_s_valuation_as_the_basis() -> None:
    agreed = milestones("matching", "valuation", "stake_agreed")
    assert earned(city("xian-stake"), agreed) == {"matching": 30_000, "valuation": 50_000, "stake_agreed": 0}
    valued = agreed + event("04-01", "stake_valued", ", amount: 3000000")  # 30,000 + 40,000
    assert earned(city("xian-stake"), valued) == {
        "matching": 1_400_000,
        "valuation": 2_100_000,
        "stake_agreed": 1_750_000,
    }


def test_the_running_share_of_the_paper_falls_from_year_to_year() -> None:
    plan = read_plan(RUNNING, "plan.yaml")
    licensed = milestones("match", "trial", "licence")
    first = event("04-01", "fee_received", ", amount: 10000")
    second = event("04-01", "fee_received", ", amount: 10000, year: 2")
    assert sum(earned(plan, licensed + first).values()) == 400_000
    assert sum(earned(plan, licensed + first + second).values()) == 700_000


@pytest.mark.parametrize(
    ("old", "new", "encoding"),
    [
        ('share: "15%"', 'share: "14.99%"', "utf-8"),
        ("on: 2026-04-01", "on: 2026-02-30", "utf-8"),
        ("type: fee_received,", "type: fee_received, ref: FP-0001,", "utf-8"),
        ("id: D-1, category: transfer", "id: D-2, category: service", "utf-8"),
        ("天津", "天津", "gbk"),
    ],
)
def test_the_errors_the_paper_shows_are_the_ones_made(old: str, new: str, encoding: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        plan = read_plan_file(PLAN.replace(old, new).encode(encoding), "plan.yaml")
        plan.admit(read_facts(FACTS.replace(old, new), "facts.yaml", "CNY").deal)
    assert f"    {caught.value}\n" in PAPER
