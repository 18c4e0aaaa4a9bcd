"""`yongjin why`: what the stages of a deal in the books, and what is owed on it, wait for."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger import accruals, clock, deals, managers, waits
from ledger.cli.app import Json, Language, app, print_json
from ledger.cli.opened import opened
from ledger.core.errors import NotFound
from ledger.core.workings import render


@app.command()
def why(
    deal: Annotated[str, typer.Argument(help="The deal's id.", show_default=False)],
    lang: Annotated[Language, typer.Option("--lang", help="The language of the reasons.")] = Language.en,
    json: Json = False,
) -> None:
    """Say why what a deal should bring is not earned, or not paid: each stage, each manager."""
    now = clock.now()
    with opened() as (database, _), database.reading() as session:
        kept = session.get(deals.Deal, deal)
        if kept is None:
            raise NotFound("deal_unknown", "there is no deal {id}", id=deal)
        goal = accruals.target_of(session, kept, now=now)
        found = waits.of_deal(session, kept, goal, by=None, now=now)
        names = managers.names(session, {wait.manager for wait in found})
        currency = kept.currency
    said = [wait.to_data() | {"says": render(wait.step, lang.value, currency)} for wait in found]
    if json:
        print_json(said)
        return
    for one in said:
        print(f"{names.get(one['manager'], one['manager'])} {one['says']}".strip())
