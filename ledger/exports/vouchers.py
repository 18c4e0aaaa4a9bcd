"""Vouchers (记账凭证) for the operator's general ledger, as CSV or as an Excel workbook.

Debit and credit are columns, never signs. Memorandum entries (备查) are left out: they are off the
books. Vouchers are numbered through the month by day, then as posted; once the period is closed no
number changes any more.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

import xlsxwriter
from sqlmodel import Session, col, select

from ledger import managers, rights
from ledger import periods as calendars
from ledger.core import period as months
from ledger.core.entry import CHART, Posting
from ledger.core.errors import Conflict, Invalid
from ledger.core.money import digits, format_minor
from ledger.deals import Deal
from ledger.exports import books
from ledger.exports.books import Booked
from ledger.organisations import Organisation
from ledger.users import User

WORD = "记"


class Line(NamedTuple):
    """One line of a voucher."""

    on: date
    word: str
    number: int
    summary: str
    account: str
    title: str
    debit_minor: int
    credit_minor: int
    currency: str
    client_id: str
    client: str
    manager_id: str
    manager: str
    deal_id: str
    deal: str
    bank_account: str
    source: str


HEAD = (
    "日期",
    "凭证字",
    "凭证号",
    "摘要",
    "科目编码",
    "科目名称",
    "借方金额",
    "贷方金额",
    "币种",
    "往来单位编码",
    "往来单位",
    "人员编码",
    "人员",
    "项目编码",
    "项目",
    "银行账户",
    "来源",
)
_WIDTHS = (11, 7, 7, 30, 10, 26, 16, 16, 6, 14, 24, 12, 12, 16, 30, 12, 30)


@dataclass
class Written:
    """What an export of vouchers came to."""

    vouchers: int = 0
    memorandum: int = 0  # entries left out
    open_periods: tuple[str, ...] = ()  # whose numbers may still change


def vouchers(
    session: Session,
    out: BinaryIO,
    *,
    as_workbook: bool = False,
    period: str | None = None,
    by: User | None = None,
) -> Written:
    """Write the vouchers of a month, or of all, as CSV or as an Excel workbook with a sheet a month.

    `by` is asked for their right to see the books; None is the command line.
    """
    if by is not None:
        rights.require(by, "books.see")
    if period is not None:
        months.parse(period)
    calendar = calendars.calendar(session)
    wanted = books.periods(session, period)
    written = Written(open_periods=tuple(month for month in wanted if calendar.is_open(month)))
    write = _write_workbook if as_workbook else _write_csv
    write(((month, lines(session, month, written)) for month in wanted), out)
    return written


Sheets = Iterable[tuple[str, Iterator[Line]]]


def lines(session: Session, month: str, written: Written) -> Iterator[Line]:
    """The lines of a month's vouchers; `written` is kept up to date on the way."""
    number = 0
    for chunk in books.chunks(session, month):
        names = _names(session, chunk)
        for booked in chunk:
            postings = [p for p in booked.entry.postings if CHART[p.account].side != "memorandum"]
            if len(postings) < len(booked.entry.postings):
                _balanced(booked, postings)
            if not postings:
                written.memorandum += 1
                continue
            number += 1
            written.vouchers += 1
            for posting in postings:
                yield _line(booked, number, posting, names)


def _balanced(booked: Booked, postings: list[Posting]) -> None:
    if sum(posting.amount_minor for posting in postings):
        raise Conflict(
            "voucher_unbalanced",
            "entry {id} mixes memorandum accounts with others, and the others do not balance: "
            "it cannot be a voucher",
            id=booked.id,
        )


Names = Mapping[tuple[str, str], str]  # by (noun, id)


def _names(session: Session, chunk: list[Booked]) -> Names:
    """What the clients, managers and deals of some entries are called."""
    postings = [posting for booked in chunk for posting in booked.entry.postings]
    owners = sorted({p.owner for p in postings if CHART[p.account].owner == "client"})
    deal_ids = sorted({p.deal_id for p in postings})
    clients = select(Organisation.id, Organisation.name).where(col(Organisation.id).in_(owners))
    titles = select(Deal.id, Deal.title).where(col(Deal.id).in_(deal_ids))
    return {
        **{("client", id): name for id, name in session.exec(clients)},
        **{("deal", id): name for id, name in session.exec(titles)},
        **{("manager", id): n for id, n in managers.names(session, {p.manager_id for p in postings}).items()},
    }


