"""Accounts and identity numbers are in the database only under keys that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from ledger import managers, payments, vault
from ledger.core.errors import NotFound
from ledger.db import Database
from ledger.files import Store
from tests.ledger.firm import found

ACCOUNT = "62220001"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "data-keys"
    monkeypatch.setenv("YONGJIN_DATA_KEYS_FILE", str(path))
    return path


def kept(database: Database, column: str, table: str) -> list[str]:
    with database.reading() as session:
        return [str(value) for (value,) in session.execute(text(f"SELECT {column} FROM {table}"))]


def test_no_account_is_in_the_database(database: Database, keys: Path, tmp_path: Path) -> None:
    found(database, Store(tmp_path / "files"))
    for table in ("manager", "payout_line"):
        values = kept(database, "bank_account", table)
        assert values and all(value.startswith("yj2.") and ACCOUNT not in value for value in values)
    with database.reading() as session:
        assert managers.get(session, "M1").bank_account == ACCOUNT
        assert {line.bank_account for line in session.exec(select(payments.PayoutLine))} == {ACCOUNT}
    assert keys.stat().st_mode & 0o077 == 0


def test_without_the_keys_nothing_is_told(keys: Path) -> None:
    sealed = vault.ring().seal("manager.bank_account", ACCOUNT)
    assert vault.ring().open("manager.bank_account", sealed) == ACCOUNT
    with pytest.raises(NotFound):  # moved to another column
        vault.ring().open("payout_line.bank_account", sealed)
    keys.unlink()
    with pytest.raises(NotFound) as refusal:
        vault.ring().open("manager.bank_account", sealed)
    assert refusal.value.code == "data_key_missing" and ACCOUNT not in str(refusal.value)


def test_the_same_text_never_looks_the_same_twice(keys: Path) -> None:
    ring = vault.ring()
    assert ring.seal("a.b", ACCOUNT) != ring.seal("a.b", ACCOUNT)
