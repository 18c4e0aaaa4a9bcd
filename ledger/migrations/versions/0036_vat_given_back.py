"""What of a payment is VAT of an earlier one, given back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payout_line", sa.Column("vat_back_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
