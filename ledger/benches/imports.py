"""The import of a city's year against a bare COPY of the entries and postings it comes to.

Both go into a fresh copy of the same empty books with the same triggers. COPY only writes rows that are
known already, in one go; the import reads the facts, runs the rules, and writes deals, facts, milestones,
workings and notes as well, and its time holds the start of its processes. What the machine allows is COPY
into the same tables and indexes with no trigger.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from statistics import median
from time import perf_counter
from typing import TypeVar

import psycopg
from psycopg import sql
from sqlmodel import Session, SQLModel

from ledger import city, imports, plans, users
from ledger.benches import Result, postgres
from ledger.core.facts_file import unread_lines
from ledger.db import Database

T = TypeVar("T")

BAR = 0.3
ROUNDS = 3
PLAN = "zhuzhou-city"
NOW = datetime(2026, 5, 6, tzinfo=UTC)
PASSWORD = "bench by the bench"
PEOPLE = {"13900000001": "operator", "13900000002": "operator", "13900000003": "finance"}
BOOKS = ("posting", "entry")  # in the order that the triggers want
UNGUARDED = "-c session_replication_role=replica"  # no trigger runs


def run(contracts: int = 4467, rounds: int = ROUNDS) -> Sequence[Result]:
    """Entries a second of both, the median of some rounds in which they take turns."""
    lines = list(city.lines(city.City(contracts=contracts, total_minor=city.proportional_minor(contracts))))
    with postgres.migrated() as server:
        publish(server)
        turns = [_turn(server, number, lines) for number in range(rounds)]
    ours, anchor, bare = (median(rates) for rates in zip(*turns, strict=True))
    return (
        Result(f"entries imported, {len(lines):,} deals' facts, rules included", ours, anchor, BAR),
        Result("the same, against COPY without triggers", ours, bare, 0),
    )


def publish(server: postgres.Server) -> None:
    """The city's plan, in force, and people who may sign in."""
    text = files("ledger").joinpath("cities/zhuzhou.yaml").read_text("utf-8")

    def write(session: Session) -> None:
        maker, second, _ = (_user(session, *one) for one in PEOPLE.items())
        drafted = plans.draft(session, text, name="zhuzhou.yaml", by=maker, now=NOW)
        plans.publish(session, drafted.id, effective_on=date(2020, 1, 1), by=second, now=NOW)

    _with(server, postgres.BENCH, lambda database: database.run(write))


def _user(session: Session, phone: str, role: str) -> users.User:
    return users.add(session, phone=phone, name="bench", role=role, password=PASSWORD, now=NOW)


def _turn(server: postgres.Server, number: int, lines: Sequence[str]) -> tuple[float, float, float]:
    """The rates of the import, of COPY, and of COPY without triggers, each into books of its own."""
    loaded, *copied = names = [f"{name}{number}" for name in ("loaded", "copied", "bare")]
    for name in names:
        server.create(name, template=postgres.BENCH)
    entries, took = _with(server, loaded, lambda database: _load(database, lines))
    for name in copied:
        _carry_over(server, loaded, name)
    guarded = _copy(server, loaded, copied[0], postgres.APP)
    bare = _copy(server, loaded, copied[1], postgres.SUPERUSER, options=UNGUARDED)
    for name in names:
        server.drop(name)
    return entries / took, entries / guarded, entries / bare


def _load(database: Database, lines: Sequence[str]) -> tuple[int, float]:
    facts = unread_lines(lines, "city", "CNY")
    started = perf_counter()
    report = imports.load(database, facts, plan_id=PLAN, now=NOW, workers=os.cpu_count() or 1)
    took = perf_counter() - started
    if report.refused:
        raise RuntimeError(report.refused[0])
    return report.entries, took


def _carry_over(server: postgres.Server, loaded: str, copied: str) -> None:
    """Everything but the books: what entries rely on is there before they come. No part of the measure."""
    with psycopg.connect(server.dsn(copied), options=UNGUARDED) as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in BOOKS:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
                _write(connection, table.name, _rows(server, loaded, table.name))


def _copy(server: postgres.Server, loaded: str, copied: str, role: str, options: str = "") -> float:
    rows = {name: _rows(server, loaded, name) for name in BOOKS}
    with psycopg.connect(server.dsn(copied, role), autocommit=True, options=options) as connection:
        started = perf_counter()
        with connection.transaction():
            for name in BOOKS:
                _write(connection, name, rows[name])
        return perf_counter() - started


def _rows(server: postgres.Server, database: str, table: str) -> list[bytes]:
    with (
        psycopg.connect(server.dsn(database)) as connection,
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy,
    ):
        return [bytes(block) for block in copy]


def _write(connection: psycopg.Connection, table: str, rows: Sequence[bytes]) -> None:
    statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in rows:
            copy.write(block)


def _with(server: postgres.Server, name: str, action: Callable[[Database], T]) -> T:
    database = Database(server.url(name), pool_size=2)
    try:
        return action(database)
    finally:
        database.close()
