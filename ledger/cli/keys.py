"""keys rotate."""

from __future__ import annotations

import typer

from ledger import rekeying, vault
from ledger.cli.app import app
from ledger.cli.opened import opened

keys = typer.Typer(help="The keys that personal data is kept under.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.callback()
def _keys() -> None:
    """The keys that personal data is kept under."""


@keys.command()
def rotate() -> None:
    """Add a key and write accounts and identity numbers anew under it."""
    with opened() as (database, _):
        name = vault.rotate()
        count = database.run(rekeying.rewrite)
    print(f"{name}: {count} values written anew; keep the older keys for payments already made")
