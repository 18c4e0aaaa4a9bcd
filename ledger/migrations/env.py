"""Alembic's entry: run by `ledger.migrations.run`, which hands the connection over."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], target_metadata=given["tables"], render_as_batch=False)
with context.begin_transaction():
    context.run_migrations()
