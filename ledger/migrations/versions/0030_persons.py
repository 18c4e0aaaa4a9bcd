"""Every person has a key: accounts and identity numbers, those of payments too, go from the ring under it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ledger import clock, persons, vault
from ledger.db import Instant
from ledger.persons import PersonKey

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# table, what a row is known by, whose it is, what is kept, whether it can be found again
KEPT = (
    ("manager", "id", "id", "bank_account", True),
    ("payee_identity", "manager_id", "manager_id", "identity_number", True),
    ("payout_line", "id", "manager_id", "bank_account", False),
)
AT_ONCE = 1000


def upgrade() -> None:
    op.create_table(
        "person_key",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("wrapped", sa.String(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sqlite_strict=True,
    )
    op.create_table(
        "person_mark",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "place"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_person_mark_mark"), "person_mark", ["mark"], unique=False)
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kept_until", sa.String(), nullable=False),
        sa.Column("erased_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject"),
        sqlite_strict=True,
    )
    op.create_table(
        "erasure_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_erasure_request_subject"), "erasure_request", ["subject"], unique=False)
    _let_payments_be_written()
    keys: dict[str, PersonKey] = {}
    for table, known_by, person, column, is_found in KEPT:
        _under_persons_keys(
            keys,
            sa.table(table, *map(sa.column, {known_by, person, column})),
            known_by,
            person,
            column,
            is_found,
        )


def _let_payments_be_written() -> None:
    """The guard of what payments say; after the migration it stands again, as all do."""
    on = "" if op.get_bind().dialect.name == "sqlite" else " ON payout_line"
    op.execute(f"DROP TRIGGER IF EXISTS payout_line_stays{on}")


def _under_persons_keys(
    keys: dict[str, PersonKey], rows: sa.TableClause, known_by: str, person: str, column: str, is_found: bool
) -> None:
    connection, place, after = op.get_bind(), f"{rows.name}.{column}", ""
    change = (
        sa.update(rows).where(rows.c[known_by] == sa.bindparam("row")).values({column: sa.bindparam("kept")})
    )
    wanted = sa.select(rows.c[known_by], rows.c[person], rows.c[column]).where(rows.c[column].is_not(None))
    while some := connection.execute(
        wanted.where(rows.c[known_by] > after).order_by(rows.c[known_by]).limit(AT_ONCE)
    ).all():
        read = [(row, whose, vault.ring().open(place, kept)) for row, whose, kept in some]
        _make_keys(connection, keys, {whose for _, whose, _ in read})
        connection.execute(
            change, [{"row": row, "kept": keys[whose].seal(place, text)} for row, whose, text in read]
        )
        if is_found:
            _mark(connection, place, [(whose, text) for _, whose, text in read if text])
        after = some[-1][0]


def _make_keys(connection: sa.Connection, keys: dict[str, PersonKey], wanted: set[str]) -> None:
    made = [
        PersonKey(subject=subject, wrapped=persons.new_key(), made_at=clock.now())
        for subject in sorted(wanted - keys.keys())
    ]
    keys |= {one.subject: one for one in made}
    if made:
        rows: list[dict[str, Any]] = [one.model_dump() for one in made]
        for row in rows:
            row["wrapped"] = vault.ring().seal("person_key.wrapped", row["wrapped"])
        into = sa.table(
            "person_key", sa.column("subject"), sa.column("wrapped"), sa.column("made_at", Instant())
        )
        connection.execute(sa.insert(into), rows)


def _mark(connection: sa.Connection, place: str, found: list[tuple[str, str]]) -> None:
    into = sa.table("person_mark", sa.column("subject"), sa.column("place"), sa.column("mark"))
    rows = [
        {"subject": whose, "place": place, "mark": vault.ring().marks(place, text)[-1]}
        for whose, text in found
    ]
    if rows:
        connection.execute(sa.insert(into), rows)
