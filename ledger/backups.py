"""Backups: one file with the database, the stored files and the keys, taken while the program runs.

The database comes first, at one moment; files are only ever added, and before the rows that name them, so
everything the database names is in the backup. The last member, `manifest.json`, has every other member's
SHA-256 and the head of the last block (封存): what is restored is held against both.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, BinaryIO, cast

from sqlalchemy import URL, inspect
from sqlalchemy.engine import make_url

from ledger import files, seals
from ledger.config import Settings
from ledger.core.errors import Conflict, Invalid
from ledger.db import Database, conninfo
from ledger.migrations import run

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "database"
PUBLIC_URL = "public-url"
# A member's name is a place on the disk: no part of it is “.” or “..”, which would lead out of it.
_MEMBER = re.compile(
    r"database|public-url|files/[0-9a-f]{2}/[0-9a-f]{64}|keys(/(?!\.{1,2}(/|$))[\w.-]+)+", re.ASCII
)
CHUNK = 1 << 20

Progress = Callable[[int, int], None]
Opened = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: of which engine and revision, up to which head, and every member's SHA-256."""

    format: int
    made_at: str
    engine: str
    revision: str
    head: str
    members: dict[str, str] = field(default_factory=dict)


# --- making one


def make(
    settings: Settings, out: BinaryIO, *, now: datetime, progress: Progress = lambda done, total: None
) -> Manifest:
    """Write a backup to `out`. The program may be running and writing meanwhile."""
    with TemporaryDirectory(prefix="yongjin-backup-") as scratch:
        revision, head = _standing(settings)
        snapshot = Path(scratch) / DATABASE
        engine = _dump(settings, snapshot)
        wanted: dict[str, Opened] = {DATABASE: _of(snapshot), **dict(_kept(settings))}
        members: dict[str, str] = {}
        with tarfile.open(fileobj=out, mode="w|") as tar:
            for number, (name, opened) in enumerate(wanted.items(), 1):
                with opened() as file:
                    members[name] = _add(tar, name, file)
                progress(number, len(wanted))
            manifest = Manifest(FORMAT, now.isoformat(), engine, revision, head, members)
            content = json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()
            _add(tar, MANIFEST, io.BytesIO(content))
    return manifest


def _standing(settings: Settings) -> tuple[str, str]:
    """The database's revision, and the head of its last block: never later than what is dumped next."""
    database = Database(settings.owner_url)
    try:
        with database.reading() as session:
            last = seals.latest(session)
            head = last.sha256 if last else ""
        return run.revision(database), head
    finally:
        database.close()


def _kept(settings: Settings) -> Iterator[tuple[str, Opened]]:
    store = files.opened(settings)
    for name in store.names():
        yield f"files/{name[:2]}/{name}", partial(store.open, name)
    for path in sorted(settings.keys.rglob("*")):
        if path.is_file():
            yield f"keys/{path.relative_to(settings.keys).as_posix()}", _of(path)
    if (settings.var / PUBLIC_URL).is_file():
        yield PUBLIC_URL, _of(settings.var / PUBLIC_URL)


def _of(path: Path) -> Opened:
    return lambda: path.open("rb")


def _dump(settings: Settings, to: Path) -> str:
    """The whole database at one moment: SQLite's online backup, or pg_dump's custom format."""
    url = make_url(settings.owner_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as there, closing(sqlite3.connect(to)) as here:
            there.backup(here)
        return "sqlite"
    with _address(url) as address:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={to}", address)
    return "postgresql"


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO) -> str:
    member = tarfile.TarInfo(name)
    member.size, member.mode = file.seek(0, io.SEEK_END), 0o600
    file.seek(0)
    reading = _Hashing(file)
    tar.addfile(member, cast("IO[bytes]", reading))
    return reading.sha256.hexdigest()


