"""`statements verify`: 0 where a paper holds, 1 where something of it does not, 2 where it is none."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger import managers, paper, press, printing, signing, statements
from ledger.cli import main
from ledger.config import Settings
from ledger.core.statement import to_json
from ledger.db import Database
from ledger.files import Store
from tests.snapshots import lines, snapshot

NOW = datetime(2026, 10, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_other_key() -> None:
    signing.key.cache_clear()


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["yongjin", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(str(ended.value.code or 0)), printed.out + printed.err


def verified(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: Path
) -> tuple[int, dict[str, Any]]:
    code, out = run(capsys, monkeypatch, "statements", "verify", str(file), "--json")
    return code, json.loads(out)


def test_a_statement_is_verified_from_its_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path / "theirs"))
    file = tmp_path / "statement.pdf"
    file.write_bytes(printing.printed(snapshot(lines(1))))
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path / "elsewhere"))

    code, told = verified(capsys, monkeypatch, file)

    assert code == 0 and told["holds"]
    assert (told["number"], told["signature"], told["books"]) == ("JS-2026-10-M1-1", "unknown", "not_asked")
    assert not (tmp_path / "elsewhere").exists()


def test_a_tampered_statement_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YONGJIN_VAR", str(tmp_path))
    shown, carried = snapshot(lines(1)), snapshot(lines(2))
    source = press.Source(paper.ATTACHMENT, to_json(carried), carried.header.number, carried.header.made_at)
    forged = press.pdf(paper.html(shown), source)
    (tmp_path / "forged.pdf").write_bytes(forged)
    code, told = verified(capsys, monkeypatch, tmp_path / "forged.pdf")

    assert code == 1 and told["page"] == "differs" and not told["holds"]


@pytest.mark.parametrize("content", [b"", b"not a PDF at all"])
def test_what_is_no_statement_is_said_so(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.pdf").write_bytes(content)
    code, said = run(capsys, monkeypatch, "statements", "verify", str(tmp_path / "other.pdf"))

    assert (code, said.strip()) == (2, "this is no PDF of a settlement statement")


def test_with_books_the_paper_must_be_the_one_that_was_kept(
    settings: Settings,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(settings.files)
    database.run(lambda session: managers.add(session, id="M1", name="张三", now=NOW))
    printing.run(database, store, "2026-10", kind="preliminary")
    with database.reading() as session:
        kept = statements.numbered(session, "JS-2026-10-M1-1")
        (tmp_path / "kept.pdf").write_bytes(store.get(kept.pdf_sha256))
        (tmp_path / "again.pdf").write_bytes(printing.printed(statements.read(kept)))

    code, told = verified(capsys, monkeypatch, tmp_path / "kept.pdf")
    assert (code, told["signature"], told["page"], told["books"]) == (0, "known", "same", "agrees")

    code, told = verified(capsys, monkeypatch, tmp_path / "again.pdf")
    assert (code, told["signature"], told["books"]) == (1, "known", "differs")


def test_a_revised_statement_is_superseded(
    settings: Settings,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(settings.files)
    database.run(lambda session: managers.add(session, id="M1", name="张三", now=NOW))
    printing.run(database, store, "2026-10", kind="preliminary")
    with database.reading() as session:
        kept = statements.numbered(session, "JS-2026-10-M1-1")
        (tmp_path / "kept.pdf").write_bytes(store.get(kept.pdf_sha256))
    database.run(
        lambda session: managers.set_payment(
            session, "M1", bank_name="中国银行", bank_account="6217000000000001", tax_method="invoiced"
        )
    )
    printing.run(database, store, "2026-10", kind="preliminary")

    code, told = verified(capsys, monkeypatch, tmp_path / "kept.pdf")
    assert (code, told["books"]) == (0, "superseded")
