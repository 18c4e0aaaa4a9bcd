"""The demonstration: the seed's story, told by the product's own actions, and a city's year.

Loaded once. Everything in it is made up; the sign-ins are for this machine only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from importlib import resources

from sqlmodel import Session, select

from ledger import (
    approvals,
    bank_answers,
    bank_receipts,
    city,
    clock,
    closing,
    deals,
    evidence,
    fees,
    imports,
    jobs,
    managers,
    milestones,
    needs,
    open_invoices,
    organisations,
    payouts,
    plans,
    sending,
    users,
)
from ledger.core.bank_receipt import Open
from ledger.core.errors import Conflict
from ledger.core.facts_file import read_lines
from ledger.core.money import format_minor
from ledger.db import Database
from ledger.files import Store
from ledger.users import User

PASSWORD = "yongjin-demo"
CITY_PLAN = "zhuzhou-city"
CITY_YEAR = 2023
CITIES = ("tianjin", "hefei", "hangzhou", "xian", "xian-stake", "zhuzhou")


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who may sign in to the demonstration."""

    role: str
    name: str
    phone: str


SIGN_INS = (
    SignIn("manager", "张三", "13800000001"),
    SignIn("manager", "李四", "13800000002"),
    SignIn("operator", "运营甲", "13800000011"),
    SignIn("operator", "运营乙", "13800000012"),
    SignIn("finance", "财务", "13800000021"),
    SignIn("administrator", "系统管理", "13800000031"),
)
_MANAGERS = {"13800000001": ("T001", "张三", "senior"), "13800000002": ("T002", "李四", "intermediate")}


@dataclass(frozen=True, slots=True)
class People:
    """The demonstration's users."""

    first: User
    second: User
    maker: User
    approver: User
    finance: User
    administrator: User


def is_loaded(session: Session) -> bool:
    """Whether the demonstration's people are there already."""
    return users.find(session, SIGN_INS[0].phone) is not None


def load(
    database: Database,
    store: Store,
    *,
    contracts: int,
    now: datetime,
    progress: Callable[[int], None] = lambda done: None,
) -> imports.Report:
    """The plans, the story and the city's year, closed through its December. Refuses other data."""
    with database.reading() as session:
        if session.exec(select(User.id)).first() is not None:
            raise Conflict(
                "demo_real_data", "this database has real data; the demonstration needs an empty one"
            )
    people = database.run(lambda session: _people(session, now))
    database.run(lambda session: _publish(session, people, now))
    report = imports.load(
        database, read_lines(_city(contracts), "city", "CNY"), plan_id=CITY_PLAN, now=now, progress=progress
    )
    database.run(lambda session: _bank_accounts(session))
    database.run(lambda session: _close_city(session, people.finance, now))
    tell(database, store, people, now)
    return report


def _people(session: Session, now: datetime) -> People:
    added = []
    for sign in SIGN_INS:
        manager_id = None
        if sign.role == "manager":
            manager_id, name, grade = _MANAGERS[sign.phone]
            managers.add(
                session,
                id=manager_id,
                name=name,
                grade=grade,
                bank_name="中国工商银行天津分行",
                bank_account=f"62220200000000{manager_id[1:]}00",
                now=now,
            )
        added.append(
            users.add(
                session,
                phone=sign.phone,
                name=sign.name,
                role=sign.role,
                password=PASSWORD,
                manager_id=manager_id,
                now=now,
            )
        )
    return People(*added)


def _publish(session: Session, people: People, now: datetime) -> None:
    for name in CITIES:
        text = resources.files("ledger").joinpath(f"cities/{name}.yaml").read_text("utf-8")
        drafted = plans.draft(session, text, name=f"{name}.yaml", by=people.maker, now=now)
        plans.publish(session, drafted.id, effective_on=date(2020, 1, 1), by=people.approver, now=now)


