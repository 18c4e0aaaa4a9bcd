"""Doing runs: the embedded scheduler dispatches, the rows of `jobs` are the truth.

A run that fails is tried again after a pause, three times in all; a refusal (the books differ, a month is
closed) is an answer and stays one.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ledger import clock, jobs, traces
from ledger.core.errors import Refused
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import Claim, Job, JobRun, Progress, Work

POLL_SECONDS = 3
AT_ONCE = 4  # runs of one node
TOLD_SECONDS = 0.5  # between two notes of how far a run is

log = structlog.get_logger()


def node(pid: int | None = None) -> str:
    """Who a process of this machine is, among all machines: this one, or another."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"


class Stopped(Exception):
    """Somebody wants the run to end, or another node has it by now."""


class GivenBack(Exception):
    """This node is going down; another may go on with the run."""


def run(
    database: Database,
    store: Store,
    job: Job,
    planned_for: str,
    *,
    by: str = jobs.CLOCK,
    going_down: Event | None = None,
) -> JobRun | None:
    """Do one run to its end, and write down how it went. None: it was not ours to do."""
    held = database.run(lambda session: _ask_and_claim(session, job, planned_for, by))
    if held is None:
        return None
    with _renewed(database, held), traces.job(job.name, planned_for, held.run_id):
        _do(Work(database, store, held.run_id, planned_for, _told(database, held, going_down)), job, held)
    return database.run(lambda session: session.get_one(JobRun, held.run_id))


def _ask_and_claim(session: Session, job: Job, planned_for: str, by: str) -> Claim | None:
    asked = jobs.find(session, job.name, planned_for) or jobs.request(
        session, job.name, planned_for, by=by, now=clock.now()
    )
    return jobs.claim(session, asked.id, node=node(), now=clock.now())


def _do(work: Work, job: Job, held: Claim) -> None:
    database = work.database
    try:
        result = job.task(work)
    except Stopped:
        database.run(lambda session: jobs.end(session, held, "stopped", now=clock.now()))
    except GivenBack:
        database.run(lambda session: jobs.end(session, held, "waiting", now=clock.now(), attempts=0))
    except Refused as refusal:
        said = str(refusal)
        database.run(lambda session: jobs.fail(session, held, said, again=False, now=clock.now()))
    except Exception:
        said = traceback.format_exc()
        log.exception("job_failed", planned_for=work.planned_for)
        database.run(lambda session: jobs.fail(session, held, said, again=True, now=clock.now()))
    else:
        database.run(lambda session: jobs.finish(session, held, result, now=clock.now()))


def _told(database: Database, held: Claim, going_down: Event | None) -> Progress:
    """Progress as a row is told of it: not more often than somebody could read it."""
    last = [0.0]

    def progress(done: int, total: int) -> None:
        if going_down is not None and going_down.is_set():
            raise GivenBack
        if done < total and monotonic() - last[0] < TOLD_SECONDS:
            return
        last[0] = monotonic()
        if not database.run(lambda session: jobs.tell(session, held, done, total)):
            raise Stopped

    return progress


@contextmanager
def _renewed(database: Database, held: Claim) -> Iterator[None]:
    """Renew the lease while the block runs."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(jobs.LEASE.total_seconds() / 3):
            if not database.run(lambda session: jobs.renew(session, held, now=clock.now())):
                return

    renewing = Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()


class Clock:
    """Plans what the hour brings, takes up what waits, and takes back what was left behind."""

    def __init__(self, database: Database, store: Store, known: Mapping[str, Job]) -> None:
        self._database, self._store, self._jobs = database, store, known
        self._scheduler = BackgroundScheduler(timezone=clock.SHANGHAI)
        self._hands = ThreadPoolExecutor(AT_ONCE, "job")
        self._under_way: dict[str, Future[object]] = {}
        self._going_down = Event()
        self._looking = Thread(target=self._look_again_and_again, name="jobs", daemon=True)

    def start(self) -> None:
        """Plan every job, and catch up what was missed while nothing ran."""
        for job in self._jobs.values():
            trigger = job.trigger()
            if trigger is not None:
                self._scheduler.add_job(
                    self.plan, trigger, [job], id=job.name, coalesce=True, misfire_grace_time=None
                )
                self._scheduler.add_job(self.plan, args=[job], id=f"{job.name}:missed")
        self._scheduler.start()
        self._looking.start()

    def _look_again_and_again(self) -> None:
        """By the time that passes, not by what time it is: a clock put back stops no work.

        The scheduler is woken too: it sleeps until a time of day that may have come at once.
        """
        while not self._going_down.wait(POLL_SECONDS):
            self._scheduler.wakeup()
            try:
                self.look()
            except Exception:
                log.exception("jobs_not_looked_at")

    def plan(self, job: Job) -> None:
        """A row for each time of the job that has come."""
        self._database.run(lambda session: jobs.plan(session, job, now=clock.now()))

    def look(self) -> None:
        """Take up what waits, as far as hands are free."""
        self._database.run(lambda session: jobs.take_back(session, now=clock.now()))
        with self._database.reading() as session:
            found = [(row.id, row.job, row.planned_for) for row in jobs.due(session, clock.now())]
        self._under_way = {id: one for id, one in self._under_way.items() if not one.done()}
        for id, name, planned_for in found:
            if name in self._jobs and id not in self._under_way and len(self._under_way) < AT_ONCE:
                self._under_way[id] = self._hands.submit(self._take_up, self._jobs[name], planned_for)

    def _take_up(self, job: Job, planned_for: str) -> None:
        try:
            run(self._database, self._store, job, planned_for, going_down=self._going_down)
        except IntegrityError:
            log.info("job_taken_by_another", job=job.name, planned_for=planned_for)
        except Exception:
            log.exception("job_not_written_down", job=job.name, planned_for=planned_for)

    def stop(self) -> None:
        """Give back what runs, to be gone on with, and plan no more."""
        self._going_down.set()
        if self._looking.is_alive():
            self._looking.join()
        if self._scheduler.running:
            self._scheduler.shutdown()
        self._hands.shutdown(cancel_futures=True)
