"""seal."""

from __future__ import annotations

from ledger import audit, clock, seals
from ledger.cli.app import Json, app, print_json
from ledger.cli.opened import opened


@app.command()
def seal(json: Json = False) -> None:
    """Seal what was committed since, and print the head: write it down where nobody here can change it."""
    with opened() as (database, _):
        made = seals.seal(database, by=audit.COMMAND_LINE, now=clock.now())
        rows = sum(block.count for block in made)
        with database.reading() as session:
            _print(seals.latest(session), rows, json)


def _print(last: seals.Block | None, rows: int, json: bool) -> None:
    if json:
        head = {"block": last.no, "head": last.sha256, "made_at": last.made_at.isoformat()} if last else {}
        print_json({"rows": rows, **head})
    elif last is None:
        print("there is nothing to seal yet")
    else:
        print(f"{rows} rows sealed; block {last.no} of {last.made_at.isoformat()}")
        print(last.sha256)
