"""All of a month's statements as one ZIP: the papers as they were kept, a manifest, checksums, a summary.

It is written as it is read, so a month of many thousands needs no more memory than one of ten.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from ledger import statements
from ledger.clock import SHANGHAI
from ledger.core import period as months
from ledger.core.errors import NotFound
from ledger.core.money import format_minor
from ledger.core.statement import Snapshot
from ledger.db import fingerprint
from ledger.files import Store
from ledger.paper import LABELS
from ledger.sheets import Column, Sheet, as_text, workbook
from ledger.statements import Statement

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One statement in the manifest."""

    number: str
    manager: str
    name: str
    currency: str
    kind: str
    revision: int
    closing: str  # decimal text
    made_at: str
    file: str
    sha256: str
    size: int


def write(session: Session, store: Store, period: str) -> Iterator[bytes]:
    """The ZIP in pieces, in order. NotFound where the period has no statement yet."""
    wanted = _latest(session, months.parse(period))
    if not wanted:
        raise NotFound("archive_empty", "{period} has no statements yet; run them first", period=period)
    return _pieces(session, store, period, wanted)


def missing(session: Session, period: str) -> list[str]:
    """Managers who should have a statement of the period and have none; another currency is named."""
    query = select(Statement.manager_id, Statement.currency).where(Statement.period == period)
    there = set(session.exec(query))
    return [
        manager_id if currency == statements.HOME else f"{manager_id} {currency}"
        for manager_id, currency in statements.wanted(session, period)
        if (manager_id, currency) not in there
    ]


def _latest(session: Session, period: str) -> list[str]:
    """Ids of the latest revisions, by manager and currency."""
    last = (
        select(func.max(Statement.revision).label("revision"), Statement.manager_id, Statement.currency)
        .where(Statement.period == period)
        .group_by(Statement.manager_id, Statement.currency)
        .subquery()
    )
    query = (
        select(Statement.id)
        .join(
            last,
            (col(Statement.manager_id) == last.c.manager_id)
            & (col(Statement.currency) == last.c.currency)
            & (col(Statement.revision) == last.c.revision),
        )
        .where(Statement.period == period)
        .order_by(Statement.manager_id, Statement.currency)
    )
    return list(session.exec(query))


def _pieces(session: Session, store: Store, period: str, wanted: Sequence[str]) -> Iterator[bytes]:
    out = _Pieces()
    items: list[Item] = []
    rows: dict[str, list[tuple[str | int, ...]]] = defaultdict(list)  # by currency
    checksums: list[str] = []
    folder = f"statements-{period}"
    made_at = datetime.min.replace(tzinfo=SHANGHAI)

    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:

        def add(name: str, content: bytes, at: datetime) -> None:
            info = zipfile.ZipInfo(f"{folder}/{name}", at.astimezone(SHANGHAI).timetuple()[:6])
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
            checksums.append(f"{fingerprint(content)}  {name}\n")

        for kept, snapshot in _read(session, wanted):
            item = _item(kept, snapshot)
            add(item.file, store.get(kept.pdf_sha256), kept.made_at)
            items.append(item)
            rows[kept.currency].append(_row(item, snapshot))
            made_at = max(made_at, kept.made_at)
            yield out.taken()
        add("manifest.csv", _csv(items), made_at)
        add("manifest.json", _json(period, items, rows), made_at)
        add("summary.xlsx", workbook(_sheets(period, rows)), made_at)
        add("SHA256SUMS", "".join(checksums).encode(), made_at)
    yield out.taken()


class _Pieces(io.RawIOBase):
    """A file that is only written to, and handed on in pieces."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._written += content
        return len(content)

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        piece, self._written = bytes(self._written), bytearray()
        return piece


def _read(session: Session, wanted: Sequence[str]) -> Iterator[tuple[Statement, Snapshot]]:
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        found = {
            kept.id: kept for kept in session.exec(select(Statement).where(col(Statement.id).in_(batch)))
        }
        for statement_id in batch:
            yield found[statement_id], statements.read(found[statement_id])
        session.expunge_all()


def _item(kept: Statement, snapshot: Snapshot) -> Item:
    return Item(
        number=kept.number,
        manager=kept.manager_id,
        name=snapshot.header.payee.name,
        currency=kept.currency,
        kind=kept.kind,
        revision=kept.revision,
        closing=format_minor(kept.closing_minor, kept.currency),
        made_at=kept.made_at.isoformat(),
        file=f"{kept.number}.pdf",
        sha256=kept.pdf_sha256,
        size=kept.pdf_size,
    )


def _csv(items: Sequence[Item]) -> bytes:
    out = io.StringIO(newline="")
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(Item.__dataclass_fields__)
    for item in items:
        cells = asdict(item) | {"number": as_text(item.number), "manager": as_text(item.manager)}
        sheet.writerow((cells | {"name": as_text(item.name)}).values())
    return out.getvalue().encode("utf-8-sig")


def _json(period: str, items: Sequence[Item], rows: dict[str, list[tuple[str | int, ...]]]) -> bytes:
    closing = {
        currency: format_minor(sum(int(row[_CLOSING]) for row in found), currency)
        for currency, found in rows.items()
    }
    told = {
        "period": period,
        "count": len(items),
        "closing": closing,
        "statements": [asdict(item) for item in items],
    }
    return f"{json.dumps(told, ensure_ascii=False, indent=1)}\n".encode()


_COLUMNS = (
    Column("单号", 24),
    Column("经理人", 10),
    Column("姓名", 14),
    Column("类型", 8),
    Column("版次", 6),
    Column("期初余额", 14, is_amount=True),
    *(Column(label.zh, 14, is_amount=True) for label in LABELS.values()),
    Column("期末余额", 14, is_amount=True),
    Column("暂扣余额", 14, is_amount=True),
    Column("预计佣金", 14, is_amount=True),
    Column("文件 SHA-256", 66),
)
_CLOSING = next(place for place, column in enumerate(_COLUMNS) if column.title == "期末余额")
_KINDS = {"preliminary": "预结算", "final": "正式"}


def _row(item: Item, snapshot: Snapshot) -> tuple[str | int, ...]:
    bridge = snapshot.bridge
    return (
        item.number,
        item.manager,
        item.name,
        _KINDS[item.kind],
        item.revision,
        bridge.opening_minor,
        *(minor for _, minor in bridge.rows()),
        bridge.closing_minor,
        snapshot.held_minor,
        snapshot.expected_minor,
        item.sha256,
    )


def _sheets(period: str, rows: dict[str, list[tuple[str | int, ...]]]) -> Iterator[Sheet]:
    for currency, found in sorted(rows.items()):
        notes = (f"{period} 全部结算单 {len(found)} 份，金额单位 {currency}；每份的校验值见 SHA256SUMS。",)
        yield Sheet(f"{period} {currency}", _COLUMNS, found, currency, notes)
