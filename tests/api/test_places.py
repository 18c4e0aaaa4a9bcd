"""Driven beyond what it can do, a process answers those it has in hand and tells the rest to wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import httpx
import pytest
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.testclient import TestClient

from api.app import create_app
from ledger.db import Database
from ledger.files import Store

PLACES = 3


@pytest.fixture
def held(tmp_path: Path) -> tuple[TestClient, Barrier, Event]:
    """An application of three places, with something that takes as long as one lets it."""
    app = create_app(Database(f"sqlite:///{tmp_path}/none.db"), Store(tmp_path), places=PLACES)
    inside, go = Barrier(PLACES + 1), Event()

    @app.get("/api/v1/slow")
    def slow() -> str:
        inside.wait(30)
        go.wait(30)
        return "done"

    @app.get("/api/v1/starved")
    def starved() -> str:
        raise NoConnection("all connections are taken")

    return TestClient(app), inside, go


def test_who_finds_no_place_is_told_to_wait_and_who_has_one_is_answered(
    held: tuple[TestClient, Barrier, Event],
) -> None:
    client, inside, go = held
    with client, ThreadPoolExecutor(PLACES) as pool:
        asked = [pool.submit(client.get, "/api/v1/slow") for _ in range(PLACES)]
        inside.wait(30)
        for _ in range(20):
            refused = client.get("/api/v1/slow")
            assert (refused.status_code, refused.json()["code"]) == (503, "no_place")
            assert refused.headers["Retry-After"] == "2"
        page = client.get("/")
        assert page.status_code == 503 and page.headers["Retry-After"] == "2"
        assert client.get("/health/live").status_code == 200
        go.set()
        assert [one.result().json() for one in asked] == ["done"] * PLACES
        assert client.get("/api/v1/starved").status_code == 503  # there is a place again


def test_who_waits_in_vain_for_a_connection_may_send_it_again(
    held: tuple[TestClient, Barrier, Event],
) -> None:
    answer: httpx.Response = held[0].get("/api/v1/starved")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "2"
