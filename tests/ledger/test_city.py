"""The made-up city: exact where it must be exact, plausible elsewhere, the same for the same seed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ledger.city import City, deals, lines, proportional_minor
from ledger.city.life import FEE_CAP_MINOR, FEE_FLOOR_MINOR, fee_minor
from ledger.core.errors import Invalid
from ledger.core.facts_file import FactsFile, check_against, read_lines
from ledger.core.money import parse_minor
from ledger.core.plan_file import read_plan
from ledger.core.target import target

ZHUZHOU_SHA256 = "9d30e1ed97cffd107346da67cd8650ed3d65344dbf9a54071b3eed837261f292"
STAGES = ["need_discovery", "tech_sourcing", "contract_signing", "completion"]
TIANJIN = """
format: 1
plan: tianjin
title: {zh: 天津, en: Tianjin}
currency: CNY
pool: {basis: fee_received, rate: "40%", cap: "500000.00"}
stages:
  - {id: need_discovery, title: {zh: 需求挖掘, en: Need discovery}, share: "15%", award: "500.00"}
  - {id: tech_sourcing, title: {zh: 技术寻源, en: Tech sourcing}, share: "30%"}
  - {id: contract_signing, title: {zh: 合同签订, en: Signing}, share: "30%", requires: [need_discovery]}
  - {id: completion, title: {zh: 完成转化, en: Completion}, share: "25%"}
grades: {junior: "80%", intermediate: "100%", senior: "120%"}
holdback: {rate: "10%", release: {stage: completion}}
caps: {per_manager_per_deal: "200000.00", per_manager_per_year: "300000.00"}
clawback:
  default: {take: unpaid, keep_awards: true}
  no_fault: {take: none}
  fraud: {take: all}
