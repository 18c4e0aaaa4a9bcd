"""The VAT of payees that is withheld from a payment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payout_line", sa.Column("vat_minor", sa.BigInteger(), nullable=False, server_default="0"))