def _city(contracts: int) -> Iterator[str]:
    made = city.City(contracts=contracts, total_minor=city.proportional_minor(contracts))
    return (json.dumps(deal, ensure_ascii=False) for deal in city.deals(made))


def _bank_accounts(session: Session) -> None:
    """Nine in ten of the city's managers have told where they want to be paid."""
    for number, manager in enumerate(managers.listing(session, limit=10_000)):
        if not manager.has_account and number % 10:
            manager.bank_name = "中国建设银行株洲分行"
            managers.keep_account(session, manager, f"6217000000{number:09d}")


def _close_city(session: Session, finance: User, now: datetime) -> None:
    """Close the city's year; of its statements only December's are printed."""
    closing.close(session, f"{CITY_YEAR}-12", by=finance, now=now)
    for run in session.exec(select(jobs.JobRun).where(jobs.JobRun.state == "waiting")):
        if run.planned_for != f"{CITY_YEAR}-12":
            run.state, run.ended_at, run.result = (
                "done",
                now,
                {"skipped": "the demonstration prints December"},
            )


def tell(database: Database, store: Store, people: People, now: datetime) -> None:
    """The vision-care company's deal, from its need to a paid first part, over the last months."""

    def at(days_ago: int) -> datetime:
        return now - timedelta(days=days_ago)

    def on(days_ago: int) -> date:
        return clock.day_of(at(days_ago))

    deal_id = "TJ-2026-001"

    def find(session: Session) -> None:
        need = needs.log(
            session,
            title="青少年近视监测：低功耗眼动传感技术",
            client="优眼科技",
            detail="拟开发一款新的视觉健康产品，寻找数月未找到匹配的技术。",
            found_on=on(75),
            by=people.first,
            now=at(75),
        )
        evidence.add(
            session,
            store,
            need.id,
            name="需求表.txt",
            content="需求表：青少年近视监测，低功耗眼动传感。\n".encode(),
            by=people.first,
            now=at(75),
        )
        deals.open_from(
            session,
            need,
            id=deal_id,
            plan_id="tianjin-platform-manager",
            expected_fee_minor=53_000_00,
            source="天津大学",
            category="transfer",
            mode="instalments",
            tax_rate=Fraction(6, 100),
            by=people.maker,
            now=at(74),
        )

    def reach(stage: str, days_ago: int, who: dict[str, str], by: User) -> None:
        def write(session: Session) -> None:
            logged = milestones.log(
                session,
                deal_id=deal_id,
                stage=stage,
                reached_on=on(days_ago),
                participants=who,
                by=by,
                now=at(days_ago),
            )
            milestones.verify(session, logged.id, by=people.maker, now=at(days_ago - 1))

        database.run(write)

    database.run(find)
    reach("need_discovery", 74, {"T001": "1"}, people.first)
    reach("tech_sourcing", 68, {"T001": "60", "T002": "40"}, people.first)
    reach("contract_signing", 50, {"T002": "1"}, people.second)
    database.run(lambda s: _money(s, deal_id, people, on, at))
    database.run(lambda s: _pay(s, store, people, on, at))
    database.run(lambda s: _waiting(s, store, deal_id, people, on, at))
    database.run(lambda s: _bank_list(s, store, people, on, at))


def _money(
    session: Session,
    deal_id: str,
    people: People,
    on: Callable[[int], date],
    at: Callable[[int], datetime],
) -> None:
    for what, amount in (("contract_amount", 1_000_000_00), ("transaction_amount", 900_000_00)):
        deals.state_amount(
            session,
            deal_id,
            what=what,  # type: ignore[arg-type]
            amount_minor=amount,
            on=on(50),
            by=people.maker,
            now=at(49),
        )
    fees.record(
        session,
        "fee_invoiced",
        on=on(45),
        parts={deal_id: 53_000_00},
        ref="FP-2026-0001",
        by=people.finance,
        now=at(45),
    )
    fees.record(
        session,
        "fee_received",
        on=on(40),
        parts={deal_id: 26_500_00},
        ref="YH-2026-0001",
        by=people.finance,
        now=at(40),
    )


