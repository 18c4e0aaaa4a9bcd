"""The databases themselves refuse what is wrong: tried past the program, through SQL.

Every attack is made as the role that owns the tables, which the application is not: on PostgreSQL
the application has not even the right to try most of them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Date, text
from sqlalchemy.exc import DBAPIError

from ledger import guarded, guards, journal, seals, tables
from ledger.config import Settings
from ledger.core.entry import (
    BANK,
    COMMISSION_COST,
    IN_TRANSIT,
    PAYABLE,
    RECEIVABLE,
    RECOVERABLE,
    REVERSED_BY,
    WITHHELD_IIT,
    WITHHELD_VAT,
    Entry,
    Posting,
)
from ledger.core.errors import Conflict
from ledger.db import Database, guard_code
from ledger.files import Store
from ledger.snapshots import KeptBalance, KeptTotal, Snapshot
from tests.ledger import firm as firms
from tests.ledger.firm import Firm, day
from tests.waiting import until

NOW = datetime(2026, 3, 9, tzinfo=UTC)
Leg = tuple[str, str, object]  # account, owner, amount
Attack = tuple[str, ...]
WHOLE: tuple[Leg, ...] = ((BANK, "b", 100), (RECEIVABLE, "c", -100))


@pytest.fixture
def firm(database: Database, tmp_path: Path) -> Firm:
    """A firm with one of everything; its history is sealed, and the month before it is closed."""
    made = firms.found(database, Store(tmp_path / "files"))
    with database.writing() as session:
        session.execute(text("INSERT INTO period (id, state) VALUES ('2026-02', 'open')"))
        session.execute(text("UPDATE period SET state = 'closed' WHERE id = '2026-02'"))
        session.execute(text("INSERT INTO period (id, state) VALUES ('2026-04', 'open')"))
    seals.seal(database, by="clock", now=day(6))
    with database.writing() as session:
        firms.receive(session, made, 700_000, "YH-9", day(6))  # so that there is something payable
    return made


@pytest.fixture
def owner(settings: Settings, firm: Firm) -> Iterator[Database]:
    """The books as the role that owns the tables opens them."""
    opened = Database(settings.owner_url)
    with opened.writing() as session:  # of a month long gone, reopened since: it counts for nothing
        session.add(KeptBalance(snapshot_id="sn_0", account=BANK, owner="b", currency="CNY", amount_minor=0))
        session.add(KeptTotal(snapshot_id="sn_0", account=BANK, currency="CNY", amount_minor=0))
        session.flush()
        session.add(Snapshot(id="sn_0", period="2020-01", reopening_id="ro_0", block_no=1, made_at=NOW))
    yield opened
    opened.close()


def tried(database: Database, *statements: str) -> str:
    """The code, or the engine's own word, with which a transaction past the program is refused."""
    with database.engine.execution_options(writes=True).connect() as connection:
        return refusal(connection, *statements, "COMMIT")


def refusal(connection: Connection, *statements: str) -> str:
    try:
        for statement in statements:
            if statement == "COMMIT":
                connection.commit()
            else:
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        connection.rollback()
        return guard_code(error) or str(error.orig).splitlines()[0]
    return "accepted"


def all_tried(database: Database, attacks: Mapping[str, Attack]) -> dict[str, str]:
    return {name: tried(database, *statements) for name, statements in attacks.items()}


def posting(entry: int, line: int, leg: Leg, *, currency: str = "CNY", period: str = "2026-03") -> str:
    account, whose, amount = leg
    return (
        "INSERT INTO posting (entry_id, line, account, owner, amount_minor, currency, period, deal_id,"
        f" manager_id, stage, origin, nature) VALUES ({entry}, {line}, '{account}', '{whose}', {amount},"
        f" '{currency}', '{period}', '', '', '', '', '')"
    )


def whole(
    *legs: Leg,
    entry: int = 900,
    kind: str = "fee_received",
    source: str = "raw",
    on: str = "2026-03-05",
    period: str = "2026-03",
    reverses: object = "NULL",
    how: str = "INSERT",
    then: str = "",
) -> Attack:
    """The statements that write an entry: its postings, then itself."""
    return (
        *(posting(entry, line, leg, period=period) for line, leg in enumerate(legs, 1)),
        f"{how} INTO entry (id, kind, source, booked_on, period, currency, summary, deal_id, because,"
        f" reverses, digest, posted_at, posted_by) VALUES ({entry}, '{kind}', '{source}', '{on}', '{period}',"
        f" 'CNY', '', '', '[]', {reverses}, '', '2026-03-09 00:00:00.000000', '') {then}",
    )


def one(database: Database, query: str) -> str:
    with database.reading() as session:
        return str(session.execute(text(query)).scalars().first())


def payable(database: Database) -> int:
    return -int(one(database, f"SELECT sum(amount_minor) FROM posting WHERE account = '{PAYABLE}'"))


# --- one entry


def test_what_is_whole_is_accepted(owner: Database) -> None:
    assert tried(owner, *whole(*WHOLE)) == "accepted"


