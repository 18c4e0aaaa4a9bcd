"""What every report is begun with: its head, the block that holds what it is drawn from, a few words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from ledger import config, seals
from ledger.core.report import Column, Header, Kind, Report, Table, number
from ledger.core.statement import Seal, Words


@dataclass(frozen=True, slots=True)
class Drawn:
    """A report before it has its number, whose it is, and its lists whole where the paper shortens them."""

    report: Report
    manager_id: str = ""
    tables: tuple[Table, ...] = ()


def head(
    session: Session, kind: Kind, subject: str, *, title: Words, about: str, currency: str, now: datetime
) -> Header:
    """The head of a report; its number and revision are given when it is kept."""
    block = seals.latest(session)
    return Header(
        number=number(kind, subject, 1),
        platform=config.from_environment().platform,
        made_at=now,
        data_as_of=now,
        kind=kind,
        title=title,
        subject=subject,
        about=about,
        currency=currency,
        revision=1,
        seal=Seal(block=block.no, sha256=block.sha256) if block else None,
    )


def text(zh: str, en: str, mm: int | None = None) -> Column:
    """A column of words."""
    return Column(title=Words(zh=zh, en=en), mm=mm)


def amount(zh: str, en: str, mm: int = 25) -> Column:
    """A column of amounts, which is added up."""
    return Column(title=Words(zh=zh, en=en), kind="amount", mm=mm)


def count(zh: str, en: str, mm: int = 15) -> Column:
    """A column of numbers."""
    return Column(title=Words(zh=zh, en=en), kind="count", mm=mm)
