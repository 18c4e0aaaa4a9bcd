"""`yongjin balances`: by date, as known at a block, and both."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from ledger import seals
from ledger.cli import main
from ledger.core.entry import COMMISSION_COST
from ledger.db import Database
from tests.desk import Desk


def asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> dict[tuple[str, str], int]:
    monkeypatch.setattr(sys, "argv", ["yongjin", "balances", "--json", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert not ended.value.code, printed.err
    return {(one["account"], one["owner"]): one["balance_minor"] for one in json.loads(printed.out)}


def test_a_day_as_it_was_known_then_and_as_it_is_known_now(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path))
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("YONGJIN_DATABASE_URL", url)
    desk = Desk(database, tmp_path / "files").move_in()
    desk.deal()
    desk.today = date(2026, 1, 12)
    desk.reach("sign")
    desk.today = date(2026, 1, 20)
    desk.fee("fee_received", 10_000_00, "YH-1")
    january = desk.balances()
    desk.do(lambda s: seals.seal_within(s, by="", now=desk.now))
    with database.reading() as session:
        sealed = seals.latest(session)
        assert sealed is not None
        block_no = sealed.no
    desk.today = date(2026, 2, 3)  # January is open still, and a receipt of it was found
    desk.fee("fee_received", 5_000_00, "YH-2", on=date(2026, 1, 25))
    desk.fee("fee_received", 1_000_00, "YH-3")

    day, known = ("--as-of", "2026-01-31"), ("--block", str(block_no))
    assert asked(capsys, monkeypatch) == desk.balances()
    assert asked(capsys, monkeypatch, *known) == january
    assert asked(capsys, monkeypatch, *day, *known) == january
    assert asked(capsys, monkeypatch, *known, "--as-of", "2026-01-19") == {
        ("9001", "M1"): 16_000_00,
        ("9009", ""): -16_000_00,
    }
    cost = ("--account", COMMISSION_COST)
    assert asked(capsys, monkeypatch, *day, *cost) == {(COMMISSION_COST, ""): 2_400_00}
    assert asked(capsys, monkeypatch, *cost) == {(COMMISSION_COST, ""): 2_560_00}