MOST = 2**63 - 1
WRONG: Mapping[str, tuple[Attack, str]] = {
    "unbalanced": (whole((BANK, "b", 100), (RECEIVABLE, "c", -99)), "entry_unbalanced"),
    "one-legged": (whole((BANK, "b", 100)), "entry_one_legged"),
    "without legs": (whole(), "entry_one_legged"),
    "of zero": (whole((BANK, "b", 0), (RECEIVABLE, "c", 0)), "posting_amount"),
    "partly of zero": (whole(*WHOLE, (BANK, "b", 0)), "posting_amount"),
    "too large to sum": (whole((BANK, "b", MOST), (RECEIVABLE, "c", -MOST)), "posting_amount"),
    "over the edge": (whole((BANK, "b", MOST), (BANK, "b", MOST), (RECEIVABLE, "c", 2)), "posting_amount"),
    "of two currencies": (
        (posting(900, 1, WHOLE[0], currency="USD"), posting(900, 2, WHOLE[1]), whole()[-1]),
        "posting_currency",
    ),
    "of another currency": (
        tuple(posting(900, n, leg, currency="USD") for n, leg in enumerate(WHOLE, 1)) + whole(),
        "posting_currency",
    ),
    "of two periods": (
        (posting(900, 1, WHOLE[0], period="2026-04"), posting(900, 2, WHOLE[1]), whole()[-1]),
        "posting_period",
    ),
    "on a day of another period": (whole(*WHOLE, on="2026-04-05"), "entry_period"),
    "in a closed period": (whole(*WHOLE, on="2026-02-05", period="2026-02"), "period_closed"),
    "in a period that is not there": (whole(*WHOLE, on="2026-09-05", period="2026-09"), "period_closed"),
    "of an account not in its row": (whole((BANK, "b", 100), (PAYABLE, "M1", -100)), "posting_account"),
    "of no known kind": (whole(*WHOLE, kind="gift"), "posting_account"),
    "on the other side": (whole((BANK, "b", -100), (RECEIVABLE, "c", 100)), "posting_side"),
    "a debt paid back the other way": (
        whole((BANK, "b", -100), (RECOVERABLE, "M1", 100), kind="owing_repaid"),
        "posting_side",
    ),
    "of an account with owners, of nobody": (
        whole((BANK, "", 100), (RECEIVABLE, "c", -100)),
        "posting_owner",
    ),
    "of an account of nobody, with an owner": (
        whole((COMMISSION_COST, "M1", 100), (PAYABLE, "M1", -100), kind="accrual"),
        "posting_owner",
    ),
    "opening balances that nobody signed": (
        whole((PAYABLE, "M1", 100), (BANK, "b", -100), kind="opening"),
        "opening_unsigned",
    ),
    "opening balances of another month than was signed": (
        whole((PAYABLE, "M1", 100), (BANK, "b", -100), kind="opening", source="co_1"),
        "opening_unsigned",
    ),
}


def test_a_wrong_entry_is_refused(owner: Database) -> None:
    assert all_tried(owner, {name: attack for name, (attack, _) in WRONG.items()}) == {
        name: code for name, (_, code) in WRONG.items()
    }


@pytest.mark.parametrize("amount", ["100.5", "'many'", "'NaN'", "NULL", "'1e2x'", "1e30"])
def test_an_amount_is_a_whole_number(owner: Database, amount: str) -> None:
    assert tried(owner, *whole((BANK, "b", amount), (RECEIVABLE, "c", -100))) != "accepted"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("day_text", ["2026-03-99", "2026-03-5", "2026-03-05 ", "2026-03", "2026-02-30"])
def test_a_day_is_one_of_the_calendar(owner: Database, day_text: str) -> None:
    assert tried(owner, *whole(*WHOLE, on=day_text)) == "entry_period"


def test_a_posting_has_its_entry(owner: Database) -> None:
    assert tried(owner, posting(901, 1, WHOLE[0]), posting(901, 2, WHOLE[1])) != "accepted"


def test_nothing_is_added_to_an_entry(owner: Database) -> None:
    assert all_tried(
        owner,
        {
            "one posting": (posting(1, 90, WHOLE[0]),),
            "two that balance": (posting(1, 90, WHOLE[0]), posting(1, 91, WHOLE[1])),
            "in its own transaction": (*whole(*WHOLE), posting(900, 90, WHOLE[0])),
        },
    ) == dict.fromkeys(("one posting", "two that balance", "in its own transaction"), "posting_after_entry")


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize("legs", [WHOLE[:1], WHOLE])
def test_two_transactions_do_not_write_one_entry(owner: Database, legs: tuple[Leg, ...]) -> None:
    """The second cannot see the entry of the first, so that only its commit can be refused."""
    added = tuple(posting(900, 90 + n, leg) for n, leg in enumerate(legs))
    with owner.engine.connect() as first, owner.engine.connect() as second:
        assert refusal(first, *whole(*WHOLE)) == "accepted"
        assert refusal(second, *added) == "accepted"
        assert refusal(first, "COMMIT") == "accepted"
        assert refusal(second, "COMMIT") == "entry_unbalanced"
        assert refusal(first, *whole(*WHOLE, entry=901, source="s")) == "accepted"
        assert refusal(second, *(leg.replace("900", "901") for leg in added)) == "accepted"
        assert refusal(second, "COMMIT") == "entry_unbalanced"
        assert refusal(first, "COMMIT") == "accepted"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_connection_that_asks_for_no_entry_posts_nothing(owner: Database) -> None:
    """SQLite's own shell has foreign keys off: a posting without an entry would be seen by nobody."""
    with (
        closing(sqlite3.connect(str(owner.engine.url.database))) as raw,
        pytest.raises(sqlite3.IntegrityError) as refused,
    ):
        raw.execute(posting(901, 1, WHOLE[0]))
    assert str(refused.value) == "foreign_keys_off"


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize("line", [1, 4])
def test_no_line_joins_an_entry_of_another_transaction(owner: Database, line: int) -> None:
    """Whether it stands before the lines of the other or after them."""
    later = tuple(posting(900, n, leg) for n, leg in enumerate(WHOLE, 2)) + whole()[-1:]
    with owner.engine.connect() as first, owner.engine.connect() as second:
        assert refusal(first, *later) == "accepted"
        assert refusal(second, posting(900, line, WHOLE[0])) == "accepted"
        assert refusal(first, "COMMIT") == "accepted"
        assert refusal(second, "COMMIT") == "entry_unbalanced"


