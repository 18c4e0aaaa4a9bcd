"""Papers made of tables: the consolidated statement, a deal's life, a payment advice, a record of work.

A report is a value that is checked, printed, signed and found again like a statement. What a paper says
is in its tables; `check` adds up every total and every tie that is stated on it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ledger.core import papers
from ledger.core.errors import Invalid
from ledger.core.papers import Currency, Head, Value, Words
from ledger.core.statement import Seal

Kind = Literal["consolidated", "deal_life", "payment_advice", "record_of_work", "income_certificate"]
Cell = Words | int | str | None

PREFIXES: dict[Kind, str] = {
    "consolidated": "HZ",
    "deal_life": "XM",
    "payment_advice": "TZ",
    "record_of_work": "YJ",
    "income_certificate": "SR",
}


class Header(Head):
    """Which paper about what: `subject` is the id it was asked for by, `about` its name for people."""

    kind: Kind
    title: Words
    subject: str
    about: str
    currency: Currency
    revision: int = Field(ge=1)
    replaces: str | None = None
    seal: Seal | None = None


class Particular(Value):
    """One line under the head: 收款人 张三."""

    title: Words
    text: Words


class Figure(Value):
    """One of the amounts a reader looks for first; `words` is 大写 where there is room for it."""

    title: Words
    amount_minor: int
    words: str = ""


class Column(Value):
    """A column of a table; `mm` wide, or what is left."""

    title: Words
    kind: Literal["text", "amount", "count"] = "text"
    mm: int | None = None


class Table(Value):
    """A list. `totals` states the sum of each amount column, None under the others; empty for no totals."""

    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    totals: tuple[int | None, ...] = ()
    note: Words = Words(zh="")
    empty: Words = Words(zh="无", en="None")


class Tie(Value):
    """Two figures that should be the same, found in two ways; what they differ by is printed."""

    what: Words
    left: Words
    left_minor: int
    right: Words
    right_minor: int
    difference_minor: int


class Report(papers.Paper):
    """One paper, whole, in the order it is printed."""

    version: Literal[1] = 1
    header: Header
    opening: Words = Words(zh="")
    particulars: tuple[Particular, ...] = ()
    figures: tuple[Figure, ...] = ()
    ties: tuple[Tie, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[Words, ...] = ()
    closing: Words = Words(zh="")


def number(kind: Kind, subject: str, revision: int) -> str:
    """The paper's number for people: YJ-M1-1."""
    return f"{PREFIXES[kind]}-{subject}-{revision}"


def table(
    title: Words, columns: tuple[Column, ...], rows: list[tuple[Cell, ...]], *, note: Words = Words(zh="")
) -> Table:
    """A table with the totals of its amount columns."""
    totals = tuple(
        sum(_amount(row[place]) for row in rows) if column.kind == "amount" else None
        for place, column in enumerate(columns)
    )
    with_totals = totals if rows and any(total is not None for total in totals) else ()
    return Table(title=title, columns=columns, rows=tuple(rows), totals=with_totals, note=note)


def tie(what: Words, left: tuple[Words, int], right: tuple[Words, int]) -> Tie:
    """Two figures side by side."""
    return Tie(
        what=what,
        left=left[0],
        left_minor=left[1],
        right=right[0],
        right_minor=right[1],
        difference_minor=left[1] - right[1],
    )


def from_json(text: str | bytes) -> Report:
    """The report, or Invalid that says where the text is wrong. It may still not tie: `check` it."""
    return papers.from_json(Report, text)


def check(report: Report) -> Report:
    """The report itself, or Invalid naming the first figure that does not follow from its parts."""
    for listed in report.tables:
        _check_table(report.header.number, listed)
    for one in report.ties:
        added_minor = one.left_minor - one.right_minor
        papers.tie(report.header.number, one.what.zh, one.difference_minor, added_minor)
    return report


def _check_table(number: str, listed: Table) -> None:
    wide = len(listed.columns)
    if any(len(row) != wide for row in listed.rows) or len(listed.totals) not in (0, wide):
        raise Invalid(
            "paper_ragged",
            "paper {number}: a row of “{title}” has more or fewer cells than the table has columns",
            number=number,
            title=listed.title.zh,
        )
    for place, stated_minor in enumerate(listed.totals):
        if stated_minor is not None:
            added_minor = sum(_amount(row[place]) for row in listed.rows)
            papers.tie(
                number, f"{listed.title.zh} {listed.columns[place].title.zh}", stated_minor, added_minor
            )


def _amount(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0
