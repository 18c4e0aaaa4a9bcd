"""What is kept how long (保管期限), and what goes by itself.

Entries, vouchers, statements and everything sealed stay: the databases let nobody remove them. What goes,
each after the days of its setting, is work that is done, what was answered to programs, and what people were
told: it holds their addresses. After the law's years go the banks' files and, where somebody asked for it,
all that names them (`erasures`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, CursorResult, delete, update
from sqlmodel import Session, and_, col, select

from ledger import erasures, settings, webhooks
from ledger.bank_returns import BankReturn, BankReturnRow
from ledger.clock import day_of, end_of
from ledger.core.errors import Conflict
from ledger.db import Database, Row
from ledger.files import Store
from ledger.idempotency import Answer
from ledger.jobs import JobRun
from ledger.notices import Delivery, Notice
from ledger.parts import Part
from ledger.payments import Payout


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
        "deliveries": _gone(session, Delivery, sent) + _gone(session, webhooks.Delivery, called),
        "notices": _gone(session, Notice, col(Notice.told_at) < before(settings.NOTICES_DAYS)),
        "answers": _gone(session, Answer, col(Answer.answered_at) < before(settings.ANSWERS_DAYS)),
    }


def after_years(database: Database, store: Store, *, now: datetime) -> dict[str, int]:
    """What goes once the law's years are over: the banks' files, and who asked to be deleted; how much."""
    files = database.run(lambda session: _bank_files(session, now=now))
    with database.reading() as session:
        due = erasures.due(session, now=now)
    people = sum(_erased(database, subject, now=now) for subject in due)
    gone = sum(store.remove(sha256) for sha256 in files)
    with database.reading() as session:
        gone += erasures.remove_files(session, store, now=now)
    return {"people": people, "files": gone}


def _erased(database: Database, subject: str, *, now: datetime) -> bool:
    try:
        database.run(partial(erasures.erase, subject=subject, now=now))
    except Conflict:  # taken back, or booked for, since it was looked at
        return False
    return True


def _bank_files(session: Session, *, now: datetime) -> list[str]:
    """What went to the bank and came from it, after the years of other records: the files' hashes. Accounts
    that rows of answers name go with them."""
    today = day_of(now)
    years = int(settings.on(session, settings.OTHERS_YEARS, today))
    over = end_of(date(today.year - years - 1, 12, 31))
    old = select(BankReturn.id).where(BankReturn.imported_at < over)
    session.execute(
        update(BankReturnRow)
        .where(col(BankReturnRow.return_id).in_(old), col(BankReturnRow.account) != "")
        .values(account="")
        .execution_options(synchronize_session=False)
    )
    sent = select(Payout.file_sha256).where(col(Payout.sent_at) < over, col(Payout.file_sha256).is_not(None))
    came = select(BankReturn.sha256).where(BankReturn.imported_at < over)
    return sorted({one for one in (*session.exec(sent), *session.exec(came)) if one})


def _gone(session: Session, table: type[Row], which: ColumnElement[bool]) -> int:
    statement = delete(table).where(which).execution_options(synchronize_session=False)
    result = session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0
