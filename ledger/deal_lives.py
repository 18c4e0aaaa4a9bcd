"""A deal's life on a page (项目全过程单): its stages and who reached them, its money, who earned what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from ledger import accruals, facts, managers, milestones, organisations, plans
from ledger.core import report
from ledger.core.entry import COMMISSION_COST, HELD, PAYABLE, PAYMENTS
from ledger.core.errors import NotFound
from ledger.core.plan import Plan
from ledger.core.report import Cell, Figure, Particular, Report, Table, Tie
from ledger.core.statement import Words
from ledger.core.target import Target
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.journal import Entry, Posting
from ledger.reporting import Drawn, amount, head, text

_TITLE = Words(zh="成果转化项目全过程单", en="The life of a deal")
EVENTS = {
    "contract_amount": Words(zh="合同金额", en="Contract amount"),
    "transaction_amount": Words(zh="技术交易额", en="Transaction amount"),
    "net_income": Words(zh="净收入", en="Net income"),
    "stake_value": Words(zh="作价入股价值", en="Value of the stake"),
    "fee_invoiced": Words(zh="开票", en="Fee invoiced"),
    "fee_credited": Words(zh="红字发票", en="Fee credited"),
    "fee_received": Words(zh="到账", en="Fee received"),
    "fee_refunded": Words(zh="退款", en="Fee refunded"),
    "milestone": Words(zh="里程碑核实", en="Milestone verified"),
    "milestone_withdrawn": Words(zh="里程碑撤回", en="Milestone withdrawn"),
    "cancelled": Words(zh="项目取消", en="Cancelled"),
    "gate_failed": Words(zh="未通过概念验证", en="Gate not passed"),
    "reinstated": Words(zh="恢复", en="Reinstated"),
    "adjustment": Words(zh="手工调整", en="Adjusted by hand"),
    "paid": Words(zh="账外付款", en="Paid elsewhere"),
}


def draw(session: Session, subject: str, now: datetime) -> Drawn:
    """The life of one deal, by its id."""
    deal = session.get(Deal, subject)
    if deal is None:
        raise NotFound("deal_unknown", "there is no deal {id}", id=subject)
    version = plans.get(session, deal.plan_version_id)
    plan, goal = plans.value(version), accruals.target_of(session, deal, now=now)
    known = facts.of_deal(session, deal.id)
    shares = _booked(session, deal)
    names = managers.names(session, _people(known, goal))
    clients = organisations.names(session, [one for one in (deal.client_id, deal.source_id) if one])
    drawn = Report(
        header=head(
            session, "deal_life", deal.id, title=_TITLE, about=deal.title, currency=deal.currency, now=now
        ),
        particulars=_particulars(deal, version, clients, goal),
        figures=(
            Figure(title=Words(zh="佣金池", en="Pool"), amount_minor=goal.pool_minor),
            Figure(title=Words(zh="计佣基数", en="Basis"), amount_minor=goal.basis_minor),
            Figure(title=Words(zh="已计提", en="Earned"), amount_minor=goal.allocated_minor),
            Figure(title=Words(zh="池中剩余", en="Left in the pool"), amount_minor=goal.reserve_minor),
        ),
        ties=_ties(goal, shares),
        tables=(
            _stages(session, deal, plan, names),
            _events(known, plan, names),
            _earned(goal, plan, names),
            _standing(shares, names),
        ),
    )
    return Drawn(drawn)


def _particulars(
    deal: Deal, version: plans.PlanVersion, names: Mapping[str, str], goal: Target
) -> tuple[Particular, ...]:
    state = "已取消" if goal.cancelled else "进行中" if goal.excluded else "各阶段均已核实"
    return (
        Particular(title=Words(zh="项目", en="Deal"), text=Words(zh=f"{deal.title}（{deal.id}）")),
        Particular(title=Words(zh="委托方", en="Client"), text=Words(zh=names.get(deal.client_id, ""))),
        Particular(
            title=Words(zh="佣金方案", en="Plan"),
            text=Words(
                zh=f"{version.title_zh} v{version.version}", en=f"{version.title_en} v{version.version}"
            ),
        ),
        Particular(
            title=Words(zh="成果方", en="Source"), text=Words(zh=names.get(deal.source_id or "", "未登记"))
        ),
        Particular(title=Words(zh="立项日", en="Opened"), text=Words(zh=deal.opened_on.isoformat())),
        Particular(title=Words(zh="状态", en="State"), text=Words(zh=state)),
    )


def _people(known: Sequence[Fact], goal: Target) -> set[str]:
    took_part = {one[0] for fact in known for one in fact.detail.get("participants", [])}
    return took_part | {fact.manager_id for fact in known if fact.manager_id} | {r.manager for r in goal.rows}


def _stages(session: Session, deal: Deal, plan: Plan, names: Mapping[str, str]) -> Table:
    reached = {one.stage: one for one in milestones.of_deal(session, deal.id) if one.state == "verified"}
    rows: list[tuple[Cell, ...]] = []
    for stage in plan.stages:
        one = reached.get(stage.id)
        took_part = one.participants.items() if one else ()
        who = "、".join(f"{names.get(manager, manager)} {weight}" for manager, weight in took_part)
        rows.append(
            (Words(zh=stage.title.zh, en=stage.title.en), one.reached_on.isoformat() if one else "—", who)
        )
    columns = (
        text("阶段", "Stage", 40),
        text("达成日", "Reached", 26),
        text("参与人与权重", "Who, with what weight"),
    )
    return report.table(Words(zh="阶段", en="Stages"), columns, rows)


def _events(known: Sequence[Fact], plan: Plan, names: Mapping[str, str]) -> Table:
    titles = {stage.id: stage.title.zh for stage in plan.stages}
    rows: list[tuple[Cell, ...]] = [
        (
            fact.fact_on.isoformat(),
            EVENTS.get(fact.type, Words(zh=fact.type)),
            " · ".join(
                filter(
                    None,
                    (
                        titles.get(fact.stage or "", fact.stage or ""),
                        names.get(fact.manager_id or "", ""),
                        fact.detail.get("reason", ""),
                        "" if fact.ref.startswith(("ms_", "ft_")) else fact.ref.partition("#")[0],
                    ),
                )
            ),
            fact.amount_minor,
        )
        for fact in sorted(known, key=lambda fact: (fact.fact_on, fact.seq, fact.id))
    ]
    columns = (
        text("日期", "Day", 22),
        text("事项", "What", 40),
        text("说明", "About"),
        report.Column(title=Words(zh="金额", en="Amount"), kind="amount", mm=30),
    )
    listed = report.table(Words(zh="经过", en="What happened"), columns, rows)
    return listed.model_copy(update={"totals": ()})  # amounts of different kinds do not add up to anything


def _earned(goal: Target, plan: Plan, names: Mapping[str, str]) -> Table:
    titles = {stage.id: Words(zh=stage.title.zh, en=stage.title.en) for stage in plan.stages}
    rows: list[tuple[Cell, ...]] = [
        (
            titles[row.stage],
            names.get(row.manager, row.manager),
            row.earned_minor,
            row.held_minor,
            row.payable_minor,
        )
        for row in goal.rows
        if row.earned_minor
    ]
    columns = (
        text("阶段", "Stage", 40),
        text("经理人", "Manager"),
        amount("已计提", "Earned", 30),
        amount("暂扣", "Held", 28),
        amount("应付", "Payable", 30),
    )
    return report.table(Words(zh="谁挣了多少", en="Who earned what"), columns, rows)


_Booked = Mapping[str, Mapping[str, int]]  # column → manager → minor units


def _booked(session: Session, deal: Deal) -> _Booked:
    """What the books hold on the deal, by manager."""
    query = (
        select(Posting.account, Entry.kind, Posting.manager_id, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.deal_id == deal.id, col(Posting.account).in_((COMMISSION_COST, HELD, PAYABLE)))
        .group_by(Posting.account, Entry.kind, Posting.manager_id)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for account, kind, manager_id, minor in session.exec(query):
        if account == COMMISSION_COST:
            found["earned"][manager_id] += int(minor)
        elif account == HELD:
            found["held"][manager_id] -= int(minor)
        elif kind in PAYMENTS:
            found["paid"][manager_id] += int(minor)
        if account == PAYABLE:
            found["payable"][manager_id] -= int(minor)
    return found


def _standing(shares: _Booked, names: Mapping[str, str]) -> Table:
    wanted = sorted({manager for column in shares.values() for manager in column})
    rows: list[tuple[Cell, ...]] = [
        (
            names.get(manager, manager),
            *(shares.get(name, {}).get(manager, 0) for name in ("earned", "paid", "held", "payable")),
        )
        for manager in wanted
    ]
    columns = (
        text("经理人", "Manager"),
        amount("累计佣金", "Earned", 30),
        amount("已付及在途", "Paid or on its way", 30),
        amount("暂扣", "Held", 30),
        amount("尚未付", "Still payable", 30),
    )
    return report.table(Words(zh="账面", en="In the books"), columns, rows)


def _ties(goal: Target, shares: _Booked) -> tuple[Tie, ...]:
    booked_minor = sum(shares.get("earned", {}).values())
    return (
        report.tie(
            Words(zh="佣金", en="Commission"),
            (Words(zh="按事实与方案计算", en="By facts and plan"), goal.allocated_minor),
            (Words(zh="总账：本项目佣金", en="In the books"), booked_minor),
        ),
    )
