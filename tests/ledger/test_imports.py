"""Facts in bulk: the same books however many processes take them in, and however entries are written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path

import pytest

from ledger import imports, journal
from ledger.city import City, lines, proportional_minor
from ledger.config import Settings
from ledger.core.entry import COMMISSION_COST, PAYABLE, Entry, Posting
from ledger.core.errors import Conflict
from ledger.core.facts_file import read_lines
from ledger.db import Database
from ledger.files import Store
from tests import office

NOW = datetime(2024, 3, 1, 2, tzinfo=UTC)
DEALS = 130  # more than one batch, so that two processes have something to do
PLAN = "zhuzhou-city"


def city_lines() -> list[bytes]:
    year = City(contracts=DEALS, total_minor=proportional_minor(DEALS), managers=9)
    return [line.encode() for line in lines(year)]


def load(database: Database, given: list[bytes], *, workers: int) -> imports.Report:
    read = read_lines(given, "city.jsonl", "CNY")
    return imports.load(database, read, plan_id=PLAN, now=NOW, workers=workers)


def published(database: Database) -> office.Office:
    opened = office.opened(database)
    plan = resources.files("ledger").joinpath("cities/zhuzhou.yaml").read_text("utf-8")
    opened.publish(plan, now=NOW)
    return opened


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_two_processes_leave_the_books_that_one_leaves(
    settings: Settings, sqlite_settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [*city_lines(), b"{"]
    held = []
    for url, workers in ((settings.database_url, 2), (sqlite_settings.database_url, 1)):
        database = Database(url)
        try:
            opened = published(database)
            report = load(database, given, workers=workers)
            again = load(database, given, workers=workers)
            assert (report.deals, report.looked_at, len(report.refused)) == (DEALS, DEALS + 1, 1)
            assert report.refused[0].startswith(f"city.jsonl:{DEALS + 1}: ")
            assert (again.deals, again.facts, again.entries) == (0, 0, 0)
            assert opened.differences(Store(tmp_path / "files"), now=NOW) == []
            held.append({account: opened.balances(account) for account in (PAYABLE, COMMISSION_COST)})
        finally:
            database.close()
    assert held[0] == held[1] and held[0][PAYABLE]
    assert capfd.readouterr().out == ""  # results alone stand there


def drafts(count: int) -> list[Entry]:
    one = Entry(
        kind="accrual",
        source="",
        on=date(2024, 2, 1),
        period="2024-02",
        currency="CNY",
        deal_id="D-1",
        postings=(
            Posting(COMMISSION_COST, 100, "", "D-1", "M1", "s", "2024-02", "earned"),
            Posting(PAYABLE, -100, "M1", "D-1", "M1", "s", "2024-02", "earned"),
        ),
    )
    return [replace(one, source=f"D-1#{number}") for number in range(count)]


def test_an_entry_written_in_bulk_is_the_one_that_is_written_alone(database: Database) -> None:
    many = drafts(journal.FEW + 1)
    with database.writing() as session:
        alone = journal.post(session, many[0], now=NOW)
    with database.writing() as session:
        together = journal.post_many(session, many, now=NOW)
    assert together[0] == journal.Posted(alone.entry_id, is_new=False)
    assert all(posted.is_new for posted in together[1:])
    with database.reading() as session:
        stood = [journal.as_value(session, journal.get(session, posted.entry_id)) for posted in together]
    assert [replace(entry, because=()) for entry in stood] == many


def test_other_content_of_a_known_source_is_a_conflict_in_bulk_too(database: Database) -> None:
    many = drafts(journal.FEW + 1)
    with database.writing() as session:
        journal.post_many(session, many, now=NOW)
    postings = tuple(replace(line, amount_minor=2 * line.amount_minor) for line in many[3].postings)
    with pytest.raises(Conflict, match="already in the books"), database.writing() as session:
        journal.post_many(session, [*many[:3], replace(many[3], postings=postings), *many[4:]], now=NOW)
