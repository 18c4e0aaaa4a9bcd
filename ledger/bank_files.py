"""The file a batch goes to the bank in, by the bank's layout. It is read again before it is handed out.

What is read back must be the batch, payment by payment: the same count, the same sum, every account to
the digit. Else there is no file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import xlsxwriter

from ledger import bank_sheets, pain001
from ledger.core import money
from ledger.core.bank_layout import Layout
from ledger.core.errors import Conflict, Invalid
from ledger.core.money import parse_minor
from ledger.pain001 import Payer
from ledger.payments import Payout, PayoutLine
from ledger.sheets import as_text

_CODECS = {"utf-8": "utf-8", "utf-8-bom": "utf-8-sig", "gbk": "gbk"}
_KINDS = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pain.001": ("xml", "application/xml"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file is named and served."""

    suffix: str
    media_type: str


def kind(layout: Layout) -> Kind:
    """What sort of file a layout makes."""
    suffix, media_type = _KINDS[layout.file]
    return Kind(suffix, media_type.replace("utf-8", "gbk") if layout.encoding == "gbk" else media_type)


def bank_file(layout: Layout, payout: Payout, lines: Sequence[PayoutLine], payer: Payer) -> bytes:
    """The file, checked against the batch."""
    if layout.needs_payer and not (payer.name and payer.account):
        raise Conflict(
            "payer_missing",
            "this layout says from which account is paid; set payer.name and payer.account first",
        )
    content = _written(layout, payout, lines, payer)
    there = payments(layout, payout.currency, content)
    if sorted(there) != sorted((line.bank_account, line.net_minor) for line in lines):
        raise Conflict(
            "file_differs",
            "the file would hold {count} payments of {sum}, the batch {no} holds others; nothing was written",
            count=len(there),
            sum=money.format_minor(sum(one[1] for one in there), payout.currency),
            no=payout.no,
        )
    return content


def _written(layout: Layout, payout: Payout, lines: Sequence[PayoutLine], payer: Payer) -> bytes:
    if layout.file == "pain.001":
        return pain001.document(payout, lines, payer)
    values = [_values(number, payout, line, payer) for number, line in enumerate(lines, 1)]
    total = money.format_minor(sum(line.net_minor for line in lines), payout.currency)
    rows = layout.rows(values, {"count": str(len(lines)), "sum": total})
    return _workbook(layout, rows) if layout.file == "xlsx" else _csv(layout, rows)


def _values(number: int, payout: Payout, line: PayoutLine, payer: Payer) -> dict[str, str]:
    """What can stand in a column. The purpose states the ground, as a payment to a person needs."""
    return {
        "number": str(number),
        "batch": payout.no,
        "reference": line.id,
        "account": line.bank_account,
        "payee": line.payee_name,
        "bank": line.bank_name,
        "cnaps": line.bank_cnaps,
        "amount": money.format_minor(line.net_minor, payout.currency),
        "purpose": f"居间服务佣金 {payout.no} {line.id}",
        "value_on": payout.value_on.isoformat(),
        "payer_account": payer.account,
        "payer_name": payer.name,
        "payer_bank": payer.bank,
    }


def _csv(layout: Layout, rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    sheet = csv.writer(out, delimiter=layout.delimiter, lineterminator="\r\n")
    sheet.writerows([as_text(cell) for cell in row] for row in rows)
    try:
        return out.getvalue().encode(_CODECS[layout.encoding])
    except UnicodeEncodeError as error:
        raise Invalid(
            "not_in_encoding",
            "“{text}” cannot be written in {encoding}; choose a layout in UTF-8",
            text=error.object[max(0, error.start - 5) : error.end + 5],
            encoding=layout.encoding.upper(),
        ) from error


def _workbook(layout: Layout, rows: Sequence[Sequence[str]]) -> bytes:
    """Text is text, so that no account loses a digit; amounts are numbers of exactly their digits."""
    amounts = {at for at, column in enumerate(layout.columns) if column.value == "amount"}
    first, last = int(layout.header), len(rows) - int(bool(layout.trailer))
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page, figures = book.add_worksheet(), book.add_format({"num_format": "0.00"})
        for at, row in enumerate(rows):
            for place, cell in enumerate(row):
                if place in amounts and first <= at < last:
                    page.write_number(at, place, Decimal(cell), figures)
                else:
                    page.write_string(at, place, cell)
    return out.getvalue()


def payments(layout: Layout, currency: str, content: bytes) -> list[tuple[str, int]]:
    """(account, amount) of every payment in a file."""
    if layout.file == "pain.001":
        return pain001.payments(content, currency)
    encoding = layout.encoding if layout.file == "csv" else None
    rows = bank_sheets.rows(content, encoding=encoding, delimiter=layout.delimiter)
    body = rows[int(layout.header) : len(rows) - int(bool(layout.trailer))]
    account, amount = layout.place("account"), layout.place("amount")
    return [(row[account], parse_minor(row[amount], currency)) for row in body]