def _line(booked: Booked, number: int, posting: Posting, names: Names) -> Line:
    account, entry = CHART[posting.account], booked.entry
    client = posting.owner if account.owner == "client" else ""
    return Line(
        on=entry.on,
        word=WORD,
        number=number,
        summary=entry.summary,
        account=account.code,
        title=account.title_zh,
        debit_minor=max(posting.amount_minor, 0),
        credit_minor=max(-posting.amount_minor, 0),
        currency=entry.currency,
        client_id=client,
        client=names.get(("client", client), ""),
        manager_id=posting.manager_id,
        manager=names.get(("manager", posting.manager_id), ""),
        deal_id=posting.deal_id,
        deal=names.get(("deal", posting.deal_id), ""),
        bank_account=posting.owner if account.owner == "bank_account" else "",
        source=f"{booked.id} {entry.kind} {entry.source}",
    )


def _write_csv(sheets: Sheets, out: BinaryIO) -> None:
    """UTF-8 with a byte order mark, one header, month after month."""
    text = io.TextIOWrapper(out, "utf-8-sig", newline="", write_through=True)
    sheet = csv.writer(text, lineterminator="\r\n")
    sheet.writerow(HEAD)
    for _, found in sheets:
        sheet.writerows(_cells(line) for line in found)
    text.detach()


def _cells(line: Line) -> list[object]:
    amounts = {
        name: format_minor(minor, line.currency) if minor else ""
        for name, minor in (("debit_minor", line.debit_minor), ("credit_minor", line.credit_minor))
    }
    row = line._asdict() | amounts
    return [_as_text(value) if isinstance(value, str) else value for value in row.values()]


_FORMULA = tuple("=+-@＝＋－＠\t\r\n")


def _as_text(cell: str) -> str:
    """A spreadsheet would run a cell that begins like a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


_SHEET_ROWS = 1_048_575  # Excel's limit, less the header
_EXACT_MINOR = 10**15  # a cell's number has 15 digits


def _write_workbook(sheets: Sheets, out: BinaryIO) -> None:
    """A sheet a month; text cells are text whatever they begin with."""
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        formats = {
            "head": book.add_format({"bold": True, "bottom": 1}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for month, found in sheets:
            _write_sheet(book, formats, month, found)
        if not book.worksheets():
            book.add_worksheet("空").write_row(0, 0, HEAD)


def _write_sheet(book: Any, formats: dict[str, Any], month: str, found: Iterator[Line]) -> None:
    sheet = book.add_worksheet(month)
    for place, width in enumerate(_WIDTHS):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, HEAD, formats["head"])
    for number, line in enumerate(found, 1):
        if number > _SHEET_ROWS:
            raise Invalid("sheet_full", "{month} has more lines than a sheet holds; write CSV", month=month)
        for place, (name, value) in enumerate(line._asdict().items()):
            _write_cell(book, sheet, formats, (number, place), name, value, line.currency)


def _write_cell(
    book: Any,
    sheet: Any,
    formats: dict[str, Any],
    at: tuple[int, int],
    name: str,
    value: str | int | date,
    currency: str,
) -> None:
    if isinstance(value, date):
        sheet.write_datetime(*at, value, formats["day"])
    elif isinstance(value, str):
        if value:
            sheet.write_string(*at, value)
    elif not name.endswith("_minor"):
        sheet.write_number(*at, value)
    elif value >= _EXACT_MINOR:
        sheet.write_string(*at, format_minor(value, currency))
    elif value:
        if currency not in formats:
            places = "0" * digits(currency)
            formats[currency] = book.add_format({"num_format": f"#,##0.{places}".rstrip(".")})
        sheet.write_number(*at, Decimal(format_minor(value, currency)), formats[currency])
