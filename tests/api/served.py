"""The application as tests ask for it: built once a process, since its routes cost more than most tests."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from api.app import attach, create_app
from ledger.db import Database
from ledger.files import Store

More = Callable[[FastAPI], None]
_built: dict[More | None, FastAPI] = {}


def app_over(database: Database, store: Store, more: More | None = None) -> FastAPI:
    """The application over these, with `more` added; until the next test asks for it over others."""
    if more not in _built:
        _built[more] = create_app(database, store)
        if more:
            more(_built[more])
    attach(_built[more], database, store)
    return _built[more]
