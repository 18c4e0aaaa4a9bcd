"""`kill -9` of the server and of PostgreSQL, at any moment, again and again: nothing that was answered is
lost, and what was not answered is sent again with its key and is done once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from ledger import clock
from ledger.benches import postgres
from ledger.db import Database
from tests.crowd import at_this_moment
from tests.killing import Site, World, moved_in, one_of_its_own, start_postgresql
from tests.waiting import until

pytestmark = pytest.mark.long

PASSWORD = "long enough to guess"
KILLS = {"sqlite": 16, "postgresql": 50}
DEALS = [f"D-{n}" for n in range(4)]
EXPECTED = ("nothing_payable",)
Steps = Generator["Request", dict[str, Any], None]


class Closed(Exception):
    """Everybody goes home."""


@dataclass(frozen=True)
class Request:
    """What a client wants done once, whatever happens."""

    who: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Office:
    """Clients at work: what they sent, and what was answered. They wait while the office is shut."""

    site: Site
    tokens: dict[str, str]
    answered: list[tuple[Request, int, dict[str, Any]]] = field(default_factory=list)
    unanswered: int = 0
    open: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    sending: int = 0
    idle: Condition = field(default_factory=Condition)

    def work(self, steps: Steps) -> None:
        """One client: a step after the other, each until it is answered."""
        with httpx.Client(base_url=self.site.address, timeout=60) as client:
            answer: dict[str, Any] | None = None
            with suppress(Closed):
                while True:
                    request = next(steps) if answer is None else steps.send(answer)
                    answer = self.sent(client, request)

    def sent(self, client: httpx.Client, request: Request) -> dict[str, Any]:
        while True:
            self.open.wait()
            if self.closing.is_set():
                raise Closed
            self._count(1)
            try:
                status, answer = self._ask(client, request)
            finally:
                self._count(-1)
            if 0 < status < 500:
                assert status < 300 or answer["code"] in EXPECTED, answer
                self.answered.append((request, status, answer))
                return answer
            assert status in (0, 503), answer
            self.unanswered += 1

    def _ask(self, client: httpx.Client, request: Request) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.tokens[request.who]}", "Idempotency-Key": request.key}
        try:
            answer = client.post(f"/api/v1{request.path}", json=request.body, headers=headers)
            return answer.status_code, answer.json()
        except httpx.TransportError:
            return 0, {}

    def _count(self, more: int) -> None:
        with self.idle:
            self.sending += more
            self.idle.notify_all()

    def has_answered(self, more: int) -> None:
        """Until so many more have had their answer: they are at work."""
        enough = len(self.answered) + more
        until(lambda: len(self.answered) >= enough)

    def shut(self) -> None:
        """Nobody sends anything new; wait for those who have."""
        self.open.clear()
        with self.idle:
            assert self.idle.wait_for(lambda: self.sending == 0, timeout=90)


def receipts(client: int) -> Steps:
    """Documents, one after the other."""
    number = 0
    while True:
        number += 1
        deal = DEALS[number % len(DEALS)]
        body = {"kind": "fee_received", "on": str(clock.day_of(clock.now())), "ref": f"YH-{client}-{number}"}
        yield Request("finance", "/fees", {**body, "parts": {deal: "1000.01"}})


def claims(client: int) -> Steps:
    """Milestones, logged by one and verified by another; two of three are withdrawn again."""
    number = 0
    while True:
        number += 1
        body: dict[str, Any] = {"deal_id": DEALS[client % len(DEALS)], "stage": "find"}
        body |= {"reached_on": str(clock.day_of(clock.now())), "participants": {"M1": "2", "M2": "1"}}
        logged = yield Request("operator", "/milestones", body)
        yield Request("second", f"/milestones/{logged['id']}/verify")


def payments(client: int) -> Steps:
    """Batches: made, approved, and sent or given up."""
    while True:
        value_on = str(clock.day_of(clock.now()))
        made = yield Request("operator", "/payouts", {"value_on": value_on})
        if "id" in made:
            yield Request("second", f"/payouts/{made['id']}/approve", {"digest": made["digest"]})
            yield Request("operator", f"/payouts/{made['id']}/void", {"reason": "误"})
        else:
            time.sleep(0.2)


CLIENTS = (receipts, receipts, receipts, claims, claims, payments)


def lost(database: Database, office: Office) -> list[str]:
    """What was answered and is not in the books as it was answered."""
    with database.reading() as session:
        refs = {ref for (ref,) in session.execute(text("SELECT ref FROM fact WHERE type = 'fee_received'"))}
        states = {one: state for one, state in session.execute(text("SELECT id, state FROM milestone"))}
        paid = {one: state for one, state in session.execute(text("SELECT id, state FROM payout"))}
    missing = []
    for request, status, answer in office.answered:
        thing = answer.get("id", "")
        there = {
            "fees": lambda answer=answer: answer["ref"] in refs,
            "milestones": lambda thing=thing: thing in states,
            "payouts": lambda thing=thing: thing in paid,
        }[request.path.split("/")[1]]
        if status < 300 and not there():
            missing.append(f"{request.path} {thing}")
        if status < 300 and request.path.endswith("/verify") and states[thing] != "verified":
            missing.append(f"{request.path} is {states[thing]}")
        if status < 300 and request.path.endswith("/void") and paid[thing] != "voided":
            missing.append(f"{request.path} is {paid[thing]}")
    return missing


def doubled(database: Database, office: Office) -> list[str]:
    """What was wanted once and is there another number of times, when everything is answered."""
    wanted: dict[str, int] = {"fact": 0, "milestone": 0, "payout": 0}
    tables = {"/fees": "fact", "/milestones": "milestone", "/payouts": "payout"}
    for request, status, _ in office.answered:
        if request.path in tables and status < 300:
            wanted[tables[request.path]] += 1
    where = {"fact": " WHERE type = 'fee_received'"}
    with database.reading() as session:
        there = {
            name: session.execute(text(f"SELECT count(*) FROM {name}{where.get(name, '')}")).scalar_one()
            for name in wanted
        }
    return [f"{name}: {there[name]} for {wanted[name]}" for name in wanted if there[name] != wanted[name]]


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with one_of_its_own(request.param, tmp_path, monkeypatch) as made:
        yield made


def signed_in(site: Site) -> dict[str, str]:
    phones = {"operator": "13800000001", "second": "13800000002", "finance": "13800000003"}
    return {
        who: httpx.post(
            f"{site.address}/api/v1/tokens", json={"phone": phone, "password": PASSWORD}, timeout=60
        ).json()["token"]
        for who, phone in phones.items()
    }


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