class _Hashing:
    """A file being read, hashed on the way: nothing is read twice."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.sha256.update(content)
        return content


# --- restoring one


def restore(settings: Settings, backup: BinaryIO) -> Manifest:
    """Put a backup into an empty place, and bring it to this version. It is looked at first."""
    _check_empty(settings)
    settings.var.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restoring-", dir=settings.var) as scratch:
        manifest = _unpacked(backup, Path(scratch))
        _check_fits(settings, manifest)
        _load(settings, Path(scratch) / DATABASE)
        store = files.opened(settings)
        for path in (Path(scratch) / "files").glob("??/*"):
            store.put(path.read_bytes())
        for name in ("keys", PUBLIC_URL):
            _move(Path(scratch) / name, settings.var / name)
    run.migrate(settings)
    return manifest


def _check_empty(settings: Settings) -> None:
    """Conflict, unless there is no database and no file: nothing is ever written over."""
    if next(files.opened(settings).names(), None):
        raise _not_empty(settings.files_url or settings.files)
    if any(path.is_file() for path in settings.keys.rglob("*")):
        raise _not_empty(settings.keys)
    url = make_url(settings.owner_url)
    if url.get_backend_name() == "sqlite":
        if Path(str(url.database)).exists():
            raise _not_empty(url.database)
        return
    database = Database(settings.owner_url)
    try:
        if inspect(database.engine).get_table_names():
            raise _not_empty(url.database)
    finally:
        database.close()


def _not_empty(place: object) -> Conflict:
    return Conflict(
        "place_not_empty", "{place} is not empty; restore into a place where nothing is", place=str(place)
    )


def _unpacked(backup: BinaryIO, to: Path) -> Manifest:
    """The members of a backup below `to`, each what the manifest says it was."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=backup, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not (_MEMBER.fullmatch(member.name) or member.name == MANIFEST):
                    raise _damaged(member.name)
                found[member.name] = _extract(content, to / member.name)
        manifest = Manifest(**json.loads((to / MANIFEST).read_bytes()))
        if not isinstance(manifest.members, dict):
            raise TypeError("its list of members is none")
    except (tarfile.TarError, OSError, ValueError, TypeError) as error:
        raise _damaged(str(error) or "it ends too early") from error
    del found[MANIFEST]
    for name in sorted(found.keys() | manifest.members.keys()):
        if found.get(name) != manifest.members.get(name):
            raise _damaged(name)
    return manifest


def _extract(content: IO[bytes], to: Path) -> str:
    to.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with to.open("xb") as file:
        to.chmod(0o600)
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            file.write(chunk)
    return sha256.hexdigest()


def _damaged(where: str) -> Invalid:
    return Invalid(
        "backup_damaged", "this is no whole backup of Yongjin ({where}); take another one", where=where
    )


def _check_fits(settings: Settings, manifest: Manifest) -> None:
    engine = make_url(settings.owner_url).get_backend_name()
    if manifest.engine != engine:
        raise Conflict(
            "backup_engine",
            "this is a backup of {engine}; point YONGJIN_DATABASE_URL to an empty database of that kind",
            engine=manifest.engine,
        )
    if manifest.format != FORMAT or not run.knows(manifest.revision):
        raise Conflict("backup_newer", "this backup was made by a newer version; restore it with that one")


def _load(settings: Settings, snapshot: Path) -> None:
    url = make_url(settings.owner_url)
    if url.get_backend_name() == "sqlite":
        _move(snapshot, Path(str(url.database)))
        return
    with _address(url) as address:
        _run(
            "pg_restore",
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            "--no-privileges",
            f"--dbname={address}",
            str(snapshot),
        )


def _move(found: Path, to: Path) -> None:
    if found.is_dir():
        shutil.copytree(found, to, dirs_exist_ok=True)
    elif found.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(found, to)


# --- PostgreSQL's own programs


class _address:
    """The address as libpq takes it; the password in a file of its own and not among the arguments."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._scratch = TemporaryDirectory(prefix="yongjin-pgpass-")

    def __enter__(self) -> str:
        password, address = self._url.password, self._url.set(password=None)
        if password:
            file = Path(self._scratch.name) / "pgpass"
            file.touch(0o600)
            file.write_text("*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", str(password)) + "\n", "utf-8")
            address = address.update_query_dict({"passfile": str(file)})
        return conninfo(address)

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()


def _run(program: str, *arguments: str) -> None:
    if shutil.which(program) is None:
        raise Conflict(
            "program_missing",
            "{program} is not installed; install the package postgresql-client",
            program=program,
        )
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Conflict(
            "program_failed",
            "{program} failed: {why}",
            program=program,
            why=done.stderr.strip() or done.returncode,
        )
