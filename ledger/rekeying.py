"""Writing personal data anew under the current key, and that of a time before there were keys."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Table, cast, select, update
from sqlalchemy import String as Text
from sqlmodel import Session

from ledger import audit, guarded, tables, vault


def columns() -> Iterator[tuple[Table, Column[str]]]:
    """Every column kept under the keys that may be written anew: what the guards freeze is left."""
    movable = {one.table: one.movable for one in guarded.FROZEN}
    for table in tables.metadata.sorted_tables:
        if table.name not in guarded.APPEND_ONLY:
            may = movable.get(table.name, table.columns.keys())
            hidden = (one for one in table.columns if isinstance(one.type, vault.Encrypted))
            yield from ((table, one) for one in hidden if one.name in may)


def rewrite(session: Session) -> int:
    """Write anew what is not under the current key; how many values that were."""
    current, count = f"{vault.PREFIX}{vault.ring().current}.", 0
    for table, column in columns():
        (key,) = table.primary_key.columns
        old = select(key, column).where(column.is_not(None), ~cast(column, Text).startswith(current))
        for row_id, text in session.execute(old).all():
            session.execute(update(table).where(key == row_id).values({column: text}))
            count += 1
    audit.note(session, None, "keys.rotate", "keys", after={"key": vault.ring().current, "values": count})
    return count
