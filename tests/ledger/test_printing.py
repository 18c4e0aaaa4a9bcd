"""A month's statements are made once each, whoever prints them and however often the run is started."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pypdf
import pytest
from sqlmodel import Session, select

from ledger import (
    archive,
    authenticity,
    closing,
    config,
    demo,
    journal,
    managers,
    paper,
    printing,
    signing,
    statements,
)
from ledger.core.entry import PAYABLE, RECEIVABLE, Entry, Posting
from ledger.core.statement import code
from ledger.db import Database, fingerprint
from ledger.files import Store
from ledger.migrations import run as migrations
from ledger.statements import Statement
from tests.ledger.openings import signed

NOW = datetime(2026, 12, 15, 2, tzinfo=UTC)
PERIOD = "2026-11"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Store]]:
    """The demonstration's story with a few of its city's contracts, closed through `PERIOD`."""
    var = tmp_path_factory.mktemp("told")
    url = f"sqlite:///{var / 'yongjin.db'}"
    migrations.upgrade(url)
    database, store = Database(url), Store(var / "files")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("YONGJIN_VAR", str(var))
        environment.setenv("YONGJIN_PUBLIC_URL", "https://example.org")
        demo.load(database, store, contracts=3, now=NOW)
        database.run(lambda session: closing.close(session, PERIOD, by=None, now=NOW))
        yield database, store
    database.close()


def test_a_run_makes_every_managers_statement_once(told: tuple[Database, Store]) -> None:
    database, store = told
    with database.reading() as session:
        wanted = statements.wanted(session, PERIOD)
    seen: list[tuple[int, int]] = []

    first = printing.run(
        database, store, PERIOD, kind="final", workers=2, progress=lambda *shown: seen.append(shown)
    )
    again = printing.run(database, store, PERIOD, kind="final")

    assert (first.made, first.unchanged, first.refused) == (len(wanted), 0, [])
    assert (again.made, again.unchanged) == (0, len(wanted))
    assert seen[0] == (0, len(wanted)) and seen[-1] == (len(wanted), len(wanted))
    with database.reading() as session:
        assert len(session.exec(select(Statement)).all()) == len(wanted)


def test_the_bytes_kept_say_what_the_row_says(told: tuple[Database, Store]) -> None:
    database, store = told
    printing.run(database, store, PERIOD, kind="final")

    with database.reading() as session:
        for statement in session.exec(select(Statement)):
            pdf = store.get(statement.pdf_sha256)
            assert fingerprint(pdf) == statement.pdf_sha256 and len(pdf) == statement.pdf_size
            assert paper.embedded_snapshot(pdf) == statements.read(statement)


def test_what_is_kept_is_signed_holds_and_agrees_with_the_books(told: tuple[Database, Store]) -> None:
    database, store = told
    printing.run(database, store, PERIOD, kind="final", workers=2)
    known = signing.known(config.from_environment())

    with database.reading() as session:
        for statement in session.exec(select(Statement)):
            pdf = store.get(statement.pdf_sha256)
            examined = authenticity.examine(pdf, known, compare=statement.manager_id == "T001")
            assert (examined.signed, examined.why) == ("known", ())
            assert examined.snapshot is not None
            assert statements.in_books(session, examined.snapshot, pdf) == "agrees"
            url = f"https://example.org/verify/{statement.number}/{code(examined.snapshot)}"
            assert examined.snapshot.header.verify_url == url


def test_another_address_makes_no_new_revision(
    told: tuple[Database, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, store = told
    printing.run(database, store, PERIOD, kind="final")
    monkeypatch.setenv("YONGJIN_PUBLIC_URL", "https://other.example.org")

    assert printing.run(database, store, PERIOD, kind="final").made == 0


def test_there_is_one_for_each_currency_and_a_quiet_month_gets_one_too(
    told: tuple[Database, Store],
) -> None:
    database, store = told
    brought = Entry(
        kind="opening",
        source="co_usd",
        on=NOW.date(),
        period="2026-12",
        currency="USD",
        summary="切换期初",
        postings=(
            Posting(PAYABLE, -123_45, "T002", manager_id="T002"),
            Posting(RECEIVABLE, 123_45, "OR-USD"),
        ),
    )
    with database.writing() as session:
        signed(session, brought.source, brought.period, currency="USD", now=NOW)
        journal.post(session, brought, now=NOW)
        managers.add(session, id="NEW", name="新来的", now=NOW)

    assert printing.run(database, store, "2026-12", kind="preliminary").refused == []

    with database.reading() as session:
        made = {(one.manager_id, one.currency): one for one in statements.latest_of(session, "2026-12")}
        shown = statements.read(made["T002", "USD"])
        quiet = statements.read(made["NEW", "CNY"])
        assert archive.missing(session, "2026-12") == []
    assert ("T002", "CNY") in made and ("NEW", "USD") not in made
    assert shown.header.number == "JS-2026-12-T002-USD-1"
    assert (shown.bridge.brought_in_minor, shown.bridge.closing_minor, shown.closing_words) == (
        123_45,
        123_45,
        "",
    )
    assert not any(minor for _, minor in quiet.bridge.rows()) and not quiet.lines


def test_a_correction_is_a_new_revision_that_names_the_old_whose_bytes_stay(
    told: tuple[Database, Store],
) -> None:
    database, store = told
    printing.run(database, store, "2026-12", kind="preliminary")
    with database.reading() as session:
        old = statements.read(_december(session))
        before = store.get(_december(session).pdf_sha256)
    corrected = Entry(
        kind="opening",
        source="co_late",
        on=NOW.date(),
        period="2026-12",
        currency="CNY",
        summary="切换期初，迟到的一笔",
        postings=(Posting(PAYABLE, -1_00, "T001", manager_id="T001"), Posting(RECEIVABLE, 1_00, "OR-1")),
    )
    with database.writing() as session:
        signed(session, corrected.source, corrected.period, now=NOW)
        journal.post(session, corrected, now=NOW)

    report = printing.run(database, store, "2026-12", kind="preliminary")

    with database.reading() as session:
        new = _december(session)
        assert report.made == 1
        assert (new.revision, new.replaces) == (old.header.revision + 1, old.header.number)
        assert new.closing_minor == old.bridge.closing_minor + 1_00
        assert store.get(fingerprint(before)) == before
        assert statements.in_books(session, old, before) == "superseded"


def _december(session: Session) -> Statement:
    return next(one for one in statements.latest_of(session, "2026-12") if one.manager_id == "T001")


def test_papers_are_in_both_languages_where_that_is_wanted(
    told: tuple[Database, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = told
    monkeypatch.setenv("YONGJIN_PAPER_LANGUAGE", "zh+en")
    monkeypatch.setenv("YONGJIN_PLATFORM", "天津市技术转移服务有限公司")
    with database.reading() as session:
        drawn = statements.draw(session, "T001", PERIOD, kind="final", now=NOW)

    pages = pypdf.PdfReader(io.BytesIO(printing.printed(drawn))).pages

    shown = "".join(page.extract_text() for page in pages)
    assert "Settlement statement" in shown and "天津市技术转移服务有限公司" in shown
