"""Every run is a row: done once however many nodes there are, caught up, tried again, stopped, told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlmodel import col, select

from ledger import clock, dispatch, jobs
from ledger.config import Settings
from ledger.core.errors import Conflict, Forbidden, Invalid
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import Job, JobRun, Work
from ledger.schedule import JOBS
from ledger.users import User
from tests.waiting import until

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
OPERATOR = User(id="us_1", phone="1", name="o", role="operator", password_hash="", created_at=NOW)
MANAGER = User(id="us_2", phone="2", name="m", role="manager", password_hash="", created_at=NOW)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], None]]:
    """A clock to turn."""
    now = [NOW]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    yield lambda moment: now.__setitem__(0, moment)


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return Store(tmp_path)


def rows(database: Database) -> list[JobRun]:
    with database.writing() as session:
        return list(session.exec(select(JobRun).order_by(col(JobRun.planned_for))))


def counted(work: Work) -> dict[str, Any]:
    for done in range(1, 4):
        work.progress(done, 3)
    return {"made": 3}


HOURLY = {"minute": 7}


def test_a_run_says_when_it_was_planned_who_did_it_how_far_it_is_and_what_came_of_it(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    done = dispatch.run(database, store, Job("count", counted), "2026-02")
    assert done is not None
    assert (done.job, done.planned_for, done.state, done.result) == ("count", "2026-02", "done", {"made": 3})
    assert (done.done, done.total, done.claimed_by, done.attempts) == (3, 3, dispatch.node(), 1)
    assert done.started_at == done.ended_at == NOW and done.error is None
    assert dispatch.run(database, store, Job("count", counted), "2026-02") is None


def test_a_run_is_done_once_by_however_many_nodes(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    ran: list[str] = []
    job, nodes = Job("count", lambda work: ran.append(work.run_id) or {}), 6  # type: ignore[func-returns-value]
    with database.writing() as session:
        jobs.request(session, "count", "2026-02", by="clock", now=NOW)
    together = Barrier(nodes)

    def one() -> None:
        together.wait()
        dispatch.run(database, store, job, "2026-02")

    threads = [Thread(target=one) for _ in range(nodes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ran) == 1 and [row.state for row in rows(database)] == ["done"]


def test_what_was_missed_is_caught_up_once(database: Database, at: Callable[[datetime], None]) -> None:
    """Of hourly runs the last; of a month's run each month's."""
    hourly = Job("seal", counted, HOURLY)
    monthly = Job("statements", counted, {"day": 1, "hour": 2}, each_missed=True)

    def planned(job: Job, now: datetime) -> list[str]:
        return [moment[:16] for moment in database.run(lambda session: jobs.plan(session, job, now=now))]

    assert planned(hourly, NOW) == ["2026-03-02T09:07"]
    assert planned(hourly, NOW) == []
    assert planned(hourly, NOW + timedelta(hours=30)) == ["2026-03-03T15:07"]
    assert planned(monthly, NOW) == ["2026-03-01T02:00"]
    later = datetime(2026, 6, 15, tzinfo=UTC)
    assert planned(monthly, later) == ["2026-04-01T02:00", "2026-05-01T02:00", "2026-06-01T02:00"]
    assert planned(hourly, later) == ["2026-06-15T07:07"]


def test_a_failed_run_is_tried_again_with_a_bound_and_then_red(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    def fails(work: Work) -> dict[str, Any]:
        raise ZeroDivisionError("the printer is on fire")

    job, now, seen = Job("count", fails), NOW, []
    for _ in range(5):
        tried = dispatch.run(database, store, job, "2026-02")
        if tried is None:
            break
        seen.append((tried.state, tried.attempts, tried.due_at and tried.due_at - now))
        assert tried.error is not None and "the printer is on fire" in tried.error
        with database.reading() as session:
            assert jobs.due(session, now) == []  # it pauses
        now += timedelta(minutes=10)
        at(now)

    assert seen == [
        ("waiting", 1, timedelta(minutes=1)),
        ("waiting", 2, timedelta(minutes=2)),
        ("failed", 3, None),
    ]


def test_a_refusal_is_an_answer_and_not_tried_again(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    def refuses(work: Work) -> dict[str, Any]:
        raise Invalid("books_differ", "the books differ")

    tried = dispatch.run(database, store, Job("count", refuses), "2026-02")
    assert tried and (tried.state, tried.attempts, tried.error) == ("failed", 1, "the books differ")


def test_what_a_dead_node_left_behind_is_taken_up_and_its_word_comes_too_late(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    with database.writing() as session:
        run_id = jobs.request(session, "count", "2026-02", by="clock", now=NOW).id
    with database.writing() as session:
        dead = jobs.claim(session, run_id, node="elsewhere:1", now=NOW)
    assert dead is not None
    with database.writing() as session:
        assert jobs.take_back(session, now=NOW + jobs.LEASE / 2) == 0
        assert jobs.renew(session, dead, now=NOW + jobs.LEASE / 2)
    late = NOW + 2 * jobs.LEASE
    at(late)
    with database.writing() as session:
        assert jobs.take_back(session, now=late) == 1

    assert dispatch.run(database, store, Job("count", counted), "2026-02") is not None
    with database.writing() as session:
        assert not jobs.renew(session, dead, now=late) and not jobs.tell(session, dead, 1, 9)
        jobs.end(session, dead, "failed", now=late, error="too late")
    (row,) = rows(database)
    assert (row.state, row.attempts, row.claimed_by) == ("done", 2, dispatch.node())


def test_a_run_left_behind_too_often_has_failed(database: Database) -> None:
    now = NOW
    with database.writing() as session:
        run_id = jobs.request(session, "count", "2026-02", by="clock", now=now).id
    for _ in range(jobs.ATTEMPTS_MOST):
        with database.writing() as session:
            assert jobs.claim(session, run_id, node="elsewhere:1", now=now)
        now += 2 * jobs.LEASE
        with database.writing() as session:
            jobs.take_back(session, now=now)
    (row,) = rows(database)
    assert (row.state, row.error) == ("failed", jobs.LEFT_BEHIND)


def test_a_person_starts_stops_and_retries_a_run(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    began, goes_on = Event(), Event()

    def slow(work: Work) -> dict[str, Any]:
        work.progress(1, 1)
        began.set()
        goes_on.wait(10)
        work.progress(1, 1)
        return {}

    with database.writing() as session:
        run_id = jobs.start(session, "slow", "2026-02", by=OPERATOR, now=NOW).id
    doing = Thread(target=dispatch.run, args=(database, store, Job("slow", slow), "2026-02"))
    doing.start()
    assert began.wait(10)
    with database.writing() as session:
        assert jobs.stop(session, run_id, by=OPERATOR, now=NOW).state == "stopping"
    goes_on.set()
    doing.join()
    assert rows(database)[0].state == "stopped"

    with database.writing() as session:
        with pytest.raises(Conflict):
            jobs.stop(session, run_id, by=OPERATOR, now=NOW)
        assert jobs.retry(session, run_id, by=OPERATOR, now=NOW).state == "waiting"
    done = dispatch.run(database, store, Job("slow", counted), "2026-02")
    assert done and (done.state, done.attempts) == ("done", 1)
    with database.writing() as session:
        with pytest.raises(Conflict):
            jobs.retry(session, run_id, by=OPERATOR, now=NOW)
        for act in (jobs.stop, jobs.retry):
            with pytest.raises(Forbidden):
                act(session, run_id, by=MANAGER, now=NOW)
        with pytest.raises(Forbidden):
            jobs.start(session, "slow", "2026-02", by=MANAGER, now=NOW)


def test_a_node_that_goes_down_gives_its_run_back(
    database: Database, store: Store, at: Callable[[datetime], None]
) -> None:
    down = Event()
    down.set()
    back = dispatch.run(database, store, Job("count", counted), "2026-02", going_down=down)
    assert back and (back.state, back.attempts) == ("waiting", 0)
    done = dispatch.run(database, store, Job("count", counted), "2026-02")
    assert done and done.state == "done"


def test_the_clock_takes_up_what_waits(database: Database, store: Store) -> None:
    ended = Event()

    def told(work: Work) -> dict[str, Any]:
        ended.set()
        return {}

    ticking = dispatch.Clock(database, store, {"count": Job("count", told, HOURLY)})
    ticking.plan(Job("count", told, HOURLY))
    ticking.look()
    assert ended.wait(10)
    ticking.stop()
    assert [(row.state, row.started_by) for row in rows(database)] == [("done", "clock")]


def test_a_clock_put_back_or_on_stops_no_work(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an hour's correction, or a machine that slept for a day."""
    by = timedelta()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by

    for asked in ("apscheduler.schedulers.base.datetime", "apscheduler.executors.base.datetime"):
        monkeypatch.setattr(asked, Shifted)
    monkeypatch.setattr(clock, "now", lambda: Shifted.now(UTC))
    monkeypatch.setattr(dispatch, "POLL_SECONDS", 0.05)
    known = {name: Job(name, lambda work: {}, {"hour": 1}) for name in ("nightly", "by_hand")}
    ticking = dispatch.Clock(database, store, known)
    ticking.start()
    until(lambda: len([row for row in rows(database) if row.state == "done"]) == 2)

    by = -timedelta(hours=1)
    database.run(lambda session: jobs.request(session, "by_hand", "asked", by="us_1", now=clock.now()))
    until(lambda: all(row.state == "done" for row in rows(database)))

    by = timedelta(days=1)
    until(lambda: len([row for row in rows(database) if row.job == "nightly" and row.state == "done"]) == 2)
    ticking.stop()


def test_the_nightly_backup_is_whole_private_and_one_of_seven(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sqlite_settings.var / "backups"
    monkeypatch.setenv("YONGJIN_VAR", str(sqlite_settings.var))
    database = Database(sqlite_settings.database_url)
    folder.mkdir()
    for number in range(10, 20):
        (folder / f"2026-01-{number}.yongjin").write_bytes(b"")
    done = dispatch.run(database, Store(sqlite_settings.files), JOBS["backup"], "2026-03-02T02:30:00+08:00")
    assert done and done.state == "done", done and done.error
    there = sorted(folder.iterdir())
    assert len(there) == 7 and done.result["size"] == there[-1].stat().st_size > 10_000
    assert there[-1].name == done.result["file"] and there[-1].stat().st_mode & 0o777 == 0o600
    database.close()
