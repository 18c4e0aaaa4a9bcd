"""audit."""

from __future__ import annotations

import json as jsons
from datetime import datetime
from typing import Annotated

import typer

from ledger import audit, clock
from ledger.cli.app import Json, app, print_json
from ledger.cli.opened import opened

WHO_AND_WHAT = ("actor", "address", "action", "subject")


@app.command("audit")
def list_(
    actor: Annotated[str, typer.Option(help="A user's id, or: command line, clock, import.")] = "",
    action: Annotated[str, typer.Option(help="Such as payout.approve, or all of payout.")] = "",
    subject: Annotated[str, typer.Option(help="The id of what it was done to.")] = "",
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in Asia/Shanghai.")
    ] = None,
    before: Annotated[str | None, typer.Option(help="Older than this note, to read on.")] = None,
    limit: int = 50,
    json: Json = False,
) -> None:
    """Who did what, when, from where, before and after; the latest first."""
    with opened() as (database, _), database.reading() as session:
        found = [
            note.model_dump(mode="json")
            for note in audit.listing(
                session,
                actor=actor,
                actions=[action] if action else [],
                subject=subject,
                day=day.date() if day else None,
                before=before,
                limit=limit,
            )
        ]
    if json:
        print_json(found)
        return
    for one in found:
        at = datetime.fromisoformat(one["noted_at"]).astimezone(clock.SHANGHAI)
        print(f"{at:%Y-%m-%d %H:%M:%S}", *(one[name] or "-" for name in WHO_AND_WHAT), sep="  ")
        for name in sorted(one["before"].keys() | one["after"].keys()):
            print(f"    {name}: {_shown(one['before'].get(name))} → {_shown(one['after'].get(name))}")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else jsons.dumps(value, ensure_ascii=False)
