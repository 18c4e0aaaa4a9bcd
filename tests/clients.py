"""People who work with the program over HTTP, each a step after the other, until every one is answered."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Event
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from ledger import clock
from ledger.db import Database
from tests.killing import Site
from tests.waiting import until

PASSWORD = "long enough to guess"
DEALS = [f"D-{n}" for n in range(4)]
# Refusals that are an answer: the client goes on. A day may end between writing a request and sending it.
EXPECTED = ("nothing_payable", "value_date_past")
Steps = Generator["Request", dict[str, Any], None]


class Closed(Exception):
    """Everybody goes home."""


@dataclass(frozen=True)
class Request:
    """What a client wants done once, whatever happens."""

    who: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes, str]] | None = None
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
            sent = {"files": request.files} if request.files else {"json": request.body}
            answer = client.post(f"/api/v1{request.path}", headers=headers, **sent)  # type: ignore[arg-type]
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


TABLES = {"fees": "fact", "milestones": "milestone", "payouts": "payout", "evidence": "evidence"}
AFTER = {"verify": "verified", "void": "voided"}  # what was asked for last → what it is then


def lost(database: Database, office: Office) -> list[str]:
    """What was answered and is not in the books as it was answered."""
    with database.reading() as session:
        refs = {ref for (ref,) in session.execute(text("SELECT ref FROM fact WHERE type = 'fee_received'"))}
        states = {
            one: state
            for table in ("milestone", "payout")
            for one, state in session.execute(text(f"SELECT id, state FROM {table}"))
        }
        kept = {one for (one,) in session.execute(text("SELECT id FROM evidence"))}
    missing = []
    for request, status, answer in office.answered:
        if status >= 300:
            continue
        last, thing = request.path.rpartition("/")[2], answer.get("id", "")
        if last == "fees":
            is_there = answer["ref"] in refs
        elif last == "evidence":
            is_there = thing in kept
        else:
            is_there = states.get(thing) == AFTER.get(last, states.get(thing, ""))
        if not is_there:
            missing.append(f"{request.path} {thing} is {states.get(thing)}")
    return missing


def doubled(database: Database, office: Office) -> list[str]:
    """What was wanted once and is there another number of times, when everything is answered.

    Deals I-… came in from a file.
    """
    wanted = dict.fromkeys(TABLES.values(), 0)
    for request, status, _ in office.answered:
        made = TABLES.get(request.path.rpartition("/")[2])
        if made and status < 300:
            wanted[made] += 1
    not_imported = "deal_id NOT LIKE 'I-%'"
    where = {
        "fact": f" WHERE type = 'fee_received' AND {not_imported}",
        "milestone": f" WHERE {not_imported}",
    }
    with database.reading() as session:
        there = {
            name: session.execute(text(f"SELECT count(*) FROM {name}{where.get(name, '')}")).scalar_one()
            for name in wanted
        }
    return [f"{name}: {there[name]} for {wanted[name]}" for name in wanted if there[name] != wanted[name]]


def signed_in(site: Site) -> dict[str, str]:
    phones = {"operator": "13800000001", "second": "13800000002", "finance": "13800000003"}
    return {
        who: httpx.post(
            f"{site.address}/api/v1/tokens", json={"phone": phone, "password": PASSWORD}, timeout=60
        ).json()["token"]
        for who, phone in phones.items()
    }
