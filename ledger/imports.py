"""Facts in bulk: files of deals into the books, a batch a transaction.

Running the same files again changes nothing, so a broken-off import is simply run again. A deal that
cannot be taken is listed with its line and why; the others go on.
"""

from __future__ import annotations

import copyreg
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from multiprocessing import get_context
from types import MappingProxyType
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from ledger import (
    accruals,
    audit,
    clock,
    db,
    deals,
    facts,
    ids,
    journal,
    managers,
    milestones,
    organisations,
    periods,
    plans,
    processes,
    year_caps,
)
from ledger.core import accrual, condition, entry, fee, period, year_cap
from ledger.core import facts as core
from ledger.core.errors import Conflict, InvalidFile, Refused
from ledger.core.facts_file import FactsFile, Origin, Unread, check_against
from ledger.core.plan import Plan
from ledger.core.year_cap import ManagerYear
from ledger.db import Database
from ledger.fees import BASIC_ACCOUNT, KINDS

BY = "import"
BATCH = 100
AHEAD = 2  # batches read for each worker before one of them is done: memory stays flat
NO_CLIENT = "未注明企业"
TAX_METHOD = "per_payment"  # of somebody whom a file names for the first time


@dataclass
class Report:
    """What an import came to."""

    deals: int = 0
    facts: int = 0
    entries: int = 0
    looked_at: int = 0
    refused: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Count another batch in."""
        self.deals += other.deals
        self.facts += other.facts
        self.entries += other.entries
        self.looked_at += other.looked_at
        self.refused += other.refused


Item = FactsFile | InvalidFile | Unread  # a deal, why there is none, or a line that the worker reads


def load(
    database: Database,
    files: Iterable[Item],
    *,
    plan_id: str,
    now: datetime,
    workers: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Take deals in, in batches. `progress` is told how many were looked at.

    On PostgreSQL several workers, each a process, take a batch each; SQLite has one writer at a time.
    """
    report, stream = Report(), iter(files)
    batches = iter(lambda: list(islice(stream, BATCH)), [])
    for taken in _taken(database, batches, plan_id, now, 1 if database.is_sqlite else workers):
        report.add(taken)
        progress(taken.looked_at)
    return report


def _taken(
    database: Database,
    batches: Iterable[list[Item]],
    plan_id: str,
    now: datetime,
    workers: int,
) -> Iterator[Report]:
    if workers <= 1:
        yield from (_take(database, batch, plan_id, now) for batch in batches)
        return
    url = database.engine.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (url,)) as pool:
        under_way: set[Future[Report]] = set()
        for batch in batches:
            under_way.add(pool.submit(_take_here, batch, plan_id, now))
            if len(under_way) > workers * AHEAD:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        yield from (one.result() for one in as_completed(under_way))


def _read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


# read-only mappings go to another process as what they hold
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))

_database: Database


def _open(url: str) -> None:
    global _database
    processes.begin()
    _database = Database(url, pool_size=1)


def _take_here(batch: list[Item], plan_id: str, now: datetime) -> Report:
    return _take(_database, batch, plan_id, now)


def _take(database: Database, batch: list[Item], plan_id: str, now: datetime) -> Report:
    with processes.not_collecting():
        read = list(_read(batch))
        files = [one for one in read if isinstance(one, FactsFile)]
        report = _load(database, files, plan_id, now)
    report.looked_at = len(read)
    report.refused = [str(one) for one in read if isinstance(one, InvalidFile)] + report.refused
    return report


def _read(batch: Iterable[Item]) -> Iterator[FactsFile | InvalidFile]:
    for item in batch:
        if isinstance(item, Unread):
            yield from item.read()
        else:
            yield item


