"""A country's year from its file to verified books: whether the time for it grows in a straight line.

China registered 945,946 technology contracts in 2023; 30,000 managers earn on them. The year is lived by
the program's own commands over PostgreSQL: written, imported, closed month by month, December's statements
printed, everything verified; then asked by many clients. The anchor is the same with a tenth of the deals
and of the people, in deals a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psycopg

from ledger import config
from ledger.benches import Result, postgres, serving
from ledger.benches.imports import PLAN, publish

CONTRACTS, MANAGERS = 945_946, 30_000
TENTH = CONTRACTS // 10
YEAR = 2023
BAR = 0.8  # of the rate of a tenth: a straight line, and what larger indexes cost
VERIFIED, READS = 1600, 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the year: how long it took, and the most memory that its processes had at once."""

    name: str
    seconds: float
    peak_mib: float


def run(contracts: int = TENTH) -> Sequence[Result]:
    """Deals a second, step by step, of so many contracts against a tenth of them; and how it answers then."""
    with lived(contracts // 10) as (_, small):
        pass
    with lived(contracts) as (server, large):
        asked = serving.many(server, VERIFIED, READS)
    by_step = [
        Result(f"a country's year, {contracts:,} contracts: {one.name}", contracts / one.seconds, *anchor)
        for one, anchor in zip(large, _anchors(contracts // 10, small), strict=True)
    ]
    return [*by_step, *asked]


def _anchors(contracts: int, steps: Sequence[Step]) -> Iterator[tuple[float, float]]:
    """(rate, bar) of each step; a small one is mostly the start of a program, so only the whole has a bar."""
    for one in steps:
        yield contracts / one.seconds, BAR if one.name == WHOLE else 0.0


WHOLE = "the whole"


@contextmanager
def lived(contracts: int) -> Iterator[tuple[postgres.Server, list[Step]]]:
    """Books of a year of so many contracts, and how it went; what it took is told on standard error."""
    with postgres.migrated() as server, tempfile.TemporaryDirectory(prefix="yongjin-bench-") as folder:
        publish(server)
        environment = config.for_a_process(Path(folder), server.url(postgres.BENCH))
        steps = []
        for name, commands in _commands(Path(folder) / "facts.jsonl", contracts):
            steps.append(_done(name, commands, environment))
            _say(f"  {_told(steps[-1])}, database {_size_mib(server):,.0f} MiB")
        steps.append(Step(WHOLE, sum(one.seconds for one in steps), max(one.peak_mib for one in steps)))
        _say(f"{contracts:,} contracts: {_told(steps[-1])}")
        yield server, steps


def _commands(file: Path, contracts: int) -> Iterator[tuple[str, list[list[str]]]]:
    managers = max(contracts * MANAGERS // CONTRACTS, 3)
    months = [f"{YEAR}-{month:02}" for month in range(1, 13)]
    yield "written", [["city", f"--out={file}", f"--contracts={contracts}", f"--managers={managers}"]]
    yield "imported", [["import", str(file), f"--plan={PLAN}"]]
    yield "sealed", [["seal"]]
    yield "twelve months closed", [["close", month, "--accept"] for month in months]
    yield "statements of December", [["statements", "run", f"--period={months[-1]}"]]
    yield "verified", [["verify"]]


def _done(name: str, commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Step:
    """Run the commands of one step; one that fails ends the bench with what it said."""
    started = perf_counter()
    peak_mib = max(_ran(words, environment) for words in commands)
    return Step(name, perf_counter() - started, peak_mib)


def _ran(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """One command to its end; the most memory its processes had at once, looked at twice a second."""
    peak_kib = 0
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "ledger.cli", *words]
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
        while process.poll() is None:
            peak_kib = max(peak_kib, _resident_kib(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"yongjin {' '.join(words)}: {said.read()[-2000:]}")
    return peak_kib / 1024


def _resident_kib(session: int) -> int:
    """What all processes of a session hold in memory."""
    held = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            if (process / "stat").read_text().rpartition(")")[2].split()[3] == str(session):
                pages = int((process / "statm").read_text().split()[1])
                held += pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return held


def _say(line: str) -> None:
    """A run takes minutes to hours: it tells how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _told(step: Step) -> str:
    return f"{step.name}: {step.seconds:,.1f} s, at most {step.peak_mib:,.0f} MiB"


def _size_mib(server: postgres.Server) -> float:
    with psycopg.connect(server.dsn(postgres.BENCH)) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return float(found[0]) / 2**20 if found else 0.0
