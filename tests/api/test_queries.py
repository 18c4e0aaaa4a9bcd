"""Pages of a city's data take a bounded number of queries: as many for a year as for a week."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api import navigation
from api.app import create_app
from api.doors import COOKIE
from ledger import clock, demo
from ledger.db import Database
from ledger.files import Store

PHONES = {"manager": "13800000001", "operator": "13800000011", "finance": "13800000021"}
MORE = (
    "/ageing?what=held",
    "/entries?kind=accrual",
    "/search?q=株洲",
    "/accounts/2202.01",
    "/fees/receivables",
)
MOST = 60  # queries of one page, its frame and its sign-in included; a deal has the most kinds of things
SLOWEST = 1.0  # seconds, of a whole city's year


@pytest.fixture(scope="module", params=[25, pytest.param(4467, marks=pytest.mark.long)])
def city(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[tuple[int, Database, TestClient]]:
    """The demonstration with so many of the city's contracts, and pages over it."""
    folder = tmp_path_factory.mktemp("city")
    database = Database(f"sqlite:///{shutil.copyfile(migrated_file, folder / 'yongjin.db')}")
    store = Store(folder / "files")
    demo.load(database, store, contracts=request.param, now=clock.now())
    with TestClient(create_app(database, store)) as client:
        yield request.param, database, client
    database.close()


@pytest.mark.parametrize("role", PHONES)
def test_no_page_takes_more_queries_than_it_has_kinds_of_things(
    city: tuple[int, Database, TestClient], role: str
) -> None:
    contracts, database, client = city
    who = {"phone": PHONES[role], "password": demo.PASSWORD}
    signed = client.post("/sign-in", data=who, follow_redirects=False)
    secret = signed.headers["set-cookie"].split(f"{COOKIE}=")[1].split(";")[0]
    ran: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: ran.append(args[2]))
    wrong = []
    for path in _pages(client, secret, role):
        ran.clear()
        began = time.perf_counter()
        answer = client.get(path, headers={"Cookie": f"{COOKIE}={secret}"}, follow_redirects=False)
        took = time.perf_counter() - began
        if answer.status_code not in (200, 303) or len(ran) > MOST or (contracts > 1000 and took > SLOWEST):
            wrong.append(f"{path}: {answer.status_code}, {len(ran)} queries, {took:.2f} s")
    assert wrong == []


def _pages(client: TestClient, secret: str, role: str) -> list[str]:
    """What the menu offers, and the first thing each list opens."""
    listed = [item.href for item in navigation.keyed(role)] + (list(MORE) if role == "finance" else [])
    opened = []
    for path in listed:
        page = client.get(path, headers={"Cookie": f"{COOKIE}={secret}"}).text
        found = re.search(rf'href="({re.escape(path.split("?")[0])}/[a-z]*_?[\w.-]+)"', page)
        opened += [found[1]] if found and not found[1].endswith(("/new", ".csv", ".xlsx")) else []
    return [*listed, *opened]
