"""Lists as a workbook: what a cell holds is what it was given, and nothing in it is ever run.

Text is written as text whatever it begins with; amounts are rounded before they are written and keep
the digits of their currency; what a number of a cell cannot hold exactly becomes text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import xlsxwriter

from ledger.core.money import digits, format_minor

_EXACT_MINOR = 10**15  # a cell's number has 15 digits
_FORMULA = tuple("=+-@＝＋－＠\t\r\n")

Cell = str | int | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, its width in characters, whether it holds minor units, and whether they add up."""

    title: str
    width: int = 12
    is_amount: bool = False
    is_summed: bool = True  # a balance is an amount that does not


@dataclass(frozen=True, slots=True)
class Sheet:
    """One list of one currency. Under the last row stand the sums of its amounts."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    currency: str = "CNY"
    notes: Sequence[str] = field(default=())


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """The lists as an XLSX file, a sheet each."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"author": "Yongjin 佣金"})
        for sheet in sheets:
            _Written(book, sheet).write()
    return out.getvalue()


def csv_file(sheet: Sheet) -> bytes:
    """The list as CSV in UTF-8 with its mark, which every spreadsheet reads; without sums or notes."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow([column.title for column in sheet.columns])
    for row in sheet.rows:
        write.writerow(
            [_plain(cell, column, sheet.currency) for cell, column in zip(row, sheet.columns, strict=True)]
        )
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: Cell, column: Column, currency: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int) and column.is_amount:
        return format_minor(cell, currency)
    return as_text(cell) if isinstance(cell, str) else str(cell)


def as_text(cell: str) -> str:
    """A cell of a CSV file, which has no types: a spreadsheet would run one that begins like a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Written:
    """One sheet on its way into the book."""

    def __init__(self, book: Any, sheet: Sheet) -> None:
        places = "0" * digits(sheet.currency)
        figures = f"#,##0.{places}".rstrip(".")
        self._sheet, self._page = sheet, book.add_worksheet(sheet.name)
        self._head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._amount = book.add_format({"num_format": figures})
        self._total = book.add_format({"num_format": figures, "bold": True, "top": 1})

    def write(self) -> None:
        columns = self._sheet.columns
        for place, column in enumerate(columns):
            self._page.set_column(place, place, column.width)
            self._page.write_string(0, place, column.title, self._head)
        self._page.freeze_panes(1, 0)
        sums, at = [0] * len(columns), 0
        for at, row in enumerate(self._sheet.rows, 1):
            for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
                self._cell(at, place, cell, column)
                if column.is_amount and isinstance(cell, int):
                    sums[place] += cell
        if at and any(column.is_amount and column.is_summed for column in columns):
            self._sums(at + 1, sums)
            at += 1
        for further, note in enumerate(self._sheet.notes, at + 2):
            self._page.write_string(further, 0, note)

    def _sums(self, at: int, sums: Sequence[int]) -> None:
        for place, column in enumerate(self._sheet.columns):
            if column.is_amount and column.is_summed:
                self._money(at, place, sums[place], self._total)
            else:
                self._page.write_string(at, place, "" if place else "合计", self._total)

    def _cell(self, at: int, place: int, cell: Cell, column: Column) -> None:
        if isinstance(cell, str):
            self._page.write_string(at, place, cell)
        elif isinstance(cell, date):
            self._page.write_datetime(at, place, cell, self._day)
        elif cell is not None and column.is_amount:
            self._money(at, place, cell, self._amount)
        elif cell is not None:
            self._page.write_number(at, place, cell)

    def _money(self, at: int, place: int, minor: int, form: Any) -> None:
        text = format_minor(minor, self._sheet.currency)
        if abs(minor) >= _EXACT_MINOR:
            self._page.write_string(at, place, text, form)
        else:
            self._page.write_number(at, place, Decimal(text), form)
