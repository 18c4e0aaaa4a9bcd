"""The office every test of the JSON interface works in, once on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from ledger import clock
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from tests.api.routes.office import Office
from tests.api.served import app_over


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.files)


@pytest.fixture
def office(database: Database, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    app = app_over(database, store)
    with TestClient(app, raise_server_exceptions=False) as client:
        office = Office(database, client)
        monkeypatch.setattr(clock, "now", office.now)
        office.move_in()
        yield office
