"""A record of work (业绩证明): what a manager did and what it brought, for the evaluation of titles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session, func, select

from ledger import clock, deals, facts, managers, organisations, plans
from ledger.core import facts as core
from ledger.core import report
from ledger.core.entry import COMMISSION_COST
from ledger.core.report import Cell, Figure, Particular, Report, Table
from ledger.core.sentences import grade_named
from ledger.core.statement import Words
from ledger.deals import Deal, DealManager
from ledger.facts import Fact
from ledger.journal import Posting
from ledger.reporting import Drawn, amount, count, head, text

_BEGINNING = date(1949, 10, 1)
_TITLE = Words(zh="技术经理人业绩证明", en="Record of work")


def draw(session: Session, subject: str, now: datetime) -> Drawn:
    """The record of a manager: `M1` from the beginning, `M1@2026` of one year; amounts in CNY."""
    manager_id, _, year = subject.partition("@")
    manager = managers.get(session, manager_id)
    first, last = _span(year, clock.day_of(now))
    work = _Work(session, manager_id, first, last)
    grade = managers.grades_on(session, [manager_id], last).get(manager_id, "")
    said = f"{manager.name}（编号 {manager_id}{'，' + grade_named(grade).zh if grade else ''}）"
    span = f"{first} 至 {last}" if year else f"截至 {last}"
    drawn = Report(
        header=head(
            session,
            "record_of_work",
            f"{manager_id}-{year}" if year else manager_id,
            title=_TITLE,
            about=manager.name,
            currency="CNY",
            now=now,
        ),
        opening=Words(
            zh=f"兹证明技术经理人{said}在本平台{span}参与促成以下科技成果转化项目，"
            "各阶段均经平台运营人员核实，金额与平台账簿一致。",
            en=f"This certifies that {manager.name} ({manager_id}) took part in the deals below; every stage "
            "was verified by the platform's operations and the amounts are those of its books.",
        ),
        particulars=(
            Particular(title=Words(zh="姓名", en="Name"), text=Words(zh=f"{manager.name}（{manager_id}）")),
            Particular(title=Words(zh="期间", en="Period"), text=Words(zh=span)),
        ),
        figures=(
            Figure(
                title=Words(zh="佣金收入（税前）", en="Commission, gross"), amount_minor=work.earned_minor
            ),
            Figure(title=Words(zh="合同金额合计", en="Contracts"), amount_minor=work.contracts_minor),
            Figure(title=Words(zh="居间服务费到账合计", en="Fees received"), amount_minor=work.fees_minor),
        ),
        tables=(work.by_deal(), work.by_stage()),
        notes=(
            Words(
                zh="合同金额与到账金额为整个项目的金额，由各参与人共同促成；佣金为本人所得。",
                en="Contracts and fees are the whole deal's; commission is the person's own.",
            ),
        ),
        closing=Words(zh="特此证明。", en="Certified as above."),
    )
    return Drawn(drawn, manager_id=manager_id)


def _span(year: str, today: date) -> tuple[date, date]:
    if not year:
        return _BEGINNING, today
    return date(int(year), 1, 1), min(date(int(year), 12, 31), today)


class _Work:
    """A manager's stages in a span of days, with their deals and what they brought."""

    def __init__(self, session: Session, manager_id: str, first: date, last: date) -> None:
        self._last = last
        involved = session.exec(select(DealManager.deal_id).where(DealManager.manager_id == manager_id)).all()
        known = facts.of_deals(session, involved)
        self.stages = {
            deal_id: taken
            for deal_id, rows in sorted(known.items())
            if (taken := _taken(rows, manager_id, first, last))
        }
        self._facts = {deal_id: known[deal_id] for deal_id in self.stages}
        self._deals = deals.by_id(session, self.stages)
        self._clients = organisations.names(session, [deal.client_id for deal in self._deals.values()])
        self._plans = plans.values_of(session, {deal.plan_version_id for deal in self._deals.values()})
        self._earned = _earned(session, manager_id, first, last, self.stages)

    @property
    def earned_minor(self) -> int:
        return sum(self._earned.values())

    @property
    def contracts_minor(self) -> int:
        return sum(self._contract(deal_id) for deal_id in self.stages)

    @property
    def fees_minor(self) -> int:
        return sum(self._fee(deal_id) for deal_id in self.stages)

    def _contract(self, deal_id: str) -> int:
        stated = [
            (fact.fact_on, fact.seq, fact.amount_minor or 0)
            for fact in self._facts[deal_id]
            if fact.type == "contract_amount" and fact.fact_on <= self._last
        ]
        return max(stated)[2] if stated and self._deals[deal_id].currency == "CNY" else 0

    def _fee(self, deal_id: str) -> int:
        signs = {"fee_received": 1, "fee_refunded": -1}
        if self._deals[deal_id].currency != "CNY":
            return 0
        return sum(
            signs[fact.type] * (fact.amount_minor or 0)
            for fact in self._facts[deal_id]
            if fact.type in signs and fact.fact_on <= self._last
        )

    def by_deal(self) -> Table:
        """Each deal with what it was worth."""
        rows: list[tuple[Cell, ...]] = [
            (
                deal_id,
                f"{self._deals[deal_id].title}\n{self._clients.get(self._deals[deal_id].client_id, '')}",
                len(self.stages[deal_id]),
                self._contract(deal_id),
                self._fee(deal_id),
                self._earned.get(deal_id, 0),
            )
            for deal_id in self.stages
        ]
        columns = (
            text("项目编号", "Deal", 26),
            text("项目 / 委托方", "Title, client"),
            count("参与阶段", "Stages", 16),
            amount("合同金额", "Contract", 28),
            amount("到账", "Received", 26),
            amount("本人佣金", "Commission", 26),
        )
        return report.table(Words(zh="参与的项目", en="Deals"), columns, rows)

    def by_stage(self) -> Table:
        """Each stage with its day and the person's share of it."""
        rows: list[tuple[Cell, ...]] = [
            (
                stage.on.isoformat(),
                deal_id,
                self._title(self._deals[deal_id], stage.stage),
                _share(stage, weight),
            )
            for deal_id, taken in self.stages.items()
            for stage, weight in taken
        ]
        columns = (
            text("核实日期", "Day", 26),
            text("项目编号", "Deal", 50),
            text("阶段", "Stage"),
            text("本人权重 / 全部", "Weight, of all", 34),
        )
        return report.table(
            Words(zh="参与的阶段", en="Stages"), columns, sorted(rows, key=lambda row: str(row[0]))
        )

    def _title(self, deal: Deal, stage: str) -> Words:
        known = self._plans[deal.plan_version_id].stages
        title = next((one.title for one in known if one.id == stage), None)
        return Words(zh=title.zh, en=title.en) if title else Words(zh=stage)