def test_an_entry_is_there_once(owner: Database) -> None:
    there = tuple(one(owner, f"SELECT {name} FROM entry WHERE id = 1") for name in ("kind", "source"))
    assert tried(owner, *whole(*WHOLE, source="twice")) == "accepted"
    same = tried(owner, *whole(*WHOLE, entry=901, source="twice"))
    assert same == "entry_replaced" if owner.is_sqlite else "uq_entry_source" in same
    upsert = "ON CONFLICT (kind, source) DO UPDATE SET summary = 'another'"
    again = whole(*WHOLE, entry=902, source="twice", then=upsert)
    assert tried(owner, *again) == ("entry_replaced" if owner.is_sqlite else "entry_changed")
    assert there != ("fee_received", "twice")


MIRROR: tuple[Leg, ...] = ((BANK, "b", -100), (RECEIVABLE, "c", 100))


def test_a_reversal_mirrors_and_happens_once(owner: Database) -> None:
    assert tried(owner, *whole(*WHOLE)) == "accepted"
    wrong = {
        "half of it": ((BANK, "b", -50), (RECEIVABLE, "c", 50)),
        "the same again": WHOLE,
        "somebody else's": ((BANK, "b", -100), (RECEIVABLE, "d", 100)),
        "more than it": (*MIRROR, (BANK, "x", 1), (BANK, "y", -1)),
    }
    back = {"entry": 901, "source": "r", "kind": "fee_refunded"}
    attacks = {name: whole(*legs, reverses=900, **back) for name, legs in wrong.items()}
    attacks["of nothing"] = whole(*MIRROR, reverses=999, **back)
    assert all_tried(owner, attacks) == dict.fromkeys(attacks, "reversal_differs")
    nature = tuple(one.replace("'', '')", "'', 'earned')") for one in whole(*MIRROR, reverses=900, **back))
    assert tried(owner, *nature) == "reversal_differs"
    assert tried(owner, *whole(*MIRROR, reverses=900, **back)) == "accepted"
    for how in ("INSERT", "INSERT OR REPLACE") if owner.is_sqlite else ("INSERT",):
        again = whole(*MIRROR, entry=902, source="r2", kind="fee_refunded", reverses=900, how=how)
        twice = tried(owner, *again)
        assert twice == "entry_replaced" if owner.is_sqlite else "entry_reverses_key" in twice
    back_again = whole(*WHOLE, entry=902, source="r3", reverses=901)
    assert tried(owner, *back_again) == "reversal_kind"


def test_what_follows_from_facts_is_not_reversed(owner: Database) -> None:
    earned: tuple[Leg, ...] = ((COMMISSION_COST, "", 100), (PAYABLE, "M1", -100))
    not_earned = tuple((account, whose, -int(str(amount))) for account, whose, amount in earned)
    assert tried(owner, *whole(*earned, kind="accrual"), *whole(*WHOLE, entry=901)) == "accepted"
    attacks = {
        "an accrual": whole(*not_earned, entry=902, kind="accrual", source="r", reverses=900),
        "an accrual, by opening balances": whole(
            *not_earned, entry=902, kind="opening", source="r", reverses=900
        ),
        "a receipt, by opening balances": whole(*MIRROR, entry=902, kind="opening", source="r", reverses=901),
    }
    assert all_tried(owner, attacks) == dict.fromkeys(attacks, "reversal_kind")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_guards_have_the_pairs_of_the_core(dialect: str) -> None:
    said = "\n".join(guards.statements(dialect))
    pairs = re.findall(r"WHEN '([a-z_]+)' THEN (?:'([a-z_]+)'|o\.kind)", said)
    assert {kind: other or kind for kind, other in pairs} == REVERSED_BY


def test_the_same_source_with_other_content_is_a_conflict_that_names_the_field(database: Database) -> None:
    def entry(on: date, amount: int) -> Entry:
        legs = (Posting(BANK, amount, "b"), Posting(RECEIVABLE, -amount, "c"))
        return Entry("fee_received", "R1", on, f"{on:%Y-%m}", "CNY", legs)

    def post(wanted: Entry) -> journal.Posted:
        return database.run(lambda session: journal.post(session, wanted, now=NOW))

    first = post(entry(date(2026, 3, 5), 100))
    assert post(entry(date(2026, 3, 5), 100)) == journal.Posted(first.entry_id, is_new=False)
    for other, field in (
        (entry(date(2026, 3, 6), 100), "date"),
        (entry(date(2026, 4, 5), 100), "period"),
        (entry(date(2026, 3, 5), 101), "set of postings"),
    ):
        with pytest.raises(Conflict) as refused:
            post(other)
        assert refused.value.facts["field"] == field


