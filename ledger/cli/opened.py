"""The database and the files the command line works on, as the environment says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ledger import config, files, heard, logs
from ledger.core.errors import Conflict
from ledger.db import Database
from ledger.files import Store
from ledger.migrations.run import is_current


@contextmanager
def opened() -> Iterator[tuple[Database, Store]]:
    """The database and the store, given back at the end."""
    logs.set_up(logging.WARNING)
    heard.listen()
    settings = config.from_environment()
    database = Database(settings.database_url)
    try:
        if not is_current(database):
            raise Conflict("database_old", "the database is not at this version; run yongjin migrate")
        yield database, files.opened(settings)
    finally:
        database.close()
