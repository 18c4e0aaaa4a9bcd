"""A bank's files as a mapping (银行文件格式): what stands in which column, going out and coming back.

format: 1
layout: simple
title: {zh: 通用批量付款表, en: Plain batch sheet}
file: csv                        # or xlsx, or pain.001
encoding: utf-8-bom              # utf-8, utf-8-bom or gbk; of CSV alone, as is the delimiter
columns:
  - {title: 收款账号, value: account}
  - {title: 币种, text: 人民币}      # a fixed text; with neither, the column stays empty
trailer: [{text: 合计}, {value: count}, {value: sum}]
answer:                          # what the bank sends back
  columns: {reference: [用途, 附言], amount: 金额, account: 收款账号, result: 交易状态, reason: 失败原因}
  paid: [交易成功, 成功]
  refused: [交易失败, 失败]
  bounced: [退汇]                  # given back, perhaps after it had been paid; may be left out
receipts:                        # the account's own list (银行流水), for what came in
  columns: {reference: 交易流水号, day: 交易日期, amount: 贷方发生额, payer: 对方户名, remark: [摘要, 附言]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ledger.core import scalars
from ledger.core.document import Fields, Node, read

FileKind = Literal["csv", "xlsx", "pain.001"]
Encoding = Literal["utf-8", "utf-8-bom", "gbk"]
VALUES = (
    "number",
    "batch",
    "reference",
    "account",
    "payee",
    "bank",
    "cnaps",
    "amount",
    "purpose",
    "value_on",
    "payer_account",
    "payer_name",
    "payer_bank",
)
IN_TRAILER = ("count", "sum")
OF_ANSWER = ("reference", "amount", "account", "result", "reason", "value_on")
OF_RECEIPTS = ("reference", "day", "amount", "direction", "payer", "account", "remark")
_NEEDED = ("reference", "amount", "account", "result")
COLUMNS_MOST = 60


@dataclass(frozen=True, slots=True)
class Column:
    """What stands under a title: a value of the payment, or the same text in every row."""

    title: str
    value: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """How the bank's answer is read: the titles each column may have, and which words say what."""

    columns: Mapping[str, tuple[str, ...]]
    paid: tuple[str, ...]
    refused: tuple[str, ...]
    bounced: tuple[str, ...] = ()
    encoding: Encoding | None = None  # None: whichever it is


@dataclass(frozen=True, slots=True)
class Receipts:
    """How the list of an account is read. Where the amount's column has both ways, `incoming` are the words
    of its `direction` that say money came in."""

    columns: Mapping[str, tuple[str, ...]]
    incoming: tuple[str, ...] = ()
    encoding: Encoding | None = None  # None: whichever it is

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which nothing can be told."""
        return ("day", "amount", "payer", "remark", *(["direction"] if "direction" in self.columns else []))


@dataclass(frozen=True, slots=True)
class Layout:
    """One bank's files."""

    id: str
    title_zh: str
    title_en: str
    file: FileKind
    encoding: Encoding
    delimiter: str
    header: bool
    columns: tuple[Column, ...]
    trailer: tuple[Column, ...]
    answer: Answer | None
    receipts: Receipts | None = None

    @property
    def needs_payer(self) -> bool:
        """Whether it says from which account is paid."""
        return self.file == "pain.001" or any(column.value.startswith("payer_") for column in self.columns)

    def rows(self, payments: Sequence[Mapping[str, str]], sums: Mapping[str, str]) -> list[list[str]]:
        """The sheet, cell by cell; `payments` by value, `sums` for the trailer."""
        rows = [[column.title for column in self.columns]] if self.header else []
        rows += [[one[c.value] if c.value else c.text for c in self.columns] for one in payments]
        if self.trailer:
            rows.append([sums[c.value] if c.value else c.text for c in self.trailer])
        return rows

    def place(self, value: str) -> int:
        """In which column a value stands."""
        return next(at for at, column in enumerate(self.columns) if column.value == value)


