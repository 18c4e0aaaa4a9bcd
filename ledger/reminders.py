"""What people are told without asking: statements that were made, a month to close, payday, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from ledger import audit, inbox, managers, notices, payables, paydays, periods, persons, rights, statements
from ledger.core import period as months
from ledger.core.money import format_minor
from ledger.core.papers import Words
from ledger.notices import Notice, Told
from ledger.persons import Shared
from ledger.statements import Statement
from ledger.users import User

STATEMENT = "statement"
WAITS_DAYS = 2  # before somebody is reminded of it


# --- statements


def statements_made(session: Session, period: str, *, now: datetime) -> int:
    """Tell every payee of their latest statement, and the group that they are there; how many were told."""
    made = statements.latest_of(session, period)
    people = _by_manager(session)
    told = sum(
        notices.tell(session, people.get(one.manager_id, ()), _of_statement(one), now=now) for one in made
    )
    if told:
        title = Words(
            zh=f"{period} 的结算单已生成，共 {len(made)} 份，请登录查看并确认。",
            en=f"The {len(made)} statements of {period} are there; look at yours and confirm it.",
        )
        notices.announce(session, title, "/statements", now=now)
    return told


def _of_statement(made: Statement) -> Told:
    """No amount: a mail is read by whoever reads the mailbox."""
    kind = Words(zh="结算单" if made.kind == "final" else "预结算单", en=made.kind)
    return Told(
        kind=STATEMENT,
        subject=made.id,
        title=Words(
            zh=f"您 {made.period} 的{kind.zh}已生成：{made.number}",
            en=f"Your {kind.en} statement of {made.period} is there: {made.number}",
        ),
        path=f"/statements/{made.id}",
    )


def statement_again(session: Session, statement_id: str, *, by: User, now: datetime) -> int:
    """Send a payee their statement once more; to how many people that was."""
    rights.require(by, "statement.make")
    made = statements.get(session, statement_id, by=by)
    audit.note(session, by, "statement.resend", made.id, now=now)
    people = _by_manager(session).get(made.manager_id, [])
    new = notices.tell(session, people, _of_statement(made), now=now)
    if not new:
        query = select(Notice).where(Notice.kind == STATEMENT, Notice.subject == statement_id)
        for one in session.exec(query):
            notices.again(session, one, now=now)
    return len(people)


def _by_manager(session: Session) -> dict[str, list[User]]:
    found: dict[str, list[User]] = {}
    query = select(User).where(col(User.manager_id).is_not(None), col(User.disabled_at).is_(None))
    for user in session.exec(query):
        found.setdefault(user.manager_id or "", []).append(user)
    return found


# --- the calendar


def close_due(session: Session, day: date, *, now: datetime) -> int:
    """Remind finance of the month before, while it is open."""
    period = months.preceding(months.of(day))
    if not periods.calendar(session).is_open(period):
        return 0
    title = Words(zh=f"{period} 尚未结账，请复核并结账。", en=f"{period} is not closed yet.")
    told = Told("close_due", f"{period}@{day}", title, f"/periods/{period}")
    return notices.tell(session, _with(session, ("finance",)), told, now=now)


def payday(session: Session, day: date, *, now: datetime) -> dict[str, int | str]:
    """On payday, tell those at a desk what could be paid: a person makes the payout, another approves."""
    on = paydays.of_month(session, day)
    result: dict[str, int | str] = {"payday": on.isoformat(), "people": 0, "told": 0}
    if not paydays.is_announced(day.year):
        result["calendar"] = f"{day.year}?"
    if on != day:
        return result
    due = [one for one in payables.due(session, statements.HOME, day=day) if one.why_not is None]
    total = format_minor(sum(one.payable_minor for one in due), statements.HOME)
    if due:
        title = Words(
            zh=f"今天（{day}）是付款日：{len(due)} 人应付，共 {total} 元（税前）。",
            en=f"Today ({day}) is payday: {len(due)} people, {total} before tax.",
        )
        told = Told("payday", day.isoformat(), title, "/payouts/new")
        result["told"] = notices.tell(session, _with(session, ("finance", "operator")), told, now=now)
    return result | {"people": len(due), "payable": total}


def waiting(session: Session, day: date, *, now: datetime) -> int:
    """Remind everybody at a desk of what has waited for them for some days."""
    return sum(_remind(session, user, day, now) for user in _with(session, ("finance", "operator")))


_PILES = {
    "milestones": Words(zh="里程碑待核实", en="milestones to verify"),
    "splits": Words(zh="分成待裁定", en="splits to decide"),
    "needs": Words(zh="需求待对接", en="open needs"),
    "payouts": Words(zh="付款单待审批", en="payouts to approve"),
    "jobs": Words(zh="任务失败", en="failed jobs"),
}


def _remind(session: Session, user: User, day: date, now: datetime) -> int:
    late = now - timedelta(days=WAITS_DAYS)
    piles = [
        (_PILES[pile.what], pile.count)
        for pile in inbox.of(session, by=user)
        if pile.what in _PILES and pile.count and pile.since and pile.since < late
    ]
    if not piles:
        return 0
    title = Words(
        zh="待办已超过两天：" + "，".join(f"{name.zh} {count}" for name, count in piles),
        en="Waiting for more than two days: " + ", ".join(f"{count} {name.en}" for name, count in piles),
    )
    return notices.tell(session, [user], Told("waiting", day.isoformat(), title, "/"), now=now)


def shared_numbers(session: Session, *, now: datetime) -> int:
    """Tell operations and finance, once, of payees with the same account or identity number."""
    people = _with(session, ("finance", "operator"))
    return sum(notices.tell(session, people, _of_shared(one), now=now) for one in persons.shared(session))


def _of_shared(one: Shared) -> Told:
    what = (
        Words(zh="银行账户", en="bank account")
        if one.place == managers.ACCOUNT
        else Words(zh="证件号码", en="identity number")
    )
    title = Words(
        zh=f"收款人 {'、'.join(one.subjects)} 的{what.zh}相同，请在付款前核对。",
        en=f"Payees {', '.join(one.subjects)} have the same {what.en}: look before they are paid.",
    )
    return Told("shared_number", f"{one.place}:{','.join(one.subjects)}"[:200], title, "/persons/shared")


def _with(session: Session, roles: Sequence[str]) -> list[User]:
    query = select(User).where(col(User.role).in_(roles), col(User.disabled_at).is_(None))
    return list(session.exec(query.order_by(User.id)))
