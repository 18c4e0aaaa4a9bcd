"""A backup is taken while the program writes; restored, it verifies and its papers can be handed out."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from ledger import backups, clock, fees, seals
from ledger.benches import postgres
from ledger.cli import app
from ledger.cli.verbs import register
from ledger.config import Settings, from_environment
from ledger.core.errors import Conflict, Invalid, Refused
from ledger.db import Database, fingerprint
from ledger.facts import Fact
from ledger.files import Store
from ledger.sign_ins import SignIn
from ledger.statements import Statement
from tests.ledger import firm as firms
from tests.ledger.firm import DEAL, Firm, day
from tests.waiting import until


@pytest.fixture
def firm(database: Database, settings: Settings) -> Firm:
    """A firm at work, sealed; its key and address beside the files."""
    made = firms.found(database, Store(settings.files))
    seals.seal(database, by="clock", now=day(6))
    settings.keys.mkdir(parents=True)
    (settings.keys / "signing.pem").write_text("key")
    (settings.var / "public-url").write_text("https://example.org\n")
    return made


@pytest.fixture
def place(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """An empty place of the same kind."""
    var = tmp_path / "restored"
    if settings.database_url.startswith("sqlite"):
        url = f"sqlite:///{var / 'yongjin.db'}"
        yield dataclasses.replace(settings, var=var, database_url=url, owner_url=url)
        return
    server: postgres.Server = request.getfixturevalue("postgresql_server")
    name = f"restored_{uuid4().hex}"
    server.create(name)
    yield dataclasses.replace(
        settings,
        var=var,
        database_url=server.url(name, postgres.APP),
        owner_url=server.url(name, postgres.OWNER),
    )
    server.drop(name)


def at(settings: Settings, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("YONGJIN_VAR", str(settings.var))
    patch.setenv("YONGJIN_DATABASE_URL", settings.database_url)
    patch.setenv("YONGJIN_OWNER_DATABASE_URL", settings.owner_url)


def run(*arguments: str) -> str:
    register(arguments[0])
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def receive(database: Database, firm: Firm, number: int) -> None:
    def write(session: Session) -> None:
        fees.record(
            session,
            "fee_received",
            on=day(7).date(),
            parts={DEAL: 100_00 + number},
            ref=f"BK-{number}",
            by=firm.finance,
            now=day(8),
        )

    database.run(write)


def test_what_was_backed_up_while_written_to_is_restored_verified_and_handed_out(
    database: Database,
    settings: Settings,
    firm: Firm,
    place: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, written, stop = tmp_path / "books.backup", [0], threading.Event()
    before = 3

    def work() -> None:
        while not stop.wait(0.05):
            receive(database, firm, written[0])
            written[0] += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        began = until(lambda: written[0] if written[0] >= before else 0)
        run("backup", str(file))
    finally:
        stop.set()
        worker.join()
    assert file.stat().st_mode & 0o077 == 0

    at(place, monkeypatch)
    told = json.loads(run("restore", str(file), "--json"))  # which verifies, and ends with 1 where that fails
    assert told["head"] and from_environment().public_url == "https://example.org"
    restored = Database(place.database_url)
    with restored.reading() as session:
        kept = session.exec(select(Fact.ref).where(Fact.ref.startswith("BK-"))).all()  # type: ignore[attr-defined]
        (statement,) = session.exec(select(Statement.id))
    assert began <= len(kept) <= written[0]
    assert (place.keys / "signing.pem").read_text() == "key"
    with TestClient(create_app(restored, Store(place.files))) as client:
        asked = client.get(f"/api/v1/statements/{statement}/pdf", headers=signed_in(restored, firm))
    assert asked.content == firms.PDF
    receive(restored, firm, 999_999)  # and work goes on
    restored.close()


def signed_in(database: Database, firm: Firm) -> dict[str, str]:
    now = clock.now()
    with database.writing() as session:
        secret = fingerprint(b"secret")
        session.add(SignIn(id=secret, user_id=firm.finance.id, started_at=now, seen_at=now))
    return {"Authorization": "Bearer secret"}


@pytest.fixture
def made(settings: Settings, firm: Firm) -> bytes:
    """A backup's bytes."""
    out = io.BytesIO()
    backups.make(settings, out, now=day(9))
    return out.getvalue()


def refused(place: Settings, backup: bytes) -> Refused:
    with pytest.raises(Refused) as found:
        backups.restore(place, io.BytesIO(backup))
    return found.value


def retold(backup: bytes, **changes: object) -> bytes:
    """The backup with something else in its manifest."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(backup)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == backups.MANIFEST:
                content = json.dumps(json.loads(content) | changes).encode()
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return out.getvalue()


def with_member(backup: bytes, name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The backup with one more member, which its manifest has too."""
    content = b"hostile" if kind == tarfile.REGTYPE else b""
    with tarfile.open(fileobj=io.BytesIO(backup)) as old:
        manifest = old.extractfile(backups.MANIFEST)
        assert manifest is not None
        members = json.loads(manifest.read())["members"]
    out = io.BytesIO(retold(backup, members=members | {name: hashlib.sha256(content).hexdigest()}))
    with tarfile.open(fileobj=out, mode="a") as more:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
        more.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_found_before_anything_is_put_in_place(place: Settings, made: bytes) -> None:
    middle = made.index(firms.PDF)
    for broken in (
        made[:middle] + b"x" + made[middle + 1 :],
        made[: len(made) // 2],
        b"",
        b"not a backup at all",
        retold(made, members={}),
        retold(made, more=1),
        made.replace(b"keys/signing.pem", b"../s/signing.pem"),
        retold(made, members=[]),
        with_member(made, "keys/../../left-outside"),
        with_member(made, "keys/a/./../../../left-outside"),
        with_member(made, "keys/link", tarfile.SYMTYPE),
        with_member(made, "keys/link", tarfile.LNKTYPE),
    ):
        assert isinstance(refused(place, broken), Invalid)
        assert not [path for path in place.var.rglob("*") if path.is_file()]
        assert not list(place.var.parent.rglob("left-outside"))
    assert refused(place, retold(made, engine="postgresql")).code == "backup_engine"
    assert refused(place, retold(made, revision="9999")).code == "backup_newer"
    backups.restore(place, io.BytesIO(made))


def test_nothing_is_restored_over_what_is_there(settings: Settings, place: Settings, made: bytes) -> None:
    before = sorted(settings.var.rglob("*"))
    assert refused(settings, made).code == "place_not_empty"
    assert sorted(settings.var.rglob("*")) == before
    only_books = dataclasses.replace(settings, var=place.var)
    assert isinstance(refused(only_books, made), Conflict)
