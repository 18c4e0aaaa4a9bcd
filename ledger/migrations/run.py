"""Bringing a database to this version: the revisions in order, then the guards."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from ledger import guards, tables
from ledger.config import Settings
from ledger.db import Database


def migrate(settings: Settings) -> None:
    """Bring the database of the settings to this version, as the role that owns the tables."""
    app_role = make_url(settings.database_url).username
    upgrade(settings.owner_url, app_role=app_role)


def upgrade(owner_url: str, *, app_role: str | None = None) -> None:
    """Run what is missing of the revisions and put the guards in place, in one transaction."""
    database = Database(owner_url)
    try:
        with database.engine.execution_options(writes=True).begin() as connection:
            command.upgrade(config(connection), "head")
            guards.install(connection, app_role=app_role)
    finally:
        database.close()


def is_current(database: Database) -> bool:
    """Whether the database is at this version."""
    with database.engine.connect() as connection:
        there = set(MigrationContext.configure(connection).get_current_heads())
    return there == _heads()


@cache
def _heads() -> set[str]:
    return set(_scripts().get_heads())


def revision(database: Database) -> str:
    """The revision a database is at."""
    with database.engine.connect() as connection:
        return str(MigrationContext.configure(connection).get_current_revision())


def knows(revision: str) -> bool:
    """Whether a revision is among those of this version."""
    return revision in {one.revision for one in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def config(connection: Connection) -> Config:
    """Alembic's configuration around one connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes.update(connection=connection, tables=tables.metadata)
    return made
