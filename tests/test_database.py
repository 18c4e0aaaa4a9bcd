"""Every test begins with an empty database of this version, and the application does not own it."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import ProgrammingError

from ledger.config import Settings
from ledger.db import Database
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


def _schema(database: Database) -> dict[str, list[str]]:
    tables = inspect(database.engine)
    return {name: [c["name"] for c in tables.get_columns(name)] for name in tables.get_table_names()}
