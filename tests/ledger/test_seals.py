"""Seals: whatever is done to history behind the application's back, `verify` says where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Date, Integer, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from ledger import accounts, audit, seals, tables, verification
from ledger.benches import postgres
from ledger.config import Settings
from ledger.core.entry import PAYABLE
from ledger.core.errors import Invalid, NotFound
from ledger.core.seal import GENESIS
from ledger.db import Database, Instant, guard_code
from ledger.files import Store
from ledger.statements import Statement
from tests.ledger import firm as firms
from tests.ledger.firm import Firm, day

LATER = day(30)


@pytest.fixture
def firm(database: Database, tmp_path: Path) -> Firm:
    """A firm whose history is in three blocks; the last ones hold a receipt each and what followed."""
    made = firms.found(database, Store(tmp_path / "files"))
    seals.seal(database, by="clock", now=day(6))
    for number in (7, 9):
        with database.writing() as session:
            firms.receive(session, made, 100_000 * number, f"YH-{number}", day(number))
        seals.seal(database, by="clock", now=day(number + 1))
    return made


@pytest.fixture
def holder(request: pytest.FixtureRequest, database: Database) -> Iterator[Database]:
    """The database as whoever holds the machine opens it."""
    if database.is_sqlite:
        yield database
        return
    server: postgres.Server = request.getfixturevalue("postgresql_server")
    opened = Database(server.url(database.engine.url.database or "", postgres.SUPERUSER))
    yield opened
    opened.close()


@contextmanager
def behind(holder: Database, *statements: str) -> Iterator[Session]:
    """History after SQL that no guard looked at; it is as it was when the block ends."""
    with Session(holder.engine.execution_options(writes=True)) as session:
        if holder.is_sqlite:
            triggers = session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for (name,) in triggers.all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            session.execute(text(statement))
        yield session
        session.rollback()


def found_after(holder: Database, changes: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, str]]:
    """The first thing that is wrong after each of some changes."""
    found = {}
    for name, broken in changes.items():
        with behind(holder, *broken) as session:
            wrong = next(seals.differences(session, now=LATER, counted={}), None)
            found[name] = (wrong.where, wrong.what) if wrong else ("", "")
    return found


def ids(database: Database, table: str) -> list[str]:
    with database.reading() as session:
        return [str(row_id) for (row_id,) in session.execute(text(f"SELECT id FROM {table} ORDER BY id"))]


def test_an_untouched_history_verifies(database: Database, firm: Firm) -> None:
    with database.reading() as session:
        result = verification.verify(session, firm.store, now=LATER)
    assert result.differences == []
    assert result.counted["blocks"] == 3
    assert result.counted["unsealed_entries"] == 0


def test_every_kind_of_row_is_sealed(database: Database, firm: Firm) -> None:
    with database.reading() as session:
        kinds = set(session.exec(select(seals.Sealed.kind)))
    assert kinds == set(seals.SOURCES)


def changed(table: str, column: str) -> str:
    """Another value of a column, as SQL says it on either engine."""
    kind = tables.metadata.tables[table].columns[column].type
    if isinstance(kind, Integer):  # whatever its size
        return f"coalesce({column}, 0) + 1"
    if isinstance(kind, JSON):
        return """'{"another": 1}'"""
    if isinstance(kind, Date):
        return "'2020-02-02'"
    return "'2020-02-02 02:02:02.000000'" if isinstance(kind, Instant) else f"coalesce({column}, '') || 'x'"


def each_after(holder: Database, changes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The first thing that is wrong after each of some changes, one taken back before the next."""
    found = {}
    with behind(holder) as session:
        for name, statement in changes.items():
            with session.begin_nested() as point:
                session.execute(text(statement))
                wrong = next(seals.differences(session, now=LATER, counted={}), None)
                found[name] = (wrong.where, wrong.what) if wrong else ("", "")
                point.rollback()
            session.expire_all()
    return found


