"""The platform's consolidated statement (结算汇总): by manager, by deal, by stage, and the tie-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from ledger import accounts, deals, managers, plans, tieout
from ledger.core import period as months
from ledger.core import report
from ledger.core.entry import COMMISSION_COST, EXPECTED, HELD, PAYABLE, PAYMENTS
from ledger.core.report import Cell, Column, Figure, Particular, Report, Table, Tie
from ledger.core.statement import Words
from ledger.journal import Entry, Posting
from ledger.reporting import Drawn, amount, count, head, text

LONGEST = 400  # rows of a list on paper; the workbook has all of them
_TITLE = Words(zh="佣金结算汇总表", en="Consolidated settlement statement")
_BY_MANAGER = Words(zh="按经理人", en="By manager")
_BY_DEAL = Words(zh="按项目", en="By deal")
_BY_STAGE = Words(zh="按阶段", en="By stage")


def draw(session: Session, subject: str, now: datetime) -> Drawn:
    """The consolidated statement of a month: `2026-10`, or `2026-10-USD` in another currency."""
    period, currency = months.parse(subject[:7]), subject[8:] or "CNY"
    tied = tieout.of(session, period, currency)
    by_manager = _by_manager(session, tied)
    by_deal, by_stage = _by_deal(session, period, currency), _by_stage(session, period, currency)
    whole = (by_manager, by_deal, by_stage)
    earned_minor = _turned(session, COMMISSION_COST, period, currency)
    title = f"{period[:4]} 年 {int(period[5:])} 月"
    drawn = Report(
        header=head(session, "consolidated", subject, title=_TITLE, about=title, currency=currency, now=now),
        particulars=(
            Particular(
                title=Words(zh="结算期间", en="Period"),
                text=Words(zh=f"{months.first_day(period)} 至 {months.last_day(period)}"),
            ),
            Particular(
                title=Words(zh="收款人", en="Payees"),
                text=Words(zh=f"{len(tied.rows)} 人，{_printed(tied)} 份结算单"),
            ),
        ),
        figures=_figures(session, period, currency, tied, earned_minor),
        ties=_ties(tied, earned_minor, whole),
        tables=tuple(_shortened(table) for table in (_differing(tied), *whole) if table is not None),
    )
    return Drawn(drawn, tables=whole)


def _printed(tied: tieout.Tieout) -> int:
    return sum(1 for row in tied.rows if row.number)


def _figures(
    session: Session, period: str, currency: str, tied: tieout.Tieout, earned_minor: int
) -> tuple[Figure, ...]:
    return (
        Figure(title=Words(zh="期末应付佣金", en="Payable"), amount_minor=tied.account_minor),
        Figure(title=Words(zh="本期佣金", en="Commission of the month"), amount_minor=earned_minor),
        Figure(title=Words(zh="暂扣", en="Held"), amount_minor=-_standing(session, HELD, period, currency)),
        Figure(
            title=Words(zh="预计", en="Expected"), amount_minor=_standing(session, EXPECTED, period, currency)
        ),
    )


def _ties(tied: tieout.Tieout, earned_minor: int, tables: Sequence[Table]) -> tuple[Tie, ...]:
    account = Words(zh="总账：应付账款-佣金", en="Account 2202.01")
    cost = Words(zh="总账：主营业务成本-佣金", en="Account 6401")
    by_manager, by_deal, by_stage = tables
    return (
        report.tie(
            Words(zh="期末应付", en="Payable at the end"),
            (Words(zh="全部结算单合计", en="All statements"), tied.statements_minor),
            (account, tied.account_minor),
        ),
        *(
            report.tie(
                Words(zh="本期佣金", en="Commission"),
                (table.title, _total(table, place)),
                (cost, earned_minor),
            )
            for table, place in ((by_manager, 4), (by_deal, 3), (by_stage, 2))
        ),
    )


def _total(table: Table, place: int) -> int:
    return (table.totals[place] or 0) if table.totals else 0


def _differing(tied: tieout.Tieout) -> Table | None:
    """Payees whose statement and account differ; None where there is nobody."""
    rows: list[tuple[Cell, ...]] = [
        (row.manager_id, row.number or "—", row.statement_minor, row.account_minor, row.difference_minor)
        for row in tied.differing
    ]
    if not rows:
        return None
    columns = (
        text("经理人", "Manager", 24),
        text("结算单", "Statement"),
        amount("结算单", "Statement"),
        amount("总账", "Account"),
        amount("差额", "Difference"),
    )
    return report.table(Words(zh="差异", en="Differences"), columns, rows)


def _by_manager(session: Session, tied: tieout.Tieout) -> Table:
    period, currency = tied.period, tied.currency
    opening = tieout.closing(session, months.preceding(period), currency)
    earned = _sums(session, COMMISSION_COST, period, currency, Posting.manager_id)
    held = _sums(session, HELD, period, currency, Posting.manager_id)
    paid = _sums(session, PAYABLE, period, currency, Posting.owner, kinds=PAYMENTS)
    wanted = sorted({row.manager_id for row in tied.rows}.union(opening, earned, held, paid))
    closing = {row.manager_id: row.account_minor for row in tied.rows}
    numbers = {row.manager_id: row.number for row in tied.rows}
    names = managers.names(session, wanted)
    rows: list[tuple[Cell, ...]] = []
    for manager_id in wanted:
        parts = (
            opening.get(manager_id, 0),
            earned.get(manager_id, 0),
            held.get(manager_id, 0),
            -paid.get(manager_id, 0),
        )
        end_minor = closing.get(manager_id, 0)
        rows.append(
            (
                manager_id,
                names.get(manager_id, ""),
                numbers.get(manager_id) or "—",
                *parts,
                end_minor - sum(parts),
                end_minor,
            )
        )
    columns = (
        text("编号", "Id", 15),
        text("姓名", "Name"),
        text("结算单", "Statement", 28),
        amount("期初", "Opening", 22),
        amount("本期佣金", "Commission", 22),
        amount("暂扣变动", "Held", 20),
        amount("付款与退回", "Payments", 22),
        amount("其他", "Other", 17),
        amount("期末应付", "Closing", 23),
    )
    return report.table(_BY_MANAGER, columns, rows)


def _by_deal(session: Session, period: str, currency: str) -> Table:
    month = _sums(session, COMMISSION_COST, period, currency, Posting.deal_id)
    so_far = _sums(session, COMMISSION_COST, period, currency, Posting.deal_id, whole=True, only=month)
    known = deals.by_id(session, [one for one in month if one])
    rows: list[tuple[Cell, ...]] = [
        (
            deal_id or "—",
            known[deal_id].title if deal_id in known else "年度封顶等不属于项目的金额",
            known[deal_id].opened_on.isoformat() if deal_id in known else "",
            month[deal_id],
            so_far.get(deal_id, 0),
        )
        for deal_id in sorted(month)
    ]
    columns = (
        text("项目编号", "Deal", 34),
        text("项目", "Title"),
        text("立项日", "Opened", 20),
        amount("本期佣金", "Commission", 27),
        amount("累计佣金", "So far", 27),
    )
    return report.table(_BY_DEAL, columns, rows)


def _by_stage(session: Session, period: str, currency: str) -> Table:
    query = (
        select(Posting.deal_id, Posting.stage, func.sum(Posting.amount_minor))
        .where(Posting.account == COMMISSION_COST, Posting.period == period, Posting.currency == currency)
        .group_by(Posting.deal_id, Posting.stage)
    )
    found = [(deal_id, stage, int(minor)) for deal_id, stage, minor in session.exec(query)]
    titles = _stage_titles(session, {deal_id for deal_id, _, _ in found if deal_id})
    sums: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for deal_id, stage, minor in found:
        title = titles.get((deal_id, stage), stage or "—")
        sums[title] += minor
        counted[title] += 1
    rows: list[tuple[Cell, ...]] = [(title, counted[title], sums[title]) for title in sorted(sums)]
    columns: tuple[Column, ...] = (
        text("阶段", "Stage"),
        count("项目数", "Deals", 24),
        amount("本期佣金", "Commission", 32),
    )
    return report.table(_BY_STAGE, columns, rows)


def _stage_titles(session: Session, deal_ids: set[str]) -> Mapping[tuple[str, str], str]:
    known = deals.by_id(session, deal_ids)
    read = plans.values_of(session, {deal.plan_version_id for deal in known.values()})
    return {
        (deal.id, stage.id): stage.title.zh
        for deal in known.values()
        for stage in read[deal.plan_version_id].stages
    }


def _sums(
    session: Session,
    account: str,
    period: str,
    currency: str,
    by: Any,
    *,
    kinds: Sequence[str] = (),
    whole: bool = False,
    only: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """What was booked on an account in a month (or up to its end), by owner, manager or deal."""
    query = select(by, func.sum(Posting.amount_minor)).where(
        Posting.account == account, Posting.currency == currency
    )
    query = query.where(Posting.period <= period if whole else Posting.period == period)
    if kinds:
        query = query.join(Entry, col(Entry.id) == Posting.entry_id).where(col(Entry.kind).in_(kinds))
    found = {key: int(minor) for key, minor in session.exec(query.group_by(by))}
    return found if only is None else {key: minor for key, minor in found.items() if key in only}


def _turned(session: Session, account: str, period: str, currency: str) -> int:
    debit, credit = accounts.turnover(session, period, currency).get(account, (0, 0))
    return debit - credit


def _standing(session: Session, account: str, period: str, currency: str) -> int:
    query = select(func.coalesce(func.sum(Posting.amount_minor), 0)).where(
        Posting.account == account, Posting.currency == currency, Posting.period <= period
    )
    return int(session.exec(query).one())


def _shortened(table: Table) -> Table:
    """The first rows of a long list, the rest in one: a paper of a thousand pages is read by nobody."""
    if len(table.rows) <= LONGEST:
        return table
    shown, rest = table.rows[: LONGEST - 1], table.rows[LONGEST - 1 :]
    last: list[Cell] = [None] * len(table.columns)
    last[0] = Words(zh=f"其余 {len(rest)} 行", en=f"{len(rest)} more")
    for place, column in enumerate(table.columns):
        if column.kind == "amount":
            last[place] = sum(cell for row in rest if isinstance(cell := row[place], int))
    note = Words(zh=f"共 {len(table.rows)} 行，其余见电子表格。", en="The rest is in the workbook.")
    return table.model_copy(update={"rows": (*shown, tuple(last)), "note": note})
