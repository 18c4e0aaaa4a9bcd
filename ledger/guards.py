"""The guards: triggers and functions by which the database itself refuses what is wrong.

They are installed anew after every migration, for some migrations drop triggers, and `verify`
compares the text that stands in the database with the text here.
"""

from __future__ import annotations

import re
from importlib import resources
from itertools import chain

from sqlalchemy import Connection, text

from ledger.core.entry import KINDS

_NAMED = re.compile(r"CREATE (?:CONSTRAINT )?(TRIGGER|FUNCTION) (\w+)")

# What people decided, sent or said, a row each, told of by nothing but their triggers here.
_RECORDS = (
    "split_answer",
    "statement",
    "paper",
    "plan_move",
    "reopening",
    "reopening_answer",
    "setting",
    "manager_tax",
    "payee_invoice",
    "invoice_use",
    "invoice_taken_back",
)

# Rows that are written once. The application's role may add to these and read them, no more.
APPEND_ONLY = (
    "entry",
    "posting",
    "working",
    "fact",
    "payout_approval",
    "evidence",
    "audit_note",
    "seal_block",
    "sealed",
    "alembic_version",
    "entry_kind",
    *_RECORDS,
)


def statements(dialect: str) -> list[str]:
    """The guard statements of one engine, in order."""
    source = resources.files("ledger.migrations").joinpath(f"guards/{dialect}.sql").read_text("utf-8")
    listed = [
        "\n".join(line for line in part.strip().splitlines() if not line.startswith("--"))
        for part in source.split("\n;;")
    ]
    return [*filter(None, listed), *chain.from_iterable(_append_only(dialect))]


def _append_only(dialect: str) -> list[list[str]]:
    """The same two triggers for every table of facts that has none of its own above."""
    if dialect == "sqlite":
        return [
            [
                f"CREATE TRIGGER {table}_never_{verb} BEFORE {event} ON {table} BEGIN\n"
                f"  SELECT RAISE(ABORT, '{table}_{code}');\nEND"
                for verb, event, code in (("changes", "UPDATE", "changed"), ("goes", "DELETE", "removed"))
            ]
            + [
                f"CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table} BEGIN\n"
                f"  SELECT RAISE(ABORT, '{table}_replaced')\n"
                f"    WHERE EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key});\nEND"
            ]
            for table, key in (
                ("fact", "id"),
                ("working", "entry_id"),
                ("audit_note", "id"),
                *((table, "id") for table in _RECORDS),
            )
        ]
    return [
        [
            f"CREATE TRIGGER {table}_never_changes BEFORE UPDATE OR DELETE ON {table}\n"
            "  FOR EACH ROW EXECUTE FUNCTION guard_never()",
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}\n"
            "  FOR EACH STATEMENT EXECUTE FUNCTION guard_never()",
        ]
        for table in ("fact", "working", "audit_note", "seal_block", "sealed", *_RECORDS)
    ]


def install(connection: Connection, *, app_role: str | None = None) -> None:
    """Put the guards and the table of entry kinds as they are here; give the application its rights."""
    dialect = connection.dialect.name
    wanted = statements(dialect)
    _drop(connection, wanted)
    connection.execute(text("DELETE FROM entry_kind"))
    rows = [{"kind": kind, "account": account} for kind, accounts in KINDS.items() for account in accounts]
    connection.execute(text("INSERT INTO entry_kind (kind, account) VALUES (:kind, :account)"), rows)
    for statement in wanted:
        connection.exec_driver_sql(statement.replace("%", "%%") if dialect == "postgresql" else statement)
    if dialect == "postgresql" and app_role:
        _grant(connection, app_role)


def _drop(connection: Connection, wanted: list[str]) -> None:
    if connection.dialect.name == "sqlite":
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        return
    for statement in reversed(wanted):
        kind, name = _name(statement)
        if kind == "FUNCTION":
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name} CASCADE")
    for name, table in connection.execute(
        text(
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
            "WHERE NOT tgisinternal AND c.relnamespace = 'public'::regnamespace"
        )
    ).all():
        connection.exec_driver_sql(f"DROP TRIGGER {name} ON {table}")


def _name(statement: str) -> tuple[str, str]:
    found = _NAMED.search(statement)
    if found is None:
        raise ValueError(f"not a guard: {statement[:60]}")
    return found[1], found[2]


def _grant(connection: Connection, role: str) -> None:
    name = connection.dialect.identifier_preparer.quote(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {name}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}")
    for (table,) in connection.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).all():
        rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        connection.exec_driver_sql(f'REVOKE ALL ON "{table}" FROM {name}')
        connection.exec_driver_sql(f'GRANT {rights} ON "{table}" TO {name}')


def differences(connection: Connection) -> list[str]:
    """Names of guards that are missing, changed or strange."""
    if connection.dialect.name == "sqlite":
        return _differences_sqlite(connection)
    return _differences_postgresql(connection)


def _differences_sqlite(connection: Connection) -> list[str]:
    wanted = {_name(s)[1]: _plain(s) for s in statements("sqlite")}
    there = {
        name: _plain(sql)
        for name, sql in connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        ).all()
    }
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def _differences_postgresql(connection: Connection) -> list[str]:
    listed = [(*_name(s), s) for s in statements("postgresql")]
    functions = {name: _body(s) for kind, name, s in listed if kind == "FUNCTION"}
    triggers = {f"{_table(s)}.{name}" for kind, name, s in listed if kind == "TRIGGER"}
    there = {
        name: body.strip()
        for name, body in connection.execute(
            text("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        ).all()
    }
    standing = {
        f"{table}.{name}"
        for name, table in connection.execute(
            text(
                "SELECT tgname, tgrelid::regclass::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
                "WHERE NOT tgisinternal AND tgenabled = 'O' AND c.relnamespace = 'public'::regnamespace"
            )
        ).all()
    }
    changed = {name for name in functions.keys() | there.keys() if functions.get(name) != there.get(name)}
    return sorted(changed | (triggers ^ standing))


def _body(statement: str) -> str:
    return statement.split("$$")[1].strip()


def _table(statement: str) -> str:
    found = re.search(r"\bON (\w+)", statement)
    return found[1] if found else ""


def _plain(sql: str) -> str:
    return " ".join(sql.split())