def test_any_change_of_any_sealed_column_of_any_table_is_named(
    database: Database, holder: Database, firm: Firm
) -> None:
    first = {kind: ids(database, source.table)[0] for kind, source in seals.SOURCES.items()}
    cells = {
        f"{kind}.{column}": (kind, source.table, column)
        for kind, source in seals.SOURCES.items()
        for column in source.columns
        if column != "id"  # what changes places, is gone or is put in is tried below
    }
    found = each_after(
        holder,
        {
            name: f'UPDATE {table} SET "{column}" = {changed(table, column)}'
            f" WHERE CAST(id AS text) = '{first[kind]}'"
            for name, (kind, table, column) in cells.items()
        },
    )
    assert found == {
        name: (f"block 1, {kind} {first[kind]}", "is not what was sealed")
        for name, (kind, *_) in cells.items()
    }


def test_any_change_of_any_column_of_a_posting_is_named(
    database: Database, holder: Database, firm: Firm
) -> None:
    entry = ids(database, "entry")[0]
    where = f"WHERE entry_id = {entry} AND line = 2"
    new = {column: changed("posting", column) for column in seals.POSTING} | {"line": "99"}
    found = each_after(
        holder, {column: f"UPDATE posting SET {column} = {value} {where}" for column, value in new.items()}
    )
    assert found == dict.fromkeys(new, (f"block 1, entry {entry}", "is not what was sealed"))


def test_a_changed_part_of_an_entry_is_named(database: Database, holder: Database, firm: Firm) -> None:
    entry = ids(database, "entry")[0]
    changes = {
        "posting": (f"UPDATE posting SET manager_id = 'M9' WHERE entry_id = {entry} AND line = 2",),
        "posting gone": (f"DELETE FROM posting WHERE entry_id = {entry} AND line = 2",),
        "posting more": (
            "INSERT INTO posting SELECT entry_id, 9, account, owner, amount_minor, currency, period, "
            f"deal_id, manager_id, stage, origin, nature FROM posting WHERE entry_id = {entry} AND line = 1",
        ),
        "working": (f"UPDATE working SET content = '{{}}' WHERE entry_id = {entry}",),
        "working gone": (f"DELETE FROM working WHERE entry_id = {entry}",),
    }
    said = (f"block 1, entry {entry}", "is not what was sealed")
    assert found_after(holder, changes) == dict.fromkeys(changes, said)


@pytest.mark.parametrize("which", [0, -1], ids=["the first", "the last"])
def test_a_removed_row_of_any_table_is_named(
    database: Database, holder: Database, firm: Firm, which: int
) -> None:
    rows = {kind: ids(database, source.table)[which] for kind, source in seals.SOURCES.items()}
    with database.reading() as session:
        query = text("SELECT block_no, kind, row_id FROM sealed")
        blocks = {(kind, row_id): no for no, kind, row_id in session.execute(query)}
    found = each_after(
        holder,
        {
            kind: f"DELETE FROM {seals.SOURCES[kind].table} WHERE CAST(id AS text) = '{row}'"
            for kind, row in rows.items()
        },
    )
    # a row that is sealed as two kinds is missed by the first of them
    first = {source.table: kind for kind, source in reversed(seals.SOURCES.items())}
    named = {kind: first[seals.SOURCES[kind].table] for kind in rows}
    assert found == {
        kind: (f"block {blocks[named[kind], row]}, {named[kind]} {row}", "is gone")
        for kind, row in rows.items()
    }


def test_the_end_of_history_cut_off_is_missed_by_whoever_wrote_the_head_down(
    database: Database, holder: Database, firm: Firm
) -> None:
    """The last block with its list is gone, or with all that was in it: what is left follows on itself."""
    with database.reading() as session:
        head = seals.get(session, 3).sha256
        before = seals.get(session, 2).sha256
    cut = ("DELETE FROM seal_block WHERE no = 3", "DELETE FROM sealed WHERE block_no = 3")
    late = "SELECT row_id FROM sealed WHERE block_no = 3 AND kind = 'entry'"
    emptied = (
        f"DELETE FROM posting WHERE CAST(entry_id AS text) IN ({late})",
        f"DELETE FROM working WHERE CAST(entry_id AS text) IN ({late})",
        f"DELETE FROM entry WHERE CAST(id AS text) IN ({late})",
        "DELETE FROM fact WHERE id IN (SELECT row_id FROM sealed WHERE block_no = 3 AND kind = 'fact')",
        *cut,
    )
    for broken in (cut, emptied):
        with behind(holder, *broken) as session:
            found = verification.verify(session, firm.store, now=LATER, published_head=head)
            kept = verification.verify(session, firm.store, now=LATER, published_head=before)
        assert found.published is None
        assert (head, "is the head of no block here: what it sealed is not this history") in [
            (one.where, one.what) for one in found.differences
        ]
        assert kept.published is not None and kept.published.unchanged


