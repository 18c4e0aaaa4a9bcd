"""A month's run is done by many hands: whoever is killed on the way, every statement is made exactly once."""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlmodel import col, select

from ledger import archive, managers, parts, printing, statements, workers
from ledger.config import Settings
from ledger.core.errors import Conflict
from ledger.db import Database, fingerprint
from ledger.files import Store
from ledger.parts import Part
from ledger.statements import Statement
from tests.waiting import Gated, until

PERIOD = "2026-03"
NOW = datetime(2026, 4, 1, 2, tzinfo=UTC)
LEASE = timedelta(seconds=60)
QUICK, LONG = 17, 2000
RUN_SECONDS_MOST = 3600


def hire(database: Database, count: int) -> None:
    """So many managers; in a month without activity each gets a statement that says so."""
    with database.writing() as session:
        for number in range(count):
            managers.add(
                session,
                id=f"M{number:04d}",
                name=f"经理{number}",
                now=datetime(2026, 3, 1, tzinfo=UTC),
            )


def check_whole(database: Database, store: Store, run_id: str, count: int) -> None:
    """Each made once, the parts say so, and the manifest names the files that are there."""
    with database.reading() as session:
        made = list(session.exec(select(Statement).order_by(col(Statement.manager_id))))
        assert [one.manager_id for one in made] == [f"M{number:04d}" for number in range(count)]
        assert {one.revision for one in made} == {1}
        there = parts.of(session, run_id)
        assert {part.state for part in there} == {"done"}
        assert (sum(part.made for part in there), sum(part.unchanged for part in there)) == (count, 0)
        archived = zipfile.ZipFile(io.BytesIO(b"".join(archive.write(session, store, PERIOD))))
    manifest = json.loads(archived.read(f"statements-{PERIOD}/manifest.json"))
    assert manifest["count"] == count == len(manifest["statements"])
    for item in manifest["statements"]:
        assert fingerprint(archived.read(f"statements-{PERIOD}/{item['file']}")) == item["sha256"]


@contextmanager
def running(database: Database, store: Store, **options: Any) -> Iterator[dict[str, int]]:
    """A run under way in a thread: how far it is. At the end of the block it is waited for."""
    far = {"done": 0, "total": 0}
    thread = Thread(
        target=printing.run,
        args=(database, store, PERIOD),
        kwargs={
            "kind": "preliminary",
            "run_id": "jr_1",
            "progress": lambda done, total: far.update(done=done, total=total),
            **options,
        },
    )
    thread.start()
    yield far
    thread.join(RUN_SECONDS_MOST)
    assert not thread.is_alive()


def busy(database: Database, among: Mapping[int, Any]) -> list[int]:
    """Which of these processes have a part that is not done."""
    with database.reading() as session:
        claimed = {part.claimed_by for part in parts.of(session, "jr_1") if part.state == "claimed"}
    return sorted(pid for pid in among if printing.node(pid) in claimed)


