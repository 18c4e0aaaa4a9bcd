"""How often one address and one user may ask in a minute, over all processes, at no cost to who works.

A request is counted in memory. Only who has asked a tenth of what they may is told to the database, after
their answer has left, and then the count of all processes is learnt: who stays below that never touches
the database for it, and beyond the limit each process answers at most one tenth of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api import problems
from ledger import clock, rates
from ledger.core.errors import TooMany
from ledger.db import Database

MINUTE_SECONDS = 60
UNCOUNTED = ("/static/", "/health/", "/metrics")


@dataclass(slots=True)
class _Count:
    untold: int = 0
    told: int = 0


@dataclass
class Rates:
    """What this process knows of the minute at hand. A limit of 0 is none."""

    of_user: int = 0
    of_address: int = 0
    minute: int = 0
    counts: dict[str, _Count] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def take(self, who: str) -> None:
        """Count one request, or TooMany."""
        most, now = self._most(who), int(clock.now().timestamp())
        if not most:
            return
        with self.lock:
            if now // MINUTE_SECONDS != self.minute:
                self.minute = now // MINUTE_SECONDS
                self.counts.clear()
            count = self.counts.setdefault(who, _Count())
            if count.told + count.untold >= most:
                raise TooMany(
                    "rate_limit",
                    "there were too many requests; wait {seconds} seconds",
                    seconds=MINUTE_SECONDS - now % MINUTE_SECONDS,
                )
            count.untold += 1

    def _most(self, who: str) -> int:
        return self.of_user if who.startswith("user:") else self.of_address

    def due(self, whose: Collection[str]) -> dict[str, int]:
        """What is to be told of some of them; it is somebody's to tell now."""
        with self.lock:
            found = {who: self.counts[who] for who in whose if who in self.counts}
            due = {who: one for who, one in found.items() if one.untold >= max(self._most(who) // 10, 1)}
            numbers = {who: one.untold for who, one in due.items()}
            for one in due.values():
                one.told, one.untold = one.told + one.untold, 0
        return numbers

    def learn(self, minute: int, totals: dict[str, int]) -> None:
        """What every process together counted."""
        with self.lock:
            for who, total in totals.items():
                if minute == self.minute and who in self.counts:
                    self.counts[who].told = max(self.counts[who].told, total)


def of_address(host: str) -> str:
    """Whose address it is. Who has an IPv6 address has all of its network's."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"address:{host[:64]}"
    network = address.packed[:8].hex() if isinstance(address, IPv6Address) else str(address)
    return f"address:{network}"


def of_user(user_id: str) -> str:
    """Whose sign-in it is."""
    return f"user:{user_id}"


class Rated:
    """Refuses an address that asks too often, and tells the other processes who asks much.

    A user is known, and refused, behind the doors.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            return await self.app(scope, receive, send)
        database: Database = scope["app"].state.database
        counted: Rates = scope["app"].state.rates
        address = of_address(scope["client"][0] if scope.get("client") else "")
        try:
            counted.take(address)
        except TooMany as refusal:
            return await problems.refused(Request(scope), refusal)(scope, receive, send)
        await self.app(scope, receive, send)
        user_id = scope.get("state", {}).get("user_id")
        minute = counted.minute
        if due := counted.due([address, *([of_user(user_id)] if user_id else [])]):
            await run_in_threadpool(_tell, database, counted, minute, due)


def _tell(database: Database, counted: Rates, minute: int, due: dict[str, int]) -> None:
    """Where the database does not answer, this process counts for itself."""
    try:
        database.run(lambda session: rates.tell(session, minute, due))
        with database.reading() as session:
            counted.learn(minute, rates.known(session, minute, due))
    except DBAPIError:
        return
