"""person copy, person erase, person keep, person shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger import clock, erasures, extracts, persons
from ledger.cli.app import Json, app, print_json
from ledger.cli.opened import opened

person = typer.Typer(help="Personal data: a copy, deletion, shared numbers.", no_args_is_help=True)
app.add_typer(person, name="person")

Why = Annotated[str, typer.Option(help="Why; it is noted.")]


@person.command()
def copy(subject: str, file: Path, reason: Why) -> None:
    """Write a ZIP of all that is kept of a manager or a user."""
    with opened() as (database, store):
        _, content = database.run(
            lambda session: extracts.make(session, store, subject, reason=reason, by=None, now=clock.now())
        )
    file.touch(mode=0o600)
    file.write_bytes(content)
    print(f"{file}: {len(content)} bytes")


@person.command()
def erase(subject: str, reason: Why) -> None:
    """Delete a person's data now; refused, with the day it ends, while the law wants it kept."""
    with opened() as (database, store):
        now = clock.now()
        database.run(lambda session: erasures.ask(session, subject, reason=reason, by=None, now=now))
        database.run(lambda session: erasures.erase(session, subject, now=now))
        with database.reading() as session:
            erasures.remove_files(session, store, now=now)
    print(f"{subject} is erased")


@person.command()
def keep(subject: str, reason: Why) -> None:
    """Take back that a person's data is to be deleted, before it is done."""
    with opened() as (database, _):
        now = clock.now()
        database.run(lambda session: erasures.withdraw(session, subject, reason=reason, by=None, now=now))
    print(f"{subject} is kept")


@person.command()
def shared(as_json: Json = False) -> None:
    """Payees with the same bank account or identity number as another."""
    with opened() as (database, _), database.reading() as session:
        found = persons.shared(session)
    if as_json:
        print_json([{"what": one.place.partition(".")[2], "managers": list(one.subjects)} for one in found])
        return
    for one in found:
        print(f"{one.place.partition('.')[2]}: {', '.join(one.subjects)}")
