"""Deletion of a person's data: asked for, refused while the law's years run, done by the clock afterwards."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import Session

from ledger import (
    access_tokens,
    accounts,
    approvals,
    audit,
    bank_answers,
    deals,
    erasures,
    extracts,
    managers,
    notices,
    payouts,
    persons,
    retention,
    seals,
    sending,
    sign_ins,
    statements,
    tables,
    users,
    verification,
)
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Database
from ledger.exports import journals
from ledger.files import Store
from ledger.payments import PayoutLine
from ledger.persons import NAMELESS
from ledger.statements import Statement
from ledger.users import User
from tests.ledger.firm import DEAL, Firm, day, found

NAME, PHONE, MAIL, ACCOUNT, NUMBER = (
    "张三",
    "13800000001",
    "zhang@example.org",
    "62220001",
    "11010519491231002X",
)
ADDRESS = "203.0.113.77"
LAST_DAY = date(2056, 12, 31)  # thirty years after the end of 2026
AFTER = datetime(2057, 1, 1, 2, tzinfo=UTC)


@pytest.fixture
def firm(database: Database, tmp_path: Path) -> Iterator[Firm]:
    """The firm, whose manager has other things of their own too."""
    firm = found(database, Store(tmp_path / "files"))
    with database.writing() as session:
        session.get_one(User, firm.manager.id).name = NAME
        notices.leave_address(session, MAIL, by=firm.manager, now=day(6))
        sign_ins.begin(session, firm.manager.id, address=ADDRESS, program="browser", now=day(6))
        access_tokens.make(session, firm.manager, name="报表", scopes=["*:read"], days=30, now=day(6))
        managers.add(session, id="M2", name="李四", bank_name="b", bank_account="62228888", now=day(6))
    yield firm


def settled(database: Database, firm: Firm) -> None:
    """The deal ends, and what was held is paid: nobody owes anybody anything."""
    with database.writing() as session:
        deals.cancel(session, DEAL, reason="no_fault", on=day(10).date(), by=firm.second, now=day(10))
    with database.writing() as session:
        made = payouts.make(session, value_on=day(12).date(), by=firm.operator, now=day(11))
        approvals.approve(session, made.id, by=firm.second, now=day(11))
        sending.send(session, firm.store, made.id, by=firm.finance, now=day(11))
        bank_answers.confirm(session, made.id, value_on=day(12).date(), by=firm.finance, now=day(12))
    seals.seal(database, by="clock", now=day(13))


def ask(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        erasures.ask(session, "M1", reason="请删除", by=firm.manager, now=day(14))


def everything(database: Database) -> str:
    """Every value of every row, as text."""
    with database.reading() as session:
        return "\n".join(
            f"{table.name}: {tuple(row)}"
            for table in tables.metadata.sorted_tables
            for row in session.execute(select(*(table.c[name] for name in table.columns.keys())))  # noqa: SIM118
        )


def books(session: Session, firm: Firm) -> tuple[object, str]:
    """Balances of every owner, and the whole journal as it is exported."""
    journal = "".join(journals.journal(session, "hledger", by=firm.finance))
    return accounts.held(session), journal.replace(NAME, NAMELESS)


def test_deletion_is_refused_while_the_law_wants_the_vouchers_kept(database: Database, firm: Firm) -> None:
    settled(database, firm)
    ask(database, firm)
    with database.writing() as session:
        shown = erasures.standing(session, "M1", by=firm.manager, now=day(14))
        assert (shown.term.until, shown.term.why, shown.is_owed) == (LAST_DAY, "vouchers", False)
        for now in (day(15), datetime(2056, 12, 31, 15, tzinfo=UTC)):
            with pytest.raises(Conflict) as refusal:
                erasures.erase(session, "M1", now=now)
            assert refusal.value.code == "retention_runs" and "2056-12-31" in str(refusal.value)
            assert erasures.due(session, now=now) == []
        assert erasures.due(session, now=AFTER) == ["M1"]


def test_who_is_owed_something_is_not_deleted_before_it_is_settled(database: Database, firm: Firm) -> None:
    ask(database, firm)
    with database.writing() as session:
        assert erasures.standing(session, "M1", by=firm.operator, now=day(14)).is_owed
        with pytest.raises(Conflict) as refusal:
            erasures.erase(session, "M1", now=AFTER)
        assert refusal.value.code == "person_owed"


def test_of_whom_nothing_has_to_be_kept_everything_goes_at_once(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        erasures.ask(session, "M2", reason="误登记", by=firm.operator, now=day(14))
    assert retention.after_years(database, firm.store, now=day(15))["people"] == 1
    with database.reading() as session:
        assert managers.get(session, "M2").name == NAMELESS
        assert managers.get(session, "M2").bank_account is None


def test_nobody_asks_for_another_and_whose_data_it_is_is_not_told(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        with pytest.raises(NotFound):
            erasures.ask(session, "M2", reason="r", by=firm.manager, now=day(14))
        with pytest.raises(NotFound):
            extracts.make(session, firm.store, "M2", reason="r", by=firm.manager, now=day(14))


def test_who_asked_gets_no_statement_of_a_month_in_which_nothing_moved(
    database: Database, firm: Firm
) -> None:
    """Else the law's years would begin anew every month, and never end."""
    with database.reading() as session:
        assert ("M1", "CNY") in statements.wanted(session, "2026-05")
    ask(database, firm)
    with database.reading() as session:
        assert ("M1", "CNY") not in statements.wanted(session, "2026-05")
        assert ("M1", "CNY") in statements.wanted(session, "2026-03")