# --- what was written stays


def test_every_table_is_in_one_list() -> None:
    """Whether its rows are written once, only read, thrown away, or kept and changed: somebody decided."""
    lists = (guarded.APPEND_ONLY, guarded.READ_ONLY, guarded.REMOVABLE, guarded.KEPT)
    listed = [table for of_a_kind in lists for table in of_a_kind]
    assert sorted(listed) == sorted({*tables.metadata.tables, "alembic_version"})


def rows_of(database: Database, table: str) -> int:
    return int(one(database, f"SELECT count(*) FROM {table}"))


def key_of(table: str) -> list[str]:
    return list(tables.metadata.tables[table].primary_key.columns.keys())


@pytest.mark.parametrize("change", ["UPDATE", "DELETE", "TRUNCATE", "REPLACE", "UPSERT"])
def test_what_is_written_once_stays(owner: Database, change: str) -> None:
    """Every row of every append-only table, against every way SQL has to change one."""
    if (change == "TRUNCATE" and owner.is_sqlite) or (change == "REPLACE" and not owner.is_sqlite):
        return
    found = {}
    for table in guarded.APPEND_ONLY:
        assert rows_of(owner, table), table
        key = key_of(table)
        other = next(c for c in tables.metadata.tables[table].columns.keys() if c not in key)  # noqa: SIM118
        upsert = (
            f"INSERT INTO {table} SELECT * FROM {table} WHERE true"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {other} = excluded.{other}"
        )
        statement = {
            "UPDATE": f"UPDATE {table} SET {other} = {other}",
            "DELETE": f"DELETE FROM {table}",
            "TRUNCATE": f"TRUNCATE {table}",
            "REPLACE": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
            "UPSERT": upsert,
        }[change]
        found[table] = tried(owner, statement)
    refused = {table: code for table, code in found.items() if code.startswith(table) or code in OTHER_WORDS}
    assert refused == found and len(found) == len(guarded.APPEND_ONLY)


# What a row that is put in again meets before anything sees that it is there already.
OTHER_WORDS = {
    "approval_amount",
    "entry_one_legged",
    "posting_after_entry",
    "sealed_beyond_block",
    "seal_block_replaced",
}


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_no_second_key_is_a_way_to_replace(owner: Database) -> None:
    """INSERT OR REPLACE removes every row it collides with, also on keys other than the first."""
    fact = one(owner, "SELECT id FROM fact")
    statement = one(owner, "SELECT id FROM statement")
    columns = {
        name: ", ".join(tables.metadata.tables[name].columns.keys())
        for name in ("fact", "statement", "split_answer")
    }
    attacks = {
        name: (
            f"INSERT OR REPLACE INTO {name} ({columns[name]})"
            f" SELECT {columns[name].replace('id', chr(39) + 'new' + chr(39), 1)} FROM {name} LIMIT 1",
        )
        for name in columns
    }
    assert all_tried(owner, attacks) == {name: f"{name}_replaced" for name in columns}
    assert (one(owner, "SELECT id FROM fact"), one(owner, "SELECT id FROM statement")) == (fact, statement)


