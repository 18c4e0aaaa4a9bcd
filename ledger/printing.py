"""A month's statements: drawn from the books, printed, signed and kept, by many hands. Run again, it goes on.

The run is cut into parts (`ledger.parts`); whoever claims one does it whole, in one transaction at its end.
A statement that says what the last one of its kind said is not made again.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ledger import clock, config, ids, paper, parts, press, processes, signing, statements
from ledger.core import period as months
from ledger.core.errors import Conflict, Refused
from ledger.core.statement import Snapshot, pointing
from ledger.db import Database
from ledger.dispatch import node
from ledger.files import Store
from ledger.parts import Part
from ledger.statements import Kind

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 120  # without anybody at work, before a run says so and ends
OVERTAKEN_MOST = 3

Progress = Callable[[int, int], None]
Dispatch = Callable[[list[str]], None]  # tells workers elsewhere of parts


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
    run_id: str = "",
    dispatch: Dispatch | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Every manager's statement of a period. One that does not tie is refused; the others go on.

    With one worker it is done here, with more by processes of this machine, with none by others alone.
    """
    run_id, period = run_id or ids.new("jr"), months.parse(period)
    _cut(database, run_id, period, kind)
    if dispatch is not None:
        dispatch(_open(database, run_id))
    if workers == 1:
        _alone(database, store, run_id, progress)
    else:
        with _hands(database, store, run_id, workers) as hands:
            _watch(database, run_id, hands, dispatch, progress)
    return report(database, run_id, period, kind)


def _cut(database: Database, run_id: str, period: str, kind: Kind) -> None:
    with database.reading() as session:
        wanted = statements.wanted(session, period)
    database.run(lambda session: parts.cut(session, run_id, period, kind, wanted))


def _open(database: Database, run_id: str) -> list[str]:
    with database.reading() as session:
        return parts.open_of(session, run_id)


def _alone(database: Database, store: Store, run_id: str, progress: Progress) -> None:
    standing = _standing(database, run_id)
    progress(standing.done, standing.total)
    while standing.parts_left:
        if not work(database, store, run_id=run_id):
            time.sleep(POLL_SECONDS)
        standing = _standing(database, run_id)
        progress(standing.done, standing.total)


def _standing(database: Database, run_id: str) -> parts.Standing:
    with database.reading() as session:
        return parts.standing(session, run_id)


def report(database: Database, run_id: str, period: str, kind: str) -> Report:
    """What came of a run so far."""
    told = Report(period=period, kind=kind)
    with database.reading() as session:
        for part in parts.of(session, run_id):
            told.made += part.made
            told.unchanged += part.unchanged
            told.refused += part.refused
            if part.state == "failed":
                last = part.error.strip().rpartition("\n")[2]
                told.refused += [f"{manager_id} {currency}: {last}" for manager_id, currency in part.items]
    return told


def result(report: Report) -> dict[str, Any]:
    """The report as a job's row keeps it."""
    return {"made": report.made, "unchanged": report.unchanged, "refused": report.refused}


# --- one part, wherever it is done


def work(database: Database, store: Store, *, run_id: str = "", part_id: str = "") -> bool:
    """Claim a part and do it. False: there was none that is free."""
    part = database.run(
        lambda session: parts.claim(
            session, run_id=run_id, part_id=part_id, node=node(), lease=_lease(), now=clock.now()
        )
    )
    if part is None:
        return False
    try:
        _make(database, store, part)
    except Exception:
        said = traceback.format_exc()
        database.run(lambda session: parts.give_back(session, part, said))
    return True


def _lease() -> timedelta:
    return timedelta(seconds=config.from_environment().lease_seconds)


def _make(database: Database, store: Store, part: Part) -> None:
    """Draw, print, and keep all of it with the word that it is done; again where another was faster."""
    for attempt in range(1, OVERTAKEN_MOST + 1):
        snapshots, unchanged, refused = _draw(database, part)
        pdfs = [printed(snapshot) for snapshot in snapshots]

        def keep(
            session: Session,
            drawn: list[Snapshot] = snapshots,
            pdfs: list[bytes] = pdfs,
            unchanged: int = unchanged,
            refused: list[str] = refused,
        ) -> None:
            for snapshot, pdf in zip(drawn, pdfs, strict=True):
                statements.keep(session, store, snapshot, pdf)
            parts.finish(session, part, made=len(drawn), unchanged=unchanged, refused=refused)

        try:
            database.run(keep)
            return
        except (IntegrityError, Conflict):
            if attempt == OVERTAKEN_MOST:
                raise