def test_after_the_years_nothing_names_them_and_the_books_are_what_they_were(
    database: Database, firm: Firm
) -> None:
    settled(database, firm)
    ask(database, firm)
    seals.seal(database, by="clock", now=day(14))
    with database.reading() as session:
        before = books(session, firm)
        assert verification.verify(session, firm.store, now=day(15)).differences == []
        last = seals.latest(session)
        head = last.sha256 if last else None
    said = everything(database)
    assert all(value in said for value in (NAME, PHONE, MAIL, ADDRESS))

    assert retention.after_years(database, firm.store, now=AFTER) == {"people": 1, "files": 7}
    assert retention.after_years(database, firm.store, now=AFTER) == {"people": 0, "files": 0}

    left = everything(database)
    assert [value for value in (NAME, PHONE, MAIL, ACCOUNT, NUMBER) if value in left] == []
    with database.reading() as session:
        assert books(session, firm) == before
        verified = verification.verify(session, firm.store, now=AFTER, published_head=head)
        assert verified.differences == []
        assert verified.published is not None and verified.published.unchanged
        line = session.scalars(select(PayoutLine)).first()
        assert line is not None and (line.payee_name, line.bank_account) == (NAMELESS, "")
        kept = session.scalars(select(Statement)).first()
        assert kept is not None and kept.pdf_sha256 not in set(firm.store.names())
        with pytest.raises(NotFound) as gone:
            statements.read(kept)
        assert gone.value.code == "paper_erased"
        assert session.get_one(User, firm.manager.id).state == "disabled"
        assert users.find(session, PHONE) is None
        assert managers.get(session, "M2").bank_account == "62228888"  # another's stays


def test_what_was_asked_is_taken_back_until_it_is_done(database: Database, firm: Firm) -> None:
    """Statements come again, nothing is due, and it can be asked for anew; the trail has all of it."""
    settled(database, firm)
    ask(database, firm)
    with database.writing() as session:
        erasures.withdraw(session, "M1", by=firm.manager, now=day(15))
    with database.writing() as session:
        assert erasures.standing(session, "M1", by=firm.manager, now=day(15)).request is None
        assert ("M1", "CNY") in statements.wanted(session, "2026-05")
        assert erasures.due(session, now=AFTER) == []
        for again in (
            lambda: erasures.erase(session, "M1", now=AFTER),
            lambda: erasures.withdraw(session, "M1", by=firm.manager, now=day(15)),
        ):
            with pytest.raises(Conflict) as refusal:
                again()
            assert refusal.value.code == "erasure_not_asked"
    assert retention.after_years(database, firm.store, now=AFTER)["people"] == 0
    ask(database, firm)
    with database.reading() as session:
        said = [one.action for one in audit.listing(session) if one.action.endswith("_erasure")]
        assert said == ["person.ask_erasure", "person.withdraw_erasure", "person.ask_erasure"]
    assert retention.after_years(database, firm.store, now=AFTER)["people"] == 1
    with database.writing() as session, pytest.raises(Conflict) as over:
        erasures.withdraw(session, "M1", by=firm.manager, now=AFTER)
    assert over.value.code == "person_erased"