"""
ORDERED = {"contract", "net_income", "milestone", "milestone_withdrawn", "cancelled", "reinstated"}


@cache
def zhuzhou() -> tuple[dict[str, Any], ...]:
    return tuple(deals(City()))


def minor(amount: str) -> int:
    return parse_minor(amount, "CNY")


def of(deal: dict[str, Any], *types: str) -> list[dict[str, Any]]:
    return [event for event in deal["events"] if event["type"] in types]


def amount_in_force(deal: dict[str, Any]) -> int:
    latest = max(of(deal, "contract"), key=lambda event: (event["on"], event.get("seq", 0)))
    return minor(latest["contract_amount"])


def sha256(city: City) -> str:
    digest = hashlib.sha256()
    for line in lines(city):
        digest.update(line.encode())
    return digest.hexdigest()


def test_the_year_has_4467_contracts_of_exactly_39_4_billion_yuan() -> None:
    assert len(zhuzhou()) == 4_467
    assert sum(amount_in_force(deal) for deal in zhuzhou()) == 3_940_000_000_000


@pytest.mark.parametrize(
    ("contracts", "total_minor"), [(1, 123_457), (7, 1_000_003), (447, 394_265_000_000), (50, 10**15 - 1)]
)
def test_any_number_of_contracts_adds_up_to_any_total(contracts: int, total_minor: int) -> None:
    made = [amount_in_force(deal) for deal in deals(City(contracts=contracts, total_minor=total_minor))]
    assert len(made) == contracts
    assert sum(made) == total_minor
    assert min(made) > 0


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    assert sha256(City()) == ZHUZHOU_SHA256


def test_a_setting_changed_alone_changes_the_bytes() -> None:
    small = City(contracts=20, total_minor=proportional_minor(20))
    cities = [
        small,
        replace(small, seed=7),
        replace(small, year=2024),
        replace(small, managers=30),
        replace(small, prefix="XT"),
        replace(small, place="湘潭"),
    ]
    assert len({sha256(city) for city in cities}) == len(cities)


def test_deals_come_one_at_a_time_however_many_there_are() -> None:
    country = City(contracts=945_946, total_minor=614_756_000_000_000, managers=30_000)
    first = list(islice(deals(country), 3))
    assert [deal["deal"]["id"] for deal in first] == ["ZZ-2023-000001", "ZZ-2023-000002", "ZZ-2023-000003"]


def test_the_kinds_are_in_the_shares_known_from_the_field() -> None:
    kinds = Counter(deal["deal"]["category"] for deal in zhuzhou())
    assert kinds["service"] / 4_467 == pytest.approx(0.7562, abs=0.02)
    assert kinds["development"] / 4_467 == pytest.approx(0.2230, abs=0.02)
    assert kinds.keys() == {"service", "development", "transfer", "license", "consulting"}
    assert {deal["deal"]["mode"] for deal in zhuzhou()} == {
        "lump_sum",
        "instalments",
        "running_share",
        "entry_plus_running",
    }


def test_amounts_have_a_heavy_tail() -> None:
    made = sorted(amount_in_force(deal) for deal in zhuzhou())
    assert 0.15 < sum(made[-45:]) / sum(made) < 0.45  # the largest hundredth
    assert 3 < sum(made) / len(made) / made[len(made) // 2] < 7  # mean to median
    assert made[0] >= 1_000_000
    assert any(amount % 100 for amount in made), "some amounts are to the fen"
    assert sum(amount % 10_000 == 0 for amount in made) > len(made) * 0.7, "most are round"


def test_every_month_signs_contracts_and_december_most() -> None:
    months = Counter(of(deal, "contract")[0]["on"][:7] for deal in zhuzhou())
    assert len(months) == 12
    assert months.most_common(1)[0][0] == "2023-12"


def test_the_fee_is_a_falling_share_between_floor_and_cap() -> None:
    amounts = [1_000_000, 5_000_000, 30_000_000, 200_000_000, 900_000_000, 2_000_000_000]
    shares = [fee_minor(amount) / amount for amount in amounts]
    assert shares == sorted(shares, reverse=True)
    assert 0.02 <= shares[-1] <= shares[0] <= 0.10
    assert fee_minor(100) == FEE_FLOOR_MINOR
    assert fee_minor(10**12) == FEE_CAP_MINOR
    assert fee_minor(88_888_888) == 800_000 + 1_600_000 + 777_777
    for deal in zhuzhou():
        first = of(deal, "contract")[0]
        assert minor(deal["deal"]["expected_fee"]) == fee_minor(minor(first["contract_amount"]))
        assert deal["deal"]["tax_rate"] == "6%"


def test_everything_that_can_happen_happens() -> None:
    types = Counter(event["type"] for deal in zhuzhou() for event in deal["events"])
    for rare in ("fee_refunded", "fee_credited", "milestone_withdrawn", "adjustment", "cancelled"):
        assert types[rare] >= 30, rare
    assert types["reinstated"] >= 5 and types["net_income"] >= 5
    reasons = Counter(event["reason"] for deal in zhuzhou() for event in of(deal, "cancelled"))
    assert reasons.keys() == {"no_fault", "fraud", "other"}
    assert sum(len(of(deal, "contract")) > 1 for deal in zhuzhou()) > 100, "amended amounts"
    shared = [event for deal in zhuzhou() for event in of(deal, "milestone") if len(event["managers"]) > 1]
    assert len(shared) > 3_000
    assert any(0 in event["managers"].values() for event in shared)
    unfinished = [
        deal
        for deal in zhuzhou()
        if not of(deal, "cancelled") and not any(e["stage"] == "completion" for e in of(deal, "milestone"))
    ]
    assert len(unfinished) > 500, "deals that run past the year's end"


def test_every_manager_has_work_and_one_name_and_one_grade() -> None:
    known: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for deal in zhuzhou():
        listed = {person["id"] for person in deal["managers"]}
        for person in deal["managers"]:
            known[person["id"]].add((person["name"], person["grade"]))
        for event in of(deal, "milestone"):
            assert set(event["managers"]) <= listed
        assert {event["manager"] for event in of(deal, "adjustment")} <= listed
    assert known.keys() == {f"M{number:03}" for number in range(1, 301)}
    assert all(len(faces) == 1 for faces in known.values())
    assert len({name for ((name, _),) in known.values()}) == 300
    assert {grade for ((_, grade),) in known.values()} == {"junior", "intermediate", "senior"}


def test_every_fact_lies_in_the_year_on_a_working_day() -> None:
    for deal in zhuzhou():
        opened = date.fromisoformat(deal["deal"]["opened_on"])
        assert opened.year == 2023
        for event in deal["events"]:
            on = date.fromisoformat(event["on"])
            assert opened <= on <= date(2023, 12, 29)
            assert on.weekday() < 5
        days = [event["on"] for event in deal["events"]]
        assert days == sorted(days)


def test_the_chain_is_mostly_in_order_and_completion_follows_the_contract() -> None:
    in_order = 0
    for deal in zhuzhou():
        signed = of(deal, "contract")[0]["on"]
        logged: dict[str, str] = {}
        for event in of(deal, "milestone"):
            logged.setdefault(event["stage"], event["on"])
        assert logged.keys() <= set(STAGES)
        assert logged.get("contract_signing", signed) >= signed
        assert logged.get("completion", signed) >= signed
        days = [logged[stage] for stage in STAGES if stage in logged]
        in_order += days == sorted(days)
    assert 0.96 < in_order / len(zhuzhou()) < 1


def test_a_withdrawn_milestone_was_there_and_is_mostly_logged_again_by_others() -> None:
    again = 0
    withdrawn = [(deal, event) for deal in zhuzhou() for event in of(deal, "milestone_withdrawn")]
    for deal, gone in withdrawn:
        stage = [event for event in of(deal, "milestone") if event["stage"] == gone["stage"]]
        where = [deal["events"].index(event) < deal["events"].index(gone) for event in stage]
        assert where[0]
        if not where[-1]:
            again += 1
            assert stage[0]["managers"] != stage[-1]["managers"]
    assert again > len(withdrawn) * 0.7


def running(deal: dict[str, Any]) -> Iterator[Counter[str]]:
    """Sums by type after each day's events."""
    sums: Counter[str] = Counter()
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in of(deal, "fee_invoiced", "fee_credited", "fee_received", "fee_refunded"):
        by_day[event["on"]].append(event)
    for _, events in sorted(by_day.items()):
        for event in events:
            sums[event["type"]] += minor(event["amount"])
        yield sums


