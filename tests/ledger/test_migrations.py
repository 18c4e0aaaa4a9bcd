"""From the first version's database, with data, forward to this version: nothing is lost and all verifies.

`first_version.sql` is what the first version's own actions wrote: people, a plan, two deals with their
fees, a split, a payout that was paid, a statement, a closed month, three blocks.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlmodel import select

from ledger import closing as months
from ledger import deals, managers, persons, seals, verification
from ledger.benches import postgres
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from ledger.migrations import run
from ledger.payments import PayoutLine
from tests.ledger.firm import PDF, day

FIRST = (Path(__file__).parent / "first_version.sql").read_text("utf-8")
LATER = day(40)


def at_revision(owner_url: str, revision: str) -> None:
    """The tables of a revision, and no guards yet."""
    database = Database(owner_url)
    with database.engine.execution_options(writes=True).begin() as connection:
        command.upgrade(run.config(connection), revision)
    database.close()


@pytest.fixture
def first(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The database as the first version left it."""
    if settings.database_url.startswith("sqlite"):
        file = settings.var / "first.db"
        url = f"sqlite:///{file}"
        at_revision(url, "0003")
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(FIRST)
        yield dataclasses.replace(settings, database_url=url, owner_url=url)
        return
    server: postgres.Server = request.getfixturevalue("postgresql_server")
    name = f"first_{uuid4().hex}"
    server.create(name)
    at_revision(server.url(name, postgres.OWNER), "0003")
    with psycopg.connect(server.dsn(name, postgres.OWNER)) as connection:
        connection.execute(FIRST)  # type: ignore[arg-type]
        connection.execute("SELECT setval('entry_id_seq', (SELECT max(id) FROM entry))")
    yield dataclasses.replace(
        settings,
        database_url=server.url(name, postgres.APP),
        owner_url=server.url(name, postgres.OWNER),
    )
    server.drop(name)


def told(settings: Settings) -> dict[str, int]:
    """How many rows every table has."""
    database = Database(settings.owner_url)
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        counts = {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names
        }
    database.close()
    return counts


def under_their_keys(settings: Settings) -> None:
    """Accounts that stood in the tables as they are stand under people's keys, those of payments too."""
    database = Database(settings.database_url)
    with database.reading() as session:
        for table, owner in (("manager", "id"), ("payout_line", "manager_id")):
            rows = session.execute(
                text(f"SELECT bank_account FROM {table} WHERE bank_account IS NOT NULL ORDER BY {owner}")
            )
            kept = [str(value) for (value,) in rows]
            assert kept and all(value.startswith(persons.PREFIX) for value in kept)
        assert {managers.get(session, "M1").bank_account} == {"62220001"}
        assert {line.bank_account for line in session.exec(select(PayoutLine))} == {"62220001"}
        assert persons.others(session, "M9", managers.ACCOUNT, "62220001") == ["M1"]
    database.close()


def test_the_first_versions_books_come_forward_whole(first: Settings, tmp_path: Path) -> None:
    before = told(first)
    run.migrate(first)
    after = told(first)
    assert {name: after[name] for name in before if name not in ("entry_kind", "job_run")} == {
        name: count for name, count in before.items() if name not in ("entry_kind", "job_run")
    }
    assert before["entry"] > 20 and before["seal_block"] == 3
    under_their_keys(first)

    store = Store(tmp_path / "files")
    store.put(PDF)
    database = Database(first.database_url)
    with database.reading() as session:
        found = verification.verify(session, store, now=LATER)
        wanted = deals.ids_of_all(session)
    assert found.differences == []
    assert found.counted["unsealed_entries"] == 0

    # and work goes on in it
    assert database.run(lambda session: deals.settle_all(session, wanted, now=LATER)) == 0
    database.run(lambda session: months.close(session, "2026-03", by=None, now=LATER))
    assert seals.seal(database, by="clock", now=LATER) == []  # the close sealed what it wrote
    with database.reading() as session:
        assert verification.verify(session, store, now=LATER).differences == []
    database.close()
