"""Alembic's entry: run by `ledger.migrations.run`, which hands the connection over."""

from __future__ import annotations

from alembic import context

from ledger import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