def test_never_more_is_refunded_than_received_nor_credited_than_invoiced() -> None:
    for deal in zhuzhou():
        for sums in running(deal):
            assert sums["fee_refunded"] <= sums["fee_received"], deal["deal"]["id"]
            assert sums["fee_credited"] <= sums["fee_invoiced"], deal["deal"]["id"]


def test_money_is_positive_and_starts_no_earlier_than_the_contract() -> None:
    early = 0
    for deal in zhuzhou():
        signed = of(deal, "contract")[0]["on"]
        fees = of(deal, "fee_invoiced", "fee_credited", "fee_received", "fee_refunded")
        assert all(minor(event["amount"]) > 0 and event["on"] >= signed for event in fees)
        assert all(0 < minor(event["tax"]) < minor(event["amount"]) for event in fees if "tax" in event)
        for event in of(deal, "contract"):
            assert 0 < minor(event["transaction_amount"]) <= minor(event["contract_amount"])
        early += any(sums["fee_received"] > sums["fee_invoiced"] for sums in running(deal))
    assert 50 < early < 500, "some receipts come before their invoice, most do not"


def test_no_more_is_received_in_the_end_than_the_contract_s_fee() -> None:
    for deal in zhuzhou():
        received = sum(minor(event["amount"]) for event in of(deal, "fee_received"))
        assert received <= fee_minor(amount_in_force(deal))


def test_after_a_cancellation_nothing_is_achieved_or_invoiced() -> None:
    for deal in zhuzhou():
        if (ends := of(deal, "cancelled")) and not of(deal, "reinstated"):
            later = [event for event in deal["events"] if event["on"] > ends[0]["on"]]
            assert {event["type"] for event in later} <= {"fee_received", "fee_refunded", "fee_credited"}


def test_a_ref_names_one_fact_for_ever() -> None:
    refs = Counter(event["ref"] for deal in zhuzhou() for event in deal["events"])
    assert refs.most_common(1)[0][1] == 1
    assert len({deal["deal"]["id"] for deal in zhuzhou()}) == 4_467


def test_a_seq_orders_what_shares_a_day() -> None:
    for deal in zhuzhou():
        places = [(event["on"], event.get("seq", 0)) for event in deal["events"] if event["type"] in ORDERED]
        assert len(places) == len(set(places)), deal["deal"]["id"]


def test_enterprises_return_with_several_deals_and_never_the_same_name_for_two_trades() -> None:
    clients = Counter(deal["deal"]["client"] for deal in zhuzhou())
    assert 1_000 < len(clients) < 1_600
    assert clients.most_common(1)[0][1] > 4
    assert all(client.startswith("株洲") and client.endswith("公司") for client in clients)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contracts": 0},
        {"contracts": 100, "total_minor": 9_999_999},
        {"managers": 0},
        {"year": 12},
        {"prefix": "zz/.."},
    ],
)
def test_an_impossible_city_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        City(**wrong)
    assert str(refused.value)


@pytest.mark.parametrize("year", [2020, 2022, 2028])
def test_any_year_and_the_smallest_team_make_a_city(year: int) -> None:
    made = list(deals(City(year=year, contracts=60, total_minor=10**9, managers=1)))
    assert {event["on"][:4] for deal in made for event in deal["events"]} == {str(year)}
    assert all(event["managers"].keys() == {"M001"} for deal in made for event in of(deal, "milestone"))


def test_every_line_is_read_and_computed_under_the_tianjin_plan() -> None:
    plan = read_plan(TIANJIN, "tianjin.yaml")
    for city in (City(), City(seed=8, year=2024, contracts=200, total_minor=10**12, managers=9)):
        earned_minor = 0
        made = deals(city)
        for file in read_lines(lines(city), "city.jsonl", "CNY"):
            assert isinstance(file, FactsFile), str(file)
            check_against(plan, file)
            deal = next(made)
            assert file.facts.deal.id == deal["deal"]["id"]
            assert file.facts.deal.client == deal["deal"]["client"]
            computed = target(plan, file.facts, date(city.year, 12, 31))
            assert computed.basis_minor >= 0
            earned_minor += computed.allocated_minor
        assert next(made, None) is None
        assert earned_minor > 10_000 * city.contracts


def test_the_verb_writes_the_file_and_says_its_hash(tmp_path: Path) -> None:
    out = tmp_path / "city.jsonl"
    command = [sys.executable, "-m", "ledger.cli", "city", "--contracts", "25", "--out", str(out), "--json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert said["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert said["total"] == "220510000.00"
    written = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert written == list(deals(City(contracts=25, total_minor=22_051_000_000)))


def test_the_verb_refuses_a_place_it_cannot_write_in_one_line(tmp_path: Path) -> None:
    out = tmp_path / "missing" / "city.jsonl"
    command = [sys.executable, "-m", "ledger.cli", "city", "--contracts", "5", "--out", str(out)]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert said.returncode == 2
    assert said.stderr.startswith(f"{out} cannot be written: ") and said.stderr.count("\n") == 1