def test_what_goes_before_it_is_sealed_is_missed_in_the_books(
    database: Database, holder: Database, firm: Firm
) -> None:
    """No block knows it yet, but the books are worked out from it, or it from them."""
    with database.writing() as session:
        firms.receive(session, firm, 1_100_000, "YH-12", day(12))
    with database.reading() as session:
        new = text("SELECT max(id), max(CASE kind WHEN 'accrual' THEN id END) FROM entry")
        last, accrual = session.execute(new).one()
    attacks = {
        "fact": ("DELETE FROM fact WHERE ref = 'YH-12'",),
        "a receipt": tuple(
            f"DELETE FROM {table} WHERE {key} = (SELECT max(id) FROM entry WHERE kind = 'fee_received')"
            for table, key in (("posting", "entry_id"), ("entry", "id"))
        ),
        "an accrual": tuple(
            f"DELETE FROM {table} WHERE {key} = {accrual}"
            for table, key in (("working", "entry_id"), ("posting", "entry_id"), ("entry", "id"))
        ),
        "an entry without its postings": (f"DELETE FROM entry WHERE id = {last}",),
        "its postings": (f"DELETE FROM posting WHERE entry_id = {last}",),
        "a posting": (f"DELETE FROM posting WHERE entry_id = {last} AND line = 1",),
        "a working": (f"DELETE FROM working WHERE entry_id = {accrual}",),
    }
    for name, statements in attacks.items():
        with behind(holder, *statements) as session:
            found = verification.verify(session, firm.store, now=day(12)).differences
        assert found, name


def test_a_batch_that_no_longer_says_what_was_approved_is_named(
    database: Database, holder: Database, firm: Firm
) -> None:
    with database.reading() as session:
        no = session.execute(text("SELECT no FROM payout")).scalar_one()
    changes = {
        "a name": "UPDATE payout_line SET payee_name = 'another'",
        "a payee": "UPDATE payout_line SET manager_id = 'M9'",
        "an amount": "UPDATE payout_line SET net_minor = net_minor + 1, tax_minor = tax_minor - 1",
        "a day": "UPDATE payout SET value_on = '2026-03-30'",
        "its digest": "UPDATE payout SET digest = 'another'",
        "its maker": "UPDATE payout SET made_by = (SELECT approved_by FROM payout_approval)",
    }
    for name, statement in changes.items():
        with behind(holder, statement) as session:
            found = verification.verify(session, firm.store, now=day(12)).differences
        assert f"batch {no}" in [one.where for one in found if one.check == "batches"], name


def put_in(database: Database, kind: str) -> tuple[str, str]:
    """A row of a kind beside the first, with an id from before and another name: its id, and the SQL."""
    source = seals.SOURCES[kind]
    there = inspect(database.engine)
    columns = {column["name"]: column for column in there.get_columns(source.table)}
    named = {one for unique in there.get_unique_constraints(source.table) for one in unique["column_names"]}
    named |= {
        one for index in there.get_indexes(source.table) if index["unique"] for one in index["column_names"]
    }
    number = columns["id"]["type"].python_type is int
    first = ids(database, source.table)[0]
    row_id = "0" if number else f"{first.partition('_')[0]}_0"

    def said(name: str) -> str:
        if name == "id":
            return row_id if number else f"'{row_id}'"
        if name not in named:
            return f'"{name}"'
        if columns[name]["nullable"]:
            return "NULL"
        return f"\"{name}\" || 'x'" if columns[name]["type"].python_type is str else f'"{name}" + 90'

    listed = ", ".join(f'"{name}"' for name in columns)
    copied = ", ".join(said(name) for name in columns)
    where = f"WHERE CAST(id AS text) = '{first}'"
    return row_id, f"INSERT INTO {source.table} ({listed}) SELECT {copied} FROM {source.table} {where}"


