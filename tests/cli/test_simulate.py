"""`yongjin simulate`: the promised shape, and one line for each wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.cli import main

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
  - id: need_discovery
    title: {zh: 需求挖掘, en: Need discovery}
    share: "15%"
    award: "500.00"
    evidence: [need_form]
  - {id: tech_sourcing,    title: {zh: 技术寻源, en: Tech sourcing},    share: "30%"}
  - id: contract_signing
    title: {zh: 合同签订, en: Contract signing}
    share: "30%"
    requires: [need_discovery]
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


class Yongjin:
    """The command, run where the two files are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """(exit code, standard output, standard error) of a simulation."""
        command = ["yongjin", "simulate", "--plan", "plan.yaml", "--facts", "facts.yaml", *arguments]
        self.monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as end:
            main()
        out, err = self.capsys.readouterr()
        return int(end.value.code or 0), out, err

    def json(self, *arguments: str) -> Any:
        code, out, err = self("--json", *arguments)
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def yongjin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Yongjin:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    write(PLAN, FACTS)
    return Yongjin(monkeypatch, capsys)


def write(plan: str = PLAN, facts: str = FACTS) -> None:
    Path("plan.yaml").write_text(plan)
    Path("facts.yaml").write_text(facts)


def test_the_documented_example_prints_the_promised_shape(yongjin: Yongjin) -> None:
    result = yongjin.json()
    assert all(row.pop("because") for row in result["allocations"])
    assert result == {
        "plan": "tianjin-platform-manager",
        "deal": "D-1",
        "as_of": "2026-05-31",
        "currency": "CNY",
        "pool": {"basis": "24000.00", "amount": "9600.00", "allocated": "4320.00", "reserve": "5280.00"},
        "allocations": [
            {
                "manager": "M1",
                "stage": "need_discovery",
                "earned": "1440.00",
                "held": "144.00",
                "payable": "1296.00",
            },
            {
                "manager": "M1",
                "stage": "tech_sourcing",
                "earned": "1851.43",
                "held": "185.14",
                "payable": "1666.29",
            },
            {
                "manager": "M2",
                "stage": "tech_sourcing",
                "earned": "1028.57",
                "held": "102.86",
                "payable": "925.71",
            },
        ],
        "totals": {
            "M1": {"earned": "3291.43", "held": "329.14", "payable": "2962.29"},
            "M2": {"earned": "1028.57", "held": "102.86", "payable": "925.71"},
        },
        "excluded": [
            {"stage": "contract_signing", "why": "not_verified"},
            {"stage": "completion", "why": "not_verified"},
        ],
    }


def test_the_reasons_are_sentences_in_the_language_asked_for(yongjin: Yongjin) -> None:
    assert "Tech sourcing has 30% of the pool: 2880.00." in yongjin.json()["allocations"][1]["because"]
    assert "技术寻源占佣金池30%：2880.00。" in yongjin.json("--lang", "zh")["allocations"][1]["because"]


def test_facts_after_the_day_asked_for_are_ignored(yongjin: Yongjin) -> None:
    result = yongjin.json("--as-of", "2026-05-06")
    assert (result["as_of"], result["pool"]["basis"]) == ("2026-05-06", "25000.00")
    early = yongjin.json("--as-of", "2026-03-02")
    assert early["pool"] == {
        "basis": "0.00",
        "amount": "0.00",
        "allocated": "500.00",
        "reserve": "-500.00",
    }
    assert early["excluded"][0] == {"stage": "need_discovery", "why": "no_basis"}


def test_amounts_have_the_digits_of_the_currency(yongjin: Yongjin) -> None:
    plan = PLAN.replace("CNY", "JPY").replace(".00", "")
    write(plan, FACTS.replace(".00", ""))
    assert yongjin.json()["pool"]["basis"] == "24000"


def test_without_json_a_table_is_printed(yongjin: Yongjin) -> None:
    code, out, err = yongjin("--lang", "zh")
    assert (code, err) == (0, "")
    assert "技术寻源" in out
    assert "M1 张三" in out
    assert "1851.43" in out
    assert "完成转化暂无佣金：尚未核实。" in out


def refusal(yongjin: Yongjin, *arguments: str) -> str:
    code, out, err = yongjin("--json", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def test_a_deal_that_the_plan_is_not_for_is_refused_at_the_line_of_its_condition(yongjin: Yongjin) -> None:
    write(facts=FACTS.replace("category: transfer", "category: service"))
    assert refusal(yongjin).startswith("plan.yaml:30: ")


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("stage: tech_sourcing", "stage: tech_sorcing", "facts.yaml:6: "),
        ("grade: senior", "grade: master", "facts.yaml:3: "),
        ('amount: "1000.00"', 'amount: "NaN"', "facts.yaml:10: "),
        ("on: 2026-05-06", "on: 2026-02-30", "facts.yaml:9: "),
    ],
)
def test_a_wrong_fact_is_refused_at_its_line(yongjin: Yongjin, before: str, after: str, where: str) -> None:
    write(facts=FACTS.replace(before, after))
    assert refusal(yongjin).startswith(where)


def test_a_wrong_plan_is_refused_at_its_line(yongjin: Yongjin) -> None:
    write(PLAN.replace('share: "25%"', 'share: "24.99%"'))
    assert refusal(yongjin).startswith("plan.yaml:1")


@pytest.mark.parametrize("day", ["2026-02-30", "20260531", "tomorrow", ""])
def test_a_day_that_is_none_is_refused(yongjin: Yongjin, day: str) -> None:
    assert "is not a day" in refusal(yongjin, "--as-of", day)


def test_a_file_that_is_not_there_is_refused_by_name(yongjin: Yongjin) -> None:
    Path("facts.yaml").unlink()
    assert refusal(yongjin).startswith("facts.yaml: no such file")


def test_a_deal_without_events_needs_a_day(yongjin: Yongjin) -> None:
    write(facts=FACTS.partition("events:")[0] + "events: []\n")
    assert "--as-of" in refusal(yongjin)
    assert yongjin.json("--as-of", "2026-01-01")["allocations"] == []
