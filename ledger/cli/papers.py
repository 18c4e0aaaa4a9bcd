"""paper: consolidated statement, deal's life, payment advice, record of work, income certificate."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from ledger import clock, papers, users
from ledger.cli.app import Json, app, print_json, written
from ledger.cli.opened import opened
from ledger.core.errors import NotFound
from ledger.users import User


class PaperKind(StrEnum):
    """The papers there are."""

    consolidated = "consolidated"
    deal_life = "deal_life"
    payment_advice = "payment_advice"
    record_of_work = "record_of_work"
    income_certificate = "income_certificate"


@app.command()
def paper(
    kind: PaperKind,
    subject: Annotated[
        str, typer.Argument(help="A month (2026-10), deal, payment or manager (M1, M1@2026).")
    ],
    out: Annotated[Path, typer.Option(help="The PDF to write; .xlsx writes the tables as a workbook.")],
    by: Annotated[str, typer.Option(help="The phone number of who issues it.")],
    json: Json = False,
) -> None:
    """Issue a paper: signed, kept, and the same bytes again while it says the same."""
    now = clock.now()
    with opened() as (database, store), written(out) as file:
        if out.suffix.lower() == ".xlsx":
            with database.reading() as session:
                who = _named(session, by)
                number, content = papers.workbook(session, kind.value, subject, by=who, now=now)
        else:
            with database.writing() as session:
                who = _named(session, by)
                kept = papers.issue(session, store, kind.value, subject, by=who, now=now)
                number, content = kept.number, store.get(kept.pdf_sha256)
        file.write(content)
    print_json({"number": number, "file": str(out), "size": len(content)}) if json else print(number)


def _named(session: Session, phone: str) -> User:
    found = users.find(session, phone)
    if found is None:
        raise NotFound("user_unknown", "there is no user with the phone number {phone}", phone=phone)
    return found
