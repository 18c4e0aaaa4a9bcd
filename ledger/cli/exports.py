"""`yongjin export`: the books as hledger, Beancount or a general ledger read them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ledger import exports
from ledger.cli.app import app, written
from ledger.cli.opened import opened
from ledger.core.errors import Invalid


class Format(StrEnum):
    """What an export is written as."""

    hledger = "hledger"
    beancount = "beancount"
    vouchers = "vouchers"


@app.command()
def export(
    format: Annotated[Format, typer.Option(help="What to write.")],
    period: Annotated[
        str | None, typer.Option(help="One month, such as 2026-10; default: all there is.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; .xlsx makes vouchers a workbook.")
    ] = None,
) -> None:
    """Write the books as a journal (hledger, beancount) or as vouchers (记账凭证), by default to the screen.

    Vouchers leave out memorandum entries (备查), which are off the books.
    """
    as_workbook = out is not None and out.suffix.lower() == ".xlsx"
    if as_workbook and format is not Format.vouchers:
        raise Invalid(
            "export_suffix", "{format} is text; only vouchers can be a workbook", format=format.value
        )
    with opened() as (database, _), database.reading() as session, written(out) as file:
        if format is Format.vouchers:
            _say(exports.vouchers(session, file, as_workbook=as_workbook, period=period))
        else:
            wanted: exports.Format = "hledger" if format is Format.hledger else "beancount"
            file.writelines(line.encode() for line in exports.journal(session, wanted, period=period))


def _say(written: exports.Written) -> None:
    """What came of it, beside the result and not in it."""
    print(
        f"{written.vouchers} vouchers; {written.memorandum} memorandum entries left out (off the books)",
        file=sys.stderr,
    )
    if written.open_periods:
        print(
            f"open, so numbers may still change: {', '.join(written.open_periods)}",
            file=sys.stderr,
        )
