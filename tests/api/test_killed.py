"""`kill -9` of the server and of PostgreSQL, at any moment, again and again: nothing that was answered is
lost, and what was not answered is sent again with its key and is done once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.benches import postgres
from tests.clients import CLIENTS, DEALS, Office, doubled, lost, signed_in
from tests.crowd import at_this_moment
from tests.killing import Site, World, moved_in, one_of_its_own, start_postgresql

pytestmark = pytest.mark.long

KILLS = {"sqlite": 16, "postgresql": 50}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with one_of_its_own(request.param, tmp_path, monkeypatch) as made:
        yield made


def struck(world: World, site: Site, chance: random.Random) -> None:
    """One of them, or both, is killed; and started again."""
    what = "server" if world.server is None else chance.choice(("server", "postgresql", "postgresql", "both"))
    if what != "postgresql":
        site.kill()
    if world.server is not None and what != "server":
        postgres.kill(world.server)
        time.sleep(chance.random() * 0.3)
        start_postgresql(world.server)
    if what != "postgresql":
        site.start()


def test_what_was_answered_is_there_and_what_was_not_is_done_once(
    world: World, request: pytest.FixtureRequest
) -> None:
    kills = KILLS["sqlite" if world.server is None else "postgresql"]
    desk, site, chance = moved_in(world, DEALS), Site(), random.Random(20261125)
    site.start()
    site.wait()
    office = Office(site, signed_in(site))
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        at_work: list[Future[None]] = [pool.submit(office.work, steps(n)) for n, steps in enumerate(CLIENTS)]
        try:
            for _ in range(kills):
                office.open.set()
                office.has_answered(chance.randint(1, 40))
                struck(world, site, chance)
                office.shut()
                assert not [one.exception() for one in at_work if one.done()]
                site.wait()
                desk.database.close()
                assert lost(desk.database, office) == []
                assert at_this_moment(desk) == []
                assert desk.wrong() == []
            office.open.set()
            office.has_answered(40)
            office.shut()
        finally:
            office.closing.set()
            office.open.set()
            site.stop()
    assert [one.result() for one in at_work] == [None] * len(CLIENTS)
    assert lost(desk.database, office) == []
    assert doubled(desk.database, office) == []
    assert desk.settle() == 0
    assert desk.wrong() == []
    assert office.unanswered > 0, "nothing was struck"
    desk.database.close()
