"""The link in a message stands apart from its text, under the keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger import vault

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("link", sa.String(), nullable=True))
    _move()


def _move() -> None:
    """A link that waits in clear, the last line of its text, goes under the keys."""
    rows = sa.table("delivery", *map(sa.column, ("id", "notice_id", "channel", "text", "state", "link")))
    wanted = sa.select(rows.c.id, rows.c.text).where(
        rows.c.state == "waiting", rows.c.channel == "email", rows.c.notice_id == ""
    )
    for row_id, whole in op.get_bind().execute(wanted).all():
        text, _, link = whole.rpartition("\n\n")
        values = {"text": text, "link": vault.ring().seal("delivery.link", link)}
        op.get_bind().execute(sa.update(rows).where(rows.c.id == row_id).values(values))
