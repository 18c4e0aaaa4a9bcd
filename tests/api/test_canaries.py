"""Nothing personal and nothing secret is in the log, whatever was sent, refused or failed."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from ledger import clock, logs, managers
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from ledger.users import User
from tests.api.desk import Desk
from tests.api.served import app_over

ACCOUNT, IDENTITY, PHONE = "6222029999900000042", "11010519491231002X", "13777777777"
PASSWORD, NAME = "canary in a coal mine", "金丝雀"
CANARIES = (ACCOUNT, IDENTITY, PHONE, PASSWORD, NAME)


@pytest.fixture
def watched(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The office, whose log goes where this test reads it."""
    logs.set_up()
    database = Database(settings.database_url)
    client = TestClient(app_over(database, Store(settings.files)), raise_server_exceptions=False)
    desk = Desk(database, client)
    monkeypatch.setattr(clock, "now", desk.now)
    desk.move_in()
    return desk


def test_no_planted_value_is_in_the_log(
    watched: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = watched.secret("operator")
    manager = {"name": NAME, "id": "M9", "phone": PHONE, "bank_account": ACCOUNT, "bank_name": "b"}
    watched.post("operator", "/managers", manager)
    watched.send("operator", "POST", "/managers", json=manager)  # there already
    watched.send("operator", "POST", "/managers", json={**manager, "bank_account": ACCOUNT + "x"})
    user = {"name": NAME, "phone": PHONE, "role": "finance", "password": PASSWORD}
    watched.send("admin", "POST", "/users", json=user)
    watched.send("admin", "POST", "/users", json=user)  # taken
    watched.client.post("/api/v1/tokens", json={"phone": PHONE, "password": PASSWORD})
    watched.fill("", "/sign-in", {"phone": PHONE, "password": PASSWORD})
    watched.send(
        "operator", "POST", "/managers/M9/identity", json={"kind": "resident_id", "number": IDENTITY}
    )
    watched.send("operator", "POST", "/managers/M9/reveal", json={"reason": f"call {PHONE}"})
    watched.open("operator", f"/search?q={PHONE}")
    watched.open("operator", f"/managers?q={NAME}")

    def clumsy(session: Session, **_: object) -> None:
        """PostgreSQL names the value that was there already."""
        (there,) = session.exec(select(User).where(User.phone == PHONE))
        session.add(User(**{**there.model_dump(), "id": "us_2"}))
        session.flush()

    def broken(*_: object, bank_account: str, name: str, **__: object) -> None:
        raise ZeroDivisionError

    for failing in (clumsy, broken):
        monkeypatch.setattr(managers, "add", failing)
        answer = watched.client.post(
            "/api/v1/managers", json={**manager, "id": "M10"}, headers={"Authorization": f"Bearer {secret}"}
        )
        assert answer.status_code >= 500
        assert not any(canary in answer.text for canary in CANARIES)

    written = "".join(capsys.readouterr())
    assert "ZeroDivisionError" in written and "IntegrityError" in written and "/api/v1/managers" in written
    assert [canary for canary in (*CANARIES, secret) if canary in written] == []
    watched.database.close()
