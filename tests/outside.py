"""Bytes that come from outside and are no plan and no facts: what reads them, and some that are good.

`tests/ledger/test_outside.py` damages them with hypothesis; `python -m tests.fuzzing KIND` has a fuzzer
follow the branches their readers take.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import openpyxl
import pypdf
from starlette.requests import Request

from api import flash
from ledger import authenticity, backups, bank_sheets, company, paper, registers, sniffing
from ledger.company import Identity, Journey
from ledger.core import bank_answer, bank_receipt
from ledger.core.bank_layout import read_layout
from ledger.core.errors import InvalidFile, Refused
from ledger.core.tax_file import read_payments
from tests.samples import archive, pdf, picture

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LAYOUTS = [
    one.read_bytes() for one in (files("ledger") / "bank_layouts").iterdir() if one.name.endswith("yaml")
]
SIMPLE = read_layout((files("ledger") / "bank_layouts" / "simple.yaml").read_bytes(), "simple.yaml")
ANSWERED = """\
用途,收款账号,金额,交易状态,失败原因,交易日期
PO-202603-01/1,6222020200112233445,1350.00,交易成功,,2026-03-02
PO-202603-01/2,6222020200112233446,"2,000.00",交易失败,账号不存在,20260302
"""
RECEIVED = """\
交易流水号,交易日期,贷方发生额,对方户名,对方账号,附言
YH-1,2026-03-02,"50,000.00",优眼科技,62220001,发票 FP-1
,2026/3/3,1.5,,,
"""
NEEDS = "标题,单位,日期,技术经理人,说明\n眼动传感,优眼科技,2026-03-01,M1,很急\n镀膜,新材公司,2026/3/2,,\n"
TAX = b"payments:\n  - {on: 2026-06-15, amount: '7000.00'}\n  - {on: 2026-07-15, amount: '1.00', kind: k}\n"
SNAPSHOT = b'{"header": {"number": "JS-202603-0001"}, "sections": [], "format": 1}'


def workbook(text: str) -> bytes:
    """A sheet of it."""
    book = openpyxl.Workbook()
    for line in text.splitlines():
        cast("Any", book.active).append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def paper_with(content: bytes) -> bytes:
    """A PDF that carries it as our papers carry what they say."""
    made = pypdf.PdfWriter()
    made.add_blank_page(200, 200)
    made.add_attachment(paper.ATTACHMENT, content)
    out = io.BytesIO()
    made.write(out)
    return out.getvalue()


def backup() -> bytes:
    """A backup in its outer form: a database that is none, a file and a key."""
    inside = {"database": b"d", "keys/signing.pem": b"k", f"files/ab/{'ab' * 32}": b"f"}
    told = {
        "format": backups.FORMAT,
        "made_at": NOW.isoformat(),
        "engine": "sqlite",
        "revision": "0001",
        "head": "",
        "members": {name: sha256(content).hexdigest() for name, content in inside.items()},
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in {**inside, backups.MANIFEST: json.dumps(told).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


# --- the readers


def _answer(content: bytes) -> object:
    answer = SIMPLE.answer
    assert answer is not None
    for encoding in (None, answer.encoding):
        found = bank_sheets.read(
            content,
            encoding=encoding,
            titles=answer.columns,
            read=lambda rows: bank_answer.read(answer, rows),
        )
    return bank_answer.match(answer, found, {}, paid_on=None)


def _receipts(content: bytes) -> object:
    receipts = SIMPLE.receipts
    assert receipts is not None
    found = bank_sheets.read(
        content,
        encoding=None,
        titles=receipts.columns,
        read=lambda rows: bank_receipt.read(receipts, rows, currency="CNY"),
    )
    assert all(one.amount_minor is None or isinstance(one.amount_minor, int) for one in found)
    return [bank_receipt.named(one.remark) for one in found]


def _restored(content: bytes) -> object:
    """Nothing outside of where it is unpacked is written."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "a" / "b"
        place.mkdir(parents=True)
        try:
            return backups._unpacked(io.BytesIO(content), place)
        finally:
            outside = [one for one in Path(folder).rglob("*") if place not in one.parents and one.is_file()]
            assert outside == [], outside


def _carried(content: bytes) -> object:
    text = content.decode("latin-1")
    for kind in (Journey, Identity):
        company.opened(cast("Any", kind), text, now=NOW)
    raise AssertionError("what nobody sealed was opened")


def _flash(content: bytes) -> object:
    """A cookie that is no message of ours is none; it is never refused."""
    return flash.take(cast("Request", SimpleNamespace(cookies={flash.COOKIE: content.decode("latin-1")})))


READERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "layout": (lambda content: read_layout(content, "f"), LAYOUTS),
    "answer": (_answer, [ANSWERED.encode(), ANSWERED.encode("gb18030"), workbook(ANSWERED)]),
    "receipts": (_receipts, [RECEIVED.encode(), RECEIVED.encode("gb18030"), workbook(RECEIVED)]),
    "register": (registers._rows, [NEEDS.encode(), NEEDS.encode("gb18030"), workbook(NEEDS)]),
    "tax": (lambda content: read_payments(content, "f", "per_payment"), [TAX]),
    "upload": (
        lambda content: sniffing.media_type("a", content),
        [*map(picture, ("PNG", "JPEG", "GIF", "WEBP")), pdf(), archive(a=b"a" * 50)],
    ),
    "paper": (
        lambda content: authenticity.examine(content, (), compare=False),
        [paper_with(SNAPSHOT), paper_with(SNAPSHOT).replace(b"%%EOF", b"/ByteRange [0 1 2 3]\n%%EOF")],
    ),
    "backup": (_restored, [backup()]),
    "carried": (_carried, [b"yj1.00000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]),
    "flash": (_flash, [b"WyJnb29kIiwgIllvdSBhcmUgc2lnbmVkIG91dC4iLCB7fV0="]),
}


def tried(kind: str, content: bytes) -> None:
    """It is read, or refused in one sentence that says what is wrong, and of a file with lines on which."""
    try:
        READERS[kind][0](content)
    except Refused as refusal:
        said = str(refusal)
        assert said.strip() and "\n" not in said, said
        if isinstance(refusal, InvalidFile):
            assert cast("int", refusal.facts["line"]) >= 1
