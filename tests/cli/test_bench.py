"""`yongjin bench`: what is printed, and what is not pretended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import benches
from ledger.benches import Result, balances, country, imports, ledger, serving
from ledger.cli import main
from ledger.cli.bench import KNOWN


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[object, str, str]:
    monkeypatch.setattr("sys.argv", ["yongjin", "bench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def measuring(monkeypatch: pytest.MonkeyPatch, *measured: Result) -> None:
    monkeypatch.setattr(benches, "run", lambda what, **given: measured)


def test_each_result_has_ours_its_anchor_the_ratio_and_whether_the_bar_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring(monkeypatch, Result("a", 30.0, 2.0, 10.0), Result("b", 3.0, 2.0, 10.0))
    code, out, _ = run(monkeypatch, capsys, "engine", "--json")
    assert code == 1
    assert json.loads(out) == [
        {"name": "a", "ours": 30.0, "anchor": 2.0, "ratio": 15.0, "bar": 10.0, "holds": True},
        {"name": "b", "ours": 3.0, "anchor": 2.0, "ratio": 1.5, "bar": 10.0, "holds": False},
    ]


def test_without_a_name_everything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring(monkeypatch, Result("a", 30.0, 2.0, 10.0))
    code, out, _ = run(monkeypatch, capsys)
    assert (code, out.count("a: 30.0 a second, 15.00 times 2.0 (bar 10): holds")) == (0, len(benches.BENCHES))


def test_a_missing_anchor_is_said_and_holds_neither_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring(monkeypatch, Result("a", 30.0, None, 10.0, "zen-engine is not installed"))
    code, out, err = run(monkeypatch, capsys, "engine", "--json")
    assert (code, err.splitlines()[1:]) == (0, ["zen-engine is not installed"])
    assert json.loads(out)[0]["holds"] is None


def test_what_cannot_be_measured_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(monkeypatch, capsys, "weather")
    assert (code, err) == (2, f"there is no bench weather; there are: {', '.join(KNOWN)}\n")


@pytest.mark.long
def test_the_engine_is_measured_on_an_equal_decision_table() -> None:
    first, _, linear = benches.run("engine")
    assert first.ours > 1_000 and linear.holds
    assert first.missing or first.anchor


@pytest.mark.long
def test_the_import_is_measured_against_copy_of_the_same_rows() -> None:
    measured, bare = imports.run(contracts=40, rounds=1)
    assert measured.ours > 0 and measured.anchor and measured.anchor > measured.ours
    assert bare.ours == measured.ours and bare.anchor


PEER = """
CREATE TYPE transfer_request AS (from_account_id text, to_account_id text, amount numeric);
CREATE TABLE account (id text DEFAULT gen_random_uuid()::text, name text, currency text);
CREATE TABLE transfer (made transfer_request);
CREATE FUNCTION pgledger_create_account(name text, currency text) RETURNS SETOF account LANGUAGE sql
  AS 'INSERT INTO account (name, currency) VALUES (name, currency) RETURNING *';
CREATE FUNCTION pgledger_create_transfers(VARIADIC wanted transfer_request[]) RETURNS SETOF transfer
  LANGUAGE sql AS 'INSERT INTO transfer SELECT one FROM unnest(wanted) AS one RETURNING *';
"""  # what of pgledger is called, without what it does


@pytest.mark.long
def test_the_ledger_is_measured_and_a_peer_where_its_files_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SECONDS", 1)
    monkeypatch.setattr(ledger, "ROUNDS", 1)
    peer = tmp_path / "peer.sql"
    peer.write_text(PEER)
    *_, alone = ledger.run()
    assert alone.anchor is None and "--pgledger" in alone.missing
    measured = ledger.run([peer])
    assert all(one.ours > 0 and one.anchor for one in measured)


@pytest.mark.long
def test_the_served_program_answers_many_clients_without_an_error() -> None:
    assert all(one.anchor for one in serving.run(verified=256, reads=200))


@pytest.mark.long
def test_balances_are_measured_against_smaller_books_and_other_readers_of_the_same_journal() -> None:
    by_size, standing, hledger, *_ = balances.run(contracts=20)
    assert by_size.ratio and standing.ratio and hledger.anchor


@pytest.mark.long
def test_a_countrys_year_is_lived_by_the_programs_own_commands() -> None:
    """At a size at which it takes a minute; how straight the line is shows only at a real one."""
    steps = country.run(contracts=200)
    whole, *asked = [one for one in steps if one.bar]
    assert whole.ours > 0 and whole.anchor and all(one.anchor for one in asked)
