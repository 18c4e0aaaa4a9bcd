"""The whole deployment on one machine: a version rolled over it, and its database lost, under load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException

import pytest
from sqlmodel import func, select

from ledger import clock, verification
from ledger.benches import postgres, serving, topology
from ledger.benches.imports import publish
from ledger.db import Database
from ledger.files import Store
from ledger.journal import Entry
from ledger.milestones import Milestone

CLIENTS = 4
pytestmark = pytest.mark.long


@pytest.fixture
def running() -> Iterator[topology.Topology]:
    with topology.prepared() as made:
        publish(made.primary)
        serving.load(made.primary, serving.city_tenth())
        made.waiting = serving.filled(made.primary, 600)  # type: ignore[attr-defined]
        try:
            made.start()
            yield made
        finally:
            made.stop()


def asked(site: topology.Topology, milestones: Sequence[str], token: str, stop: threading.Event) -> list[str]:
    """Verify one milestone after the other, each until it is acknowledged; what went wrong on the way."""
    wrong = []
    for one in milestones:
        request = serving.Request("POST", f"/api/v1/milestones/{one}/verify", token)
        while not stop.is_set():
            try:
                with closing(HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
                    status, body = serving.answer(connection, request, **{"Idempotency-Key": one})
            except (OSError, HTTPException) as error:
                wrong.append(repr(error))
                continue
            if status == 200:
                break
            wrong.append(f"{status} {body[:200]!r}")
    return wrong


def under_load(site: topology.Topology, milestones: Sequence[str], act: Callable[[], None]) -> list[str]:
    """Do something while clients verify milestones; everything they were not answered with 200."""
    wrong: list[str] = []
    stop, token = threading.Event(), serving.token_of(site.port, serving.OPERATOR)

    def client(number: int) -> None:
        wrong.extend(asked(site, milestones[number::CLIENTS], token, stop))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    act()
    for one in clients:
        one.join(timeout=180)
    stop.set()
    return wrong


def test_a_new_version_is_rolled_over_without_a_failed_request_and_the_standby_takes_over_without_a_loss(
    running: topology.Topology,
) -> None:
    waiting: list[str] = running.waiting  # type: ignore[attr-defined]
    first, second = waiting[:300], waiting[300:]
    assert under_load(running, first, running.roll) == []
    interrupted = under_load(running, second, running.promote)
    assert not [one for one in interrupted if one.startswith("500")]

    with closing(Database(running.standby.url(postgres.BENCH))) as database, database.reading() as session:
        states = dict(session.exec(select(Milestone.state, func.count()).group_by(Milestone.state)).all())
        assert states.get("submitted", 0) == 0
        for one in waiting:
            found = session.get_one(Milestone, one)
            entries = select(func.count()).where(Entry.deal_id == found.deal_id, Entry.kind == "accrual")
            assert session.exec(entries).one() == 1, found.deal_id
        report = verification.verify(session, Store(running.home / "var" / "files"), now=clock.now())
        assert report.differences == []
