"""Who changed a payee's bank account, and who else confirmed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("manager", sa.Column("account_changed_by", sa.String(), nullable=True))
    op.add_column("manager", sa.Column("account_changed_at", Instant(), nullable=True))
    op.add_column("manager", sa.Column("account_confirmed_by", sa.String(), nullable=True))