def read_layout(text: str | bytes, name: str) -> Layout:
    """The layout of a YAML text; one InvalidFile that names the line where it is wrong."""
    allowed = ("format", "layout", "title", "file", "encoding", "delimiter", "header", "columns", "trailer")
    fields = read(text, name).fields(*allowed, "answer", "receipts")
    scalars.check_format(fields)
    kind = fields.need("file").one_of(*get_args(FileKind))
    columns, trailer = _columns(fields, "columns", VALUES), _columns(fields, "trailer", IN_TRAILER)
    _check_columns(fields, kind, columns)
    answer, receipts = fields.get("answer"), fields.get("receipts")
    zh, en = _title(fields)
    return Layout(
        id=scalars.code(fields.need("layout")),
        title_zh=zh,
        title_en=en,
        file=kind,  # type: ignore[arg-type]
        encoding=_encoding(fields) or "utf-8",
        delimiter=_delimiter(fields),
        header=scalars.truth(fields["header"]) if "header" in fields else True,
        columns=columns,
        trailer=trailer,
        answer=_answer(answer) if answer else None,
        receipts=_receipts(receipts) if receipts else None,
    )


def _title(fields: Fields) -> tuple[str, str]:
    words = fields.need("title").fields("zh", "en")
    zh = words.need("zh").text()
    return zh, words["en"].text() if "en" in words else zh


def _encoding(fields: Fields) -> Encoding | None:
    node = fields.get("encoding")
    return node.one_of(*get_args(Encoding)) if node else None  # type: ignore[return-value]


def _delimiter(fields: Fields) -> str:
    node = fields.get("delimiter")
    if node is None:
        return ","
    return {"tab": "\t"}.get(text := node.one_of(",", ";", "|", "tab"), text)


def _columns(fields: Fields, key: str, values: Sequence[str]) -> tuple[Column, ...]:
    node = fields.get(key)
    if node is None:
        return ()
    if len(node.items()) > COLUMNS_MOST:
        raise node.fail(f"there are more than {COLUMNS_MOST} columns", "keep those the bank reads")
    return tuple(_column(item, values) for item in node.items())


def _column(item: Node, values: Sequence[str]) -> Column:
    fields = item.fields("title", "value", "text")
    value = fields["value"].one_of(*values) if "value" in fields else ""
    if value and "text" in fields:
        raise item.fail("a column has a value or a text, not both", "leave one of them out")
    return Column(
        title=fields["title"].text() if "title" in fields else "",
        value=value,
        text=fields["text"].text() if "text" in fields else "",
    )


def _check_columns(fields: Fields, kind: str, columns: Sequence[Column]) -> None:
    """Without our reference, the amount and the account the bank's answer could not be matched."""
    if kind == "pain.001":
        return
    there = {column.value for column in columns}
    missing = [value for value in ("account", "payee", "amount") if value not in there]
    if not there & {"reference", "purpose"}:
        missing.append("purpose")
    if missing:
        raise fields.need("columns").fail(
            f"no column holds {', '.join(missing)}", "every payment needs account, payee, amount and purpose"
        )


def _answer(node: Node) -> Answer:
    fields = node.fields("columns", "paid", "refused", "bounced", "encoding")
    named = fields.need("columns").fields(*OF_ANSWER)
    for needed in _NEEDED:
        named.need(needed)
    return Answer(
        columns={key: _texts(one) for key, one in named.items()},
        paid=_texts(fields.need("paid")),
        refused=_texts(fields.need("refused")),
        bounced=_texts(fields["bounced"]) if "bounced" in fields else (),
        encoding=_encoding(fields),
    )


def _receipts(node: Node) -> Receipts:
    fields = node.fields("columns", "incoming", "encoding")
    named = fields.need("columns").fields(*OF_RECEIPTS)
    receipts = Receipts(
        columns={key: _texts(one) for key, one in named.items()},
        incoming=_texts(fields["incoming"]) if "incoming" in fields else (),
        encoding=_encoding(fields),
    )
    for needed in receipts.needed:
        named.need(needed)
    if ("direction" in named) != bool(receipts.incoming):
        raise node.fail(
            "a direction and the words for money that comes in go together",
            "give both `direction` and `incoming`, or neither where the amount's column has receipts only",
        )
    return receipts


def _texts(node: Node) -> tuple[str, ...]:
    """One text or several."""
    return tuple(one.text() for one in node.items()) if isinstance(node.value, list) else (node.text(),)


# What is ours in any text: a payment's id, which travels as the reference.
_REFERENCE = re.compile(r"pl_[0-9a-z]{26}")


def references(text: str) -> list[str]:
    """Our references in a cell of the bank's, which may put them among other words or in capitals."""
    return list(dict.fromkeys(_REFERENCE.findall(text.lower())))
