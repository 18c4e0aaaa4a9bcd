"""Needs and results from a list (CSV or XLSX): every row logged, or none, and what may go with each.

What is there already, by title and organisation, is left as it is: the same list twice adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlmodel import Session, select

from ledger import bank_sheets, managers, needs, organisations, results, rights
from ledger.core.errors import Invalid, Refused
from ledger.core.sheet import day_of
from ledger.needs import Need
from ledger.results import Result
from ledger.users import User

Kind = Literal["needs", "results"]
RIGHT: Mapping[Kind, str] = {"needs": "need.log", "results": "result.log"}
ROWS_MOST = 2000
COLUMNS: Mapping[str, tuple[str, ...]] = {  # what a column holds, and what it may be called
    "title": ("标题", "需求", "成果", "title"),
    "organisation": ("单位", "企业", "客户", "organisation", "client", "source"),
    "detail": ("说明", "描述", "detail"),
    "found_on": ("日期", "发现日期", "found_on"),
    "manager": ("技术经理人", "经理人", "manager"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list: what was logged, with the likeliest match of each, and how many were there."""

    added: list[tuple[Need | Result, Need | Result | None]]
    known: int


def take(session: Session, kind: Kind, content: bytes, *, by: User, now: datetime) -> Taken:
    """Log every row of a list, or refuse it whole with the row and what is wrong there."""
    rights.require(by, RIGHT[kind])
    rows, new = _rows(content), []
    for number, row in rows:
        try:
            one = _logged(session, kind, row, by, now)
        except Refused as refusal:
            raise Invalid("register_row", "row {row}: {why}", row=number, why=[refusal]) from refusal
        new += [one] if one is not None else []
    return Taken([(one, _likeliest(session, one, by)) for one in new], len(rows) - len(new))


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """Row number in the file, and its cells by what they hold."""
    sheet = bank_sheets.rows(content)
    places = _places(sheet[0] if sheet else [])
    found = [
        (number, {what: row[at].strip() if at < len(row) else "" for what, at in places.items()})
        for number, row in enumerate(sheet[1:], 2)
        if any(cell.strip() for cell in row)
    ]
    if len(found) > ROWS_MOST:
        raise Invalid("register_long", "a list has at most {most} rows; divide it", most=ROWS_MOST)
    return found


def _places(head: Sequence[str]) -> dict[str, int]:
    titles = [cell.strip().lower() for cell in head]
    places = {
        what: titles.index(known[0])
        for what, called in COLUMNS.items()
        if (known := [one for one in called if one in titles])
    }
    if not {"title", "organisation"} <= places.keys():
        raise Invalid(
            "register_columns",
            "the first row names the columns; there has to be one of {titles} and one of {organisations}",
            titles=", ".join(COLUMNS["title"]),
            organisations=", ".join(COLUMNS["organisation"]),
        )
    return places


def _logged(
    session: Session, kind: Kind, row: Mapping[str, str], by: User, now: datetime
) -> Need | Result | None:
    """The need or result of a row; None where it is there already."""
    if _is_known(session, kind, row["title"], row["organisation"]):
        return None
    manager = managers.meant(session, row["manager"]).id if row.get("manager") else None
    found_on = _day(row["found_on"]) if row.get("found_on") else None
    given = {"title": row["title"], "detail": row.get("detail", ""), "found_on": found_on}
    if kind == "needs":
        client = row["organisation"]
        return needs.log(session, client=client, manager_id=manager, **given, by=by, now=now)  # type: ignore[arg-type]
    source = row["organisation"]
    return results.log(session, source=source, manager_id=manager, **given, by=by, now=now)  # type: ignore[arg-type]


def _is_known(session: Session, kind: Kind, title: str, organisation: str) -> bool:
    name = " ".join(organisation.split())
    there = organisations.ids_of(session, {name}).get(name)
    if there is None:
        return False
    query = (
        select(Need.id).where(Need.client_id == there, Need.title == title)
        if kind == "needs"
        else select(Result.id).where(Result.source_id == there, Result.title == title)
    )
    return session.exec(query).first() is not None


def _day(text: str) -> date:
    day = day_of(text)
    if day is None:
        raise Invalid("day_invalid", "“{day}” is no day; write it as 2026-05-06", day=text[:40])
    return day


def _likeliest(session: Session, one: Need | Result, by: User) -> Need | Result | None:
    """What most likely goes with it, of what the user may see."""
    if isinstance(one, Need):
        found = results.likely_for(session, one, by=by)
        return found[0][0] if found else None
    wanted = results.needs_for(session, one, by=by)
    return wanted[0][0] if wanted else None
