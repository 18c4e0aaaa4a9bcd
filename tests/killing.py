"""Programs that are started as people start them, and killed as no program can prevent."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from ledger import clock
from ledger.benches import postgres, serving
from ledger.config import Settings
from ledger.db import Database
from ledger.migrations import run
from tests.desk import Desk

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS_MOST = 600  # a busy machine


def program(*words: str) -> subprocess.Popen[bytes]:
    """`yongjin …` over what the environment says."""
    return subprocess.Popen(
        [sys.executable, "-m", "ledger.cli", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@dataclass
class Site:
    """`yongjin serve`, on the same port each time."""

    port: int = field(default_factory=serving.free_port)
    server: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = program("serve", "--port", str(self.port))

    def wait(self) -> None:
        """Until it says that it can serve."""
        latest = time.monotonic() + READY_SECONDS_MOST
        while time.monotonic() < latest:
            assert self.server is not None and self.server.poll() is None, "the server ended by itself"
            try:
                if httpx.get(f"{self.address}/health/ready", timeout=10).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("the server did not get ready")

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def stop(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(timeout=60)


def start_postgresql(server: postgres.Server) -> None:
    """Start it again; it is there once it has recovered."""
    server.start()
    latest = time.monotonic() + READY_SECONDS_MOST
    while time.monotonic() < latest:
        try:
            psycopg.connect(server.dsn()).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError("PostgreSQL did not come back")


def working_in(folder: Path) -> list[int]:
    """The program's processes whose environment names a folder, but this one."""
    named = f"YONGJIN_VAR={folder}\0".encode()
    found = []
    for of in Path("/proc").glob("[0-9]*"):
        try:
            pid = int(of.name)
            ours = named in (of / "environ").read_bytes() and b"python" in (of / "cmdline").read_bytes()
            if ours and pid != os.getpid() and postgres.alive(pid):
                found.append(pid)
        except (OSError, ProcessLookupError):
            continue
    return found


@dataclass
class World:
    """A database of its own, on a server of its own where it has one."""

    settings: Settings
    server: postgres.Server | None


@contextmanager
def one_of_its_own(engine: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A migrated database that may be struck, and an environment that names it."""
    var, server = folder / "var", None
    var.mkdir()
    app = owner = f"sqlite:///{var / 'yongjin.db'}"
    if engine == "postgresql":
        home = Path(tempfile.mkdtemp(prefix="yongjin-killed-"))
        postgres.watch(home)
        server = postgres.server(home, durable=True)
        server.create("books")
        app, owner = server.url("books", postgres.APP), server.url("books", postgres.OWNER)
    run.upgrade(owner, app_role=postgres.APP)
    for name, value in {"VAR": var, "DATABASE_URL": app, "OWNER_DATABASE_URL": owner}.items():
        monkeypatch.setenv(f"YONGJIN_{name}", str(value))
    monkeypatch.setenv("YONGJIN_LEASE_SECONDS", "2")
    try:
        yield World(Settings(var=var, database_url=app, owner_url=owner), server)
    finally:
        if server is not None:
            postgres.remove(server.home)


def moved_in(world: World, deals: Sequence[str]) -> Desk:
    """People, a plan and some deals, today."""
    desk = Desk(Database(world.settings.database_url), world.settings.files, clock.day_of(clock.now()))
    desk.move_in()
    for name in deals:
        desk.deal(name)
    return desk
