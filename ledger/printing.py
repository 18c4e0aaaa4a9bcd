"""A month's statements: drawn from the books, printed and signed on all cores, kept. Run again, it goes on.

A statement that says what the last one of its kind said is not made again, so a run that was broken
off is simply run once more.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

from ledger import clock, config, paper, press, signing, statements
from ledger.core import period as months
from ledger.core.errors import Refused
from ledger.core.statement import Snapshot, from_json, pointing, to_json
from ledger.db import Database
from ledger.files import Store
from ledger.statements import Kind

BATCH = 16
AHEAD = 2  # batches drawn while the one before is still being printed: memory stays flat
Printer = Callable[[Sequence[Snapshot]], Iterator[bytes]]


@dataclass
class Report:
    """What a run made, left as it was, and could not make."""

    period: str
    kind: str
    made: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)


def run(
    database: Database,
    store: Store,
    period: str,
    *,
    kind: Kind,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Every manager's statement of a period. One that does not tie is refused; the others go on."""
    report = Report(period=months.parse(period), kind=kind)
    with database.reading() as session:
        wanted = iter(ids := statements.wanted(session, period))
    under_way: deque[tuple[list[Snapshot], Iterator[bytes]]] = deque()
    progress(0, len(ids))
    with _printer(min(workers, len(ids))) as printer:
        while (batch := list(islice(wanted, BATCH))) or under_way:
            if batch:
                snapshots = _draw(database, batch, period, kind, report)
                under_way.append((snapshots, printer(snapshots)))
            if len(under_way) > AHEAD or not batch:
                snapshots, pdfs = under_way.popleft()
                _keep(database, store, snapshots, list(pdfs))
                report.made += len(snapshots)
            progress(report.made + report.unchanged + len(report.refused), len(ids))
    return report


def _draw(
    database: Database, wanted: Sequence[tuple[str, str]], period: str, kind: Kind, report: Report
) -> list[Snapshot]:
    snapshots, public_url = [], config.from_environment().public_url
    with database.reading() as session:
        for manager_id, currency in wanted:
            try:
                snapshot = statements.fresh(
                    session, manager_id, period, kind=kind, currency=currency, now=clock.now()
                )
            except Refused as refusal:
                report.refused.append(f"{manager_id} {currency}: {refusal}")
                continue
            if snapshot is None:
                report.unchanged += 1
            else:
                snapshots.append(pointing(snapshot, public_url))
    return snapshots


def _keep(database: Database, store: Store, snapshots: Sequence[Snapshot], pdfs: Sequence[bytes]) -> None:
    if snapshots:
        database.run(
            lambda session: [
                statements.keep(session, store, snapshot, pdf)
                for snapshot, pdf in zip(snapshots, pdfs, strict=True)
            ]
        )


@contextmanager
def _printer(workers: int) -> Iterator[Printer]:
    """Prints and signs snapshots here, or in a pool of processes that are ready for it."""
    if workers <= 1:
        yield lambda snapshots: map(printed, snapshots)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _ready) as pool:
        yield lambda snapshots: pool.map(_print, [to_json(s) for s in snapshots])


def _ready() -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    signing.key(config.from_environment())
    press.warm()


def _end_with_parent() -> None:
    """A pool whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _print(snapshot: str) -> bytes:
    return printed(from_json(snapshot))


def printed(snapshot: Snapshot) -> bytes:
    """The signed PDF of a statement: what is kept, for it never comes out the same again."""
    settings = config.from_environment()
    page = paper.render(snapshot, settings.paper_language)
    return signing.sign(page, signing.key(settings), at=snapshot.header.made_at)


def result(report: Report) -> dict[str, Any]:
    """The report as a job's row keeps it."""
    return {"made": report.made, "unchanged": report.unchanged, "refused": report.refused}
