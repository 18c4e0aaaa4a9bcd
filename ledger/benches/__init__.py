"""How fast, against an anchor measured in the same run: a ratio means the same on every machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter

from ledger import processes

# What can be measured → the module of this room whose `run` measures it.
BENCHES = {
    "engine": "engine",
    "ledger": "ledger",
    "import": "imports",
    "balances": "balances",
    "statements": "statements",
    "api": "serving",
}
LONG = {"country": "country"}  # takes an hour or more: measured only where it is named


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison, in things a second. Without its anchor there is nothing to compare."""

    name: str
    ours: float
    anchor: float | None
    bar: float  # `ours` is to be at least so many times the anchor; 0: it is only told
    missing: str = ""  # why there is no anchor

    @property
    def ratio(self) -> float | None:
        """How many times the anchor."""
        return self.ours / self.anchor if self.anchor else None

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None where nothing could be compared."""
        return None if self.ratio is None else self.ratio >= self.bar


def run(what: str, **given: object) -> Sequence[Result]:
    """Measure one thing of BENCHES or LONG; `given` is what its own `run` takes, a size or a peer's files."""
    name = (BENCHES | LONG)[what]
    measured: Sequence[Result] = import_module(f"ledger.benches.{name}").run(**given)
    return measured


def machine() -> dict[str, object]:
    """What was measured on: a figure without it says little."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
    }


def _processor() -> str:
    with suppress(OSError):
        told = Path("/proc/cpuinfo").read_text("utf-8")
        named = (line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line)
        return next(named, "")
    return platform.processor()


def a_second(
    *actions: Callable[[], object],
    rounds: int = 15,
    seconds: float = 0.1,
    clock: Callable[[], float] = perf_counter,
) -> tuple[float, ...]:
    """How often each action runs in a second: the best of some rounds, the collector off, as timeit does.

    The actions take turns, so that what else the machine does weighs on all of them alike. For what only
    computes, `process_time` as the clock leaves out what other programs take of the machine.
    """
    counts = [_enough(action, seconds, clock) for action in actions]
    with processes.not_collecting():
        turns = [
            [took(action, count, clock) for action, count in zip(actions, counts, strict=True)]
            for _ in range(rounds)
        ]
    return tuple(count / min(took) for count, took in zip(counts, zip(*turns, strict=True), strict=True))


def _enough(action: Callable[[], object], seconds: float, clock: Callable[[], float]) -> int:
    """How many runs take about so long."""
    count = 1
    while took(action, count, clock) < seconds / 4:
        count *= 2
    return count * 4


def took(action: Callable[[], object], count: int = 1, clock: Callable[[], float] = perf_counter) -> float:
    """Seconds for so many runs."""
    started = clock()
    for _ in range(count):
        action()
    return clock() - started