def test_a_row_of_any_kind_put_into_sealed_history_is_named(
    database: Database, holder: Database, firm: Firm
) -> None:
    rows = {kind: put_in(database, kind) for kind in seals.SOURCES}
    # a table that is sealed as two kinds is missed by the first of them
    first = {source.table: kind for kind, source in reversed(seals.SOURCES.items())}
    said = "is in no block and older than what is: it was put in"
    assert found_after(holder, {kind: (statement,) for kind, (_, statement) in rows.items()}) == {
        kind: (f"{first[seals.SOURCES[kind].table]} {row_id}", said) for kind, (row_id, _) in rows.items()
    }


def test_two_rows_of_any_kind_that_changed_places_are_named(
    database: Database, holder: Database, firm: Firm
) -> None:
    several = {kind: ids(database, seals.SOURCES[kind].table) for kind in seals.SOURCES}
    pairs = {kind: found[:2] for kind, found in several.items() if len(found) > 1}
    assert set(pairs) >= {"audit", "entry", "fact", "invoice", "plan"}

    def swap(kind: str, one: str, other: str) -> tuple[str, ...]:
        table = seals.SOURCES[kind].table
        third = "-1" if one.isdigit() else "x"
        steps = ((one, third), (other, one), (third, other))
        return tuple(
            f"UPDATE {table} SET id = '{new}' WHERE CAST(id AS text) = '{old}'" for old, new in steps
        )

    changed = found_after(holder, {kind: swap(kind, *pair) for kind, pair in pairs.items()})
    assert changed == {
        kind: (f"block 1, {kind} {min(pair, key=order)}", "is not what was sealed")
        for kind, pair in pairs.items()
    }


def order(row_id: str) -> tuple[int, str]:
    return (int(row_id), "") if row_id.isdigit() else (0, row_id)


def test_rows_that_changed_places_are_named(database: Database, holder: Database, firm: Firm) -> None:
    one, other, *_ = ids(database, "entry")
    text_of = f"(SELECT summary FROM entry WHERE id = {one} + {other} - e.id)"
    member = "SELECT {} FROM sealed WHERE kind = 'entry' AND row_id = '{}'"
    with database.reading() as session:
        line = session.execute(text(member.format("line", one))).scalar_one()
    changes = {
        "what two entries say": (f"UPDATE entry AS e SET summary = {text_of} WHERE id IN ({one}, {other})",),
        "two rows of the list": (
            f"UPDATE sealed SET line = -1 WHERE block_no = 1 AND line = {line}",
            f"UPDATE sealed SET line = {line} WHERE block_no = 1 AND line = {line + 1}",
            f"UPDATE sealed SET line = {line + 1} WHERE block_no = 1 AND line = -1",
        ),
    }
    assert found_after(holder, changes) == {
        "what two entries say": (f"block 1, entry {one}", "is not what was sealed"),
        "two rows of the list": (f"block 1, entry {one}", "is not in its place"),
    }


def test_a_changed_list_of_rows_is_named(database: Database, holder: Database, firm: Firm) -> None:
    entry = ids(database, "entry")[0]
    changes = {
        "changed": (f"UPDATE sealed SET sha256 = 'x' WHERE kind = 'entry' AND row_id = '{entry}'",),
        "of another": (f"UPDATE sealed SET row_id = '99999' WHERE kind = 'entry' AND row_id = '{entry}'",),
        "of no kind": (f"UPDATE sealed SET kind = 'x' WHERE kind = 'entry' AND row_id = '{entry}'",),
        "of nothing": (f"UPDATE sealed SET row_id = 'x' WHERE kind = 'entry' AND row_id = '{entry}'",),
        "gone": ("DELETE FROM sealed WHERE block_no = 2 AND line = 1",),
        "more": ("INSERT INTO sealed VALUES (2, 99, 'entry', '0', 'x')",),
    }
    found = found_after(holder, changes)
    assert found["changed"] == (f"block 1, entry {entry}", "is not what was sealed")
    assert found["of another"][0].startswith("block 1, entry ")
    assert found["of no kind"][0].startswith("block 1, ")
    assert found["of nothing"][0].startswith("block 1, ")
    assert found["gone"] == ("block 2, line 1", "is gone from its list")
    assert found["more"] == ("block 2, line 99", "was put in")