def _load(database: Database, files: Sequence[FactsFile], plan_id: str, now: datetime) -> Report:
    """One batch in one transaction; where something is refused, deal by deal."""
    try:
        return database.run(lambda session: _absorb(session, files, plan_id, now))
    except (Refused, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not db.guard_code(error):
            raise
        if len(files) == 1:
            return Report(refused=[_refusal(files[0], error)])
    report = Report()
    for file in files:
        report.add(_load(database, [file], plan_id, now))
    return report


def _refusal(file: FactsFile, error: Refused | DBAPIError) -> str:
    if isinstance(error, InvalidFile):
        return str(error)
    why = str(error) if isinstance(error, Refused) else f"the books refuse it: {db.guard_code(error)}"
    return f"{file.name}:{file.line}: deal {file.facts.deal.id}: {why}"


class _Rows:
    """Everything a batch adds, table by table, written in one statement each."""

    def __init__(self) -> None:
        self.deals: list[dict[str, Any]] = []
        self.involved: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []
        self.milestones: list[dict[str, Any]] = []
        self.entries: list[entry.Entry] = []
        self.workings: list[dict[str, Any] | None] = []
        self.years: set[ManagerYear] = set()

    def post(self, new: entry.Entry, working: dict[str, Any] | None = None) -> None:
        self.entries.append(new)
        self.workings.append(working)

    def write(self, session: Session, now: datetime) -> None:
        for table, rows in (
            (deals.Deal, self.deals),
            (deals.DealManager, self.involved),
            (facts.Fact, self.facts),
            (milestones.Milestone, self.milestones),
        ):
            db.insert_rows(session, table, rows)
        journal.post_many(session, self.entries, now=now, by=BY, workings=self.workings)


def _absorb(session: Session, files: Sequence[FactsFile], plan_id: str, now: datetime) -> Report:
    accruals.begin(session)
    calendar = periods.hold_open(session)
    there = _deals_there(session, files)
    known_facts = facts.of_deals(session, there)
    known_involved = _involved(session, there)
    rows, report, versions = _Rows(), Report(), _Versions(session, plan_id)
    clients = _organisations(session, files, now)
    _managers(session, files, now)
    for file in files:
        deal = there.get(file.facts.deal.id)
        version = plans.get(session, deal.plan_version_id) if deal else versions.on(_opened_on(file))
        plan = plans.value(version)
        _check(plan, version, file, clock.day_of(now))
        if deal is None:
            deal = _deal(file, version, clients, now)
            report.deals += 1
        else:
            _same_deal(deal, file)
        known = known_facts.get(deal.id, [])
        new = _new_facts(file, deal, known, now)
        _not_below_zero(file, [*(facts.value(fact) for fact in known), *new.values])
        rows.facts += new.rows
        rows.milestones += _milestones(file, new, deal, now)
        _post(session, rows, plan, deal, new, known, calendar, now)
        rows.involved += [
            {"deal_id": deal.id, "manager_id": manager}
            for manager in sorted(_people(file) - known_involved.get(deal.id, set()))
        ]
        if deal.id not in there:
            rows.deals.append(deal.model_dump())
        report.facts += len(new.rows)
    rows.write(session, now)
    report.entries = len(rows.entries) + len(year_caps.settle(session, rows.years, now=now, by=BY))
    _note(session, files, report, now)
    return report


def _note(session: Session, files: Sequence[FactsFile], report: Report, now: datetime) -> None:
    """One note for a batch that brought something new."""
    if report.facts or report.deals:
        first, last = files[0].facts.deal.id, files[-1].facts.deal.id
        told = {"through": last, "deals": report.deals, "facts": report.facts, "entries": report.entries}
        audit.note(session, BY, "import", first, after=told, now=now)


def _people(file: FactsFile) -> set[str]:
    """Everybody a deal has to do with."""
    people: set[str] = set()
    for fact in file.facts.facts:
        if isinstance(fact, core.Milestone):
            people |= {participant.manager for participant in fact.participants}
        elif isinstance(fact, core.Adjustment | core.Paid):
            people.add(fact.manager)
    return people


def _deals_there(session: Session, files: Sequence[FactsFile]) -> dict[str, deals.Deal]:
    wanted = sorted({file.facts.deal.id for file in files})
    if len(wanted) < len(files):
        raise Conflict("deal_twice", "one deal stands more than once in this batch")
    query = select(deals.Deal).where(col(deals.Deal.id).in_(wanted)).order_by(col(deals.Deal.id))
    return {deal.id: deal for deal in session.exec(query.with_for_update())}


def _involved(session: Session, deal_ids: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    query = select(deals.DealManager).where(col(deals.DealManager.deal_id).in_(list(deal_ids)))
    for row in session.exec(query):
        found.setdefault(row.deal_id, set()).add(row.manager_id)
    return found


def _organisations(session: Session, files: Sequence[FactsFile], now: datetime) -> dict[str, str]:
    """Ids by name; the new ones are added."""
    wanted = {file.facts.deal.client or NO_CLIENT for file in files}
    wanted |= {file.facts.deal.source for file in files if file.facts.deal.source}
    there = organisations.ids_of(session, wanted)
    new = [
        {"id": ids.new("og"), "name": name, "credit_code": None, "created_at": now}
        for name in sorted(wanted - there.keys())
    ]
    db.insert_missing(session, organisations.Organisation, new)
    return organisations.ids_of(session, wanted) if new else there


def _managers(session: Session, files: Sequence[FactsFile], now: datetime) -> None:
    named = {manager.id: manager for file in files for manager in file.facts.managers.values()}
    new = [named[one] for one in sorted(named.keys() - managers.names(session, named).keys())]
    db.insert_missing(
        session,
        managers.Manager,
        [
            {
                "id": ids.given(one.id, "manager"),
                "name": one.name,
                "tax_method": TAX_METHOD,
                "created_at": now,
            }
            for one in new
        ],
    )
    db.insert_missing(
        session,
        managers.ManagerGrade,
        [
            {"manager_id": one.id, "from_on": managers.BEGINNING, "grade": one.grade}
            for one in new
            if one.grade
        ],
    )


class _Versions:
    """The versions of the plan, read once a batch."""

    def __init__(self, session: Session, plan_id: str) -> None:
        self._plan_id, self._known = plan_id, plans.versions(session, plan_id)

    def on(self, day: date) -> plans.PlanVersion:
        return plans.among(self._known, self._plan_id, day)


def _opened_on(file: FactsFile) -> date:
    days = [fact.on for fact in file.facts.facts]
    return file.facts.deal.opened_on or min(days, default=managers.BEGINNING)


def _check(plan: Plan, version: plans.PlanVersion, file: FactsFile, today: date) -> None:
    check_against(plan, file)
    for origin, fact in zip(file.origins, file.facts.facts, strict=True):
        if fact.on > today:
            raise file.fail(origin.line, f"{fact.on} is in the future", "import it when the day has come")
    if plan.when is not None and not condition.allows(plan.when, file.facts.deal):
        raise InvalidFile(
            file.name,
            file.line,
            f"plan {version.plan_id} is not for deal {file.facts.deal.id}: {plan.when}",
            "import it under another plan with --plan",
        )


def _not_below_zero(file: FactsFile, known: Sequence[core.Fact]) -> None:
    for wrong in fee.below_zero(known):
        more = "more VAT" if wrong.is_vat else "more"
        raise file.fail(
            file.line,
            f"deal {file.facts.deal.id} gives back {more} than it had ({wrong.given_back})",
            "correct the amounts, or add what is missing",
        )
    paid: dict[str, int] = defaultdict(int)
    for fact in known:
        if isinstance(fact, core.Paid):
            paid[fact.manager] += fact.amount_minor
    for manager in sorted(who for who, minor in paid.items() if minor < 0):
        raise file.fail(
            file.line,
            f"on deal {file.facts.deal.id} more came back from {manager} than they were paid",
            "correct the amounts, or add the payments",
        )


def _deal(file: FactsFile, version: plans.PlanVersion, clients: dict[str, str], now: datetime) -> deals.Deal:
    given = file.facts.deal
    return deals.Deal(
        id=ids.given(given.id, "deal"),
        title=given.title or given.id,
        client_id=clients[given.client or NO_CLIENT],
        source_id=clients[given.source] if given.source else None,
        category=given.category,
        mode=given.mode,
        currency=version.currency,
        expected_fee_minor=given.expected_fee_minor,
        tax_rate=str(given.tax_rate) if given.tax_rate is not None else None,
        plan_version_id=version.id,
        opened_on=_opened_on(file),
        opened_by=BY,
        opened_at=now,
    )


def _same_deal(deal: deals.Deal, file: FactsFile) -> None:
    given = file.facts.deal
    for name in ("category", "mode", "expected_fee_minor"):
        if getattr(deal, name) != getattr(given, name):
            raise InvalidFile(
                file.name,
                file.line,
                f"deal {deal.id} is in the books with another {name.removesuffix('_minor')}",
                "amend it there, or give the new deal another id",
            )


@dataclass
class _New:
    """The facts of one file that are not in the books yet: as values and as rows."""

    values: list[core.Fact]
    rows: list[dict[str, Any]]


def _new_facts(file: FactsFile, deal: deals.Deal, known: Sequence[facts.Fact], now: datetime) -> _New:
    there = {fact.ref: fact for fact in known}
    new = _New([], [])
    values = file.facts.facts
    given = [(_ref(origin, value), value) for origin, value in zip(file.origins, values, strict=True)]
    for ref, value in zip(facts.refs(given), values, strict=True):
        row = facts.columns(value)
        if ref in there:
            facts.same(there[ref], row)
            continue
        new.values.append(value)
        new.rows.append(
            {
                "id": ids.new("ft"),
                "deal_id": deal.id,
                "ref": ref,
                "document": f"{deal.id}/{ref}" if row["type"] in KINDS else None,
                "corrects": None,
                "recorded_at": now,
                "recorded_by": BY,
                **row,
            }
        )
    return new


def _ref(origin: Origin, value: core.Fact) -> str | None:
    """One contract event may state two figures: each is a fact with a ref of its own."""
    if origin.ref is None or origin.type != "contract" or not isinstance(value, core.Stated):
        return origin.ref
    return f"{origin.ref}#{value.what}"


def _milestones(file: FactsFile, new: _New, deal: deals.Deal, now: datetime) -> list[dict[str, Any]]:
    undone = [fact for fact in file.facts.facts if isinstance(fact, core.MilestoneWithdrawn)]
    return [
        {
            "id": ids.new("ms"),
            "deal_id": deal.id,
            "stage": value.stage,
            "reached_on": value.on,
            "participants": {p.manager: str(p.weight) for p in value.participants},
            "note": "",
            "state": (
                "withdrawn"
                if any(u.stage == value.stage and u.on >= value.on for u in undone)
                else "verified"
            ),
            "logged_by": BY,
            "logged_at": now,
            "submitted_at": now,
            "decided_by": BY,
            "decided_at": now,
            "reason": None,
            "fact_id": row["id"],
        }
        for value, row in zip(new.values, new.rows, strict=True)
        if isinstance(value, core.Milestone)
    ]


def _post(
    session: Session,
    rows: _Rows,
    plan: Plan,
    deal: deals.Deal,
    new: _New,
    known: Sequence[facts.Fact],
    calendar: periods.Calendar,
    now: datetime,
) -> None:
    """The entries of the new facts, and of settling the deal with them."""
    if not new.rows:
        return
    terms = accruals.terms_of(deal)
    for value, row in zip(new.values, new.rows, strict=True):
        if isinstance(value, core.Fee):
            part = fee.Part(value, row["id"], deal.id, deal.client_id)
            rows.post(
                fee.draw(
                    row["document"],
                    [part],
                    currency=deal.currency,
                    landing=calendar.landing(period.of(value.on)),
                    bank_account=BASIC_ACCOUNT,
                    ref=row["ref"],
                )
            )
    drawn = accrual.draw(
        plan,
        _all_facts(session, deal, new, known),
        accruals.books_of(session, deal.id) if known else accrual.EMPTY,
        terms,
        today=clock.day_of(now),
        landing=calendar.landing,
        because=tuple(row["id"] for row in new.rows),
    )
    deal.settled_no = drawn.settled_no
    rows.years |= year_cap.touched(plan.id, drawn.entries)
    for one, working in zip(drawn.entries, drawn.workings, strict=True):
        rows.post(one, working)
    for value, row in zip(new.values, new.rows, strict=True):
        if isinstance(value, core.Paid):
            rows.post(_paid(value, row, deal, calendar))


def _all_facts(session: Session, deal: deals.Deal, new: _New, known: Sequence[facts.Fact]) -> core.DealFacts:
    if not known:
        return core.DealFacts(deal.as_value(), tuple(new.values))
    before = [facts.value(fact) for fact in known if fact.type != "paid"]
    return core.DealFacts(deal.as_value(), (*before, *accruals.paid_on(session, deal.id), *new.values))


def _paid(value: core.Paid, row: dict[str, Any], deal: deals.Deal, calendar: periods.Calendar) -> entry.Entry:
    """Paid before or outside this ledger: payable goes down, the bank too, no tax is known."""
    landing = calendar.landing(period.of(value.on))

    def line(account: str, amount_minor: int, owner: str) -> entry.Posting:
        return entry.Posting(
            account,
            amount_minor,
            owner,
            deal_id=deal.id,
            manager_id=value.manager,
            origin=period.of(value.on),
        )

    return entry.Entry(
        kind="paid_elsewhere",
        source=f"{deal.id}/{row['ref']}",
        on=max(value.on, period.first_day(landing)),
        period=landing,
        currency=deal.currency,
        summary="此前已在别处支付的佣金",
        deal_id=deal.id,
        because=(row["id"],),
        postings=(
            line(entry.PAYABLE, value.amount_minor, value.manager),
            line(entry.BANK, -value.amount_minor, BASIC_ACCOUNT),
        ),
    )
