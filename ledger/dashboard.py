"""The dashboard (看板): figures people would rather look at, each a small table of bounded length.

Everybody may see their own; operations and finance everybody's. Amounts are minor units of one currency,
over the months from `since` to `through`. Nothing here is kept: it is read from the books each time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, case, col, func, select

from ledger import accruals, organisations, plans, rights
from ledger.clock import day_of
from ledger.core import period as months
from ledger.core.entry import BANK, COMMISSION_COST, HELD, PAYABLE
from ledger.core.target import target
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.journal import Entry, Posting
from ledger.milestones import Milestone
from ledger.needs import Need
from ledger.users import User

MOST_MONTHS, MOST_ROWS = 24, 12


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last month, both included; empty text is “from the beginning”, “until now”."""

    since: str = ""
    through: str = ""
    currency: str = "CNY"

    def holds(self, column: Any) -> list[ColumnElement[bool]]:
        """What a column of months has to be."""
        wanted = []
        if self.since:
            wanted.append(column >= self.since)
        if self.through:
            wanted.append(column <= self.through)
        return wanted

    def holds_day(self, column: Any) -> list[ColumnElement[bool]]:
        """What a column of days has to be."""
        wanted = []
        if self.since:
            wanted.append(column >= months.first_day(self.since))
        if self.through:
            wanted.append(column <= months.last_day(self.through))
        return wanted


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its name in Chinese and English, what it opens, and its figures."""

    zh: str
    en: str
    figures: tuple[int | None, ...]
    href: str = ""


def _mine(by: User) -> list[ColumnElement[bool]]:
    mine = rights.reach(by, "deal.see")
    return [Posting.manager_id == mine] if mine else []  # type: ignore[list-item]


def stages(session: Session, span: Span, *, by: User) -> list[Row]:
    """What each stage has earned: in all, of that paid, still payable, held; in the order of the plans."""
    amount = func.sum(Posting.amount_minor)
    query = (
        select(Posting.stage, Posting.account, amount)
        .where(
            col(Posting.account).in_((COMMISSION_COST, PAYABLE, HELD)),
            Posting.currency == span.currency,
            *span.holds(col(Posting.period)),
            *_mine(by),
        )
        .group_by(Posting.stage, Posting.account)
    )
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for stage, account, total in session.exec(query):
        sums[stage][account] += int(total)
    titles = stage_titles(session)
    order = [*titles, *sorted(sums.keys() - titles.keys())]
    rows = [
        Row(*titles.get(stage, (stage or "不属于某一阶段", stage or "Of no stage")), _four(sums[stage]))
        for stage in order
        if stage in sums
    ]
    return [row for row in rows if any(row.figures)]


def _four(of: Mapping[str, int]) -> tuple[int, int, int, int]:
    earned, to_pay, kept = of.get(COMMISSION_COST, 0), -of.get(PAYABLE, 0), -of.get(HELD, 0)
    return earned, earned - to_pay - kept, to_pay, kept


def stage_titles(session: Session) -> dict[str, tuple[str, str]]:
    """Every stage of every plan by id, in Chinese and English; the order is the plans'."""
    found: dict[str, tuple[str, str]] = {}
    for version in plans.listing(session):
        for stage in plans.value(version).stages:
            found.setdefault(stage.id, (stage.title.zh, stage.title.en))
    return found


def held(session: Session, span: Span, *, by: User) -> list[Row]:
    """Month by month: what was held, what was released or taken back, and what is held at its end."""
    amount = col(Posting.amount_minor)
    query = (
        select(
            Posting.period,
            func.sum(case((amount < 0, -amount), else_=0)),
            func.sum(case((amount > 0, amount), else_=0)),
        )
        .where(Posting.account == HELD, Posting.currency == span.currency, *_mine(by))
        .group_by(Posting.period)
        .order_by(Posting.period)
    )
    rows, balance = [], 0
    for period, more, less in session.exec(query):
        balance += int(more) - int(less)
        rows.append(Row(period, period, (int(more), int(less), balance)))
    return _within(rows, span)


def fees_and_cost(session: Session, span: Span, *, by: User) -> list[Row]:
    """Month by month: the fees that came in, and the commission they cost."""
    received = case(
        (
            (col(Posting.account) == BANK) & col(Entry.kind).in_(("fee_received", "fee_refunded")),
            Posting.amount_minor,
        ),
        else_=0,
    )
    cost = case((col(Posting.account) == COMMISSION_COST, Posting.amount_minor), else_=0)
    query = (
        select(Posting.period, func.sum(received), func.sum(cost))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(col(Posting.account).in_((BANK, COMMISSION_COST)), Posting.currency == span.currency)
        .group_by(Posting.period)
        .order_by(Posting.period)
    )
    return _within([Row(period, period, (int(a), int(b))) for period, a, b in session.exec(query)], span)


def earned(session: Session, span: Span, *, by: User) -> list[Row]:
    """Month by month: what was earned."""
    query = (
        select(Posting.period, func.sum(Posting.amount_minor))
        .where(Posting.account == COMMISSION_COST, Posting.currency == span.currency, *_mine(by))
        .group_by(Posting.period)
        .order_by(Posting.period)
    )
    return _within([Row(period, period, (int(total),)) for period, total in session.exec(query)], span)


def _within(rows: Sequence[Row], span: Span) -> list[Row]:
    """The rows of the span's months, the last two years of them at most."""
    kept = [row for row in rows if (not span.since or row.zh >= span.since)]
    return [row for row in kept if not span.through or row.zh <= span.through][-MOST_MONTHS:]