CHANGES: Mapping[str, tuple[str, str]] = {
    "a published plan's text": ("UPDATE plan_version SET text = 'x'", "plan_version_changed"),
    "its day": ("UPDATE plan_version SET effective_on = '2026-01-02'", "plan_version_changed"),
    "its state, back": ("UPDATE plan_version SET state = 'draft'", "plan_version_state"),
    "a plan is removed": ("DELETE FROM plan_version", "plan_version_removed"),
    "a policy's content": ("UPDATE payout_policy SET content = '{}'", "payout_policy_changed"),
    "a policy's state, back": ("UPDATE payout_policy SET state = 'draft'", "payout_policy_state"),
    "an agreement's weights": ("UPDATE split_agreement SET weights = '{}'", "split_agreement_changed"),
    "an agreement's state, back": ("UPDATE split_agreement SET state = 'proposed'", "split_agreement_state"),
    "an agreement is removed": ("DELETE FROM split_agreement", "split_agreement_removed"),
    "a paid line's amount": ("UPDATE payout_line SET gross_minor = 1", "payout_line_changed"),
    "a paid line's account": ("UPDATE payout_line SET bank_account = 'mine'", "payout_line_changed"),
    "a paid line's payee": ("UPDATE payout_line SET manager_id = 'M9'", "payout_line_changed"),
    "a paid line's state, back": ("UPDATE payout_line SET state = 'reserved'", "payout_line_state"),
    "a line is removed": ("DELETE FROM payout_line", "payout_line_removed"),
    "a batch's digest": ("UPDATE payout SET digest = 'x'", "payout_changed"),
    "a batch's maker": ("UPDATE payout SET made_by = 'us_9'", "payout_changed"),
    "a batch's state, back": ("UPDATE payout SET state = 'made'", "payout_state"),
    "a batch is removed": ("DELETE FROM payout", "payout_removed"),
    "a deal is removed": ("DELETE FROM deal", "deal_removed"),
    "a closed period is opened": ("UPDATE period SET state = 'open' WHERE id = '2026-02'", "period_state"),
    "a closed period is reopened alone": (
        "UPDATE period SET state = 'reopened' WHERE id = '2026-02'",
        "period_reopened_alone",
    ),
    "a closed period says another closed it": (
        "UPDATE period SET closed_by = 'us_9' WHERE id = '2026-02'",
        "period_changed",
    ),
    "a closed period says it was reopened": (
        "UPDATE period SET reopening_id = 'ro_1' WHERE id = '2026-02'",
        "period_changed",
    ),
    "a period is born closed": (
        "INSERT INTO period (id, state) VALUES ('2026-09', 'closed')",
        "period_state",
    ),
    "a period is closed before an earlier one": (
        "UPDATE period SET state = 'closed' WHERE id = '2026-04'",
        "period_closed_before_earlier",
    ),
    "a closed period is forgotten": ("DELETE FROM period WHERE id = '2026-02'", "period_removed"),
    "a closed period is renamed": (
        "UPDATE period SET id = '2020-01' WHERE id = '2026-02'",
        "period_renamed",
    ),
    "a period before a closed one": (
        "INSERT INTO period (id, state) VALUES ('2026-01', 'open')",
        "period_closed",
    ),
    "a kind of entry is widened": (
        f"INSERT INTO entry_kind VALUES ('fee_received', '{PAYABLE}', 0, 1)",
        "entry_kind_added",
    ),
    "a kind of entry is turned": (f"UPDATE entry_kind SET account = '{PAYABLE}'", "entry_kind_changed"),
    "a kind of entry is gone": ("DELETE FROM entry_kind", "entry_kind_removed"),
}


def test_what_is_decided_is_not_edited(owner: Database) -> None:
    attacks = {name: (statement,) for name, (statement, _) in CHANGES.items()}
    assert all_tried(owner, attacks) == {name: code for name, (_, code) in CHANGES.items()}


@pytest.mark.parametrize("table", guarded.PUBLISHED)
def test_what_governs_money_is_published_by_another(owner: Database, table: str) -> None:
    there = tables.metadata.tables[table].columns.keys()
    values = ", ".join(NEW_DRAFT.get(column, column) for column in there)
    names = ", ".join(there)
    born = f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} LIMIT 1"
    publish = f"UPDATE {table} SET state = 'published', published_by = {{}} WHERE id = 'pv_x'"
    assert tried(owner, born.replace("'draft'", "'published'")) == f"{table}_state"
    assert tried(owner, born, publish.format("drafted_by")) == f"{table}_by_drafter"
    assert tried(owner, born, publish.format("NULL")) == f"{table}_by_drafter"
    assert tried(owner, born, publish.format("'us_9'")) == "accepted"


NEW_DRAFT = {
    "id": "'pv_x'",
    "version": "99",
    "state": "'draft'",
    "effective_on": "NULL",
    "published_by": "NULL",
    "published_at": "NULL",
}


def test_nothing_is_born_in_the_middle_of_its_life(owner: Database) -> None:
    for table, first in guarded.BORN.items():
        steps = guarded.STEPS[table]
        later = {state for found in steps.values() for state in found.values()} - {first}
        found = {state: tried(owner, a_row(owner, table, state)) for state in later}
        assert found == dict.fromkeys(later, f"{table}_state")
        assert tried(owner, a_row(owner, table, first)) != f"{table}_state"


def test_what_was_written_into_a_row_stays_from_the_first_day(owner: Database) -> None:
    """Also of a draft, an open invitation, a dispute nobody has answered: only what moves may move."""
    for frozen in (one for one in guarded.FROZEN if not one.once_not and one.table in guarded.BORN):
        columns = tables.metadata.tables[frozen.table].columns
        born = a_row(owner, frozen.table, guarded.BORN[frozen.table])
        fixed = {c.name for c in columns} - {*frozen.movable, *key_of(frozen.table)}
        assert fixed, frozen.table
        for name in fixed:
            other = sample(owner, columns[name], "other")
            attack = f"UPDATE {frozen.table} SET {name} = {other} WHERE {key_of(frozen.table)[0]} = 'raw'"
            assert tried(owner, born, attack) == f"{frozen.table}_changed", name


def a_row(database: Database, table: str, state: str) -> str:
    """A row of a table, as it begins or is said to."""
    columns = tables.metadata.tables[table].columns
    given = {"id": "'2026-09'" if table == "period" else "'raw'", "state": f"'{state}'"}
    values = [given.get(column.name, sample(database, column)) for column in columns]
    return f"INSERT INTO {table} ({', '.join(columns.keys())}) VALUES ({', '.join(values)})"


def sample(database: Database, column: Column[Any], word: str = "raw") -> str:
    """Something a column takes."""
    kind = column.type.compile(database.engine.dialect)
    if "INT" in kind:
        return str(len(word))
    if kind.startswith(("DATE", "TIME")):
        return f"'2026-03-{len(word):02d}'"
    return f"""'"{word}"'""" if kind == "JSONB" else f"'{word}'"


