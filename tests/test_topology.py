"""The whole deployment on one machine: a version rolled over it, and its database lost, under load and in the
middle of a month's statements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException

import httpx
import pytest
from sqlmodel import func, select

from ledger import clock, statements, verification
from ledger.benches import postgres, serving, topology
from ledger.benches.imports import publish
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import JobRun
from ledger.journal import Entry
from ledger.milestones import Milestone
from ledger.parts import Part
from ledger.statements import Statement
from tests.waiting import until

CLIENTS, WORKERS = 4, 3
PERIOD = "2026-04"  # of the deals that wait
pytestmark = pytest.mark.long


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[topology.Topology]:
    monkeypatch.setenv("YONGJIN_LEASE_SECONDS", "5")
    with topology.prepared() as made:
        publish(made.primary)
        serving.load(made.primary, serving.city_tenth())
        made.waiting = serving.filled(made.primary, 600)  # type: ignore[attr-defined]
        try:
            made.start(workers=WORKERS)
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


def statements_asked_for(site: topology.Topology, period: str) -> str:
    """The run that makes a month's preliminary statements, once workers are at it."""
    token = serving.token_of(site.port, serving.FINANCE)
    asked = httpx.post(
        f"http://127.0.0.1:{site.port}/api/v1/jobs/preliminary_statements/run",
        json={"period": period},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    run_id = str(asked.json()["id"])
    with closing(Database(site.primary.url(postgres.BENCH))) as database:
        until(lambda: len(_claimers(database, run_id)) >= WORKERS)
    return run_id


def _claimers(database: Database, run_id: str) -> set[str]:
    with database.reading() as session:
        held = select(Part.claimed_by).where(Part.run_id == run_id, Part.claimed_by != "")
        return set(session.exec(held))


def how_it_ended(site: topology.Topology, run_id: str) -> tuple[str, str | None]:
    """State and error of the run, when it is over."""
    with closing(Database(site.standby.url(postgres.BENCH))) as database:

        def over() -> tuple[str, str | None] | None:
            with database.reading() as session:
                run = session.get_one(JobRun, run_id)
                return (run.state, run.error) if run.state in ("done", "failed", "stopped") else None

        return until(over)


def test_a_new_version_is_rolled_over_without_a_failed_request_and_the_standby_takes_over_without_a_loss(
    running: topology.Topology,
) -> None:
    waiting: list[str] = running.waiting  # type: ignore[attr-defined]
    first, second = waiting[:300], waiting[300:]
    assert under_load(running, first, running.roll) == []
    run_id = statements_asked_for(running, PERIOD)
    interrupted = under_load(running, second, running.promote)
    assert not [one for one in interrupted if one.startswith("500")]
    assert how_it_ended(running, run_id) == ("done", None)

    with closing(Database(running.standby.url(postgres.BENCH))) as database, database.reading() as session:
        made = sorted(session.exec(select(Statement.manager_id).where(Statement.period == PERIOD)))
        assert made == sorted({manager for manager, _ in statements.wanted(session, PERIOD)})
        states = dict(session.exec(select(Milestone.state, func.count()).group_by(Milestone.state)).all())
        assert states.get("submitted", 0) == 0
        for one in waiting:
            found = session.get_one(Milestone, one)
            entries = select(func.count()).where(Entry.deal_id == found.deal_id, Entry.kind == "accrual")
            assert session.exec(entries).one() == 1, found.deal_id
        report = verification.verify(session, Store(running.home / "var" / "files"), now=clock.now())
        assert report.differences == []