def test_a_row_and_its_hash_changed_together_are_found(
    database: Database, holder: Database, firm: Firm
) -> None:
    """The list's own hash is in the head."""
    entry = ids(database, "entry")[0]
    with behind(holder, f"UPDATE entry SET summary = 'x' WHERE id = {entry}") as session:
        forged = seals._hashes(session, seals.SOURCES["entry"], [entry])[entry]
        change = f"UPDATE sealed SET sha256 = '{forged}' WHERE kind = 'entry' AND row_id = '{entry}'"
        session.execute(text(change))
        wrong = next(seals.differences(session, now=LATER, counted={}))
    assert (wrong.where, wrong.what) == ("block 1", "does not list the rows that were sealed in it")


def test_a_changed_chain_is_named(holder: Database, firm: Firm) -> None:
    changes = {
        "time": ("UPDATE seal_block SET made_at = '2026-03-09 00:00:00.000000' WHERE no = 2",),
        "head": ("UPDATE seal_block SET sha256 = 'x' WHERE no = 2",),
        "previous": ("UPDATE seal_block SET previous = 'x' WHERE no = 2",),
        "first gone": ("DELETE FROM seal_block WHERE no = 1",),
        "one gone": ("DELETE FROM seal_block WHERE no = 2",),
        "last gone": ("DELETE FROM seal_block WHERE no = 3",),
        "numbers": (
            "UPDATE seal_block SET no = 9 WHERE no = 2",
            "UPDATE seal_block SET no = 2 WHERE no = 3",
            "UPDATE seal_block SET no = 3 WHERE no = 9",
        ),
    }
    assert found_after(holder, changes) == {
        "time": ("block 2", "is not what it was: its head is another"),
        "head": ("block 2", "is not what it was: its head is another"),
        "previous": ("block 2", "does not follow the block before it"),
        "first gone": ("block 1", "is gone"),
        "one gone": ("block 2", "is gone"),
        "last gone": ("block 3", "is gone, the list of its rows is not"),
        "numbers": ("block 2", "does not follow the block before it"),
    }


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_read_is_named(database: Database, holder: Database, firm: Firm) -> None:
    entry = ids(database, "entry")[1]
    changes = {
        "day": (f"UPDATE entry SET booked_on = 'soon' WHERE id = {entry}",),
        "json": (f"UPDATE entry SET because = '[' WHERE id = {entry}",),
        "float": (f"UPDATE entry SET because = '[0.5]' WHERE id = {entry}",),
    }
    said = (f"block 1, entry {entry}", "is not what was sealed")
    assert found_after(holder, changes) == dict.fromkeys(changes, said)
    with behind(holder, *changes["day"]) as session:
        found = verification.verify(session, firm.store, now=LATER)
    assert [one.where for one in found.differences if one.check == "digests"] == ["the check"]


# --- a head that somebody wrote down


def test_a_published_head_proves_history_up_to_it(database: Database, holder: Database, firm: Firm) -> None:
    with database.reading() as session:
        heads = [seals.get(session, no).sha256 for no in (1, 2, 3)]
    changed = "UPDATE fact SET amount_minor = 1 WHERE amount_minor = 700000"  # in block 2
    with behind(holder, changed) as session:
        told = [
            verification.verify(session, firm.store, now=LATER, published_head=head).published
            for head in heads
        ]
    assert [(one.block, one.unchanged) for one in told if one] == [(1, True), (2, False), (3, False)]


def test_history_rewritten_from_the_first_block_on_does_not_have_the_head(
    database: Database, holder: Database, firm: Firm
) -> None:
    """Whoever holds the database can make a new chain, but not one with the head that was published."""
    with database.reading() as session:
        head = seals.get(session, 2).sha256
    rewrite = (
        "UPDATE fact SET amount_minor = 1 WHERE amount_minor = 700000",
        "DELETE FROM sealed",
        "DELETE FROM seal_block",
    )
    with behind(holder, *rewrite) as session:
        seals.seal_within(session, by="clock", now=day(6))
        assert list(seals.differences(session, now=LATER, counted={})) == []
        found = verification.verify(session, firm.store, now=LATER, published_head=head)
    assert found.published is None
    assert [one.where for one in found.differences if one.check == "seals"] == [head]