def funnel_plans(session: Session) -> list[tuple[str, str, str]]:
    """Plans that deals are under, the one with most deals first: id and title in Chinese and English."""
    each = select(col(Deal.plan_version_id), func.count()).group_by(col(Deal.plan_version_id))
    counted = dict(session.exec(each).all())
    sums: Counter[str] = Counter()
    titles: dict[str, tuple[str, str]] = {}
    for version in plans.listing(session):
        sums[version.plan_id] += counted.get(version.id, 0)
        titles[version.plan_id] = (version.title_zh, version.title_en)
    return [(plan_id, *titles[plan_id]) for plan_id, count in sums.most_common() if count]


def funnel(session: Session, span: Span, *, plan_id: str) -> list[Row]:
    """From need to completion: how many got so far, and the median of days since the step before.

    Needs are all that were found in the span; the steps after are of deals opened in it under the plan.
    """
    needs = session.exec(
        select(func.count()).select_from(Need).where(*span.holds_day(col(Need.found_on)))
    ).one()
    versions = [one for one in plans.listing(session) if one.plan_id == plan_id]
    opened = _opened(session, span, [one.id for one in versions])
    rows = [
        Row("需求", "Needs", (needs, None), "/needs"),
        Row("项目", "Deals", (len(opened), _days(found for _, found in opened.values())), "/deals"),
    ]
    if not opened:
        return rows
    before = {deal_id: on for deal_id, (on, _) in opened.items()}
    reached = _reached(session, span, [one.id for one in versions])
    for stage in plans.value(versions[0]).stages:
        days = reached.get(stage.id, {})
        took = [(days[deal_id] - before[deal_id]).days for deal_id in days if deal_id in before]
        rows.append(Row(stage.title.zh, stage.title.en, (len(days), _days(took))))
        before = before | days
    return rows


def _opened(session: Session, span: Span, versions: Sequence[str]) -> dict[str, tuple[date, int | None]]:
    """Deals of the span by id: the day, and how many days after the need was found."""
    query = (
        select(col(Deal.id), col(Deal.opened_on), col(Need.found_on))
        .join(Need, col(Need.id) == Deal.need_id, isouter=True)
        .where(col(Deal.plan_version_id).in_(versions), *span.holds_day(col(Deal.opened_on)))
    )
    return {
        deal_id: (on, (on - found).days if found is not None else None)
        for deal_id, on, found in session.exec(query)
    }


def _reached(session: Session, span: Span, versions: Sequence[str]) -> dict[str, dict[str, date]]:
    """By stage and deal: the day of its first verified milestone."""
    query = (
        select(Milestone.stage, Milestone.deal_id, func.min(Milestone.reached_on))
        .join(Deal, col(Deal.id) == Milestone.deal_id)
        .where(
            Milestone.state == "verified",
            col(Deal.plan_version_id).in_(versions),
            *span.holds_day(col(Deal.opened_on)),
        )
        .group_by(Milestone.stage, Milestone.deal_id)
    )
    found: dict[str, dict[str, date]] = defaultdict(dict)
    for stage, deal_id, on in session.exec(query):
        found[stage][deal_id] = on
    return found


def _days(took: Iterable[int | None]) -> int | None:
    known = [days for days in took if days is not None]
    return round(median(known)) if known else None


def pools(session: Session, span: Span, *, now: datetime) -> list[Row]:
    """The deals that cost most in the span: the pool of each, what of it is earned, what is left."""
    amount = func.sum(Posting.amount_minor)
    query = (
        select(Posting.deal_id)
        .where(
            Posting.account == COMMISSION_COST,
            Posting.deal_id != "",
            Posting.currency == span.currency,
            *span.holds(col(Posting.period)),
        )
        .group_by(Posting.deal_id)
        .order_by(amount.desc(), Posting.deal_id)
        .limit(MOST_ROWS)
    )
    wanted = list(session.exec(query))
    found = {deal.id: deal for deal in session.exec(select(Deal).where(col(Deal.id).in_(wanted)))}
    known = accruals.facts_of_each(session, list(found.values()))
    rows = []
    for deal_id in wanted:
        deal = found[deal_id]
        worth = target(accruals.plan_of(session, deal), known[deal_id], day_of(now))
        figures = (worth.pool_minor, worth.allocated_minor, worth.reserve_minor)
        rows.append(Row(deal.title, deal.title, figures, f"/deals/{deal_id}"))
    return rows


def top_needs(session: Session, span: Span) -> list[Row]:
    """The needs that brought most: the fee received on their deals, less what was refunded."""
    amount = func.sum(
        case((col(Fact.type) == "fee_refunded", -col(Fact.amount_minor)), else_=Fact.amount_minor)
    )
    query = (
        select(Deal, Need.id, Need.title, amount)
        .join(Fact, col(Fact.deal_id) == Deal.id)
        .join(Need, col(Need.id) == Deal.need_id, isouter=True)
        .where(
            col(Fact.type).in_(("fee_received", "fee_refunded")),
            Deal.currency == span.currency,
            *span.holds_day(col(Fact.fact_on)),
        )
        .group_by(col(Deal.id), col(Need.id))
        .order_by(amount.desc(), col(Deal.id))
        .limit(MOST_ROWS)
    )
    found = session.exec(query).all()
    clients = organisations.names(session, [deal.client_id for deal, *_ in found])
    rows = []
    for deal, need_id, title, total in found:
        said = f"{title or deal.title} · {clients.get(deal.client_id, '')}"
        where = f"/needs/{need_id}" if need_id else f"/deals/{deal.id}"
        rows.append(Row(said, said, (int(total), deal.expected_fee_minor or 0), where))
    return rows