_Taken = tuple[core.Milestone, core.Participant]


def _taken(rows: Sequence[Fact], manager_id: str, first: date, last: date) -> list[_Taken]:
    """The standing milestones of a deal in which the manager had a weight."""
    standing: dict[str, core.Milestone] = {}
    for fact in sorted(rows, key=lambda fact: (fact.fact_on, fact.seq)):
        if fact.fact_on > last:
            continue
        if fact.type == "milestone" and isinstance(value := facts.value(fact), core.Milestone):
            standing[value.stage] = value
        elif fact.type == "milestone_withdrawn":
            standing.pop(fact.stage or "", None)
    return [
        (milestone, person)
        for milestone in standing.values()
        for person in milestone.participants
        if person.manager == manager_id and person.weight and milestone.on >= first
    ]


def _share(milestone: core.Milestone, person: core.Participant) -> str:
    return f"{person.weight} / {sum(one.weight for one in milestone.participants)}"


def _earned(
    session: Session, manager_id: str, first: date, last: date, wanted: Mapping[str, object]
) -> dict[str, int]:
    """What the books have of the manager's commission, by deal, over the months of the span."""
    query = (
        select(Posting.deal_id, func.sum(Posting.amount_minor))
        .where(
            Posting.account == COMMISSION_COST,
            Posting.manager_id == manager_id,
            Posting.currency == "CNY",
            Posting.period >= f"{first:%Y-%m}",
            Posting.period <= f"{last:%Y-%m}",
        )
        .group_by(Posting.deal_id)
    )
    found: dict[str, int] = defaultdict(int)
    for deal_id, minor in session.exec(query):
        if deal_id in wanted:
            found[deal_id] += int(minor)
    return found
