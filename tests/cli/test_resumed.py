"""`import` and `statements run`, killed again and again: run once more, they go on where they were."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger import managers
from ledger.benches import postgres
from ledger.db import Database
from ledger.files import Store
from tests.crowd import at_this_moment
from tests.desk import Desk
from tests.killing import (
    World,
    moved_in,
    one_of_its_own,
    program,
    start_postgresql,
    working_in,
)
from tests.waiting import until

pytestmark = pytest.mark.long

KILLS = 6
DEALS = 1500
PEOPLE = 60


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with one_of_its_own(request.param, tmp_path, monkeypatch) as made:
        yield made


def deal(number: int) -> str:
    """A deal as a file has it: a milestone, a receipt, and something paid elsewhere."""
    who = [{"id": f"P{number % PEOPLE}"}, {"id": f"P{(number + 1) % PEOPLE}"}]
    events = [
        {"on": "2026-01-02", "type": "milestone", "stage": "find", "managers": {one["id"]: 1 for one in who}},
        {"on": "2026-01-03", "type": "fee_received", "amount": "10000.00", "ref": f"YH-{number}"},
        {"on": "2026-01-04", "type": "paid", "manager": who[0]["id"], "amount": "10.00", "ref": "FK-1"},
    ]
    about = {"id": f"D-{number}", "expected_fee": "100000.00", "client": f"企业{number % 7}"}
    return json.dumps({"format": 1, "deal": about, "managers": who, "events": events}, ensure_ascii=False)


def until_done(world: World, desk: Desk, words: list[str], query: str, whole: int) -> list[int]:
    """Start it, kill it when some of the whole is seen to be there, start it again; the last time it may end.

    How far it was each time. Nobody who worked for one that was killed stays behind.
    """
    chance, seen = random.Random(7), list[int]()

    def standing() -> int:
        return counted(desk.database, query)

    for _ in range(KILLS):
        enough, running = standing() + chance.randint(1, whole // (2 * KILLS)), program(*words)
        until(lambda enough=enough, running=running: standing() >= enough or running.poll() is not None)  # type: ignore[misc]
        if running.poll() is not None:
            break
        running.kill()
        running.wait()
        if world.server is not None and chance.random() < 0.5:
            postgres.kill(world.server)
            start_postgresql(world.server)
            desk.database.close()
        until(lambda: not working_in(world.settings.var))
        seen.append(standing())
    assert program(*words).wait() == 0
    return seen


def test_an_import_that_is_killed_goes_on(world: World, tmp_path: Path) -> None:
    desk = moved_in(world, deals=())
    file = tmp_path / "deals.jsonl"
    file.write_text("\n".join(deal(n) for n in range(DEALS)) + "\n", encoding="utf-8")

    def count(what: str = "deal") -> int:
        return counted(desk.database, f"SELECT count(*) FROM {what}")

    words = ["import", str(file), "--plan", "simple", "--workers", "2"]
    seen = until_done(world, desk, words, "SELECT count(*) FROM deal", DEALS)
    assert seen == sorted(seen) and 0 < seen[0] < DEALS, seen
    assert count() == DEALS
    assert count("fact") == 3 * DEALS
    assert count("entry WHERE kind = 'fee_received'") == DEALS
    assert count("entry WHERE kind = 'paid_elsewhere'") == DEALS
    assert desk.balance("1002", "基本户") == DEALS * (10_000_00 - 10_00)
    assert at_this_moment(desk) == []
    assert desk.settle() == 0
    assert desk.wrong() == []
    desk.database.close()


def test_statements_that_are_killed_go_on(world: World) -> None:
    desk = moved_in(world, deals=())
    with desk.database.writing() as session:
        for number in range(PEOPLE):
            managers.add(session, id=f"P{number}", name=f"经理{number}", now=desk.now)

    month = f"{desk.today:%Y-%m}"
    words, kept = ["statements", "run", "--period", month, "--workers", "2"], "SELECT count(*) FROM statement"
    seen = until_done(world, desk, words, kept, PEOPLE)
    assert seen == sorted(seen) and seen[0] > 0, seen
    people = PEOPLE + 2
    assert counted(desk.database, kept) == people
    assert counted(desk.database, "SELECT count(DISTINCT manager_id) FROM statement") == people
    assert counted(desk.database, "SELECT max(revision) FROM statement") == 1
    store = Store(world.settings.files)
    with desk.database.reading() as session:
        hashes = [sha256 for (sha256,) in session.execute(text("SELECT pdf_sha256 FROM statement"))]
    assert all(store.get(sha256).startswith(b"%PDF") for sha256 in hashes)
    assert desk.wrong() == []
    desk.database.close()


def counted(database: Database, query: str) -> int:
    with database.reading() as session:
        return int(session.execute(text(query)).scalar_one() or 0)