def test_a_head_may_be_read_off_paper(database: Database, firm: Firm) -> None:
    with database.reading() as session:
        block = seals.get(session, 2)
        assert seals.headed(session, f"{block.sha256[:16].upper()}…") == block
        assert seals.headed(session, "0" * 64) is None
        for head in ("", "abc", block.sha256[:15], "x" * 16, "%" * 16):
            with pytest.raises(Invalid):
                seals.headed(session, head)


# --- as known at a block


def test_a_balance_is_as_it_was_known_at_a_block(database: Database, firm: Firm) -> None:
    with database.reading() as session:
        known = [accounts.balance(session, PAYABLE, "M1", "CNY", block=no) for no in (1, 2, 3)]
        now = accounts.balance(session, PAYABLE, "M1", "CNY")
        trial = {
            no: sum(
                one.balance_minor
                for one in accounts.trial_balance(session, block=no, by=firm.finance)
                if one.account == PAYABLE
            )
            for no in (1, 2, 3)
        }
    assert known[0] == 0 and known[0] > known[1] > known[2] == now
    assert trial == dict(zip((1, 2, 3), known, strict=True))


def test_a_statement_names_a_block_that_holds_all_of_it(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        named = firms.state(session, firm, day(11))
        firms.receive(session, firm, 300_000, "YH-11", day(11))
        unnamed = firms.state(session, firm, day(12))
        block = seals.get(session, 3)
        assert named.snapshot["header"]["seal"] == {"block": 3, "sha256": block.sha256}
        assert unnamed.snapshot["header"]["seal"] is None
        known = accounts.balance(session, PAYABLE, "M1", "CNY", through="2026-03", block=3)
        assert -known == named.closing_minor


def test_a_statement_that_names_a_false_block_is_found(
    database: Database, holder: Database, firm: Firm
) -> None:
    with database.writing() as session:
        made = firms.state(session, firm, day(11))
    with behind(holder) as session:
        kept = session.get_one(Statement, made.id)
        kept.snapshot = kept.snapshot | {
            "header": kept.snapshot["header"] | {"seal": {"block": 2, "sha256": "0" * 64}}
        }
        session.flush()
        found = verification.verify(session, firm.store, now=LATER).differences
    assert [(one.where, one.what) for one in found if one.check == "statements"] == [
        (made.number, "names block 2 with a head that block does not have")
    ]


# --- making them


def test_sealing_again_makes_no_block(database: Database, firm: Firm) -> None:
    assert seals.seal(database, by="clock", now=day(11)) == []


def noted(database: Database, number: int) -> None:
    with database.writing() as session:
        audit.note(session, "clock", f"test.{number}", "x", now=day(number))


def test_a_sealing_ends_though_others_go_on_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, written = database.run, count(2)

    def run_and_write(work: Callable[[Session], Any]) -> Any:
        done = run(work)
        noted(database, next(written))
        return done

    noted(database, 1)
    monkeypatch.setattr(database, "run", run_and_write)
    for number in (1, 2):
        assert [block.no for block in seals.seal(database, by="clock", now=day(number))] == [number]


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_close_seals_once_though_others_go_on_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, written = seals.cut, count(2)

    def cut_and_write(session: Session, **more: Any) -> Any:
        made = cut(session, **more)
        noted(database, next(written))
        return made

    noted(database, 1)
    monkeypatch.setattr(seals, "cut", cut_and_write)
    with database.writing() as session:
        seals.seal_within(session, by="clock", now=day(1))
        assert seals.is_there(session, 1) and not seals.is_there(session, 2)


def test_blocks_follow_each_other_and_are_of_bounded_size(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "ROWS_MOST", 5)
    firms.found(database, Store(tmp_path / "files"))
    blocks = seals.seal(database, by="clock", now=day(6))
    assert [block.no for block in blocks] == list(range(1, len(blocks) + 1))
    assert [block.previous for block in blocks] == [GENESIS, *(block.sha256 for block in blocks[:-1])]
    assert {block.count for block in blocks[:-1]} == {5}


@pytest.mark.parametrize("sealed_on", [1, 4], ids=["the same day", "after the clock was put on"])
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_what_commits_late_is_in_a_later_block(database: Database, sealed_on: int) -> None:
    """Ids do not commit in order: a row whose id is lower than sealed ones is not lost."""
    with database.writing() as slow:
        late = audit.note(slow, "clock", "test.late", "x", now=day(1))
        slow.flush()
        with database.writing() as quick:
            audit.note(quick, "clock", "test.early", "x", now=day(1))
        seals.seal(database, by="clock", now=day(1))
    seals.seal(database, by="clock", now=day(sealed_on))
    with database.reading() as session:
        member = session.exec(select(seals.Sealed).where(seals.Sealed.row_id == late.id)).one()
        assert member.block_no == 2
        assert list(seals.differences(session, now=LATER, counted={})) == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE sealed SET sha256 = 'x'", "sealed_changed"),
        ("DELETE FROM sealed", "sealed_removed"),
        ("UPDATE seal_block SET sha256 = 'x'", "seal_block_changed"),
        ("DELETE FROM seal_block", "seal_block_removed"),
        ("UPDATE audit_note SET actor = 'x'", "audit_note_changed"),
        ("DELETE FROM audit_note", "audit_note_removed"),
        ("INSERT INTO sealed VALUES (3, 99, 'entry', '0', 'x')", "sealed_beyond_block"),
        (
            "INSERT INTO seal_block SELECT 9, previous, made_at, made_by, through, count, "
            "members_sha256, 'x' FROM seal_block WHERE no = 3",
            "seal_block_follows",
        ),
        (
            "INSERT INTO seal_block SELECT 0, previous, made_at, made_by, through, count, "
            "members_sha256, 'x' FROM seal_block WHERE no = 3",
            "seal_block_replaced",
        ),
    ],
)
def test_the_database_itself_guards_the_seals(
    settings: Settings, firm: Firm, statement: str, code: str
) -> None:
    """Also against the role that owns the tables, which the application is not."""
    owner = Database(settings.owner_url)
    with pytest.raises(DBAPIError) as refused, owner.writing() as session:
        session.execute(text(statement))
    owner.close()
    assert guard_code(refused.value) == code


