"""`yongjin tax` and `yongjin amount-cn`: the promised shape, and one line for each wrong input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.cli import main

Answer = tuple[int, str, str]
Run = Callable[..., Answer]

YEAR = """\
payments:
  - {on: 2026-10-15, amount: "7200.00"}
  - {on: 2026-06-15, amount: "7000.00"}
  - {on: 2026-07-15, amount: "7500.00"}
  - {on: 2026-11-15, amount: "6000.00"}
  - {on: 2026-12-15, amount: "8000.00"}
"""


@pytest.fixture
def yongjin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> Answer:
        """(exit code, standard output, standard error)."""
        monkeypatch.setattr("sys.argv", ["yongjin", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def facts(content: str | bytes) -> None:
    Path("facts.yaml").write_bytes(content.encode() if isinstance(content, str) else content)


def withheld(yongjin: Run, method: str, *options: str) -> list[str]:
    code, out, err = yongjin("tax", "--method", method, "--facts", "facts.yaml", *options, "--json")
    assert (code, err) == (0, "")
    return [line["withheld"] for line in json.loads(out)["payments"]]


# -- amount-cn ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1409.50", "人民币壹仟肆佰零玖元伍角"),
        ("-1409.5", "人民币负壹仟肆佰零玖元伍角"),
        ("0", "人民币零元整"),
    ],
)
def test_an_amount_is_written_in_words(yongjin: Run, amount: str, words: str) -> None:
    assert yongjin("amount-cn", amount) == (0, words + "\n", "")
    assert json.loads(yongjin("amount-cn", amount, "--json")[1])["words"] == words


@pytest.mark.parametrize("amount", ["1,409.50", "1e3", "NaN", "1.005", "", "--5", "１", "9" * 400])
def test_what_is_no_amount_is_one_line(yongjin: Run, amount: str) -> None:
    code, out, err = yongjin("amount-cn", amount)
    assert (code, out, err.count("\n")) == (2, "", 1)


# -- tax ----------------------------------------------------------------------------------------


def test_payments_are_taken_by_date_and_shown_so(yongjin: Run) -> None:
    facts(YEAR)
    assert withheld(yongjin, "platform_cumulative") == ["18.00", "30.00", "22.80", "0.00", "36.00"]
    _, out, _ = yongjin("tax", "--method", "platform_cumulative", "--facts", "facts.yaml", "--json")
    first = json.loads(out)["payments"][0]
    assert list(first) == ["on", "amount", "withheld", "net", "because"]
    assert first["because"].pop() == "18.00 less 0.00 withheld before is 18.00 to withhold."
    del first["because"]
    assert first == {"on": "2026-06-15", "amount": "7000.00", "withheld": "18.00", "net": "6982.00"}


def test_payments_of_a_day_are_taken_as_listed(yongjin: Run) -> None:
    facts('payments: [{on: 2026-05-06, amount: "3000"}, {on: 2026-05-06, amount: "600"}]')
    assert withheld(yongjin, "per_payment") == ["440.00", "120.00"]


def test_the_break_is_an_option(yongjin: Run) -> None:
    facts('{"payments": [{"on": "2026-06-15", "amount": "5000.00"}, {"on": "2026-08-15", "amount": 9000}]}')
    assert withheld(yongjin, "platform_cumulative") == ["0.00", "66.00"]
    assert withheld(yongjin, "platform_cumulative", "--break-months", "2") == ["0.00", "36.00"]


def test_kinds_of_service_are_taxed_apart(yongjin: Run) -> None:
    facts("payments: [{on: 2026-05-06, amount: 600}, {on: 2026-05-07, amount: 3000, kind: training}]")
    assert withheld(yongjin, "per_payment") == ["0.00", "440.00"]


def test_no_payments_are_no_error(yongjin: Run) -> None:
    facts("payments: []")
    assert withheld(yongjin, "per_payment") == []


def test_people_get_a_table_in_their_language(yongjin: Run) -> None:
    facts(YEAR)
    code, out, _ = yongjin("tax", "--method", "platform_cumulative", "--facts", "facts.yaml", "--lang", "zh")
    assert code == 0
    assert "48.00减已预扣18.00，本次预扣30.00。" in out


WRONG = [
    ("", 1, "empty"),
    ("payments: 5", 1, "not a list"),
    ("payment: []", 1, "did you mean"),
    ("payments:\n  - {on: 2026-02-30, amount: 5}", 2, "2026-02-30"),
    ("payments:\n  - {on: 2026-05-06, amount: NaN}", 2, "NaN"),
    ("payments:\n  - {on: 2026-05-06, amount: 1e400}", 2, "1e400"),
    ("payments:\n  - {on: 2026-05-06, amount: 1.00000000001}", 2, "after the point"),
    ("payments:\n  - {on: 2026-05-06, amount: -5}", 2, "above zero"),
    ("payments:\n  - {on: 2026-05-06, amount: 0}", 2, "above zero"),
    ("payments:\n  - {on: 2026-05-06}", 2, "amount"),
    ("payments:\n  - {on: 2026-05-06, amount: 5, amount: 6}", 2, "repeated"),
    ("payments:\n  - {on: 2026-05-06, amount: 5, tax: 6}", 2, "tax"),
    ("payments:\n  - {on: 2026-05-06, amount: 5}\n  - {on: 2025-09-30, amount: 5}", 3, "2025-10-01"),
    ("payments: [", 1, "YAML"),
    ("payments: []  # 付款".encode("gbk"), 1, "GBK"),
]


@pytest.mark.parametrize(("content", "line", "said"), WRONG)
def test_a_wrong_file_is_one_line_that_names_its_own(
    yongjin: Run, content: str | bytes, line: int, said: str
) -> None:
    facts(content)
    code, out, err = yongjin("tax", "--method", "platform_cumulative", "--facts", "facts.yaml", "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"facts.yaml:{line}: ")
    assert said in err
    assert "; " in err


def test_windows_line_ends_are_read(yongjin: Run) -> None:
    facts(YEAR.replace("\n", "\r\n"))
    assert len(withheld(yongjin, "per_payment")) == 5


@pytest.mark.parametrize(
    "options",
    [
        ("--method", "none", "--facts", "facts.yaml"),
        ("--method", "per_payment", "--facts", "missing.yaml"),
        ("--method", "platform_cumulative", "--facts", "facts.yaml", "--break-months", "0"),
    ],
)
def test_a_wrong_option_is_one_line(yongjin: Run, options: tuple[str, ...]) -> None:
    facts("payments: []")
    code, out, err = yongjin("tax", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
