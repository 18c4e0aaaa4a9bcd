"""The guards: triggers and functions by which the database itself refuses what is wrong.

They are installed anew after every migration, for some migrations drop triggers, and `verify`
compares the text that stands in the database with the text here.
"""

from __future__ import annotations

import re
from importlib import resources

from sqlalchemy import Connection, text

from ledger import guarded
from ledger.core.entry import CHART, KINDS
from ledger.guarded import APPEND_ONLY, READ_ONLY, REMOVABLE

_NAMED = re.compile(r"CREATE (?:CONSTRAINT )?(TRIGGER|FUNCTION) (\w+)")

DISPATCH = "procrastinate"  # the schema of the tables by which workers are told; nothing of the books


def statements(dialect: str) -> list[str]:
    """The guard statements of one engine, in order."""
    source = resources.files("ledger.migrations").joinpath(f"guards/{dialect}.sql").read_text("utf-8")
    listed = [
        "\n".join(line for line in part.strip().splitlines() if not line.startswith("--"))
        for part in source.split("\n;;")
    ]
    return [*filter(None, listed), *guarded.statements(dialect)]


def install(connection: Connection, *, app_role: str | None = None) -> None:
    """Put the guards and the table of entry kinds as they are here; give the application its rights."""
    dialect = connection.dialect.name
    wanted = statements(dialect)
    _drop(connection, wanted)
    connection.execute(text("DELETE FROM entry_kind"))
    insert = "INSERT INTO entry_kind (kind, account, side, owned) VALUES (:kind, :account, :side, :owned)"
    names = ("kind", "account", "side", "owned")
    connection.execute(text(insert), [dict(zip(names, row, strict=True)) for row in sorted(_kinds())])
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
        connection.exec_driver_sql(f'REVOKE ALL ON "{table}" FROM {name}')
        connection.exec_driver_sql(f'GRANT {", ".join(_rights(table))} ON "{table}" TO {name}')
        for column in guarded.erasable_of(table):
            connection.exec_driver_sql(f'GRANT UPDATE ("{column}") ON "{table}" TO {name}')
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {DISPATCH} TO {name}")
    for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        connection.exec_driver_sql(f"GRANT ALL ON ALL {what} IN SCHEMA {DISPATCH} TO {name}")


def _rights(table: str) -> tuple[str, ...]:
    """What the application may do with the rows of a table."""
    if table in READ_ONLY:
        return ("SELECT",)
    if table in APPEND_ONLY:
        return ("SELECT", "INSERT")
    return ("SELECT", "INSERT", "UPDATE", "DELETE") if table in REMOVABLE else ("SELECT", "INSERT", "UPDATE")


def differences(connection: Connection) -> list[str]:
    """Names of guards that are missing, changed or strange."""
    on_sqlite = connection.dialect.name == "sqlite"
    wanted = {_named(statement): _plain(statement) for statement in statements(connection.dialect.name)}
    there = _there_sqlite(connection) if on_sqlite else _there_postgresql(connection)
    found = {name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)}
    found |= set() if on_sqlite else _rights_beyond(connection)
    return sorted(found | _kinds_changed(connection))


def _there_sqlite(connection: Connection) -> dict[str, str]:
    query = text("SELECT tbl_name || '.' || name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {name: _plain(sql) for name, sql in connection.execute(query).all()}


def _there_postgresql(connection: Connection) -> dict[str, str]:
    """Triggers, functions, rules and policies, each in PostgreSQL's own words; one switched off is none."""
    query = text(
        """
        SELECT c.relname || '.' || tgname, pg_get_triggerdef(t.oid, true)
          FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
          WHERE NOT tgisinternal AND tgenabled = 'O' AND c.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT proname || CASE count(*) OVER (PARTITION BY proname) WHEN 1 THEN '' ELSE ' ' || oid END,
               pg_get_functiondef(oid)
          FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
        UNION ALL
        SELECT tablename || '.' || rulename, definition FROM pg_rules WHERE schemaname = 'public'
        UNION ALL
        SELECT tablename || '.' || policyname, cmd FROM pg_policies WHERE schemaname = 'public'
        """
    )
    return {str(name): _plain(said) for name, said in connection.execute(query).all()}


def _rights_beyond(connection: Connection) -> set[str]:
    """Tables the application could change the rows of and should not; the tables' owner may anyway."""
    query = text(
        """
        SELECT tablename, held FROM pg_tables,
               unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS held
        WHERE schemaname = 'public' AND NOT pg_has_role(current_user, tableowner, 'MEMBER')
          AND has_table_privilege(current_user, quote_ident(tablename), held)
        """
    )
    held = connection.execute(query).all()
    return {
        f"{table}, the application's right to {right}" for table, right in held if right not in _rights(table)
    }


def _kinds_changed(connection: Connection) -> set[str]:
    """Kinds of entry whose row of accounts is not the one of core/entry."""
    rows = connection.execute(text("SELECT kind, account, side, owned FROM entry_kind"))
    return {f"entry_kind.{kind}" for kind, *_ in {tuple(row) for row in rows} ^ _kinds()}


def _kinds() -> set[tuple[str, str, int, int]]:
    """core/entry's kinds as the rows of their table."""
    return {
        (kind, account, side, int(CHART[account].owner != "none"))
        for kind, legs in KINDS.items()
        for account, side in legs.sides.items()
    }


def _named(statement: str) -> str:
    """What a guard is called: a trigger with its table, for names are unique within one."""
    kind, name = _name(statement)
    found = re.search(r"\bON (\w+)", statement)
    return f"{found[1]}.{name}" if kind == "TRIGGER" and found else name


def _plain(sql: str) -> str:
    """A statement without what an engine writes another way: spaces, quotes around a body, its schema."""
    words = " ".join(sql.split()).replace("CREATE OR REPLACE FUNCTION public.", "CREATE FUNCTION ")
    return words.replace("$function$", "$$")