def test_an_unknown_block_is_refused(database: Database, firm: Firm) -> None:
    with database.reading() as session, pytest.raises(NotFound):
        seals.get(session, 99)


def test_a_column_added_to_a_sealed_table_is_decided_on(database: Database) -> None:
    """Sealed columns stand for ever: a new one is sealed under a kind of its own, or named here."""
    left_out = {
        "agreement": {"state", "state_at"},  # follows from the answers
        "claim": {"state", "weights", "reason", "decided_by", "decided_at"},  # in the trail
        "dispute": {"state", "state_at", "due_on"},  # follow from its steps
        "approval": {"seat", "amount_minor", "approved_on"},  # a kind of their own
        "approval_seat": {"payout_id", "approved_by", "approved_at", "digest"},
        "stand_in": {"ended_by", "ended_at"},
        "cutover": {"state"},
        # what the bank wrote has accounts in it; the file's fingerprint is sealed
        "bank_row": {
            *("reference", "account", "amount", "result", "reason", "day"),
            *("done_by", "done_at", "done_note"),
        },
        "bank_receipt_line": {
            *("payer", "account", "remark", "state", "document_id"),
            *("done_by", "done_at", "done_note"),
        },
        "hold": {"lifted_by", "lifted_at", "lifted_reason"},  # in the trail
        "policy": {"state"},
        "plan": {"state"},  # published, later retired
        # holds personal data; `verify` compares it with content_sha256
        "paper": {"snapshot"},
        "statement": {"snapshot"},
    }
    there = inspect(database.engine)
    for source in seals.SOURCES.values():
        columns = {column["name"] for column in there.get_columns(source.table)}
        assert columns - set(source.columns) == left_out.get(source.kind, set()), source.kind
    assert {column["name"] for column in there.get_columns("posting")} == {"entry_id", *seals.POSTING}
