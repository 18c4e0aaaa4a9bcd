"""The deals in the books replayed under other plans, on both engines, and the verbs that do it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger import deals, payouts, replay
from ledger.cli import main
from ledger.core.compare import compare
from ledger.core.plan_file import read_plan_file
from ledger.db import Database
from ledger.managers import set_payment
from tests.office import Office, opened

NOW = datetime(2026, 6, 30, 2, tzinfo=UTC)
OLD = """\
format: 1
plan: shares
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: all, share: 100%, award: 10.00}]
clawback: {default: {take: unpaid}}
"""
NEW = OLD.replace("rate: 40%", "rate: 30%, cap: '150.00'")
FACTS = """\
format: 1
deals:
  - deal: {id: D-1}
    managers: [{id: M1, name: 张三}]
    events:
      - {on: 2026-01-05, type: milestone, stage: all, managers: {M1: 1}}
      - {on: 2026-02-05, type: fee_received, amount: "1000.00"}
  - deal: {id: D-2}
    managers: [{id: M1, name: 张三}, {id: M2, name: 李四}]
    events:
      - {on: 2026-03-05, type: milestone, stage: all, managers: {M1: 1, M2: 1}}
      - {on: 2026-04-05, type: fee_received, amount: "100.00"}
"""


@pytest.fixture
def office(database: Database) -> Office:
    made = opened(database)
    made.publish(OLD, now=NOW)
    made.take(FACTS, "shares", now=NOW)
    return made


def compared(database: Database) -> dict[str, tuple[int, int]]:
    with database.reading() as session:
        told = list(replay.history(session, replay.deals_under(session, "shares")))
    found = compare(read_plan_file(OLD, "old"), read_plan_file(NEW, "new"), told, to_on=date(2026, 6, 30))
    return {row.manager_id: (row.old_minor, row.new_minor) for row in found.managers}


def test_history_is_replayed_under_both_plans(office: Office) -> None:
    assert compared(office.database) == {"M1": (42_000, 16_500), "M2": (2_000, 1_500)}


def test_what_was_paid_counts_where_a_deal_was_cancelled(office: Office) -> None:
    with office.database.writing() as session:
        account = {"bank_name": "银行", "bank_account": "6222021234567890"}
        set_payment(session, "M1", **account, tax_method="per_payment")
        payouts.make(session, value_on=date(2026, 6, 30), only=["M1"], by=office.maker, now=NOW)
        deals.cancel(session, "D-1", reason="x", on=date(2026, 6, 30), by=office.maker, now=NOW)
    assert compared(office.database)["M1"] == (42_000, 16_500)


def test_only_deals_under_the_old_plan_are_replayed_or_all_where_it_has_none(office: Office) -> None:
    other = OLD.replace("plan: shares", "plan: others")
    office.publish(other, now=NOW)
    office.take(FACTS.replace("D-", "E-"), "others", now=NOW)
    with office.database.reading() as session:
        assert replay.deals_under(session, "shares") == ["D-1", "D-2"]
        assert replay.deals_under(session, "unheard-of") == ["D-1", "D-2", "E-1", "E-2"]


# The verbs


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> Any:
    monkeypatch.setattr("sys.argv", ["yongjin", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD, "utf-8")
    new.write_text(NEW, "utf-8")
    return old, new


def test_plan_diff_says_it_as_a_table_as_json_and_as_a_picture(
    office: Office,
    files: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = tmp_path / "diff.svg"
    code, out, _ = run(capsys, monkeypatch, "plan", "diff", *files, "--to", "2026-06-30", "--picture", drawn)
    assert code == 0
    assert re.search(r"M1 张三 .*420.00 .*165.00 .*-255.00", out)
    assert "越线：佣金池上限 1" in out and "技术经理人" in out
    assert "-255.00" in drawn.read_text("utf-8")
    code, out, _ = run(capsys, monkeypatch, "plan", "diff", *files, "--to", "2026-06-30", "--lang", "en")
    assert "crossed: pool_cap 1" in out and "Manager" in out
    code, out, _ = run(capsys, monkeypatch, "plan", "diff", *files, "--from", "2026-03-01", "--json")
    said = json.loads(out)
    assert said["totals"] == {"old": "40.00", "new": "30.00", "difference": "-10.00"}
    assert [row["deal"] for row in said["deals"]] == ["D-2", "D-1"]
    assert said["deals"][1]["crosses"] == [{"what": "pool_cap", "deal": "D-1", "old": 0, "new": 1}]


def test_plan_diff_refuses_days_the_wrong_way_round(
    office: Office,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("plan", "diff", *files, "--from", "2026-03-02", "--to", "2026-03-01")
    code, _, err = run(capsys, monkeypatch, *words)
    assert (code, err) == (2, "2026-03-02 comes after 2026-03-01\n")


def test_plan_check_looks_at_the_books_where_there_are_any(
    office: Office,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, _ = files
    old.write_text(OLD.replace("rate: 40%", "rate: 40%, cap: '900.00'"), "utf-8")
    code, out, _ = run(capsys, monkeypatch, "plan", "check", old)
    assert code == 0
    assert "never bound on 2 deals in the books; the largest pool was 400.00." in out
    code, out, _ = run(capsys, monkeypatch, "plan", "check", old, "--no-history", "--json")
    assert json.loads(out)["history"] is None and json.loads(out)["findings"] == []