def test_processes_that_are_killed_are_replaced_and_nothing_is_lost_or_made_twice(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is killed with a part in its hands: what it has to keep waits at the gate."""
    monkeypatch.setenv("YONGJIN_VAR", str(sqlite_settings.var))
    database, store = Database(sqlite_settings.database_url), Gated(sqlite_settings.files)
    hire(database, QUICK)

    def at_work() -> list[int]:
        return busy(database, {hand.pid or 0: hand for hand in multiprocessing.active_children()})

    with running(database, store, workers=2) as far:
        os.kill(until(at_work)[0], signal.SIGKILL)
        store.open_gate()
    assert far == {"done": QUICK, "total": QUICK}
    check_whole(database, store, "jr_1", QUICK)
    database.close()


def test_a_run_that_was_broken_off_goes_on_with_what_it_had(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(database, 20)
    monkeypatch.setattr(printing, "printed", lambda snapshot: snapshot.header.number.encode())
    store = Store(settings.files)

    def breaks(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        printing.run(database, store, PERIOD, kind="preliminary", run_id="jr_1", progress=breaks)
    with database.reading() as session:
        assert parts.standing(session, "jr_1") == parts.Standing(done=8, total=20, parts_left=2)
    told = printing.run(database, store, PERIOD, kind="preliminary", run_id="jr_1")
    assert (told.made, told.unchanged, told.refused) == (20, 0, [])
    check_whole(database, store, "jr_1", 20)


def test_whoever_was_thought_dead_makes_nothing_twice(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two have the same part; the slower one finds it done."""
    hire(database, 3)
    monkeypatch.setattr(printing, "printed", lambda snapshot: snapshot.header.number.encode())
    store = Store(settings.files)
    printing._cut(database, "jr_1", PERIOD, "preliminary")
    with database.writing() as session:
        slow = parts.claim(session, run_id="jr_1", node="slow", lease=-LEASE, now=NOW)
    assert slow is not None and printing.work(database, store, run_id="jr_1")
    printing._make(database, store, slow)
    check_whole(database, store, "jr_1", 3)


def test_a_part_that_kills_whoever_does_it_has_failed_and_the_run_ends(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(database, 10)

    def poison(snapshot: Any) -> bytes:
        if snapshot.header.payee.id == "M0001":
            raise MemoryError("too large a name")
        return b"%PDF-1.7"

    monkeypatch.setattr(printing, "printed", poison)
    told = printing.run(database, Store(settings.files), PERIOD, kind="preliminary", run_id="jr_1")
    assert told.made == 2 and len(told.refused) == 8
    assert told.refused[0] == "M0000 CNY: MemoryError: too large a name"
    with database.reading() as session:
        failed = session.exec(select(Part).where(Part.state == "failed")).one()
        assert failed.attempts == parts.ATTEMPTS_MOST and "Traceback" in failed.error


def test_statements_of_a_part_are_kept_together_or_not_at_all(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(database, 4)
    keep, left = statements.keep, [2]

    def dies(*given: Any) -> Statement:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return keep(*given)

    monkeypatch.setattr(statements, "keep", dies)
    monkeypatch.setattr(printing, "printed", lambda snapshot: b"%PDF-1.7")
    with pytest.raises(KeyboardInterrupt):
        printing.run(database, Store(settings.files), PERIOD, kind="preliminary", run_id="jr_1")
    with database.reading() as session:
        assert session.exec(select(Statement)).all() == []


# --- workers on PostgreSQL


def hired_worker(settings: Settings, lease: int) -> subprocess.Popen[bytes]:
    """One more `yongjin worker`, as another machine would run it."""
    environment = {
        **os.environ,
        "YONGJIN_VAR": str(settings.var),
        "YONGJIN_DATABASE_URL": settings.database_url,
        "YONGJIN_LEASE_SECONDS": str(lease),
    }
    program = str(Path(sys.executable).with_name("yongjin"))
    return subprocess.Popen([program, "worker"], env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def nothing_is_kept(owner: Database) -> Iterator[None]:
    """Meanwhile no statement is written: whoever has made one waits with the part in its hands."""
    with owner.engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE statement IN SHARE MODE")
        yield


def by_workers(settings: Settings, monkeypatch: pytest.MonkeyPatch, *, count: int, kills: int) -> None:
    """A run that workers alone do, so many of whom are killed, each seen with a part that is not done."""
    monkeypatch.setenv("YONGJIN_VAR", str(settings.var))
    monkeypatch.setenv("YONGJIN_LEASE_SECONDS", "3")
    monkeypatch.setattr(
        printing, "PATIENCE_SECONDS", RUN_SECONDS_MOST
    )  # workers start slowly on a busy machine
    database, owner = Database(settings.database_url), Database(settings.owner_url)
    store, chance = Store(settings.files), random.Random(2)
    hire(database, count)
    there = {one.pid: one for one in (hired_worker(settings, 3) for _ in range(2 if count < 100 else 3))}

    def kill_one() -> None:
        pid = chance.choice(until(lambda: busy(database, there)))
        victim = there.pop(pid)
        victim.kill()
        victim.wait()
        another = hired_worker(settings, 3)
        there[another.pid] = another

    try:
        with ExitStack() as shut:
            shut.enter_context(nothing_is_kept(owner))  # or the first could be done before it is looked for
            with running(
                database, store, workers=0, dispatch=lambda part_ids: workers.tell(database, part_ids)
            ) as far:
                for strike in range(kills):
                    until(lambda strike=strike: far["done"] >= strike * count // (2 * kills))  # type: ignore[misc]
                    with nothing_is_kept(owner):
                        shut.close()
                        kill_one()
        assert far == {"done": count, "total": count}
        check_whole(database, store, "jr_1", count)
    finally:
        for one in there.values():
            one.kill()
            one.wait()
        database.close()
        owner.close()


def test_workers_that_are_killed_lose_nothing(
    postgresql_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_workers(postgresql_settings, monkeypatch, count=QUICK, kills=1)


def test_a_run_that_nobody_works_at_says_so_and_ends_and_a_worker_that_comes_goes_on(
    postgresql_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(printing, "printed", lambda snapshot: snapshot.header.number.encode())
    database, store = Database(postgresql_settings.database_url), Store(postgresql_settings.files)
    hire(database, 10)

    def run() -> printing.Report:
        return printing.run(
            database,
            store,
            PERIOD,
            kind="preliminary",
            workers=0,
            run_id="jr_1",
            dispatch=lambda part_ids: workers.tell(database, part_ids),
        )

    with pytest.raises(Conflict, match="0 of 10 statements are done and nobody works at the rest"):
        run()
    asyncio.run(workers.work(database, store, until_empty=True))
    assert run().made == 10
    check_whole(database, store, "jr_1", 10)
    database.close()


@pytest.mark.long
def test_two_thousand_statements_are_made_once_each_while_workers_are_killed(
    postgresql_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_workers(postgresql_settings, monkeypatch, count=LONG, kills=25)


def test_telling_workers_twice_is_telling_them_once(
    postgresql_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgresql_settings.database_url)
    for _ in range(2):
        workers.tell(database, ["rp_1", "rp_2"])
    with database.reading() as session:
        told = session.connection().exec_driver_sql(
            f"SELECT count(*) FROM {workers.SCHEMA}.procrastinate_jobs"
        )
        assert told.scalar_one() == 2
    database.close()
