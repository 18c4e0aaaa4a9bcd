"""`yongjin city`: a made-up city's year as a facts file."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from ledger.city import City, lines, proportional_minor
from ledger.cli.app import Json, app, print_json
from ledger.core.errors import Invalid
from ledger.core.money import format_minor, parse_minor

DEFAULT = City()


@app.command()
def city(
    out: Annotated[Path, typer.Option(help="The facts file to write, a deal a line.")],
    seed: Annotated[int, typer.Option(help="The same number gives the same bytes.")] = DEFAULT.seed,
    contracts: Annotated[int, typer.Option(help="How many contracts.")] = DEFAULT.contracts,
    total: Annotated[
        str, typer.Option(help="What they add up to in yuan; by default in proportion to Zhuzhou's.")
    ] = "",
    year: Annotated[int, typer.Option(help="The year they are signed in.")] = DEFAULT.year,
    managers: Annotated[int, typer.Option(help="How many technology managers.")] = DEFAULT.managers,
    prefix: Annotated[str, typer.Option(help="What the deals' ids begin with.")] = DEFAULT.prefix,
    place: Annotated[str, typer.Option(help="What the enterprises' names begin with.")] = DEFAULT.place,
    as_json: Json = False,
) -> None:
    """Write a city's year of made-up deals: contracts, milestones, money, and what goes wrong."""
    total_minor = parse_minor(total, "CNY") if total else proportional_minor(contracts)
    made = City(seed, year, contracts, total_minor, managers, prefix, place)
    try:
        digest = _write(made, out)
    except OSError as error:
        raise Invalid(
            "file_unwritable", "{file} cannot be written: {why}", file=str(out), why=str(error.strerror)
        ) from error
    total = format_minor(total_minor, "CNY")
    if as_json:
        print_json({"file": str(out), "contracts": contracts, "total": total, "sha256": digest})
    else:
        print(f"{out}: {contracts} contracts, {total} CNY, sha256 {digest}")


def _write(made: City, out: Path) -> str:
    """Write the lines and return their SHA-256."""
    digest = hashlib.sha256()
    console = Console(stderr=True)
    with out.open("wb") as file:
        for line in track(
            lines(made), "deals", total=made.contracts, console=console, disable=not sys.stderr.isatty()
        ):
            digest.update(raw := line.encode())
            file.write(raw)
    return digest.hexdigest()
