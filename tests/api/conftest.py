"""The application over an empty database, and a few pages that only tests have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import OperationalError
from starlette.responses import RedirectResponse
from starlette.testclient import TestClient

from api import flash
from api.forms import Filled
from api.language import N_
from api.rendering import page
from ledger import clock, config, files
from ledger.config import Settings
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ledger.db import Database
from ledger.files import Store
from tests.api.desk import Desk
from tests.api.front import Front
from tests.api.served import app_over

REFUSALS: dict[str, Refused] = {
    "unknown": NotFound("deal_unknown", "there is no deal {id}", id="D-9"),
    "forbidden": Forbidden(
        "not_allowed", "your role ({role}) does not allow {action}", role="manager", action="fee.record"
    ),
    "conflict": Conflict("deal_exists", "there is already a deal {id}", id="D-9"),
    "invalid": Invalid("amount_zero", "an adjustment is not zero"),
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    database = Database(f"sqlite:///{tmp_path / 'yongjin.db'}")
    app = app_over(database, files.opened(config.from_environment()), _add_pages)
    yield app
    database.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def _add_pages(app: FastAPI) -> None:
    @app.get("/try/refused/{name}")
    @app.get("/api/v1/try/refused/{name}")
    def refused(name: str) -> None:
        raise REFUSALS[name]

    @app.get("/try/failed")
    @app.get("/api/v1/try/failed")
    def failed() -> None:
        raise ZeroDivisionError("secret detail")

    @app.get("/api/v1/try/raced")
    def raced() -> None:
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    @app.get("/api/v1/try/number/{number}")
    def number(number: int) -> int:
        return number

    @app.get("/try/done")
    def done() -> Response:
        response = RedirectResponse("/try/page", 303)
        flash.put(response, N_("there is no deal {id}"), id="<b>")
        return response

    @app.get("/try/page")
    def plain(request: Request, role: str = "manager") -> Response:
        request.state.viewer = SimpleNamespace(id="us_1", name="M1", role=role)
        return page(request, "problem.html", title="T", detail="", advice="", code="c", reference="")

    @app.post("/try/form")
    def filled(form: Filled) -> dict[str, object]:
        return {
            "title": form.required("title"),
            "files": [file.filename for file in form.files("files")],
            "errors": form.errors,
        }


@pytest.fixture
def desk(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The office with its people at their screens, once on each engine."""
    with TestClient(app_over(database, Store(settings.files)), raise_server_exceptions=False) as client:
        desk = Desk(database, client)
        monkeypatch.setattr(clock, "now", desk.now)
        desk.move_in()
        yield desk


@pytest.fixture
def front(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """The office, seen through its pages, once on each engine."""
    app = app_over(database, Store(settings.files))
    with TestClient(app, base_url="https://testserver", raise_server_exceptions=False) as client:
        front = Front(database, client)
        monkeypatch.setattr(clock, "now", front.now)
        front.move_in()
        yield front