def test_nothing_that_is_kept_gets_another_name_or_stands_for_another(owner: Database) -> None:
    """Renamed it would be gone; and UPDATE OR REPLACE removes the row that has the name already."""
    kept = [table for table in guarded.KEPT if rows_of(owner, table)]
    assert {"deal", "milestone", "payout", "payout_line", "period", "user_account"} <= set(kept)
    frozen = {one.table for one in guarded.FROZEN}
    for table in kept:
        for key in key_of(table):
            code = tried(owner, f"UPDATE {table} SET {key} = {renamed(table, key)}")
            assert code == f"{table}_renamed" or (table in frozen and code == f"{table}_changed"), table


def renamed(table: str, key: str) -> str:
    kind = tables.metadata.tables[table].columns[key].type
    return "'2020-02-02'" if isinstance(kind, Date) else f"{key} || 'x'"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_an_update_does_not_replace_another_row(owner: Database) -> None:
    for how in ("UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"):
        attack = f"{how} user_account SET phone = '13800000002' WHERE id = 'us_1'"
        assert tried(owner, attack) == "user_account_replaced"


def test_no_balance_is_kept_but_with_its_snapshot(owner: Database) -> None:
    row = "INSERT INTO kept_balance VALUES ('{}', '1002', 'z', 'CNY', 5)"
    snapshot = (
        "INSERT INTO balance_snapshot SELECT 'sn_1', period, 'x', block_no, made_at FROM balance_snapshot"
    )
    total = "INSERT INTO kept_total VALUES ('{}', '1122', 'CNY', 5)"
    attacks = {
        "to one that is there": (row.format("sn_0"),),
        "a total to one that is there": (total.format("sn_0"),),
        "with one": (row.format("sn_1"), snapshot),
        "a total of nobody": (total.format("sn_1"), snapshot),
    }
    assert all_tried(owner, attacks) == {
        "to one that is there": "kept_balance_after_snapshot",
        "a total to one that is there": "kept_total_after_snapshot",
        "with one": "balance_snapshot_unbalanced",
        "a total of nobody": "balance_snapshot_totals",
    }


# --- money out


def paid_elsewhere(amount: int, entry: int = 900) -> Attack:
    return whole(
        (PAYABLE, "M1", amount), (BANK, "b", -amount), entry=entry, kind="paid_elsewhere", source=f"p{entry}"
    )


def test_no_more_is_paid_than_is_payable(owner: Database) -> None:
    there = payable(owner)
    assert there > 0
    assert tried(owner, *paid_elsewhere(there + 1)) == "payout_beyond_payable"
    assert tried(owner, *paid_elsewhere(there)) == "accepted"
    assert tried(owner, *paid_elsewhere(1, 901)) == "payout_beyond_payable"


