"""statements run, statements verify."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from ledger import archive as archives
from ledger import authenticity, clock, config, papers, printing, reminders, signing, statements
from ledger import periods as books
from ledger.cli.app import Json, app, file_content, print_json, written
from ledger.cli.books import bar
from ledger.cli.opened import opened
from ledger.core.report import Report
from ledger.db import Database
from ledger.files import Store

statement = typer.Typer(help="Settlement statements.", no_args_is_help=True)
app.add_typer(statement, name="statements")


@statement.command()
def run(
    period: Annotated[str, typer.Option(help="Such as 2026-10.")],
    workers: Annotated[int, typer.Option(help="Processes that print (default: all cores).")] = 0,
    out: Annotated[Path | None, typer.Option(help="A folder to copy the PDFs to.")] = None,
    json: Json = False,
) -> None:
    """Make every manager's statement of a period: final once it is closed, else preliminary.

    Payees are told of theirs, as by the clock's run; what was refused is printed, and the exit code is 1.
    """
    with opened() as (database, store), bar() as progress:
        with database.reading() as session:
            kind: Literal["preliminary", "final"] = (
                "preliminary" if books.calendar(session).is_open(period) else "final"
            )
        task = progress.add_task("statements", total=None)
        report = printing.run(
            database,
            store,
            period,
            kind=kind,
            workers=workers or os.cpu_count() or 1,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        told = database.run(
            lambda session: reminders.statements_made(session, report.period, now=clock.now())
        )
        if out is not None:
            _copy(database, store, period, out)
    if json:
        print_json({"period": period, "kind": kind, **printing.result(report), "told": told})
    else:
        print(f"{period} {kind}: {report.made} made, {report.unchanged} unchanged")
        for line in report.refused:
            print(line)
    if report.refused:
        raise typer.Exit(1)


def _copy(database: Database, store: Store, period: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with database.reading() as session:
        for kept in statements.latest_of(session, period):
            (out / f"{kept.number}.pdf").write_bytes(store.get(kept.pdf_sha256))


@statement.command()
def archive(
    period: Annotated[str, typer.Option(help="Such as 2026-10.")],
    out: Annotated[Path, typer.Option(help="The ZIP file to write.")],
    json: Json = False,
) -> None:
    """All of a month's latest statements as one ZIP, with manifest, checksums and a summary."""
    with opened() as (database, store), database.reading() as session, written(out) as file:
        pieces = archives.write(session, store, period)
        for piece in pieces:
            file.write(piece)
        missing = archives.missing(session, period)
    size = out.stat().st_size
    if json:
        print_json({"period": period, "file": str(out), "size": size, "missing": missing})
    else:
        print(f"{out}: {size} bytes")
        for manager_id in missing:
            print(f"no statement yet: {manager_id}")


@statement.command()
def verify(
    file: Path,
    trust: Annotated[
        list[Path] | None, typer.Option(help="A certificate (PEM) that is trusted besides our own.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Neither print its pages again nor ask the books.")
    ] = False,
    json: Json = False,
) -> None:
    """Check a statement from its file alone, and against the books where there are some.

    Exit code 0: it holds. 1: something does not. 2: it is no statement.
    """
    settings = config.from_environment()
    trusted = [signing.read_certificate(file_content(path)) for path in trust or ()]
    pdf = file_content(file)
    examined = authenticity.examine(pdf, [*signing.known(settings), *trusted], compare=not alone)
    books = "not_asked" if alone else _in_books(settings, pdf, examined)
    holds = examined.holds and books != "differs"
    if json:
        print_json(_told(examined, books, holds))
    else:
        _print(examined, books, holds)
    if not holds:
        raise typer.Exit(1)


def _in_books(settings: config.Settings, pdf: bytes, examined: authenticity.Examined) -> str:
    """What the database says, where there is one: nothing is made to ask it."""
    url = make_url(settings.database_url)
    nowhere = url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    if examined.snapshot is None or nowhere:
        return "not_asked"
    try:
        with opened() as (database, _), database.reading() as session:
            if isinstance(examined.snapshot, Report):
                return papers.in_books(session, examined.snapshot, pdf)
            return statements.in_books(session, examined.snapshot, pdf)
    except DBAPIError:
        return "not_asked"


def _told(examined: authenticity.Examined, books: str, holds: bool) -> dict[str, Any]:
    signature = examined.signature
    return {
        "number": examined.number,
        "holds": holds,
        "signature": examined.signed,
        "signer": signature.signer if signature else "",
        "self_signed": signature.is_self_signed if signature else False,
        "fingerprint": signature.fingerprint if signature else "",
        "signed_at": signature.signed_at.isoformat() if signature and signature.signed_at else None,
        "arithmetic": examined.arithmetic,
        "page": examined.page,
        "books": books,
        "why": [*examined.why, *(["the books have it otherwise"] if books == "differs" else [])],
    }


def _print(examined: authenticity.Examined, books: str, holds: bool) -> None:
    told = _told(examined, books, holds)
    for name in ("number", "signature", "signer", "fingerprint", "arithmetic", "page", "books"):
        print(f"{name:<12} {told[name]}")
    if examined.signed == "unknown" and examined.holds:
        print("nobody here vouches for the signer: compare the fingerprint, or name it with --trust")
    for sentence in told["why"]:
        print(f"does not hold: {sentence}")
