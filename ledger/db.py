"""The database: sessions, transactions and the few column types both engines share.

This module alone commits. A writing session holds SQLite's write lock from its first statement
(`BEGIN IMMEDIATE`); on PostgreSQL it runs at READ COMMITTED and takes the locks its actions ask
for, in one order everywhere: periods, settling, deals, payouts, payees, manager-years.
"""

from __future__ import annotations

import errno
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlmodel import Session, SQLModel

T = TypeVar("T")
log = structlog.get_logger()

POSTED = "posted"  # where a session notes the ids of the entries it has written

_ATTEMPTS = 8
_AWAY = {"57P01", "57P02", "57P03", "08006", "08001", "25006"}  # it stops, starts, is gone, or only follows
_FINDS = 3  # so often at the most does the second look for what the first has made
_RETRYABLE = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available


class Row(SQLModel):
    """The base of every table. STRICT, so that SQLite keeps what it is given or refuses it."""

    __table_args__: ClassVar[Any] = {"sqlite_strict": True}


class Instant(TypeDecorator[datetime]):
    """A UTC instant; SQLite keeps it as text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")


# STRICT tables know INTEGER, TEXT and BLOB only.
@compiles(String, "sqlite")
@compiles(Date, "sqlite")
@compiles(DateTime, "sqlite")
@compiles(JSON, "sqlite")
def _as_text(kind: Any, compiler: Any, **kw: Any) -> str:
    return "TEXT"


@compiles(SmallInteger, "sqlite")
@compiles(Integer, "sqlite")
@compiles(BigInteger, "sqlite")
def _as_integer(kind: Any, compiler: Any, **kw: Any) -> str:
    return "INTEGER"


@compiles(LargeBinary, "sqlite")
def _as_blob(kind: Any, compiler: Any, **kw: Any) -> str:
    return "BLOB"


def conninfo(url: URL) -> str:
    """An address of PostgreSQL as libpq's own programs take it; several hosts are as good as one."""
    words = url.set(drivername="postgresql+psycopg").get_dialect()().create_connect_args(url)[1]
    words.pop("context", None)  # for values in Python
    return make_conninfo(**words)


class Database:
    """One database, on either engine. `url` is SQLAlchemy's; `postgresql://` means psycopg 3."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # What is bound to a statement may be somebody's secret or account: it stays out of errors and logs.
        self.engine: Engine = create_engine(
            parsed, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(writes=True)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction that may write: committed when the block ends, else rolled back."""
        with Session(self._writer, expire_on_commit=False) as session:
            yield session
            session.commit()
            if posted := session.info.get(POSTED):
                log.info("posted", entries=len(posted), first=min(posted), last=max(posted))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads, at one moment; it never waits for a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            if not self.is_sqlite:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                session.execute(text("SET TRANSACTION READ ONLY"))
            yield session
            session.rollback()

    def run(self, action: Callable[[Session], T]) -> T:
        """`action` in one writing transaction, again from the start where the engine asks for it."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.writing() as session:
                    return action(session)
            except DBAPIError as error:
                if attempt == _ATTEMPTS or not lost_a_race(error, attempt):
                    raise
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def lost_a_race(error: DBAPIError, attempt: int = 1) -> bool:
    """Whether to run it again: also where two made the same thing, for the second then finds the first."""
    made_twice = state_of(error) == "23505"
    return retryable(error) or (made_twice and attempt <= _FINDS)


def away(error: DBAPIError) -> bool:
    """Whether the connection was lost or not made: nobody knows what became of a commit under way."""
    refused = isinstance(error.orig, psycopg.OperationalError) and error.orig.sqlstate is None
    return error.connection_invalidated or refused or state_of(error) in _AWAY


def full(error: BaseException) -> bool:
    """Whether a disk had no room: the database's, or the one that files are kept on. Nothing was written."""
    if isinstance(error, DBAPIError):
        return state_of(error) == "53100" or "disk is full" in str(error.orig)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def state_of(error: DBAPIError) -> str | None:
    """The engine's five letters for what happened."""
    return getattr(error.orig, "sqlstate", None)


