"""The served program under many clients: how far the slow requests are from the usual ones.

A server as `yongjin serve` starts it, over PostgreSQL and a city's tenth; clients of this process keep
their connections and ask as fast as they are answered. The anchor is the median of the same requests,
both as requests a second one client would get.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from sqlmodel import Session

from ledger import city, config, imports, milestones, users
from ledger.benches import Result, postgres
from ledger.benches.imports import NOW, PASSWORD, PEOPLE, PLAN, publish
from ledger.core.facts_file import read_lines
from ledger.db import Database

BAR = 0.1  # p99 within ten times p50
FEW, MANY = 16, 64  # clients at once
CITY = 447
OPERATOR, LOGGER, FINANCE = PEOPLE
READS = {
    OPERATOR: (
        "/",
        "/milestones",
        "/deals",
        "/managers",
        "/api/v1/milestones?state=submitted",
        "/api/v1/deals",
    ),
    FINANCE: ("/", "/trial-balance", "/entries", "/api/v1/entries"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What one client asks once."""

    method: str
    path: str
    token: str


def run(verified: int = 3200, reads: int = 2000) -> Sequence[Result]:
    """Milestone verification and the ten most used reads over a city's tenth."""
    with postgres.migrated() as server:
        publish(server)
        load(server, city_tenth())
        return many(server, verified, reads)


def many(server: postgres.Server, verified: int, reads: int) -> Sequence[Result]:
    """Milestones verified, the ten most used reads: by few clients and by many, whatever the books hold."""
    waiting = filled(server, verified)
    with _served(server) as port:
        tokens = {phone: token_of(port, phone) for phone in READS}
        asked = [Request("POST", f"/api/v1/milestones/{one}/verify", tokens[OPERATOR]) for one in waiting]
        each = [Request("GET", path, tokens[who]) for who, paths in READS.items() for path in paths]
        some = (each * (reads // len(each) + 1))[:reads]
        half = len(asked) // 2
        return (
            _compared(f"milestones verified, {FEW} clients", _asked(port, asked[:half], FEW)),
            _compared(f"milestones verified, {MANY} clients", _asked(port, asked[half:], MANY)),
            _compared(f"the ten most used reads, {FEW} clients", _asked(port, some, FEW)),
            _compared(f"the ten most used reads, {MANY} clients", _asked(port, some, MANY)),
        )


def load(server: postgres.Server, lines: Iterable[str]) -> None:
    """Deals into the books, all of which have to be taken."""
    database = Database(server.url(postgres.BENCH), pool_size=2)
    report = imports.load(database, read_lines(lines, "bench", "CNY"), plan_id=PLAN, now=NOW)
    database.close()
    if report.refused:
        raise RuntimeError(report.refused[0])


def city_tenth() -> Iterator[str]:
    """A tenth of the city's year, as a facts file."""
    return city.lines(city.City(contracts=CITY, total_minor=city.proportional_minor(CITY)))


def filled(server: postgres.Server, wanted: int) -> list[str]:
    """So many milestones that wait, each of a new deal of its own."""
    load(server, (_deal(number) for number in range(wanted)))
    database = Database(server.url(postgres.BENCH), pool_size=2)
    numbers = iter(range(wanted))
    waiting: list[str] = []
    while some := list(islice(numbers, 200)):
        waiting += database.run(lambda session, some=some: _logged(session, some))  # type: ignore[misc]
    database.close()
    return waiting


def _deal(number: int) -> str:
    return json.dumps(
        {
            "format": 1,
            "deal": {"id": f"W-{number}", "category": "transfer", "mode": "lump_sum", "title": "bench"},
            "managers": [{"id": f"M{number % 300 + 1:03}", "name": "bench"}],
            "events": [
                {"on": "2026-04-01", "type": "contract", "contract_amount": "1000000.00"},
                {"on": "2026-04-20", "type": "fee_invoiced", "amount": "50000.00", "ref": f"FP-{number}"},
                {"on": "2026-04-30", "type": "fee_received", "amount": "25000.00", "ref": f"SK-{number}"},
            ],
        }
    )


def _logged(session: Session, numbers: Sequence[int]) -> list[str]:
    by = users.find(session, LOGGER)
    if by is None:
        raise RuntimeError("the bench's operator is not there")
    return [
        milestones.log(
            session,
            deal_id=f"W-{number}",
            stage="need_discovery",
            reached_on=date(2026, 4, 1),
            participants={f"M{number % 300 + 1:03}": "1"},
            by=by,
            now=NOW,
        ).id
        for number in numbers
    ]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _served(server: postgres.Server) -> Iterator[int]:
    """`yongjin serve` on a free port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="yongjin-bench-") as var:
        environment = config.for_a_process(Path(var), server.url(postgres.BENCH), YONGJIN_CLOCK="off")
        command = [sys.executable, "-m", "ledger.cli", "serve", "--port", str(port)]
        with (Path(var) / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(port, process, Path(var) / "log")
            yield port
        finally:
            process.kill()  # nothing in it is kept
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                if answer(connection, Request("GET", "/health/ready", ""))[0] == 200:
                    return
        except OSError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    raise RuntimeError(f"the server did not start: {log.read_text('utf-8')[-2000:]}")


def token_of(port: int, phone: str) -> str:
    """Sign in."""
    said = json.dumps({"phone": phone, "password": PASSWORD})
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("POST", "/api/v1/tokens", said, {"Content-Type": "application/json"})
        return str(json.loads(connection.getresponse().read())["token"])


def answer(connection: HTTPConnection, request: Request, **headers: str) -> tuple[int, bytes]:
    """Ask once; the status and the body."""
    told = {"Authorization": f"Bearer {request.token}", **headers}
    connection.request(request.method, request.path, headers=told)
    response = connection.getresponse()
    return response.status, response.read()


def _asked(port: int, requests: Sequence[Request], clients: int) -> list[float]:
    """Seconds of each request, shared out over the clients. Any refusal ends the bench."""
    with ThreadPoolExecutor(clients) as pool:
        parts = pool.map(lambda first: _one_client(port, requests[first::clients]), range(clients))
        return [seconds for part in parts for seconds in part]


def _one_client(port: int, requests: Sequence[Request]) -> list[float]:
    took = []
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        for request in requests:
            started = time.perf_counter()
            status, body = answer(connection, request)
            took.append(time.perf_counter() - started)
            if status != 200:
                raise RuntimeError(f"{request.method} {request.path}: {status} {body[:200]!r}")
    return took


def _compared(name: str, took: Sequence[float]) -> Result:
    return Result(f"{name}: at p99 against p50", 1 / quantiles(took, n=100)[98], 1 / median(took), BAR)
