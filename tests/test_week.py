"""A week in ten minutes: people at work the whole time, the clock put on a day at a time over a month's end,
and every day something that goes wrong. At its end nothing is lost, nothing is there twice, the books verify,
and the program has no more memory than after its second day.

`pytest -m long -s tests/test_week.py` prints a report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import col, func, select

from ledger import clock
from ledger.benches import postgres
from ledger.core import period as months
from ledger.deals import Deal
from ledger.jobs import JobRun
from ledger.parts import Part
from ledger.statements import Statement
from tests.clients import DEALS, Office, Request, Steps, claims, doubled, lost, receipts, signed_in
from tests.desk import Desk
from tests.killing import ROOT, Site, World, moved_in, one_of_its_own, program, start_postgresql
from tests.samples import pdf
from tests.waiting import until

pytestmark = pytest.mark.long

STEPS_A_DAY = 100  # answers after which a day has been worked
DAY, HOUR = 86_400, 3_600
MANAGERS = 24  # who get statements, besides the two that the clients name
ROOM_MIB = 160  # of the disk for files, where this may mount one
MEMORY_MOST = 1.25


def evidences(client: int) -> Steps:
    """Milestones that are only logged, each with a paper of its own."""
    number = 0
    while True:
        number += 1
        body: dict[str, Any] = {"deal_id": DEALS[client % len(DEALS)], "stage": "sign"}
        body |= {"reached_on": str(clock.day_of(clock.now())), "participants": {"M1": "1"}}
        logged = yield Request("operator", "/milestones", body)
        paper = pdf() + f"% {client}-{number}\n".encode()
        files = {"file": (f"合同-{number}.pdf", paper, "application/pdf")}
        yield Request("operator", f"/milestones/{logged['id']}/evidence", files=files)


def payments(client: int) -> Steps:
    """Batches to their ends: paid, and every third given up."""
    number = 0
    while True:
        number += 1
        made = yield Request("operator", "/payouts", {"value_on": str(clock.day_of(clock.now()))})
        if "id" not in made:
            time.sleep(0.2)
            continue
        path = f"/payouts/{made['id']}"
        yield Request("second", f"{path}/approve", {"digest": made["digest"]})
        if number % 3 == 0:
            yield Request("operator", f"{path}/void", {"reason": "误"})
            continue
        yield Request("finance", f"{path}/send")
        yield Request("finance", f"{path}/confirm", {"value_on": made["value_on"]})


CLIENTS = (receipts, receipts, claims, claims, evidences, payments)


@dataclass
class Week:
    """The program, its workers, the people, and what was seen of each day."""

    world: World
    site: Site
    desk: Desk
    put_on: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    seen: list[tuple[str, int, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.office = Office(self.site, {})

    def begin(self) -> None:
        """The doors open on Monday."""
        self.site.start()
        self.site.wait()
        self.hire(3)

    def end(self) -> None:
        """Everybody goes home."""
        self.office.closing.set()
        self.office.open.set()
        self.kill_workers(len(self.workers))
        self.site.stop()
        self.desk.database.close()

    def hire(self, count: int) -> None:
        """More workers, on PostgreSQL; on SQLite the server's own processes do the work."""
        if self.world.server is not None:
            self.workers += [program("worker") for _ in range(count)]

    def kill_workers(self, count: int) -> None:
        for worker in self.workers[:count]:
            worker.kill()
            worker.wait()
        del self.workers[:count]

    def on(self, seconds: int) -> None:
        """Put the clock on, or back."""
        self.put_on.write_text(str(float(self.put_on.read_text("ascii")) + seconds), "ascii")

    def day(self, name: str, struck: Callable[[], None]) -> None:
        """A day's work, in the middle of which something happens; then it is tomorrow."""
        answered, unanswered = len(self.office.answered), self.office.unanswered
        self.office.tokens.update(signed_in(self.site))
        self.office.open.set()
        self.office.has_answered(STEPS_A_DAY // 2)
        struck()
        self.office.has_answered(STEPS_A_DAY // 2)
        self.office.shut()
        self.desk.database.close()
        assert lost(self.desk.database, self.office) == []
        more = (len(self.office.answered) - answered, self.office.unanswered - unanswered)
        self.seen.append((name, *more, self.memory_mib()))
        self.on(DAY)

    def memory_mib(self) -> float:
        """What the server holds; it serves without a pause all week."""
        assert self.site.server is not None and self.site.server.poll() is None
        pages = int(Path(f"/proc/{self.site.server.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def ask(self, who: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        """One request besides the clients', which has to succeed."""
        headers = {"Authorization": f"Bearer {self.office.tokens[who]}"}
        answer = httpx.request(
            method, f"{self.site.address}/api/v1{path}", headers=headers, timeout=120, **more
        )
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def run(self, job: str, period: str) -> str:
        """Ask for a run of a job; its id."""
        return str(self.ask("finance", "POST", f"/jobs/{job}/run", json={"period": period})["id"])

    def done(self, run_id: str) -> None:
        """Once a run has ended, it was done."""
        assert until(lambda: self._ended(run_id), seconds=300) == ("done", None)

    def _ended(self, run_id: str) -> tuple[str, str | None] | None:
        with self.desk.database.reading() as session:
            run = session.get_one(JobRun, run_id)
            return (run.state, run.error) if run.state in ("done", "failed", "stopped") else None

    # --- what happens

    def workers_die(self) -> None:
        """In the middle of a month's statements: others make what they had taken."""
        asked = self.run("preliminary_statements", self.period)
        until(lambda: self._parts("claimed"))
        self.kill_workers(2)
        self.hire(2)
        self.done(asked)

    def _parts(self, state: str) -> int:
        with self.desk.database.reading() as session:
            query = select(func.count()).select_from(Part).where(Part.state == state)
            return session.exec(query).one()

    @property
    def period(self) -> str:
        """The month that it is."""
        return months.of(clock.day_of(clock.now()))

    def the_database_restarts(self) -> None:
        """From one moment to the next, while everybody writes."""
        if self.world.server is not None:
            postgres.kill(self.world.server)
            start_postgresql(self.world.server)
            self.site.wait()

    def the_disk_is_full(self) -> None:
        """Evidence has no room, until somebody makes some; the rest goes on."""
        filler = self.world.settings.files / "filler"
        if not os.path.ismount(self.world.settings.files):
            return
        before = self.office.unanswered
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(2**20))
                file.flush()
        until(lambda: self.office.unanswered > before)
        assert httpx.get(f"{self.site.address}/health/ready", timeout=60).status_code == 503
        filler.unlink()
        self.site.wait()

    def the_clock_goes_back(self) -> None:
        """An hour: what is asked for is done all the same."""
        self.on(-HOUR)
        asked = self.run("seal", self.period)
        self.done(asked)
        self.on(HOUR)

    def an_import_is_killed(self) -> None:
        """Beside the pages; run again, it goes on."""
        file = self.world.settings.var / "facts.jsonl"
        file.write_text("".join(_deal(number, clock.day_of(clock.now())) for number in range(300)), "utf-8")
        first = program("import", str(file), "--plan", "simple")
        until(lambda: self._imported() > 0 or first.poll() is not None)
        first.kill()
        first.wait()
        again = program("import", str(file), "--plan", "simple")
        assert again.wait(timeout=300) == 0
        assert self._imported() == 300

    def _imported(self) -> int:
        with self.desk.database.reading() as session:
            query = select(func.count()).select_from(Deal).where(col(Deal.id).startswith("I-"))
            return session.exec(query).one()

    def the_month_is_closed(self) -> None:
        """While everybody works; its final statements are made, though who makes them is killed."""
        closing = months.preceding(self.period)
        found = self.ask("finance", "GET", f"/periods/{closing}/findings")["items"]
        assert not [one for one in found if one["blocks"]], found
        accept = [one["code"] for one in found]
        self.ask("finance", "POST", f"/periods/{closing}/close", json={"accept": accept})
        self.kill_workers(1)
        self.hire(1)
        with self.desk.database.reading() as session:
            query = select(JobRun.id).where(JobRun.job == "final_statements", JobRun.planned_for == closing)
            asked = session.exec(query).one()
        self.done(asked)
        with self.desk.database.reading() as session:
            query = select(Statement.manager_id).where(Statement.period == closing, Statement.kind == "final")
            made = sorted(session.exec(query))
        assert len(made) == len(set(made)) >= MANAGERS

    def nothing(self) -> None:
        """A day without a mishap."""

    def report(self) -> str:
        """A line a day."""
        lines = [
            f"  {name:<24} {answered:>5} answered {unanswered:>4} sent again {memory:>6.0f} MiB"
            for name, answered, unanswered, memory in self.seen
        ]
        return "\n".join(lines)


def _deal(number: int, day: date) -> str:
    """A deal as a file tells of it, under the desk's plan; one manager of its own in each."""
    who = f"I{number % MANAGERS:02}"
    told = {
        "format": 1,
        "deal": {"id": f"I-{number:03}", "title": "import", "client": "企业"},
        "managers": [{"id": who, "name": f"经理{who}"}],
        "events": [
            {"on": f"{day}", "type": "milestone", "stage": "find", "managers": {who: 1}},
            {"on": f"{day}", "type": "fee_received", "amount": "5000.00", "ref": f"SK-I-{number}"},
        ],
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


@contextmanager
def a_small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own for the files, where this user may mount one."""
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_MIB}m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and not subprocess.run(words, capture_output=True, check=False).returncode
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def put_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """How many seconds every clock is put on: it is the 26th, and in a week another month."""
    today, file = clock.day_of(datetime.now(UTC)), tmp_path / "put-on"
    monday = today.replace(day=26) if today.day <= 26 else (today + timedelta(days=31)).replace(day=26)
    file.write_text(str((monday - today).days * DAY), "ascii")
    monkeypatch.setenv("PUT_ON_BY", str(file))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'tests' / 'put_on'}:{ROOT}")
    monkeypatch.setenv("YONGJIN_HANDS", "0")
    monkeypatch.setattr(
        clock, "now", lambda: datetime.now(UTC) + timedelta(seconds=float(file.read_text("ascii")))
    )
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def week(
    request: pytest.FixtureRequest, put_on: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Week]:
    if request.param == "sqlite":
        monkeypatch.setenv("YONGJIN_HANDS", "1")
    with one_of_its_own(request.param, tmp_path, monkeypatch) as world, a_small_disk(world.settings.files):
        made = Week(world, Site(), moved_in(world, DEALS), put_on)
        try:
            made.begin()
            yield made
        finally:
            made.end()


def test_a_week_of_mishaps_loses_nothing(week: Week, capsys: pytest.CaptureFixture[str]) -> None:
    days = {
        "an import is killed": week.an_import_is_killed,
        "workers die": week.workers_die,
        "the database restarts": week.the_database_restarts,
        "the disk is full": week.the_disk_is_full,
        "the clock goes back": week.the_clock_goes_back,
        "nothing": week.nothing,
        "the month is closed": week.the_month_is_closed,
    }
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        at_work: list[Future[None]] = [
            pool.submit(week.office.work, steps(number)) for number, steps in enumerate(CLIENTS)
        ]
        try:
            for name, struck in days.items():
                week.day(name, struck)
                assert not [one.exception() for one in at_work if one.done()]
        finally:
            week.office.closing.set()
            week.office.open.set()
    assert [one.result() for one in at_work] == [None] * len(CLIENTS)
    assert doubled(week.desk.database, week.office) == []
    verified = subprocess.run(
        [sys.executable, "-m", "ledger.cli", "verify"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{week.report()}\n  {verified.stdout.strip()}\n")
    assert verified.returncode == 0, verified.stdout
    with week.desk.database.reading() as session:
        nightly = session.exec(select(JobRun.planned_for).where(JobRun.job == "verify_books")).all()
        red = session.exec(select(JobRun.job, JobRun.error).where(JobRun.state == "failed")).all()
    assert len(nightly) >= 6 and red == []
    _, second, *later = [memory for *_, memory in week.seen]
    assert max(later) <= second * MEMORY_MOST
    week.desk.database.close()
