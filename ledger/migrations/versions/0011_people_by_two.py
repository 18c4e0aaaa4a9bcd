"""Who an administrator adds or resets waits for a second person; where sign-ins come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("password_given_by", "asked_by", "agreed_by"):
        op.add_column("user_account", sa.Column(column, sa.String(), nullable=True))
    for column in ("address", "program"):
        op.add_column("sign_in", sa.Column(column, sa.String(), nullable=False, server_default=""))
