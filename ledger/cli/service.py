"""serve and demo."""

from __future__ import annotations

import asyncio
import os
from ctypes.util import find_library
from ipaddress import ip_address
from typing import Annotated

import typer
import uvicorn

from ledger import clock, config, demo, printing, verification, workers
from ledger.cli.app import app
from ledger.cli.books import bar, checks_shown
from ledger.cli.opened import opened
from ledger.core.errors import Conflict
from ledger.migrations.run import migrate

ADDRESS = "http://127.0.0.1:8000"
TENTH = 447
WHOLE = 4467


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    expose_demo: Annotated[
        bool, typer.Option("--expose-demo", help="Serve the demonstration to other machines too.")
    ] = False,
) -> None:
    """Web pages, JSON API and the scheduler."""
    if find_library("harfbuzz-subset") is None:
        print("libharfbuzz-subset is missing: statements will take seconds each; run scripts/setup")
    shown = "localhost" if host == "127.0.0.1" else host
    print(f"Yongjin 佣金: http://{shown}:{port}", flush=True)
    with opened() as (database, _), database.reading() as session:
        if demo.is_loaded(session):
            if not (_is_here(host) or expose_demo):
                raise Conflict(
                    "demo_exposed",
                    "this is the demonstration, whose passwords everybody knows: it is not served on {host}; "
                    "serve it on 127.0.0.1, or say --expose-demo",
                    host=host,
                )
            _print_sign_ins()
    uvicorn.run(
        "api.server:served", factory=True, host=host, port=port, log_level="warning", server_header=False
    )


def _is_here(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@app.command()
def worker(
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End once there is no work.")] = False,
) -> None:
    """Do parts of large runs beside the server: as many of these as there are cores and machines."""
    with opened() as (database, store):
        if database.is_sqlite:
            raise Conflict(
                "worker_needs_postgresql",
                "workers need PostgreSQL; on SQLite the server's own processes do the work",
            )
        printing.warm()
        asyncio.run(workers.work(database, store, until_empty=until_empty))


def _print_sign_ins() -> None:
    for sign in demo.SIGN_INS:
        print(f"  {sign.role:<9} {sign.phone}  {demo.PASSWORD}  {sign.name}", flush=True)


@app.command("demo")
def demonstrate(
    full: Annotated[bool, typer.Option("--full", help="The whole of the city's year, not a tenth.")] = False,
) -> None:
    """Load the demonstration data once: the seed's story, and a city's year."""
    settings = config.from_environment()
    migrate(settings)
    if not settings.public_url:
        config.keep_public_url(settings, ADDRESS)
    with opened() as (database, store):
        with database.reading() as session:
            if demo.is_loaded(session):
                print("the demonstration is loaded already")
                return
        with bar() as progress:
            contracts = WHOLE if full else TENTH
            task = progress.add_task("a city's year", total=contracts)
            report = demo.load(
                database,
                store,
                contracts=contracts,
                now=clock.now(),
                progress=lambda done: progress.advance(task, done),
            )
            task = progress.add_task("statements", total=None)
            printed = printing.run(
                database,
                store,
                f"{demo.CITY_YEAR}-12",
                kind="final",
                workers=os.cpu_count() or 1,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
            with database.reading() as session:
                verified = verification.verify(
                    session, store, now=clock.now(), progress=checks_shown(progress)
                )
    print(f"{report.deals} deals, {report.entries} entries, {printed.made} statements")
    if report.refused or printed.refused or verified.differences:
        raise Conflict(
            "demo_failed",
            "the demonstration is not in order: {first}",
            first=[*report.refused, *printed.refused, *verified.differences][0],
        )
