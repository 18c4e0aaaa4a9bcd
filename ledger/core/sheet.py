"""A bank's sheet under a mapping: which row names the columns, and what stands in a cell as a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.core import money
from ledger.core.errors import Invalid

HEADER_WITHIN = 20  # rows above the header: a bank's name, a day, a customer number

Titles = Mapping[str, tuple[str, ...]]  # by value, the titles its column may have

_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?!\d)")
_NOT_FIGURES = re.compile(r"[,，\s¥￥]|元$|^CNY|^RMB")


@dataclass(frozen=True, slots=True)
class Line:
    """One row below the header; `places` has the columns of each value, in the order of its titles."""

    number: int
    cells: Sequence[str]
    places: Mapping[str, tuple[int, ...]]

    def cell(self, value: str) -> str:
        """What stands under the first of the value's titles that is there."""
        return next(iter(self._cells(value)), "")

    def joined(self, value: str) -> str:
        """What stands under all of them, each text once."""
        return " ".join(dict.fromkeys(text for text in self._cells(value) if text))

    def _cells(self, value: str) -> Iterator[str]:
        for at in self.places.get(value, ()):
            yield self.cells[at].strip() if at < len(self.cells) else ""


def lines(titles: Titles, needed: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """The rows below the header; Invalid names the columns that are not there."""
    at, places = _header(titles, needed, rows)
    return [Line(number, row, places) for number, row in enumerate(rows[at + 1 :], at + 2)]


def _header(
    titles: Titles, needed: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[int, dict[str, tuple[int, ...]]]:
    best: dict[str, tuple[int, ...]] = {}
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        places = _places(titles, row)
        if len(places) == len(titles) or all(value in places for value in needed):
            return at, places
        best = max(best, places, key=len)
    missing = [value for value in needed if value not in best]
    raise Invalid(
        "sheet_columns",
        "no row names the columns {missing}; choose the layout of this bank, or add the titles to it",
        missing="; ".join("/".join(titles[value]) for value in missing),
    )


def _places(titles: Titles, row: Sequence[str]) -> dict[str, tuple[int, ...]]:
    there = [cell.strip() for cell in row]
    found = {
        value: tuple(there.index(title) for title in known if title in there)
        for value, known in titles.items()
    }
    return {value: places for value, places in found.items() if places}


def amount_of(text: str, currency: str) -> int | None:
    """Minor units of “¥12,345.30”; None where it is no plain amount."""
    try:
        return money.parse_minor(_NOT_FIGURES.sub("", text), currency)
    except Invalid:
        return None


def day_of(text: str) -> date | None:
    """The day of “2026-03-10 10:30”, “20260310” or “2026年3月10日”."""
    found = _DAY.match(text)
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None
