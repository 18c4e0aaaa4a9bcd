"""Turning the ring: what stands under it is written anew under the current key, and marks are made anew."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Table, cast, select, update
from sqlalchemy import String as Text
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from ledger import audit, guarded, managers, persons, tables, vault
from ledger.identities import PayeeIdentity
from ledger.managers import Manager
from ledger.persons import Mark


def columns() -> Iterator[tuple[Table, Column[str]]]:
    """Every column kept under the ring that may be written anew: people's keys among them, and so all that is
    under those. What the guards freeze is left."""
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
    count += _mark_anew(session)
    audit.note(session, None, "keys.rotate", "keys", after={"key": vault.ring().current, "values": count})
    return count


def _mark_anew(session: Session) -> int:
    """Marks under another key are found by nobody once that key is gone."""
    old = select_rows(Mark).where(~col(Mark.mark).startswith(f"{vault.ring().current}."))
    found = list(session.exec(old))
    for one in found:
        persons.mark(session, one.subject, one.place, _marked(session, one))
    return len(found)


def _marked(session: Session, one: Mark) -> str | None:
    if one.place == managers.ACCOUNT:
        return session.get_one(Manager, one.subject).bank_account
    return session.get_one(PayeeIdentity, one.subject).identity_number
