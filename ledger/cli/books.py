"""migrate, import, settle, close, verify."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ledger import clock, closing, config, deals, imports, plans, verification
from ledger.cli.app import Json, app, print_json
from ledger.cli.opened import opened
from ledger.core.facts_file import read_many, unread_lines
from ledger.migrations.run import migrate as to_this_version

DEFAULT_PLAN = "tianjin-platform-manager"


def bar() -> Progress:
    """A progress bar on standard error, so that results on standard output stay clean."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def checks_shown(progress: Progress) -> verification.Progress:
    """A bar for each check of `verify` that begins."""
    tasks: dict[str, TaskID] = {}

    def shown(check: str, done: int, total: int) -> None:
        if check not in tasks:
            tasks[check] = progress.add_task(f"verify {check}", total=total)
        progress.update(tasks[check], completed=done, total=total)

    return shown


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    to_this_version(config.from_environment())


@app.command("import")
def import_(
    files: list[Path],
    plan: Annotated[str, typer.Option(help="The plan the deals are under.")] = DEFAULT_PLAN,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that take deals in, on PostgreSQL.")
    ] = os.cpu_count() or 1,
    json: Json = False,
) -> None:
    """Take facts in bulk from YAML, JSON lines or CSV. Safe to run again."""
    with opened() as (database, _), bar() as progress:
        with database.reading() as session:
            currency = plans.in_force(session, plan, clock.day_of(clock.now())).currency
        task = progress.add_task("import", total=sum(_deals_in(path) for path in files))
        report = imports.load(
            database,
            (deal for path in files for deal in _read(path, currency)),
            plan_id=plan,
            now=clock.now(),
            workers=workers,
            progress=lambda done: progress.advance(task, done),
        )
    if json:
        print_json(asdict(report))
    else:
        print(f"{report.deals} deals, {report.facts} facts, {report.entries} entries")
        for line in report.refused:
            print(line)
    if report.refused:
        raise typer.Exit(1)


def _read(path: Path, currency: str) -> Iterator[imports.Item]:
    if path.suffix == ".jsonl":
        with path.open("rb") as lines:
            yield from unread_lines(lines, str(path), currency)
    else:
        yield from read_many(path.read_bytes(), str(path), currency)


def _deals_in(path: Path) -> int | float:
    """How many deals a file has, as far as that can be told without reading it twice."""
    if path.suffix != ".jsonl":
        return 1
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


@app.command()
def close(
    period: str,
    accept: Annotated[
        bool, typer.Option("--accept", help="What only has to be seen was seen; close all the same.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what is found; close nothing.")] = False,
    json: Json = False,
) -> None:
    """Close a period, and every one before it. First says what is found in it."""
    with opened() as (database, _):
        with database.reading() as session:
            found = closing.look(session, period, by=None, now=clock.now())
        if not json:
            for one in found:
                print(f"{'refuses' if one.blocks else 'to accept'}: {one.says}")
        if not check:
            codes = [one.code for one in found] if accept else []
            database.run(
                lambda session: closing.close(session, period, accept=codes, by=None, now=clock.now())
            )
    if json:
        told = [{"code": one.code, "detail": str(one.says), "blocks": one.blocks} for one in found]
        print_json({"period": period, "closed": not check, "findings": told})
    elif not check:
        print(f"{period} is closed")


@app.command()
def settle() -> None:
    """Settle every deal: what its facts say and the books lack is posted."""
    posted = 0
    with opened() as (database, _), bar() as progress:
        with database.reading() as session:
            wanted = deals.ids_of_all(session)
        task = progress.add_task("settle", total=len(wanted))
        for start in range(0, len(wanted), 100):
            some = wanted[start : start + 100]
            posted += database.run(lambda s, some=some: deals.settle_all(s, some, now=clock.now()))  # type: ignore[misc]
            progress.advance(task, len(some))
    print(f"{posted} entries")


@app.command()
def verify(
    published_head: Annotated[
        str | None,
        typer.Option(help="The head of a block that was written down: is history up to it the same?"),
    ] = None,
    json: Json = False,
) -> None:
    """Recompute and compare everything; exit 1 on any difference."""
    with opened() as (database, store), bar() as progress, database.reading() as session:
        result = verification.verify(
            session,
            store,
            now=clock.now(),
            published_head=published_head,
            progress=checks_shown(progress),
        )
    if json:
        print_json(_told(result))
    else:
        for difference in result.differences:
            print(f"{difference.check}: {difference.where}: {difference.what}")
        counts = ", ".join(f"{count} {what}" for what, count in result.counted.items())
        print(f"looked at {counts}: {len(result.differences)} differences")
        if result.published:
            print(_sentence(result.published))
    if result.differences:
        raise typer.Exit(1)


def _told(result: verification.Result) -> dict[str, Any]:
    told = asdict(result)
    if result.published is None:
        del told["published"]
    else:
        told["published"]["made_at"] = result.published.made_at.isoformat()
    return told


def _sentence(published: verification.Published) -> str:
    is_what = "has not changed" if published.unchanged else "HAS CHANGED"
    return f"history up to block {published.block} of {published.made_at.isoformat()} {is_what}"
