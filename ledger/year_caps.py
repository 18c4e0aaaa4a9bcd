"""The cap on a manager's calendar year (年度封顶), kept after every settling that moves the year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import column, select, table
from sqlmodel import Session, col, func

from ledger import db, journal, periods, plans
from ledger.clock import day_of
from ledger.core import entry, year_cap
from ledger.core.year_cap import Books, Drawn, ManagerYear
from ledger.journal import Entry, Posted, Posting
from ledger.plans import PlanVersion

# By name and not by its class: deals are settled, and so capped, through this module.
_DEAL = table("deal", column("id"), column("plan_version_id"))


def settle(
    session: Session,
    touched: Collection[ManagerYear],
    *,
    now: datetime,
    because: Iterable[str] = (),
    by: str = "",
) -> list[Posted]:
    """Post relief due minus relief posted for the manager-years that entries just moved.

    The deals are locked before; the manager-years are locked here, in one order.
    """
    capped = {plan_id for plan_id in {one.plan_id for one in touched} if _is_capped(session, plan_id)}
    wanted = sorted(one for one in touched if one.plan_id in capped)
    if not wanted:
        return []
    db.lock(session, *(f"year_cap {one.name}" for one in wanted))
    calendar = periods.hold_open(session)
    missing = [
        drawn
        for _, drawn in draw(session, wanted, calendar, today=day_of(now), because=tuple(because))
        if drawn.entries
    ]
    return journal.post_many(
        session,
        [new for drawn in missing for new in drawn.entries],
        now=now,
        by=by,
        workings=[working for drawn in missing for working in drawn.workings],
    )


def unsettled(session: Session, *, now: datetime) -> Iterator[tuple[ManagerYear, Drawn]]:
    """Every manager-year whose relief is not what it should be, with what is missing."""
    plan_ids = session.scalars(select(col(PlanVersion.plan_id)).distinct().order_by(col(PlanVersion.plan_id)))
    capped = [plan_id for plan_id in plan_ids if _is_capped(session, plan_id)]
    there = _manager_years(session, capped)
    for about, drawn in draw(session, there, periods.calendar(session), today=day_of(now)):
        if drawn.entries:
            yield about, drawn


def draw(
    session: Session,
    wanted: Collection[ManagerYear],
    calendar: periods.Calendar,
    *,
    today: date,
    because: tuple[str, ...] = (),
) -> Iterator[tuple[ManagerYear, Drawn]]:
    """What each manager-year lacks, in order."""
    sums = _accrued(session, wanted)
    relieved = _relieved(session, wanted)
    for about in sorted(wanted):
        known = sums.get(about, _Accrued())
        books = Books(known.by_period, *relieved.get(about, ({}, 0)))
        yield (
            about,
            year_cap.draw(
                about, known.cap_minor(session), books, today=today, landing=calendar.landing, because=because
            ),
        )


def of_deal(session: Session, deal_id: str, plan_ids: Collection[str]) -> set[ManagerYear]:
    """The manager-years that a deal's entries are part of, were it under any of these plans."""
    query = (
        select(col(Posting.manager_id), col(Posting.currency), col(Posting.period))
        .where(col(Posting.deal_id) == deal_id, col(Posting.account) == entry.COMMISSION_COST)
        .distinct()
    )
    return {
        ManagerYear(manager_id, int(period[:4]), plan_id, currency)
        for manager_id, currency, period in session.execute(query)
        for plan_id in plan_ids
    }


def _is_capped(session: Session, plan_id: str) -> bool:
    """Whether any version of the plan has a cap on the year."""
    return any(plans.value(one).cap_per_year_minor is not None for one in plans.versions(session, plan_id))


@dataclass
class _Accrued:
    """What one manager-year was accrued, and the latest version of the plan among its deals."""

    by_period: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    version: int = 0
    version_id: str = ""

    def cap_minor(self, session: Session) -> int | None:
        """The cap of that version."""
        if not self.version_id:
            return None
        return plans.value(plans.get(session, self.version_id)).cap_per_year_minor


