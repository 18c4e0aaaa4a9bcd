"""bench: how fast, against an anchor measured in the same run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger import benches, logs
from ledger.cli.app import Json, app, print_json
from ledger.core.errors import NotFound

ALL = "all"
KNOWN = (*benches.BENCHES, *benches.LONG)


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help=f"What to measure: {', '.join(KNOWN)}.")] = ALL,
    contracts: Annotated[
        int | None, typer.Option(min=100, help="With country: how many (default: a tenth of China's).")
    ] = None,
    pgledger: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="With ledger: pgledger's SQL files, in their order."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure ourselves against an anchor, in things a second; exit 1 where a bar is not met."""
    logs.set_up(logging.WARNING)  # what is posted is told on the log, and results alone on standard output
    if what not in (ALL, *KNOWN):
        raise NotFound(
            "bench_unknown",
            "there is no bench {what}; there are: {known}",
            what=what,
            known=", ".join(KNOWN),
        )
    given: dict[str, dict[str, object]] = {
        "country": {"contracts": contracts} if contracts is not None else {},
        "ledger": {"pgledger": pgledger or ()},
    }
    wanted = list(benches.BENCHES) if what == ALL else [what]
    measured: list[benches.Result] = []
    print(", ".join(f"{name} {value}" for name, value in benches.machine().items()), file=sys.stderr)
    for one in wanted:
        found = benches.run(one, **given.get(one, {}))
        measured += found
        if not json:
            _print(found)
    for why in sorted({one.missing for one in measured if one.missing}):
        print(why, file=sys.stderr)
    if json:
        print_json([_told(one) for one in measured])
    if any(one.holds is False for one in measured):
        raise typer.Exit(1)


def _told(one: benches.Result) -> dict[str, Any]:
    return {
        "name": one.name,
        "ours": round(one.ours, 1),
        "anchor": None if one.anchor is None else round(one.anchor, 1),
        "ratio": None if one.ratio is None else round(one.ratio, 3),
        "bar": one.bar,
        "holds": one.holds,
    }


def _print(measured: Sequence[benches.Result]) -> None:
    for one in measured:
        verdict = {True: "holds", False: "does NOT hold", None: "not compared"}[one.holds]
        against = "" if one.ratio is None else f", {one.ratio:.2f} times {_rate(one.anchor)}"
        bar = f" (bar {one.bar:g}): {verdict}" if one.bar or one.holds is None else ""
        print(f"{one.name}: {_rate(one.ours)} a second{against}{bar}")


def _rate(number: float | None) -> str:
    """Whole from a hundred on; nothing where there is none."""
    return "" if number is None else f"{number:,.0f}" if number >= 100 else f"{number:.1f}"
