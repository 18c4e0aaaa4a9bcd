"""A month's archive holds every statement as it was kept, and says of each what can be checked."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from ledger import archive, managers, printing, statements
from ledger.config import Settings
from ledger.core.errors import NotFound
from ledger.db import Database
from ledger.files import Store
from ledger.sheets import Column, Sheet, workbook

NOW = datetime(2026, 10, 5, tzinfo=UTC)
NAMES = {"M1": "张三", "M2": "=HYPERLINK(1)", "M3": "+86 王五"}


def archived(database: Database, store: Store) -> zipfile.ZipFile:
    with database.reading() as session:
        return zipfile.ZipFile(io.BytesIO(b"".join(archive.write(session, store, "2026-10"))))


@pytest.fixture
def store(database: Database, settings: Settings) -> Store:
    """Three managers' October is printed, one of them twice, and one has come too late for it."""
    store = Store(settings.files)
    for manager_id, name in NAMES.items():
        database.run(lambda s, id=manager_id, name=name: managers.add(s, id=id, name=name, now=NOW))  # type: ignore[misc]
    printing.run(database, store, "2026-10", kind="preliminary")
    database.run(
        lambda s: managers.set_payment(
            s, "M1", bank_name="", bank_account="6217000000000001", tax_method="payroll"
        )
    )
    printing.run(database, store, "2026-10", kind="preliminary")
    database.run(lambda s: managers.add(s, id="M4", name="赵六", now=NOW))
    return store


def test_it_holds_the_latest_of_every_statement_and_the_checksums_hold(
    database: Database, store: Store, tmp_path: Path
) -> None:
    found = archived(database, store)
    found.extractall(tmp_path)
    folder = tmp_path / "statements-2026-10"

    assert sorted(path.name for path in folder.iterdir()) == [
        "JS-2026-10-M1-2.pdf",
        "JS-2026-10-M2-1.pdf",
        "JS-2026-10-M3-1.pdf",
        "SHA256SUMS",
        "manifest.csv",
        "manifest.json",
        "summary.xlsx",
    ]
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    with database.reading() as session:
        for kept in statements.latest_of(session, "2026-10"):
            assert (folder / f"{kept.number}.pdf").read_bytes() == store.get(kept.pdf_sha256)
        assert archive.missing(session, "2026-10") == ["M4"]


def test_the_manifest_says_the_same_twice(database: Database, store: Store) -> None:
    found = archived(database, store)
    told = json.loads(found.read("statements-2026-10/manifest.json"))
    rows = list(
        csv.DictReader(io.StringIO(found.read("statements-2026-10/manifest.csv").decode("utf-8-sig")))
    )

    assert (told["period"], told["count"], told["closing"]) == ("2026-10", 3, {"CNY": "0.00"})
    assert [one["number"] for one in told["statements"]] == [row["number"] for row in rows]
    assert [one["sha256"] for one in told["statements"]] == [row["sha256"] for row in rows]
    assert [one["name"] for one in told["statements"]] == list(NAMES.values())
    assert [row["name"] for row in rows] == ["张三", "'=HYPERLINK(1)", "'+86 王五"]  # never run


def test_the_summary_runs_nothing_and_adds_up(database: Database, store: Store) -> None:
    content = archived(database, store).read("statements-2026-10/summary.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(content))["2026-10 CNY"]
    rows = list(sheet.iter_rows(values_only=True))

    assert [row[2] for row in rows[1:4]] == list(NAMES.values())
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert rows[4][0] == "合计" and rows[4][5] == 0


def test_the_same_statements_make_the_same_archive(database: Database, store: Store) -> None:
    first, again = archived(database, store), archived(database, store)
    kept = [name for name in first.namelist() if not name.endswith((".xlsx", "SHA256SUMS"))]

    assert [first.read(name) for name in kept] == [again.read(name) for name in kept]
    assert [one.date_time for one in first.infolist()] == [one.date_time for one in again.infolist()]


def test_a_month_without_statements_has_no_archive(database: Database, store: Store) -> None:
    with database.reading() as session, pytest.raises(NotFound, match="no statements yet"):
        archive.write(session, store, "2026-09")


def test_amounts_in_a_sheet_keep_every_digit() -> None:
    columns = (Column("@who", 8), Column("Amount", 20, is_amount=True))
    rows = [("-1+2", 1_234_567_890_123_45), ("\u00a0", 10**17 + 1), ("", -5)]
    content = workbook([Sheet("列表", columns, rows)])
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    read = list(sheet.iter_rows(values_only=True))

    assert read[0] == ("@who", "Amount")
    assert read[1] == ("-1+2", 1234567890123.45)
    assert read[2][1] == "1000000000000000.01"
    assert read[3][1] == -0.05
    assert read[4] == ("合计", "1001234567890123.41")
