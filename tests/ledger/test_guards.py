"""The databases themselves refuse what is wrong: tried past the program, through SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ledger import guards, journal
from ledger.config import Settings
from ledger.core.entry import BANK, PAYABLE, RECEIVABLE, Entry, Posting
from ledger.core.errors import Conflict
from ledger.db import Database, guard_code

NOW = datetime(2026, 3, 5, tzinfo=UTC)
Leg = tuple[str, str, object, str]  # account, owner, amount, currency
WHOLE: tuple[Leg, ...] = ((BANK, "b", 100, "CNY"), (RECEIVABLE, "c", -100, "CNY"))


def write(connection: Connection, entry_id: int, legs: Sequence[Leg], *, period: str = "2026-03") -> None:
    for line, (account, owner, amount, currency) in enumerate(legs, 1):
        connection.execute(
            text(
                "INSERT INTO posting (entry_id, line, account, owner, amount_minor, currency, period,"
                " deal_id, manager_id, stage, origin, nature)"
                " VALUES (:id, :line, :account, :owner, :amount, :currency, :period, '', '', '', '', '')"
            ),
            {
                "id": entry_id,
                "line": line,
                "account": account,
                "owner": owner,
                "amount": amount,
                "currency": currency,
                "period": period,
            },
        )
    connection.execute(
        text(
            "INSERT INTO entry (id, kind, source, booked_on, period, currency, summary, deal_id, because,"
            " digest, posted_at, posted_by) VALUES (:id, 'fee_received', :source, :on, :period, 'CNY', '',"
            " '', '[]', '', :now, '')"
        ),
        {
            "id": entry_id,
            "source": f"s{entry_id}",
            "on": f"{period}-05"
            if connection.dialect.name == "sqlite"
            else date.fromisoformat(f"{period}-05"),
            "period": period,
            "now": str(NOW) if connection.dialect.name == "sqlite" else NOW,
        },
    )


def tried(database: Database, *statements: str, legs: Sequence[Leg] = (), period: str = "2026-03") -> str:
    """The code, or the engine's own word, with which a transaction past the program is refused."""
    with database.engine.execution_options(writes=True).connect() as connection:
        try:
            if legs:
                write(connection, 900, legs, period=period)
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            return guard_code(error) or str(error.orig)
    return "accepted"


@pytest.fixture
def posted(database: Database) -> Database:
    """One entry in the books, and a closed month before it."""
    entry = Entry(
        "fee_received",
        "R1",
        date(2026, 3, 5),
        "2026-03",
        "CNY",
        (Posting(BANK, 100, "b"), Posting(RECEIVABLE, -100, "c")),
    )
    database.run(
        lambda session: session.execute(text("INSERT INTO period (id, state) VALUES ('2026-02', 'closed')"))
    )
    database.run(lambda session: journal.post(session, entry, now=NOW))
    return database


def test_what_is_whole_is_accepted(posted: Database) -> None:
    assert tried(posted, legs=WHOLE) == "accepted"


@pytest.mark.parametrize(
    ("legs", "code"),
    [
        (((BANK, "b", 100, "CNY"), (RECEIVABLE, "c", -99, "CNY")), "entry_unbalanced"),
        (((BANK, "b", 100, "CNY"),), "entry_one_legged"),
        (((BANK, "b", 100, "USD"), (RECEIVABLE, "c", -100, "CNY")), "posting_currency"),
        (((BANK, "b", 100, "CNY"), (PAYABLE, "m", -100, "CNY")), "posting_account"),
    ],
)
def test_a_wrong_entry_is_refused(posted: Database, legs: Sequence[Leg], code: str) -> None:
    assert tried(posted, legs=legs) == code


@pytest.mark.parametrize("amount", [0.5, "many", "NaN"])
def test_an_amount_is_a_whole_number(posted: Database, amount: object) -> None:
    assert tried(posted, legs=((BANK, "b", amount, "CNY"), (RECEIVABLE, "c", -100, "CNY"))) != "accepted"


def test_a_closed_period_takes_nothing(posted: Database) -> None:
    assert tried(posted, legs=WHOLE, period="2026-02") == "period_closed"


def test_a_posting_has_its_entry(posted: Database) -> None:
    alone = (
        "INSERT INTO posting SELECT 901, line, account, owner, amount_minor, currency, period,"
        " deal_id, manager_id, stage, origin, nature FROM posting"
    )
    assert tried(posted, alone) != "accepted"


def test_nothing_is_added_to_an_entry(posted: Database) -> None:
    more = (
        "INSERT INTO posting SELECT entry_id, line + 10, account, owner, amount_minor, currency, period,"
        " deal_id, manager_id, stage, origin, nature FROM posting"
    )
    assert tried(posted, more) == "posting_after_entry"


@pytest.mark.parametrize("table", ["entry", "posting"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_what_was_written_stays(posted: Database, table: str, change: str) -> None:
    key = "source" if table == "entry" else "owner"
    said = tried(posted, change.format(table, key, key))
    assert said.endswith(("_changed", "_removed")) or "permission denied" in said


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", ["entry", "posting"])
def test_replacing_is_refused_too(posted: Database, table: str) -> None:
    assert tried(posted, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}") in (
        "entry_replaced",
        "posting_replaced",
    )


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_the_application_cannot_empty_a_table(posted: Database) -> None:
    assert "permission denied" in tried(posted, "TRUNCATE posting")


def test_the_same_source_with_other_content_is_a_conflict_that_names_the_field(posted: Database) -> None:
    other = Entry(
        "fee_received",
        "R1",
        date(2026, 3, 6),
        "2026-03",
        "CNY",
        (Posting(BANK, 100, "b"), Posting(RECEIVABLE, -100, "c")),
    )
    with pytest.raises(Conflict) as refused:
        posted.run(lambda session: journal.post(session, other, now=NOW))
    assert refused.value.facts["field"] == "date"


def test_a_guard_that_is_gone_is_noticed(settings: Settings, database: Database) -> None:
    owner = Database(settings.owner_url)
    with owner.engine.execution_options(writes=True).begin() as connection:
        assert guards.differences(connection) == []
        on = "" if owner.is_sqlite else " ON entry"
        connection.execute(text(f"DROP TRIGGER entry_is_whole{on}"))
        assert [name.split(".")[-1] for name in guards.differences(connection)] == ["entry_is_whole"]
    owner.close()
