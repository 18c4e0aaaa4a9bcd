"""What a manager earned in a month, line by line, and what earlier months turned out to be worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from ledger import deals, journal, organisations, plan_moves, plans
from ledger.core import statement as paper
from ledger.core import workings
from ledger.core.entry import COMMISSION_COST, HELD
from ledger.core.plan import Plan
from ledger.journal import Entry, Posting
from ledger.plans import PlanVersion


@dataclass(frozen=True, slots=True)
class Moved:
    """One posting of the manager in the period, with its entry."""

    posting: Posting
    entry: Entry


def moved(session: Session, manager_id: str, period: str, currency: str) -> list[Moved]:
    """Every posting of a manager's month, in the order it was booked."""
    query = (
        select(Posting, Entry)
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.manager_id == manager_id, Posting.period == period, Posting.currency == currency)
        .order_by(col(Entry.booked_on), col(Entry.id), col(Posting.line))
    )
    return [Moved(posting, entry) for posting, entry in session.exec(query)]


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids on a statement are called."""

    deals: dict[str, deals.Deal]
    clients: dict[str, str]
    plans: dict[str, Plan]  # by deal
    versions: tuple[PlanVersion, ...]  # of these plans, by id

    def title(self, deal_id: str) -> str:
        deal = self.deals.get(deal_id)
        return deal.title if deal else ""

    def client(self, deal_id: str) -> str:
        deal = self.deals.get(deal_id)
        return self.clients.get(deal.client_id, "") if deal else ""

    def place(self, deal_id: str, stage: str) -> int:
        """Where the stage stands in its plan."""
        known = self.plans[deal_id].stages if deal_id in self.plans else ()
        return next((place for place, one in enumerate(known) if one.id == stage), len(known))

    def stage(self, deal_id: str, stage: str) -> paper.Words:
        known = self.plans[deal_id].stages if deal_id in self.plans else ()
        title = next((one.title for one in known if one.id == stage), None)
        return paper.Words(zh=title.zh, en=title.en) if title else paper.Words(zh=stage, en=stage)


def names(session: Session, deal_ids: Iterable[str], *, known_at: datetime | None = None) -> Names:
    """What these deals, their clients and their stages are called, by the plans kept at an instant."""
    found = deals.by_id(session, deal_ids)
    kept = {deal.id: deal.plan_version_id for deal in found.values()}
    if known_at is not None:
        kept |= plan_moves.kept_at(session, sorted(found), known_at)
    versions = tuple(plans.get(session, version_id) for version_id in sorted({*kept.values()}))
    read = {version.id: plans.value(version) for version in versions}
    clients = organisations.names(session, [deal.client_id for deal in found.values()])
    return Names(found, clients, {deal_id: read[kept[deal_id]] for deal_id in found}, versions)


class Explained:
    """Sentences for the lines of an entry, from the working kept beside it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[int, dict[str, Any]] = {}

    def why(self, entry: Entry, origin: str, manager: str, stage: str) -> Why:
        working = self._read.get(entry.id)
        if working is None:
            working = self._read[entry.id] = journal.working_of(self._session, entry.id) or {}
        for part in working.get("origins", []):
            if part["origin"] == origin:
                steps = part["because"].get(f"{manager}|{stage}", [])
                return Why(part["basis_minor"], steps, entry.currency)
        return Why(None, [], entry.currency)


@dataclass(frozen=True, slots=True)
class Why:
    base_minor: int | None
    steps: list[Any]
    currency: str

    @property
    def words(self) -> paper.Words:
        read = workings.from_data(self.steps)
        return paper.Words(
            zh="".join(workings.sentences(read, "zh", self.currency)),
            en=" ".join(workings.sentences(read, "en", self.currency)),
        )

    def figure(self, rule: str, name: str) -> str:
        """The figure of that name in the steps of a rule; where there are several, it goes by brackets."""
        found = {
            str(step["numbers"][name])
            for step in self.steps
            if step["rule"].partition(".")[0] == rule and name in step["numbers"]
        }
        return BY_BRACKET if len(found) > 1 else "".join(found)


BY_BRACKET = "分档"

Key = tuple[int, str, str, str, str]  # entry, deal, stage, origin, nature


def lines(
    session: Session, moved: Sequence[Moved], names: Names, period: str
) -> tuple[tuple[paper.Line, ...], tuple[paper.Adjustment, ...]]:
    """The month's lines, and apart from them what belongs to earlier periods."""
    said = Explained(session)
    gross: dict[Key, int] = defaultdict(int)
    held: dict[Key, int] = defaultdict(int)
    entries: dict[int, Entry] = {}
    for one in moved:
        if one.entry.kind != "accrual":
            continue
        p = one.posting
        key = (one.entry.id, p.deal_id, p.stage, p.origin, p.nature)
        entries[one.entry.id] = one.entry
        if p.account == COMMISSION_COST:
            gross[key] += p.amount_minor
        elif p.account == HELD:
            held[key] -= p.amount_minor
    lines, adjustments = [], []

    def order(key: Key) -> tuple[Any, ...]:
        entry_id, deal_id, stage, origin, nature = key
        return entries[entry_id].booked_on, entry_id, names.place(deal_id, stage), stage, origin, nature

    for key in sorted(gross.keys() | held.keys(), key=order):
        entry_id, _, stage, origin, nature = key
        why = said.why(entries[entry_id], origin, _manager(moved), stage)
        if origin < period and nature != "clawed_back":
            old = _old(session, _manager(moved), key, period)
            adjustments.append(_adjustment(entries[entry_id], key, old, gross[key], held[key], names, why))
        else:
            lines.append(_line(entries[entry_id], key, gross[key], held[key], names, why))
    return tuple(lines), tuple(adjustments)


def _manager(moved: Sequence[Moved]) -> str:
    return moved[0].posting.manager_id


def _line(entry: Entry, key: Key, gross: int, held: int, names: Names, why: Why) -> paper.Line:
    _, deal_id, stage, _, nature = key
    return paper.Line(
        on=entry.booked_on,
        deal_id=deal_id,
        deal_title=names.title(deal_id),
        client=names.client(deal_id),
        stage=names.stage(deal_id, stage),
        nature=nature,  # type: ignore[arg-type]
        base_minor=why.base_minor,
        rate=why.figure("pool", "rate"),
        share=why.figure("part", "share"),
        gross_minor=gross,
        held_minor=held,
        payable_minor=gross - held,
        entry=str(entry.id),
        because=why.words,
    )


def _adjustment(
    entry: Entry, key: Key, old: int, gross: int, held: int, names: Names, why: Why
) -> paper.Adjustment:
    _, deal_id, stage, origin, _ = key
    return paper.Adjustment(
        origin=origin,
        on=entry.booked_on,
        deal_id=deal_id,
        deal_title=names.title(deal_id),
        stage=names.stage(deal_id, stage),
        old_minor=old,
        new_minor=old + gross,
        difference_minor=gross,
        held_minor=held,
        entry=str(entry.id),
        reason=why.words,
    )


def _old(session: Session, manager_id: str, key: Key, period: str) -> int:
    """What was booked for that period before this entry."""
    entry_id, deal_id, stage, origin, nature = key
    query = select(func.coalesce(func.sum(Posting.amount_minor), 0)).where(
        Posting.account == COMMISSION_COST,
        Posting.deal_id == deal_id,
        Posting.manager_id == manager_id,
        Posting.stage == stage,
        Posting.origin == origin,
        Posting.nature == nature,
        (Posting.period < period) | ((Posting.period == period) & (Posting.entry_id < entry_id)),
    )
    return int(session.exec(query).one())
