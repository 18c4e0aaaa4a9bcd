"""backup, restore."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import typer

from ledger import backups, clock, config, verification
from ledger.cli.app import Json, app, print_json, written
from ledger.cli.books import bar, checks_shown
from ledger.cli.opened import opened
from ledger.core.errors import Invalid


@app.command()
def backup(file: Path, json: Json = False) -> None:
    """Write everything into one file while the program runs: database, stored files, keys.

    Whoever has it has the keys and every bank account: keep it where only few can read.
    """
    os.umask(0o077)
    settings = config.from_environment()
    with opened(), bar() as progress, written(file) as out:
        task = progress.add_task("backup", total=None)
        made = backups.make(
            settings,
            out,
            now=clock.now(),
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _print(made, json, f"{file}: {len(made.members)} files, up to the head")


@app.command()
def restore(file: Path, json: Json = False) -> None:
    """Put a backup into an empty place, bring it to this version and verify it; exit 1 on any difference."""
    os.umask(0o077)
    settings = config.from_environment()
    try:
        with file.open("rb") as content:
            restored = backups.restore(settings, content)
    except OSError as error:
        why = error.strerror or str(error)
        raise Invalid(
            "file_unreadable", "{file}: {why}; name a file that can be read", file=str(file), why=why
        ) from error
    with opened() as (database, store), bar() as progress, database.reading() as session:
        found = verification.verify(
            session,
            store,
            now=clock.now(),
            published_head=restored.head or None,
            progress=checks_shown(progress),
        )
    for one in found.differences:
        print(f"{one.check}: {one.where}: {one.what}")
    _print(restored, json, "restored and verified up to the head")
    if found.differences:
        raise typer.Exit(1)


def _print(manifest: backups.Manifest, json: bool, said: str) -> None:
    if json:
        print_json({**asdict(manifest), "members": len(manifest.members)})
    else:
        print(f"{said} {manifest.head or '(nothing is sealed yet)'}")
