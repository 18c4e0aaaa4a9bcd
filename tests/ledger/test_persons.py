"""Every person has a key; who shares a number with another is found, and nobody's number is opened for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from ledger import (
    audit,
    identities,
    managers,
    notices,
    payments,
    persons,
    rekeying,
    reminders,
    vault,
    verification,
)
from ledger.core.errors import Conflict, NotFound
from ledger.db import Database, guard_code
from ledger.files import Store
from ledger.persons import Erasure, PersonKey
from tests.ledger.firm import day, found

ACCOUNT, NUMBER = "6222029999900000042", "11010519491231002X"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "data-keys"
    monkeypatch.setenv("YONGJIN_DATA_KEYS_FILE", str(path))
    return path


def add(session: Session, manager_id: str, account: str = ACCOUNT) -> managers.Manager:
    return managers.add(
        session, id=manager_id, name=manager_id, bank_name="b", bank_account=account, now=day(0)
    )


def kept(session: Session, column: str, table: str) -> list[str]:
    return [str(value) for (value,) in session.execute(text(f"SELECT {column} FROM {table}"))]


def test_what_stands_under_one_persons_key_is_read_with_no_others(database: Database, keys: Path) -> None:
    with database.writing() as session:
        one, other = add(session, "M1"), add(session, "M2")
        assert one.bank_account == other.bank_account == ACCOUNT
        assert one.bank_account_kept != other.bank_account_kept
        other.bank_account_kept = one.bank_account_kept
        with pytest.raises(NotFound):
            _ = other.bank_account
        session.rollback()


def test_the_ring_is_turned_and_its_old_keys_are_needed_no_more(
    database: Database, keys: Path, tmp_path: Path
) -> None:
    """The account of a payment, which nobody may change, is read all the same."""
    found(database, Store(tmp_path / "files"))
    with database.reading() as session:
        frozen = kept(session, "bank_account", "payout_line")
    vault.rotate()
    assert database.run(rekeying.rewrite) > 0
    assert database.run(rekeying.rewrite) == 0
    keys.write_text(keys.read_text("ascii").split()[-1] + "\n", "ascii")  # the old ones are gone
    with database.reading() as session:
        assert kept(session, "bank_account", "payout_line") == frozen
        assert {line.bank_account for line in session.exec(select(payments.PayoutLine))} == {"62220001"}
        assert managers.get(session, "M1").bank_account == "62220001"
        assert persons.others(session, "M2", managers.ACCOUNT, "62220001") == ["M1"]


def test_who_has_the_same_account_or_number_is_found_and_nothing_is_opened(
    database: Database, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = found(database, Store(tmp_path / "files"))
    with database.writing() as session:
        add(session, "M2")
        add(session, "M3")
        add(session, "M4", "62220001")
        identities.record(
            session, "M3", kind="resident_id", number="11010519491231002x", by=firm.operator, now=day(6)
        )
    monkeypatch.setattr(PersonKey, "open", None)  # whoever opens anything fails
    with database.writing() as session:
        assert {(one.place, one.subjects) for one in persons.shared(session)} == {
            ("manager.bank_account", ("M1", "M4")),
            ("manager.bank_account", ("M2", "M3")),
            ("payee_identity.identity_number", ("M1", "M3")),
        }
        assert persons.others(session, "M2", managers.ACCOUNT, ACCOUNT) == ["M3"]
        people = 4  # two of operations, one of finance
        assert reminders.shared_numbers(session, now=day(7)) == 3 * (people - 1)
        assert reminders.shared_numbers(session, now=day(8)) == 0  # told once
        told = notices.listing(session, by=firm.operator)
        assert any("M1、M4" in one.title_zh for one in told)
        assert not any("62220001" in one.title_zh for one in told)


def test_another_account_is_found_by_its_own_mark_only(database: Database, keys: Path) -> None:
    with database.writing() as session:
        add(session, "M1")
        add(session, "M2")
        managers.set_payment(
            session, "M2", bank_name="b", bank_account="62229999", tax_method="per_payment", now=day(1)
        )
        assert persons.shared(session) == []
        managers.set_payment(
            session, "M1", bank_name=None, bank_account=None, tax_method="per_payment", now=day(1)
        )
        assert persons.others(session, "M2", managers.ACCOUNT, ACCOUNT) == []


def test_a_changed_account_is_noted_as_a_commitment_to_what_it_was(database: Database, keys: Path) -> None:
    with database.writing() as session:
        add(session, "M1")
    with database.writing() as session:
        managers.set_payment(
            session, "M1", bank_name="b", bank_account="62229999", tax_method="per_payment", now=day(1)
        )
        note = audit.listing(session, actions=["manager.set_payment"])[0]
        before, after = note.before["bank_account"], note.after["bank_account"]
        assert audit.matches(session, "M1", "bank_account", ACCOUNT, before["commitment"])
        assert audit.matches(session, "M1", "bank_account", "62229999", after["commitment"])


def test_a_key_does_not_go_before_its_person_and_nothing_is_written_for_who_was_erased(
    database: Database, keys: Path
) -> None:
    with database.writing() as session:
        add(session, "M1")
    with pytest.raises(DBAPIError) as refused, database.writing() as session:
        session.execute(text("DELETE FROM person_key"))
    assert guard_code(refused.value) == "person_key_removed"
    with database.writing() as session:
        session.add(Erasure(id="er_1", subject="M1", kept_until="", erased_at=day(1)))
        session.flush()
        session.execute(text("DELETE FROM person_key"))
    with pytest.raises(Conflict) as known, database.writing() as session:
        managers.set_payment(
            session, "M1", bank_name="b", bank_account="62229999", tax_method="per_payment", now=day(1)
        )
    assert known.value.code == "person_erased"


def test_verify_tells_of_a_key_that_is_lost(
    database: Database, settings: object, keys: Path, request: pytest.FixtureRequest
) -> None:
    with database.writing() as session:
        add(session, "M1")
    owner = Database(settings.owner_url)  # type: ignore[attr-defined]
    with owner.writing() as session:
        on = "" if owner.is_sqlite else " ON person_key"
        session.execute(text(f"DROP TRIGGER person_key_goes_with_them{on}"))
        session.execute(text("DELETE FROM person_key"))
    owner.close()
    with database.reading() as session:
        found = verification.verify(session, Store(Path("nowhere")), now=day(1)).differences
    assert ("keys", "manager of M1") in {(one.check, one.where) for one in found}
