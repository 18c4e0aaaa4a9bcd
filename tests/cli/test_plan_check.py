"""`yongjin plan check` without any books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.cli import main

PLAN = """\
format: 1
plan: p
currency: CNY
pool:
  basis: fee_received
  tiers:
    mode: whole
    brackets: [{from: 0, rate: 10%}, {from: 10000, rate: 5%}]
stages: [{id: all, share: 100%}]
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with no database."""
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("YONGJIN_DATABASE_URL", raising=False)
    return tmp_path


def check(
    nowhere: Path,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *options: str,
) -> tuple[object, str, str]:
    file = nowhere / "plan.yaml"
    file.write_text(text, "utf-8")
    monkeypatch.chdir(nowhere)
    monkeypatch.setattr("sys.argv", ["yongjin", "plan", "check", "plan.yaml", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_finding_stands_at_its_line_and_a_warning_is_no_failure(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = check(nowhere, PLAN, capsys, monkeypatch)
    assert code == 0
    assert out.splitlines() == [
        "plan.yaml:6: warning: One fen more earns less: at 9999.99 the pool is 1000.00, at 10000.00 it is"
        " 500.00, 500.00 less; it is made up from 19999.90 on.",
        "plan.yaml: plan p (p) is in order: all",
    ]
    assert not (nowhere / "var").exists()


def test_an_error_is_exit_code_1_and_json_has_both_languages(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = PLAN + 'caps: {per_manager_per_year: "0.00"}\n'
    code, out, _ = check(nowhere, wrong, capsys, monkeypatch, "--json")
    said = json.loads(out)
    assert code == 1
    assert [(one["level"], one["code"], one["line"]) for one in said["findings"]] == [
        ("warning", "inversion", 6),
        ("error", "cap_zero", 10),
    ]
    assert said["findings"][1]["says"]["zh"] == "每人上限为零：无人能得佣金。"
    assert (said["plan"], said["stages"], said["history"]) == ("p", ["all"], None)


def test_a_file_that_is_no_plan_is_exit_code_2(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = check(nowhere, PLAN.replace("currency: CNY", "currency: RMB"), capsys, monkeypatch)
    assert code == 2
    assert err.startswith("plan.yaml:3: ")


def test_what_is_wrong_with_a_file_is_said_in_the_language_asked_for(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = PLAN.replace("currency: CNY", "currency: RMB")
    code, _, err = check(nowhere, wrong, capsys, monkeypatch, "--lang", "zh")
    assert (code, err) == (2, "plan.yaml:3: “currency”：“RMB”不是本系统支持的币种; 请写ISO 4217代码，如CNY\n")