def test_what_somebody_asked_for_themselves_no_desk_takes_back(database: Database, firm: Firm) -> None:
    ask(database, firm)
    with database.writing() as session:
        assert not erasures.standing(session, "M1", by=firm.operator, now=day(15)).may_withdraw
        with pytest.raises(Forbidden) as refusal:
            erasures.withdraw(session, "M1", reason="r", by=firm.operator, now=day(15))
        assert refusal.value.code == "erasure_their_own"
        assert erasures.requested(session, "M1") is not None


def test_what_a_desk_asked_for_it_takes_back_with_a_reason(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        erasures.ask(session, "M2", reason="误登记", by=firm.operator, now=day(14))
        with pytest.raises(NotFound):  # and who it is not about cannot
            erasures.withdraw(session, "M2", by=firm.manager, now=day(15))
        with pytest.raises(Invalid):
            erasures.withdraw(session, "M2", reason=" ", by=firm.second, now=day(15))
        assert erasures.standing(session, "M2", by=firm.second, now=day(15)).may_withdraw
        taken = erasures.withdraw(session, "M2", reason="本人改变主意", by=firm.second, now=day(15))
        assert (taken.reason, taken.withdrawn_by) == ("本人改变主意", firm.second.id)
        assert erasures.requested(session, "M2") is None


def test_what_is_erased_cannot_be_written_again_or_copied(database: Database, firm: Firm) -> None:
    settled(database, firm)
    ask(database, firm)
    retention.after_years(database, firm.store, now=AFTER)
    with database.writing() as session:
        for again in (
            lambda: erasures.erase(session, "M1", now=AFTER),
            lambda: erasures.ask(session, "M1", reason="r", by=firm.operator, now=AFTER),
            lambda: extracts.make(session, firm.store, "M1", reason="r", by=firm.operator, now=AFTER),
        ):
            with pytest.raises(Conflict) as refusal:
                again()
            assert refusal.value.code == "person_erased"


# --- a copy


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_copy_holds_every_row_that_is_about_somebody_with_their_papers(
    database: Database, firm: Firm
) -> None:
    with database.writing() as session:
        name, content = extracts.make(session, firm.store, "M1", by=firm.manager, now=day(15))
        files = opened(content)
        assert name == "M1-20260317.zip"
        for table in tables.metadata.sorted_tables:
            for column in extracts.WHOSE & set(table.columns.keys()) - {"by_user", "for_user"}:
                there = session.execute(
                    select(func.count())
                    .select_from(table)
                    .where(table.c[column].in_(["M1", firm.manager.id]))
                ).scalar_one()
                if there and table.name not in extracts.LEFT_OUT:
                    assert len(json.loads(files[f"data/{table.name}.json"])) >= there, table.name
    told = b"\n".join(files.values()).decode("utf-8", "replace")
    assert all(value in told for value in (NAME, PHONE, MAIL, ACCOUNT, NUMBER, ADDRESS))
    manifest = json.loads(files["manifest.json"])
    assert manifest["missing"] == [] and set(manifest["files"]) == set(files) - {"manifest.json"}
    kinds = {name.split("/")[1] for name in files if name.startswith("files/")}
    assert kinds == {"statement", "paper", "payee_invoice", "payee_agreement"}


def test_a_copy_says_nothing_of_others_and_no_secret(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        _, content = extracts.make(session, firm.store, "M1", by=firm.manager, now=day(15))
    told = b"\n".join(
        content for name, content in opened(content).items() if name.startswith("data/")
    ).decode()
    for other in (firm.operator, firm.second, firm.finance):
        assert other.phone not in told and f'"{other.id}"' not in told
    for secret in ("password_hash", "$argon2", "secret_sha256", "62228888", "李四"):
        assert secret not in told


def test_a_copy_for_another_takes_a_reason_and_is_noted(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        with pytest.raises(Invalid):
            extracts.make(session, firm.store, "M1", by=firm.operator, now=day(15))
        extracts.make(session, firm.store, "M1", reason="本人来函", by=firm.operator, now=day(15))
        (note,) = audit.listing(session, actions=["person.copy"])
        assert (note.subject, note.actor, note.after["reason"]) == ("M1", firm.operator.id, "本人来函")


def test_who_works_at_a_desk_is_a_person_too(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        shown = erasures.standing(session, firm.finance.id, by=firm.finance, now=day(15))
        assert shown.term.until == LAST_DAY  # they made vouchers
        _, content = extracts.make(session, firm.store, firm.finance.id, by=firm.finance, now=day(15))
        done = json.loads(opened(content)["data/done_by_them.json"])
        assert {one["what"] for one in done} >= {"fact", "audit_note", "payout"}
        assert persons.is_erased(session, firm.finance.id) is False