def retryable(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed when it is run again: it lost a race."""
    original, state = error.orig, state_of(error)
    if state in _RETRYABLE:
        return True
    if state == "23505":  # two wrote the same source at once; the second finds the first next time
        constraint = getattr(getattr(original, "diag", None), "constraint_name", None)
        return constraint in ("uq_entry_source", "uq_fact_ref", "period_pkey")
    return state is None and "database is locked" in str(original)


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # this module says BEGIN itself
    for pragma in ("foreign_keys=ON", "busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def lock(session: Session, *names: str, shared: bool = False) -> None:
    """Hold the named locks until the transaction ends. SQLite's writers are alone anyway."""
    if session.get_bind().dialect.name == "sqlite":
        return
    call = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    for name in sorted(set(names)):
        session.execute(text(f"SELECT {call}(hashtextextended(:name, 0))"), {"name": name})


def insert_rows(session: Session, table: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> None:
    """Many rows of one table, all with the same columns, past the unit of work; by COPY on PostgreSQL."""
    listed = list(rows)
    if not listed:
        return
    connection = session.connection()
    target: Table = table.__table__  # type: ignore[attr-defined]
    columns = [column for column in target.columns if column.name in listed[0] or column.default is not None]
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = _values(columns, listed, connection.dialect)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f'INSERT INTO "{target.name}" ({names}) VALUES ({marks})', list(values))
    else:
        _copy(connection, f'COPY "{target.name}" ({names}) FROM STDIN', values)


def insert_missing(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same of rows that somebody else may be adding just now: what is there already is left as it is.

    Give them in an order that is the same everywhere, so that two who add them wait for each other in turn.
    """
    if rows:
        session.execute(_insert(session, table).on_conflict_do_nothing(), rows)


def upsert(session: Session, table: type[SQLModel], row: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """One row, or, where its key is there already, other values for it; never a race."""
    statement = _insert(session, table).values(row)
    key = [*statement.table.primary_key]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=dict(other)))


def _insert(session: Session, table: type[SQLModel]) -> sqlite.Insert | postgresql.Insert:
    """The engine's own statement, which knows what to do where a row is there already."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table.__table__)  # type: ignore[attr-defined]


def listed(session: Session, pairs: Sequence[tuple[str, str]]) -> Select[tuple[str, str]]:
    """Pairs as a query to look among, however many: they travel as one value, not as one each."""
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(pairs)).table_valued("value")
        return select(func.json_extract(each.c.value, "$[0]"), func.json_extract(each.c.value, "$[1]"))
    columns = [literal(list(column), postgresql.ARRAY(Text)) for column in zip(*pairs, strict=True)]
    each = func.unnest(*columns).table_valued("one", "other").render_derived()
    return select(each.c.one, each.c.other)


def _values(
    columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]], dialect: Dialect
) -> Iterator[tuple[Any, ...]]:
    """The rows' values in the order of the columns, as the driver wants them."""
    names = [column.name for column in columns]
    defaults = {c.name: getattr(c.default, "arg", None) for c in columns if c.name not in rows[0]}
    found = [(at, c.type.dialect_impl(dialect).bind_processor(dialect)) for at, c in enumerate(columns)]
    processes = [(at, process) for at, process in found if process is not None]
    for row in rows:
        given = {**row, **defaults} if defaults else row
        values = [given[name] for name in names]
        for at, process in processes:
            values[at] = process(values[at])
        yield tuple(values)


def _copy(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def fingerprint(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def guard_code(error: DBAPIError) -> str | None:
    """The code of the guard that refused a statement, or None where it was something else."""
    original = error.orig
    if getattr(original, "sqlstate", None) == "YJ001":
        return str(getattr(getattr(original, "diag", None), "message_primary", ""))
    text_of = str(original)
    return text_of if type(original).__name__ == "IntegrityError" and text_of.isidentifier() else None
