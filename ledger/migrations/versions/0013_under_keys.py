"""Bank accounts and identity numbers that were kept as they are go under the keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger import vault

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, key, column in (
        ("manager", "id", "bank_account"),
        ("payee_identity", "manager_id", "identity_number"),
    ):
        rows = sa.table(table, sa.column(key), sa.column(column))
        plain = sa.select(rows.c[key], rows.c[column]).where(
            rows.c[column].is_not(None), ~rows.c[column].startswith(vault.PREFIX)
        )
        for row_id, text in op.get_bind().execute(plain).all():
            sealed = vault.ring().seal(f"{table}.{column}", text)
            op.get_bind().execute(sa.update(rows).where(rows.c[key] == row_id).values({column: sealed}))
