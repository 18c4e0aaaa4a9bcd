"""What is kept how long (保管期限), and what goes by itself.

Entries, vouchers, statements and everything sealed stay: the databases let nobody remove them, and the law
wants thirty years for what a statement is a voucher of. What goes is work that is done, and what people were
told: it holds their addresses.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CursorResult, Delete, delete
from sqlmodel import Session, col, select

from ledger.jobs import JobRun
from ledger.notices import Delivery, Notice
from ledger.parts import Part

DELIVERIES_DAYS = 90
NOTICES_DAYS = 400
PARTS_DAYS = 90


def tidy(session: Session, *, now: datetime) -> dict[str, int]:
    """Remove what has had its time; how much that was."""
    over = select(JobRun.id).where(JobRun.state == "done", col(JobRun.ended_at) < now - _days(PARTS_DAYS))
    return {
        "parts": _gone(session, delete(Part).where(col(Part.run_id).in_(over))),
        "deliveries": _gone(
            session,
            delete(Delivery).where(
                col(Delivery.state) != "waiting", col(Delivery.made_at) < now - _days(DELIVERIES_DAYS)
            ),
        ),
        "notices": _gone(session, delete(Notice).where(col(Notice.told_at) < now - _days(NOTICES_DAYS))),
    }


def _days(number: int) -> timedelta:
    return timedelta(days=number)


def _gone(session: Session, statement: Delete) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
