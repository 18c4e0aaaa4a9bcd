"""A real PostgreSQL server for one run of tests or measurements, made for it and removed after it.

One server serves a whole run, also one of many processes. It listens on a socket in its own
folder and on no port, so runs side by side do not meet. Two roles, as in production:
`yongjin_owner` owns the databases and migrates, `yongjin_app` is the application.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ledger.migrations import run

OWNER, APP, SUPERUSER = "yongjin_owner", "yongjin_app", "postgres"

# Nobody's data: not waiting for the disk makes a run several times shorter. Crash tests ask for durable.
_HASTY = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    *("wal_level=minimal", "max_wal_senders=0", "autovacuum=off"),  # short-lived: nobody follows or tidies up
)
_SETTINGS = ("listen_addresses=", "max_connections=200", "TimeZone=UTC", "log_min_messages=fatal")


@dataclass(frozen=True)
class Server:
    """A running server; `home` holds its data, its log and its socket."""

    home: Path
    durable: bool = False

    def url(self, database: str, role: str = APP) -> str:
        """The address as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.home}"

    def dsn(self, database: str = "postgres", role: str = SUPERUSER) -> str:
        """The address as psycopg, psql and pgbench take it."""
        return f"postgresql://{role}@/{database}?host={self.home}"

    def create(self, database: str, *, template: str = "template1") -> None:
        """A new database owned by `yongjin_owner`, equal to `template`, which nobody may be using."""
        # by its files: a third of what copying through the log costs
        self._run(
            "CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy",
            sql.Identifier(database),
            sql.Identifier(template),
            sql.Identifier(OWNER),
        )

    def drop(self, database: str) -> None:
        """Away with the database, whoever is still connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(database))

    def exists(self, database: str) -> bool:
        with psycopg.connect(self.dsn()) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            return found.fetchone() is not None

    def rename(self, database: str, name: str) -> None:
        self._run("ALTER DATABASE {} RENAME TO {}", sql.Identifier(database), sql.Identifier(name))

    def start(self) -> None:
        """Start, or start again after `stop` or a kill."""
        settings = _SETTINGS + (() if self.durable else _HASTY) + (f"unix_socket_directories={self.home}",)
        options = " ".join(f"-c {setting}" for setting in settings)
        self._ctl("start", "--wait", "--log", str(self.home / "log"), "--options", options)

    def stop(self) -> None:
        self._ctl("stop", "--wait", "--mode", "immediate")

    @property
    def running(self) -> bool:
        return (self.home / "data" / "postmaster.pid").exists()

    def _run(self, statement: Any, *names: sql.Identifier) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*names))

    def _ctl(self, *arguments: str) -> None:
        _as_server_user("pg_ctl", "--silent", "--pgdata", str(self.home / "data"), *arguments)


def server(home: Path, *, durable: bool = False) -> Server:
    """The server that lives in `home`: the running one, or a new one."""
    with one_at_a_time(home):
        here = Server(home, durable)
        if not here.running:
            _make(here)
        return here


BENCH = "bench"


@contextmanager
def migrated() -> Iterator[Server]:
    """A durable server of its own with one migrated database, BENCH; all gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="yongjin-bench-"))
    watch(home)
    try:
        made = server(home, durable=True)
        made.create(BENCH)
        run.upgrade(made.url(BENCH, OWNER), app_role=APP)
        yield made
    finally:
        remove(home)


def standby_of(primary: Server) -> Server:
    """A second server that follows the first: from now on no commit is answered that it has not confirmed."""
    home = Path(tempfile.mkdtemp(prefix="yongjin-standby-"))
    watch(home)
    user = _server_user()
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    source = f"host={primary.home} user={SUPERUSER} application_name=standby"
    _as_server_user(
        *("pg_basebackup", "--pgdata", str(home / "data"), "--dbname", source),
        *("--wal-method=stream", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
    )
    made = Server(home, durable=True)
    made.start()
    with psycopg.connect(primary.dsn(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        connection.execute("SELECT pg_reload_conf()")
    return made


def promote(standby: Server) -> None:
    """It follows no longer; it may be written to."""
    with psycopg.connect(standby.dsn(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("SELECT pg_promote(wait => true)")


def kill(server: Server) -> None:
    """As when the power fails: every process of it at once, none of which may clear up anything."""
    postmaster = int((server.home / "data" / "postmaster.pid").read_text("ascii").split()[0])
    os.kill(postmaster, signal.SIGSTOP)  # or it would start one more between the look and the blow
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text("ascii")
    everyone = [*map(int, children.split()), postmaster]
    for process in everyone:
        os.kill(process, signal.SIGKILL)
    while any(alive(process) for process in everyone):
        time.sleep(0.01)
    # where nobody buries the dead, as in a container, its number looks taken, and its locks held
    for left in (server.home / "data" / "postmaster.pid", *server.home.glob(".s.PGSQL.*.lock")):
        left.unlink(missing_ok=True)


def alive(process: int) -> bool:
    """Whether a process still does something: one that is dead and not yet buried does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def remove(home: Path) -> None:
    """Stop the server of `home`, if there is one, and leave nothing behind."""
    if Server(home).running:
        Server(home).stop()
    shutil.rmtree(home, ignore_errors=True)


def watch(home: Path) -> None:
    """Remove the server also where this process is killed before it can."""
    script = """
        (
            while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
            read -r postmaster <"$2/data/postmaster.pid" && kill -QUIT "$postmaster" && sleep 1
            rm -rf "$2"
        ) >/dev/null 2>&1 &
    """
    subprocess.run(
        ["setsid", "sh", "-c", script, "watch", str(os.getpid()), str(home)],
        stdin=subprocess.DEVNULL,
        check=True,
    )


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """Only one of the run's processes is ever inside."""
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(server: Server) -> None:
    user = _server_user()
    if user:
        os.chown(server.home, user.pw_uid, user.pw_gid)
    # A collation that is not by code points: what relies on the order of bytes must say so.
    _as_server_user(
        "initdb",
        "--pgdata",
        str(server.home / "data"),
        "--username",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--locale-provider=icu",
        "--icu-locale=und",
        "--no-sync",
    )
    server.start()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN")
        connection.execute(f"CREATE ROLE {APP} LOGIN")


def _as_server_user(program: str, *arguments: str) -> None:
    user = _server_user()
    done = subprocess.run(
        [str(binaries() / program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would be held open by the server that pg_ctl leaves behind
        stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"{program} {' '.join(arguments)} failed: {done.stderr or 'see the log in its folder'}"
        )


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; anybody else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def binaries() -> Path:
    """Where initdb and pg_ctl are; Debian keeps them out of PATH, a folder a version."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    on_path = shutil.which("initdb")
    if found:
        return found[0].parent
    if on_path:
        return Path(on_path).parent
    raise RuntimeError("no PostgreSQL server is installed: run ./scripts/setup --test")