def _accrued(session: Session, wanted: Collection[ManagerYear]) -> dict[ManagerYear, _Accrued]:
    years = {one.year for one in wanted}
    query = (
        select(
            col(Posting.manager_id),
            col(PlanVersion.plan_id),
            col(PlanVersion.version),
            col(PlanVersion.id),
            col(Posting.currency),
            col(Posting.period),
            func.sum(col(Posting.amount_minor)),
        )
        .join(_DEAL, _DEAL.c.id == col(Posting.deal_id))
        .join(PlanVersion, _DEAL.c.plan_version_id == col(PlanVersion.id))
        .where(
            # coalesce keeps SQLite from the index by account, which would read everybody's postings
            func.coalesce(col(Posting.account), "") == entry.COMMISSION_COST,
            col(Posting.nature).in_(year_cap.COUNTED),
            col(Posting.manager_id).in_({one.manager_id for one in wanted}),
            col(PlanVersion.plan_id).in_({one.plan_id for one in wanted}),
            col(Posting.period) >= f"{min(years, default=0):04d}-01",
            col(Posting.period) <= f"{max(years, default=0):04d}-12",
        )
        .group_by(
            col(Posting.manager_id),
            col(PlanVersion.plan_id),
            col(PlanVersion.version),
            col(PlanVersion.id),
            col(Posting.currency),
            col(Posting.period),
        )
    )
    found: dict[ManagerYear, _Accrued] = defaultdict(_Accrued)
    for manager_id, plan_id, version, version_id, currency, period, amount in session.execute(query):
        one = found[ManagerYear(manager_id, int(period[:4]), plan_id, currency)]
        one.by_period[period] += int(amount)
        if version > one.version:
            one.version, one.version_id = version, version_id
    return found


def _relieved(
    session: Session, wanted: Collection[ManagerYear]
) -> dict[ManagerYear, tuple[dict[str, int], int]]:
    """Relief by origin, and by how many entries, of each manager-year."""
    by_name = {one.name: one for one in wanted}
    query = (
        select(col(Entry.id), col(Entry.source), col(Posting.origin), col(Posting.amount_minor))
        .join(Posting, col(Posting.entry_id) == col(Entry.id))
        .where(
            col(Entry.kind) == "year_cap",
            col(Posting.account) == entry.PAYABLE,
            col(Posting.owner).in_({one.manager_id for one in wanted}),
        )
    )
    sums: dict[ManagerYear, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    entries: dict[ManagerYear, set[int]] = defaultdict(set)
    for entry_id, source, origin, amount in session.execute(query):
        about = by_name.get(source.rpartition("#")[0])
        if about is not None:
            sums[about][origin] += amount
            entries[about].add(entry_id)
    return {about: (sums[about], len(entries[about])) for about in sums}


def relieved(session: Session, manager_ids: Collection[str]) -> dict[ManagerYear, int]:
    """What was taken off some managers' years, where anything was."""
    query = (
        select(col(Entry.source), col(Posting.amount_minor))
        .join(Posting, col(Posting.entry_id) == col(Entry.id))
        .where(
            col(Entry.kind) == "year_cap",
            col(Posting.account) == entry.PAYABLE,
            col(Posting.owner).in_(manager_ids),
        )
    )
    sums: dict[ManagerYear, int] = defaultdict(int)
    for source, amount in session.execute(query):
        sums[_named(source)] += amount
    return {about: minor for about, minor in sums.items() if minor}


def cap_of(session: Session, about: ManagerYear) -> int | None:
    """The cap on a manager's year."""
    return _accrued(session, [about])[about].cap_minor(session)


def _named(source: str) -> ManagerYear:
    """The manager-year that an entry's source names."""
    plan_id, manager_id, year, currency = source.rpartition("#")[0].split("/")
    return ManagerYear(manager_id, int(year), plan_id, currency)


def _manager_years(session: Session, plan_ids: Collection[str]) -> set[ManagerYear]:
    """Every manager-year under these plans, and every one that was ever relieved."""
    query = (
        select(col(Posting.manager_id), col(PlanVersion.plan_id), col(Posting.currency), col(Posting.period))
        .join(_DEAL, _DEAL.c.id == col(Posting.deal_id))
        .join(PlanVersion, _DEAL.c.plan_version_id == col(PlanVersion.id))
        .where(col(Posting.account) == entry.COMMISSION_COST, col(PlanVersion.plan_id).in_(list(plan_ids)))
        .distinct()
    )
    found = {
        ManagerYear(manager_id, int(period[:4]), plan_id, currency)
        for manager_id, plan_id, currency, period in session.execute(query)
    }
    for source in session.scalars(select(col(Entry.source)).where(col(Entry.kind) == "year_cap")):
        found.add(_named(source))
    return found
