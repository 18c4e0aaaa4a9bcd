"""`yongjin balances`: what every account holds for whom, now, at the end of a day, as known at a block."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ledger import accounts, seals
from ledger.cli.app import Json, app, day_given, print_json
from ledger.cli.opened import opened
from ledger.core.entry import CHART
from ledger.core.money import format_minor


@app.command()
def balances(
    account: Annotated[str, typer.Option(help="Only this account.", show_default="every account")] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="At the end of this day.", show_default="now")
    ] = "",
    block: Annotated[
        int | None,
        typer.Option(help="As the books were known at this block (封存).", show_default="as known now"),
    ] = None,
    json: Json = False,
) -> None:
    """Print balances, debit positive; both axes of time may be asked for together."""
    on = day_given(as_of) if as_of else None
    with opened() as (database, _), database.reading() as session:
        if block is not None:
            seals.get(session, block)
        found = accounts.held(session, accounts.AsOf(on, block), account=account)
        names = accounts.owner_names(session, [(one.account, one.owner) for one in found])
    if json:
        print_json([asdict(one) | {"owner_name": names.get((one.account, one.owner), "")} for one in found])
        return
    for one in found:
        name = f"{one.account} {CHART[one.account].name} {names.get((one.account, one.owner), '')}".strip()
        print(f"{name:<40} {format_minor(one.balance_minor, one.currency):>18} {one.currency}")
