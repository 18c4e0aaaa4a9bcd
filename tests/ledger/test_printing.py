"""A month's statements are made once each, whoever prints them and however often the run is started."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from ledger import authenticity, config, demo, paper, periods, printing, signing, statements
from ledger.core.statement import code
from ledger.db import Database, fingerprint
from ledger.files import Store
from ledger.migrations import run as migrations
from ledger.statements import Statement

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
        database.run(lambda session: periods.close(session, PERIOD, by=None, now=NOW))
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
