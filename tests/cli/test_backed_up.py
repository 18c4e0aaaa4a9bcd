"""`yongjin backup` while `yongjin serve` is at work: what it had answered before is in the backup; restored
into an empty place it verifies, goes on serving, and every statement can be downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from ledger import clock
from ledger.benches import postgres
from ledger.config import Settings, from_environment
from ledger.db import Database, fingerprint
from tests.api.test_killed import CLIENTS, DEALS, Office, lost, signed_in
from tests.crowd import at_this_moment
from tests.desk import Desk
from tests.killing import Site, World, moved_in, one_of_its_own, program

pytestmark = pytest.mark.long


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Its keys lie where they lie in use: what is not in the backup cannot be read in the other place."""
    monkeypatch.delenv("YONGJIN_DATA_KEYS_FILE")
    with one_of_its_own(request.param, tmp_path, monkeypatch) as made:
        yield made


def elsewhere(world: World, var: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty place of the same kind, which the environment names from now on."""
    app = owner = f"sqlite:///{var / 'yongjin.db'}"
    if world.server is not None:
        world.server.create("restored")
        app = world.server.url("restored", postgres.APP)
        owner = world.server.url("restored", postgres.OWNER)
    for name, value in {"VAR": var, "DATABASE_URL": app, "OWNER_DATABASE_URL": owner}.items():
        monkeypatch.setenv(f"YONGJIN_{name}", str(value))
    return from_environment()


def statements(database: Database) -> Mapping[str, str]:
    """The hash of every statement's file, by its id."""
    with database.reading() as session:
        rows = session.execute(text("SELECT id, pdf_sha256 FROM statement")).all()
    return {str(row_id): str(sha256) for row_id, sha256 in rows}


def test_a_backup_under_work_is_restored_served_and_its_statements_are_handed_out(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, site, file = moved_in(world, DEALS), Site(), tmp_path / "books.yongjin"
    month = f"{desk.today:%Y-%m}"
    assert program("statements", "run", "--period", month, "--workers", "1").wait() == 0
    made = statements(desk.database)
    site.start()
    site.wait()
    office = Office(site, signed_in(site))
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        at_work = [pool.submit(office.work, steps(number)) for number, steps in enumerate(CLIENTS)]
        try:
            office.open.set()
            office.has_answered(30)
            before = list(office.answered)
            assert program("backup", str(file)).wait() == 0
            meanwhile = len(office.answered) - len(before)
            office.has_answered(10)
            office.shut()
        finally:
            office.closing.set()
            office.open.set()
            site.stop()
    assert [one.result() for one in at_work] == [None] * len(CLIENTS)
    assert meanwhile > 0, "nobody was at work"
    assert desk.wrong() == []
    desk.database.close()

    place = elsewhere(world, tmp_path / "restored", monkeypatch)
    assert program("restore", str(file)).wait() == 0  # it verifies, and ends with 1 where that fails
    again = Desk(Database(place.database_url), place.files, desk.today, desk.people)
    assert lost(again.database, Office(site, {}, answered=before)) == []
    assert at_this_moment(again) == [] and again.settle() == 0
    assert statements(again.database) == made and made
    handed_out(again, made, tmp_path)
    again.database.close()


def handed_out(desk: Desk, made: Mapping[str, str], folder: Path) -> None:
    """Served from the restored place: every statement downloads and checks out offline, and work goes on."""
    site = Site()
    site.start()
    site.wait()
    try:
        tokens = signed_in(site)
        headers = {"Authorization": f"Bearer {tokens['finance']}"}
        with httpx.Client(base_url=f"{site.address}/api/v1", headers=headers, timeout=60) as client:
            for statement, sha256 in made.items():
                pdf = client.get(f"/statements/{statement}/pdf").content
                assert fingerprint(pdf) == sha256 and pdf.startswith(b"%PDF")
                (folder / f"{statement}.pdf").write_bytes(pdf)
                assert program("statements", "verify", str(folder / f"{statement}.pdf")).wait() == 0
            body = {"kind": "fee_received", "on": str(clock.day_of(clock.now())), "ref": "YH-restored"}
            done = client.post(
                "/fees", json=body | {"parts": {DEALS[0]: "5.00"}}, headers={"Idempotency-Key": "1"}
            )
            assert done.status_code == 201, done.text
            # under the keys that came with the backup
            assert client.get("/managers/M1").json()["bank_account"] == "**** 3441"
    finally:
        site.stop()
    assert desk.wrong() == []
