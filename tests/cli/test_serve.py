"""The demonstration, whose passwords everybody knows, is this machine's alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvicorn

from ledger import clock, demo, users
from ledger.cli import service
from ledger.config import Settings
from ledger.core.errors import Conflict
from ledger.db import Database

HERE, ELSEWHERE = ("127.0.0.1", "localhost", "::1"), ("0.0.0.0", "192.0.2.1", "ledger.example")


@pytest.fixture
def served(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The hosts that were served."""
    monkeypatch.setenv("YONGJIN_VAR", str(sqlite_settings.var))
    monkeypatch.setenv("YONGJIN_DATABASE_URL", sqlite_settings.database_url)
    hosts: list[str] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, host, **__: hosts.append(host))
    return hosts


def with_a_person(settings: Settings, phone: str) -> None:
    database = Database(settings.database_url)
    with database.writing() as session:
        users.add(
            session, phone=phone, name="n", role="finance", password="long enough to guess", now=clock.now()
        )
    database.close()


def test_the_demonstration_is_served_to_this_machine_alone(
    sqlite_settings: Settings, served: list[str]
) -> None:
    with_a_person(sqlite_settings, demo.SIGN_INS[0].phone)
    for host in HERE:
        service.serve(host)
    for host in ELSEWHERE:
        with pytest.raises(Conflict) as refusal:
            service.serve(host)
        assert refusal.value.code == "demo_exposed"
    service.serve("0.0.0.0", expose_demo=True)
    assert served == [*HERE, "0.0.0.0"]


def test_real_data_is_served_anywhere_and_takes_no_demonstration(
    sqlite_settings: Settings, served: list[str]
) -> None:
    with_a_person(sqlite_settings, "13912345678")
    service.serve("0.0.0.0")
    assert served == ["0.0.0.0"]
    with pytest.raises(Conflict) as refusal:
        service.demonstrate()
    assert refusal.value.code == "demo_real_data"
