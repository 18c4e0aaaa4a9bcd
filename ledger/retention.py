"""What is kept how long (保管期限), and what goes by itself.

Entries, vouchers, statements and everything sealed stay: the databases let nobody remove them, and the law
wants thirty years for what a statement is a voucher of. What goes, each after the days of its setting, is
work that is done, and what people were told: it holds their addresses.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, delete
from sqlmodel import Session, and_, col, select

from ledger import settings, webhooks
from ledger.clock import day_of
from ledger.db import Row
from ledger.jobs import JobRun
from ledger.notices import Delivery, Notice
from ledger.parts import Part


def tidy(session: Session, *, now: datetime) -> dict[str, int]:
    """Remove what has had its time; how much that was."""

    def before(name: str) -> datetime:
        return now - timedelta(days=int(settings.on(session, name, day_of(now))))

    over = select(JobRun.id).where(JobRun.state == "done", col(JobRun.ended_at) < before(settings.PARTS_DAYS))
    sent = and_(col(Delivery.state) != "waiting", col(Delivery.made_at) < before(settings.MESSAGES_DAYS))
    told = webhooks.Delivery
    called = and_(col(told.state) != "waiting", col(told.made_at) < before(settings.MESSAGES_DAYS))
    return {
        "parts": _gone(session, Part, col(Part.run_id).in_(over)),
        "deliveries": _gone(session, Delivery, sent),
        "webhook_deliveries": _gone(session, webhooks.Delivery, called),
        "notices": _gone(session, Notice, col(Notice.told_at) < before(settings.NOTICES_DAYS)),
    }


def _gone(session: Session, table: type[Row], which: ColumnElement[bool]) -> int:
    statement = delete(table).where(which).execution_options(synchronize_session=False)
    result = session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0