def _draw(database: Database, part: Part) -> tuple[list[Snapshot], int, list[str]]:
    """(to be printed, how many say what they said, what could not be drawn)."""
    snapshots: list[Snapshot] = []
    unchanged, refused, public_url = 0, [], config.from_environment().public_url
    with database.reading() as session:
        for manager_id, currency in part.items:
            try:
                snapshot = statements.fresh(
                    session,
                    manager_id,
                    part.period,
                    kind=part.kind,  # type: ignore[arg-type]
                    currency=currency,
                    now=clock.now(),
                )
            except Refused as refusal:
                refused.append(f"{manager_id} {currency}: {refusal}")
                continue
            if snapshot is None:
                unchanged += 1
            else:
                snapshots.append(pointing(snapshot, public_url))
    return snapshots, unchanged, refused


def printed(snapshot: Snapshot) -> bytes:
    """The signed PDF of a statement: what is kept, for it never comes out the same again."""
    settings = config.from_environment()
    page = paper.render(snapshot, settings.paper_language)
    return signing.sign(page, signing.key(settings), at=snapshot.header.made_at)


# --- processes of this machine


class _Hands:
    """Processes that work at one run; one that dies is replaced, and what it had claimed is free again."""

    def __init__(self, database: Database, store: Store, run_id: str, count: int) -> None:
        self._database, self._run_id = database, run_id
        url = database.engine.url.render_as_string(hide_password=False)
        self._arguments = (url, store, run_id)
        self._left = count + 20  # that may be started: a page that kills whoever prints it ends somewhere
        self._there = [self._start() for _ in range(count)]

    def _start(self) -> BaseProcess:
        self._left -= 1
        hand = get_context("spawn").Process(target=_hand, args=self._arguments, daemon=True)
        hand.start()
        return hand

    def look_after(self) -> bool:
        """Replace who died. False where nobody is left."""
        for place, hand in enumerate(self._there):
            if hand.exitcode:
                self._release(hand)
                if self._left:
                    self._there[place] = self._start()
        return any(hand.exitcode is None for hand in self._there)

    def _release(self, hand: BaseProcess) -> None:
        gone = node(hand.pid)
        self._database.run(lambda session: parts.release(session, self._run_id, gone))

    def end(self) -> None:
        """Send everybody home; where there was work left, what they had claimed is free."""
        for hand in self._there:
            hand.join(timeout=2 * POLL_SECONDS)
            if hand.exitcode is None:
                hand.kill()
                hand.join()
                self._release(hand)


@contextmanager
def _hands(database: Database, store: Store, run_id: str, count: int) -> Iterator[_Hands]:
    left = _standing(database, run_id).parts_left
    hands = _Hands(database, store, run_id, min(count, left))
    try:
        yield hands
    finally:
        hands.end()


def _watch(
    database: Database, run_id: str, hands: _Hands, dispatch: Dispatch | None, progress: Progress
) -> None:
    """Until every part has ended: tell how far it is, and tell workers elsewhere of what was left behind."""
    lease, standing = _lease().total_seconds(), _standing(database, run_id)
    told_at = worked_at = time.monotonic()
    progress(standing.done, standing.total)
    while standing.parts_left:
        here = hands.look_after()
        if not here and dispatch is None:
            raise RuntimeError("every process that printed has died; see the log")
        if here or _is_worked_on(database):
            worked_at = time.monotonic()
        elif time.monotonic() - worked_at > PATIENCE_SECONDS:
            raise _nobody(standing)
        if dispatch is not None and time.monotonic() - told_at > lease:
            told_at = time.monotonic()
            dispatch(_open(database, run_id))
        time.sleep(POLL_SECONDS)
        standing = _standing(database, run_id)
        progress(standing.done, standing.total)


def _is_worked_on(database: Database) -> bool:
    with database.reading() as session:
        return parts.is_worked_on(session, clock.now())


def _nobody(standing: parts.Standing) -> Conflict:
    """What is done stays; whoever comes goes on with what was told of, and so does a retry."""
    return Conflict(
        "run_without_workers",
        "{done} of {total} statements are done and nobody works at the rest: start `yongjin worker`, or let "
        "this machine print (YONGJIN_HANDS), and retry the run",
        done=standing.done,
        total=standing.total,
    )


def _hand(url: str, store: Store, run_id: str) -> None:
    """What a process does: part after part, until the run has none left."""
    processes.begin()
    warm()
    database = Database(url, pool_size=1)
    while _standing(database, run_id).parts_left:
        if not work(database, store, run_id=run_id):
            time.sleep(POLL_SECONDS)
    database.close()


def warm() -> None:
    """Make a process ready to print many."""
    signing.key(config.from_environment())
    press.warm()
