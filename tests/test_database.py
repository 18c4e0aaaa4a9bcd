"""Every test begins with an empty database of this version, and the application does not own it."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from ledger.config import Settings
from ledger.db import Database, conninfo
from ledger.migrations import run


def test_migrating_again_changes_nothing(settings: Settings, database: Database) -> None:
    before = _schema(database)
    run.migrate(settings)
    assert "entry" in before and _schema(database) == before


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement", ["ALTER TABLE entry DISABLE TRIGGER ALL", "DROP TABLE posting", "TRUNCATE entry"]
)
def test_the_application_cannot_lift_a_guard(database: Database, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
        database.writing() as session,
    ):
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://app:p%40x@db:5433/books?sslmode=require", "password=p@x port=5433 sslmode=require"),
        ("postgresql://app@/books?host=/a&host=/b&target_session_attrs=read-write", "host=/a,/b"),
        ("postgresql+psycopg://app@/books?host=one:5432&host=two:5433", "host=one,two port=5432,5433"),
    ],
)
def test_an_address_of_postgresql_is_said_to_its_own_programs(url: str, words: str) -> None:
    said = conninfo(make_url(url))
    assert words in said and "dbname=books" in said and "user=app" in said


def _schema(database: Database) -> dict[str, list[str]]:
    tables = inspect(database.engine)
    return {name: [c["name"] for c in tables.get_columns(name)] for name in tables.get_table_names()}
