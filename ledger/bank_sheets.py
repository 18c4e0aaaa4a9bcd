"""Sheets a bank sends or takes, as rows of text: CSV in UTF-8 or GBK, or XLSX. Nothing in them is trusted."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from openpyxl import load_workbook

from ledger.core.bank_layout import Encoding
from ledger.core.errors import Invalid

T = TypeVar("T")

SIZE_MOST = 20 * 1024 * 1024  # bytes
ROWS_MOST, COLUMNS_MOST, CELL_MOST = 100_000, 100, 2_000
UNPACKED_MOST, PARTS_MOST = 200 * 1024 * 1024, 500
DELIMITERS = ",;\t|"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENTITIES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def rows(content: bytes, *, encoding: Encoding | None = None, delimiter: str = "") -> list[list[str]]:
    """Every row of a sheet, its cells as text; Invalid says what the file is instead, and what to do."""
    if len(content) > SIZE_MOST:
        raise Invalid("sheet_large", "the file is larger than {most} MB", most=SIZE_MOST // 1024 // 1024)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid("sheet_old", "this is an old XLS file; save it as XLSX or CSV")
    read = _of_workbook(content) if content.startswith(b"PK") else _of_text(content, encoding, delimiter)
    found: list[list[str]] = []
    for row in islice(read, ROWS_MOST + 1):
        if len(row) > COLUMNS_MOST or any(len(cell) > CELL_MOST for cell in row):
            raise Invalid("sheet_wide", "row {row} is longer than any payment's", row=len(found) + 1)
        found.append([cell.strip() for cell in row])
    if len(found) > ROWS_MOST:
        raise Invalid("sheet_long", "the file has more than {most} rows", most=ROWS_MOST)
    return found


def read(
    content: bytes,
    *,
    encoding: Encoding | None,
    titles: Mapping[str, tuple[str, ...]],
    read: Callable[[list[list[str]]], list[T]],
) -> list[T]:
    """What `read` makes of the rows; where it finds no column because of a wrong encoding, that is said."""
    found = rows(content, encoding=encoding)
    try:
        return read(found)
    except Invalid as refusal:
        known = [title for some in titles.values() for title in some]
        if refusal.code == "sheet_columns" and misread(found, known):
            raise Invalid(
                "sheet_misread",
                "the file is UTF-8 that was opened as GBK and saved again; export it anew from the bank",
            ) from refusal
        raise


# CSV


def _of_text(content: bytes, encoding: Encoding | None, delimiter: str) -> Iterator[list[str]]:
    text = decoded(content, encoding)
    if _CONTROL.search(text):
        raise Invalid("sheet_binary", "this is no text file; export the bank's answer as CSV or XLSX")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = delimiter or max(DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    read = 0
    try:
        for row in lines:
            yield row
            read = lines.line_num
    except csv.Error as error:
        raise Invalid(
            "sheet_quoted",
            "line {line} cannot be read: a quotation mark is missing or too many; export the file anew",
            line=read + 1,
        ) from error


def decoded(content: bytes, wanted: Encoding | None = None) -> str:
    """The text of a file in UTF-8 or GBK; where another encoding is wanted, Invalid says which it has."""
    text, found = _recognised(content)
    if wanted and found != "ascii" and found != wanted.removesuffix("-bom"):
        raise Invalid(
            "sheet_encoding",
            "the file is in {found}, but this layout takes {wanted}; choose the bank's layout for {found}, "
            "or save the file again in {wanted}",
            found=found.upper(),
            wanted=wanted.removesuffix("-bom").upper(),
        )
    return text


def _recognised(content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(content, "utf-16"), "utf-16"
    for codec, name in (("ascii", "ascii"), ("utf-8-sig", "utf-8"), ("gb18030", "gbk")):
        try:
            return content.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise Invalid("sheet_encoding_unknown", "the file is neither UTF-8 nor GBK; save it as CSV in UTF-8")


def _strictly(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise _broken() from error


def _broken() -> Invalid:
    """What a library says of a broken file is for its makers, in their language."""
    return Invalid("sheet_broken", "the file is broken or cut off; export it anew")


def misread(found: Iterable[list[str]], titles: Iterable[str]) -> bool:
    """Whether the cells are UTF-8 that was opened as GBK and saved: undone, they show a title."""
    wanted = set(titles)
    for row in islice(found, 20):
        for cell in row:
            try:
                if cell.encode("gb18030").decode("utf-8") in wanted:
                    return True
            except UnicodeError:
                continue
    return False


# XLSX


def _of_workbook(content: bytes) -> list[list[str]]:
    _check_archive(content)
    try:
        with warnings.catch_warnings(action="ignore"):
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            found = book.worksheets[0].iter_rows(
                values_only=True, max_row=ROWS_MOST + 1, max_col=COLUMNS_MOST
            )
            return [[_text(cell) for cell in row] for row in found]
    except Exception as error:  # the library raises whatever a broken part makes it stumble over
        raise _broken() from error


def _check_archive(content: bytes) -> None:
    """A small file that unpacks to a huge one, or whose parts define entities, is not opened."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS_MOST or sum(part.file_size for part in parts) > UNPACKED_MOST:
                raise Invalid("sheet_large", "the file unpacks to more than is read")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as opened:
                        if _ENTITIES.search(opened.read(64 * 1024)):
                            raise Invalid("sheet_hostile", "the file defines entities; it is not read")
    except Invalid:
        raise
    except Exception as error:  # each method of packing has failures of its own
        raise _broken() from error


def _text(cell: object) -> str:
    """A cell as it was meant: a whole number without “.0”, a day as 2026-03-10."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