def waits_for_a_lock(database: Database) -> int:
    waiting = "wait_event_type = 'Lock' AND datname = current_database()"
    return int(one(database, f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}"))


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_two_payments_at_once_do_not_pay_twice(owner: Database) -> None:
    """Under READ COMMITTED neither sees the other: the second waits, and then is refused."""
    there = payable(owner)
    with owner.engine.connect() as first, ThreadPoolExecutor() as pool:
        assert refusal(first, *paid_elsewhere(there)) == "accepted"
        second = pool.submit(tried, owner, *paid_elsewhere(there, 901))
        until(lambda: waits_for_a_lock(owner))
        assert refusal(first, "COMMIT") == "accepted"
        assert second.result() == "payout_beyond_payable"


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_transaction_with_an_old_snapshot_posts_nothing(owner: Database, level: str) -> None:
    """It would look for what is payable, and for closed periods, in a past that was."""
    with owner.engine.execution_options(isolation_level=level).connect() as connection:
        assert refusal(connection, *paid_elsewhere(1)) == "entry_isolation"


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_close_and_a_posting_take_turns(owner: Database) -> None:
    closing = "UPDATE period SET state = 'closed' WHERE id = '2026-03'"
    with owner.engine.connect() as first, ThreadPoolExecutor() as pool:
        assert refusal(first, *whole(*WHOLE)) == "accepted"
        closed = pool.submit(tried, owner, closing)
        until(lambda: waits_for_a_lock(owner))
        assert refusal(first, "COMMIT") == "accepted"
        assert closed.result() == "accepted"
        assert refusal(first, *whole(*WHOLE, entry=901, source="late")) == "period_closed"


BATCH = (
    "INSERT INTO payout (id, no, currency, value_on, state, digest, made_by, made_at)"
    " VALUES ('po_x', 'x', 'CNY', '2026-03-09', '{state}', 'd', 'us_2', '2026-03-09 00:00:00.000000')",
    "INSERT INTO payout_line (id, payout_id, manager_id, payee_name, bank_name, bank_account, bank_cnaps,"
    " gross_minor, tax_minor, net_minor, tax_method, tax_working, value_on, state)"
    " SELECT 'pl_x', 'po_x', manager_id, payee_name, bank_name, bank_account, bank_cnaps, 100, 10, 90,"
    " tax_method, tax_working, value_on, '{line}' FROM payout_line",
)
APPROVAL = (
    "INSERT INTO payout_approval (id, payout_id, approved_by, approved_at, digest, seat, amount_minor,"
    " approved_on) VALUES ('pa_x', 'po_x', '{by}', '2026-03-09 00:00:00.000000', '{digest}', '{by}', 100,"
    " '2026-03-09')"
)
RESERVED = whole((PAYABLE, "M1", 100), (IN_TRANSIT, "po_x", -100), kind="payout_made", source="pl_x")
PAID = whole(
    (IN_TRANSIT, "po_x", 100),
    (BANK, "b", -90),
    (WITHHELD_IIT, "", -10),
    entry=901,
    kind="payout_confirmed",
    source="pl_x",
)


GIVEN_BACK = whole(
    (PAYABLE, "M1", -100),
    (IN_TRANSIT, "po_x", 100),
    entry=902,
    kind="payout_returned",
    source="pl_x",
    reverses=900,
)
ONE_MORE = BATCH[1].format(line="reserved").replace("'pl_x'", "'pl_y'") + " WHERE id = 'pl_x'"


def batch(state: str = "made", line: str = "reserved") -> Attack:
    return tuple(statement.format(state=state, line=line) for statement in BATCH)


def approval(by: str = "us_3", digest: str = "d") -> str:
    return APPROVAL.format(by=by, digest=digest)


def step(state: str) -> str:
    return f"UPDATE payout SET state = '{state}' WHERE id = 'po_x'"


MONEY_OUT: Mapping[str, tuple[Attack, str]] = {
    "as it should be": (
        (*batch(), *RESERVED, approval(), step("approved"), step("sent"), *PAID, "ROLLBACK"),
        "accepted",
    ),
    "approved by its maker": ((*batch(), approval(by="us_2")), "approval_by_maker"),
    "another batch approved": ((*batch(), approval(digest="e")), "approval_differs"),
    "approval of nothing": ((approval(),), "approval_differs"),
    "sent without approval": ((*batch(), step("approved"), step("sent")), "payment_not_approved"),
    "sent at once": ((*batch(), approval(), step("sent")), "payout_state"),
    "settled at once": ((*batch(), approval(), step("settled")), "payout_state"),
    "born sent": (batch("sent"), "payout_state"),
    "a line born paid": (batch(line="paid"), "payout_line_state"),
    "paid without approval": ((*batch(), *RESERVED, *PAID), "payment_not_approved"),
    "paid before it was sent": ((*batch(), approval(), *RESERVED, *PAID), "payment_not_approved"),
    "changed after approval": (
        (*batch(), approval(), "UPDATE payout_line SET net_minor = 100 WHERE id = 'pl_x'"),
        "payout_line_changed",
    ),
    "reserved for another amount": (
        (*batch(), *whole((PAYABLE, "M1", 99), (IN_TRANSIT, "po_x", -99), kind="payout_made", source="pl_x")),
        "payment_differs",
    ),
    "reserved for no batch": (RESERVED, "payment_differs"),
    "reserved out of another's": (
        (
            *batch(),
            *whole((COMMISSION_COST, "", 100), (PAYABLE, "M2", -100), entry=903, kind="accrual", source="a"),
            *whole((PAYABLE, "M2", 100), (IN_TRANSIT, "po_x", -100), kind="payout_made", source="pl_x"),
        ),
        "payment_differs",
    ),
    "reserved for another batch too": (
        (
            *batch(),
            *whole(
                (PAYABLE, "M1", 101),
                (IN_TRANSIT, "po_x", -100),
                (IN_TRANSIT, "po_y", -1),
                kind="payout_made",
                source="pl_x",
            ),
        ),
        "payment_differs",
    ),
    "reserved the other way": (
        (
            *batch(),
            *whole((PAYABLE, "M1", -100), (IN_TRANSIT, "po_x", 100), kind="payout_made", source="pl_x"),
        ),
        "posting_side",
    ),
    "paid and never reserved": (
        (*batch(), approval(), step("approved"), step("sent"), *PAID),
        "payment_answered",
    ),
    "paid and given back": (
        (*batch(), *RESERVED, approval(), step("approved"), step("sent"), *PAID, *GIVEN_BACK),
        "payment_answered",
    ),
    "given back and paid": (
        (*batch(), *RESERVED, approval(), step("approved"), step("sent"), *GIVEN_BACK, *PAID),
        "payment_answered",
    ),
    "given back and never reserved": ((*batch(), *GIVEN_BACK), "reversal_differs"),
    "given back what another was to have": (
        (
            *batch(),
            *whole((PAYABLE, "M1", 100), (IN_TRANSIT, "po_x", -100), kind="payout_made", source="pl_x"),
            *(one.replace("'pl_x'", "'pl_y'") for one in GIVEN_BACK),
        ),
        "payment_answered",
    ),
    "a line more, once it was approved": ((*batch(), approval(), ONE_MORE), "payout_line_late"),
    "a line more, once it was sent": (
        (*batch(), approval(), step("approved"), step("sent"), ONE_MORE),
        "payout_line_late",
    ),
    "its income tax booked as VAT": (
        (
            *batch(),
            *RESERVED,
            approval(),
            step("approved"),
            step("sent"),
            *(one.replace(f"'{WITHHELD_IIT}'", f"'{WITHHELD_VAT}'") for one in PAID),
        ),
        "payment_differs",
    ),
    "reserved, and its parts do not add up": (
        (*(one.replace("100, 10, 90", "100, 9, 90") for one in batch()), *RESERVED),
        "payment_differs",
    ),
    "more leaves the bank": (
        (
            *batch(),
            *RESERVED,
            approval(),
            step("approved"),
            step("sent"),
            *whole(
                (IN_TRANSIT, "po_x", 100),
                (BANK, "b", -100),
                entry=901,
                kind="payout_confirmed",
                source="pl_x",
            ),
        ),
        "payment_differs",
    ),
}


def test_no_payment_goes_round_its_approval(owner: Database) -> None:
    found = all_tried(owner, {name: attack for name, (attack, _) in MONEY_OUT.items()})
    wanted = {name: code for name, (_, code) in MONEY_OUT.items()}
    if not owner.is_sqlite:  # two guards refuse it; which of them is first is the engine's
        wanted["sent at once"] = "payment_not_approved"
    assert found == wanted


# --- the application's role


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_the_application_has_no_right_it_does_not_need(database: Database) -> None:
    query = text(
        "SELECT tablename, held FROM pg_tables, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) held"
        " WHERE schemaname = 'public' AND has_table_privilege(current_user, quote_ident(tablename), held)"
    )
    owned = text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
    with database.reading() as session:
        held = {(table, right) for table, right in session.execute(query)}
        assert session.execute(owned).scalar_one() == 0
    once = {*guarded.APPEND_ONLY, *guarded.READ_ONLY}
    assert {table for table, _ in held} == {*tables.metadata.tables} - once
    assert {table for table, right in held if right != "UPDATE"} == {*guarded.REMOVABLE}


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_table_of_ones_own_does_not_stand_before_the_guards(database: Database, firm: Firm) -> None:
    wider = (
        f"CREATE TEMP TABLE entry_kind AS SELECT 'fee_received' AS kind, '{PAYABLE}' AS account, 0 AS side,"
        " 1 AS owned"
    )
    attack = whole((PAYABLE, "M1", 100), (PAYABLE, "M2", -100))
    assert tried(database, wider, *attack) == "posting_account"
    assert "permission denied" in tried(database, f"INSERT INTO entry_kind VALUES ('x', '{PAYABLE}', 0, 1)")


# --- the guards themselves


LIFTED = {
    "sqlite": {
        "entry.entry_is_whole": ("DROP TRIGGER entry_is_whole",),
        "posting.posting_never_goes": (
            "DROP TRIGGER posting_never_goes",
            "CREATE TRIGGER posting_never_goes BEFORE DELETE ON posting WHEN 0 BEGIN SELECT 1; END",
        ),
        "entry.mine": ("CREATE TRIGGER mine AFTER INSERT ON entry BEGIN SELECT 1; END",),
        "entry_kind.fee_received": (
            "DROP TRIGGER entry_kind_never_grows",
            f"INSERT INTO entry_kind VALUES ('fee_received', '{PAYABLE}', 0, 1)",
        ),
    },
    "postgresql": {
        "entry.entry_is_whole": ("DROP TRIGGER entry_is_whole ON entry",),
        "entry.entry_never_changes": (
            "DROP TRIGGER entry_never_changes ON entry",
            "CREATE TRIGGER entry_never_changes BEFORE UPDATE OR DELETE ON entry"
            " FOR EACH ROW WHEN (false) EXECUTE FUNCTION guard_never()",
        ),
        "posting.posting_at_commit": ("ALTER TABLE posting DISABLE TRIGGER posting_at_commit",),
        "guard_entry": ("ALTER FUNCTION guard_entry() SET search_path = elsewhere",),
        "guard_refuse": (
            "CREATE OR REPLACE FUNCTION guard_refuse(code text) RETURNS void LANGUAGE plpgsql"
            " AS $$ BEGIN END $$",
        ),
        "guard_approval": ("ALTER FUNCTION guard_approval() SECURITY DEFINER",),
        "strange": ("CREATE FUNCTION strange() RETURNS integer LANGUAGE sql AS 'SELECT 1'",),
        "fact.aside": ("CREATE RULE aside AS ON UPDATE TO fact DO INSTEAD NOTHING",),
        "entry_kind.fee_received": (
            "ALTER TABLE entry_kind DISABLE TRIGGER USER",
            f"INSERT INTO entry_kind VALUES ('fee_received', '{PAYABLE}', 0, 1)",
            "ALTER TABLE entry_kind ENABLE TRIGGER USER",
        ),
    },
}


def test_a_guard_that_was_touched_is_named(owner: Database) -> None:
    engine = "sqlite" if owner.is_sqlite else "postgresql"
    with owner.engine.execution_options(writes=True).connect() as connection:
        assert guards.differences(connection) == []
        connection.rollback()
        for name, statements in LIFTED[engine].items():
            for statement in statements:
                connection.exec_driver_sql(statement)
            assert name in guards.differences(connection), name
            connection.rollback()


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_right_that_was_given_is_named(owner: Database, database: Database) -> None:
    given = "entry, the application's right to UPDATE"
    assert tried(owner, "GRANT UPDATE ON entry TO yongjin_app") == "accepted"
    with database.reading() as session:
        assert guards.differences(session.connection()) == [given]
    assert tried(owner, "REVOKE UPDATE ON entry FROM yongjin_app") == "accepted"