def _pay(
    session: Session,
    store: Store,
    people: People,
    on: Callable[[int], date],
    at: Callable[[int], datetime],
) -> None:
    made = payouts.make(session, value_on=on(33), only=["T001", "T002"], by=people.maker, now=at(35))
    approvals.approve(session, made.id, by=people.approver, now=at(34))
    sending.send(session, store, made.id, by=people.finance, now=at(34))
    bank_answers.confirm(session, made.id, value_on=on(33), by=people.finance, now=at(33))


def _waiting(
    session: Session,
    store: Store,
    deal_id: str,
    people: People,
    on: Callable[[int], date],
    at: Callable[[int], datetime],
) -> None:
    """The second receipt, a milestone that waits for operations, and a fresh need."""
    fees.record(
        session,
        "fee_received",
        on=on(5),
        parts={deal_id: 26_500_00},
        ref="YH-2026-0002",
        by=people.finance,
        now=at(5),
    )
    done = milestones.log(
        session,
        deal_id=deal_id,
        stage="completion",
        reached_on=on(3),
        participants={"T001": "1", "T002": "1"},
        note="样机在客户现场连续运行七天，客户已在验收单上签字。",
        by=people.first,
        now=at(3),
    )
    evidence.add(
        session,
        store,
        done.id,
        name="验收确认单.txt",
        content="验收确认单：低功耗眼动传感样机，连续运行七天，各项指标合格。\n优眼科技\n".encode(),
        by=people.first,
        now=at(3),
    )
    needs.log(
        session,
        title="硬质合金刀具涂层寿命在线检测",
        client="株洲精工刀具",
        detail="希望在现有产线上在线判断涂层磨损。",
        found_on=on(2),
        by=people.second,
        now=at(2),
    )


def _bank_list(
    session: Session,
    store: Store,
    people: People,
    on: Callable[[int], date],
    at: Callable[[int], datetime],
) -> None:
    """What the bank says came in, for invoices, for two deals at once, known already, and for a person."""
    known = {deal.id: deal for deal in deals.listing(session, by=people.finance, limit=500)}
    unpaid = [one for one in open_invoices.of_deals(session, known) if one.open_minor > 0]
    clients = organisations.names(session, [one.client_id for one in unpaid])
    pair = _of_one_client(unpaid)
    alone = next((one for one in unpaid if one not in pair), None)
    came = [("YH-2026-0002", 5, 26_500_00, "优眼科技", "居间服务费尾款")]
    if alone:
        came.append(("YH-2026-0003", 2, alone.open_minor, clients[alone.client_id], f"付 {alone.number}"))
    if pair:
        numbers = "、".join(one.number for one in pair)
        total = sum(one.open_minor for one in pair)
        came.append(("YH-2026-0004", 2, total, clients[pair[0].client_id], f"付 {numbers}"))
    came.append(("YH-2026-0005", 1, 10_000_00, "优眼科技", "技术服务"))
    came.append(("YH-2026-0006", 1, 88_88, "中国工商银行", "结息"))
    rows = [f"{ref},{on(ago)},{format_minor(minor, 'CNY')},{who},{why}" for ref, ago, minor, who, why in came]
    text = "\r\n".join(("交易流水号,交易日期,贷方发生额,对方户名,摘要", *rows))
    bank_receipts.take(
        session,
        store,
        text.encode("gb18030"),
        name=f"收款流水{on(1)}.csv",
        layout="simple",
        by=people.finance,
        now=at(1),
    )


def _of_one_client(unpaid: list[Open]) -> list[Open]:
    """Two open invoices of two deals of one client, if anybody has two."""
    for first in unpaid:
        for second in unpaid:
            if first.client_id == second.client_id and first.deal_id < second.deal_id:
                return [first, second]
    return []
