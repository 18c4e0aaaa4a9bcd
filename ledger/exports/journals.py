"""A journal for hledger or Beancount: accounts, entries in order, and what every account then holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Literal, Protocol

from sqlmodel import Session, col, select

from ledger import rights
from ledger.core import period as months
from ledger.core.entry import Posting
from ledger.deals import Deal
from ledger.exports import beancount, books, hledger
from ledger.exports.books import Booked, Standing
from ledger.exports.said import Said
from ledger.facts import Fact
from ledger.milestones import Milestone
from ledger.plan_moves import PlanMove
from ledger.plans import PlanVersion
from ledger.statements import Statement
from ledger.users import User

Format = Literal["hledger", "beancount"]


class Syntax(Protocol):
    """How a format writes things down. Every function gives whole lines with their line ends."""

    def heading(self, title: str, currencies: Sequence[str]) -> Iterator[str]:
        """What stands at the top: the decimal mark, the currencies."""

    def account(self, standings: Sequence[Standing], on: date) -> Iterator[str]:
        """One account is used from a day on, in the currencies of its standings."""

    def entry(self, booked: Booked, said: Said) -> Iterator[str]:
        """One entry with everything known about it."""

    def brought_forward(self, on: date, standings: Iterable[Standing]) -> Iterator[str]:
        """One entry of what accounts held before a day, in one currency."""

    def balances(self, on: date, standings: Iterable[Standing]) -> Iterator[str]:
        """What every account must hold at the end of a day: the reader refuses the file if it does not."""


SYNTAX: Mapping[Format, Syntax] = {"hledger": hledger, "beancount": beancount}


def journal(
    session: Session, format: Format, *, period: str | None = None, by: User | None = None
) -> Iterator[str]:
    """The journal, line by line: of all the books, or of one month after the balances it began with.

    `by` is asked for their right to see the books; None is the command line.
    """
    if by is not None:
        rights.require(by, "books.see")
    if period is not None:
        months.parse(period)
    return _lines(session, SYNTAX[format], period)


def _lines(session: Session, syntax: Syntax, period: str | None) -> Iterator[str]:
    yield from syntax.heading(f"佣金 Yongjin {period or ''}".strip(), books.currencies(session))
    span = books.days(session, period)
    if span is None:
        return
    first, last = span
    for _, same in groupby(books.standings(session, period), key=lambda s: (s.account, s.owner)):
        yield from syntax.account(list(same), first)
    if period:
        yield from _brought_forward(session, syntax, period, first)
    for month in books.periods(session, period):
        yield from _entries(session, syntax, month)
    yield from syntax.balances(last, books.standings(session, period))


def _brought_forward(session: Session, syntax: Syntax, period: str, first: date) -> Iterator[str]:
    held = (s for s in books.standings(session, period, by_currency=True) if s.before_minor)
    for _, standings in groupby(held, key=lambda s: s.currency):
        yield from syntax.brought_forward(first, standings)


def _entries(session: Session, syntax: Syntax, month: str) -> Iterator[str]:
    statements = _statements(session, month)
    for chunk in books.chunks(session, month):
        deal_ids = {booked.entry.deal_id for booked in chunk}
        near = _Near(
            statements, _plans(session, deal_ids), _causes(session, deal_ids), _stages(session, deal_ids)
        )
        for booked in chunk:
            yield from syntax.entry(booked, near.said(booked))


@dataclass(frozen=True, slots=True)
class _Near:
    """What stands around some entries of a month."""

    statements: Mapping[tuple[str, str], str]  # number by (manager, currency)
    plans: Mapping[str, _Plans]  # by deal
    milestones: Mapping[str, str]  # by fact
    stages: Mapping[tuple[str, str], str]  # the milestone that counts, by (deal, stage)

    def said(self, booked: Booked) -> Said:
        """Everything an entry is labelled with, and each of its postings."""
        entry = booked.entry
        about: dict[str, str] = {
            "entry": str(booked.id),
            "kind": entry.kind,
            "source": entry.source,
            "deal": entry.deal_id,
            "plan": self.plans[entry.deal_id].at(booked.posted_at) if entry.deal_id in self.plans else "",
            "milestones": " ".join(self.milestones[f] for f in entry.because if f in self.milestones),
            "facts": " ".join(entry.because),
            "reverses": str(entry.reverses or ""),
            "posted-at": booked.posted_at.isoformat(timespec="seconds"),
            "posted-by": booked.posted_by,
        }
        return Said(_known(about), tuple(self._of_posting(booked, p) for p in entry.postings))

    def _of_posting(self, booked: Booked, posting: Posting) -> dict[str, str]:
        about = {
            "deal": posting.deal_id if posting.deal_id != booked.entry.deal_id else "",
            "manager": posting.manager_id,
            "stage": posting.stage,
            "milestone": self.stages.get((posting.deal_id, posting.stage), ""),
            "origin": posting.origin,
            "nature": posting.nature,
            "statement": self.statements.get((posting.manager_id, booked.entry.currency), ""),
        }
        return _known(about)


def _known(about: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if value}


def _statements(session: Session, month: str) -> dict[tuple[str, str], str]:
    """The number of the latest revision of everybody's statement of a month."""
    query = (
        select(Statement.manager_id, Statement.currency, Statement.number)
        .where(Statement.period == month)
        .order_by(col(Statement.revision))
    )
    return {(manager, currency): number for manager, currency, number in session.exec(query)}


@dataclass(frozen=True, slots=True)
class _Plans:
    """The version a deal keeps, and those it was moved away from, with when; the first first."""

    kept: str
    left: tuple[tuple[datetime, str], ...] = ()

    def at(self, posted_at: datetime) -> str:
        """The version an entry was worked out under; one that a move caused, under the new one."""
        return next((version for moved_at, version in self.left if posted_at < moved_at), self.kept)


def _plans(session: Session, deal_ids: Iterable[str]) -> dict[str, _Plans]:
    """The plan versions of some deals: `tianjin-platform-manager@1`."""
    wanted = sorted(deal_ids)
    kept = (
        select(Deal.id, PlanVersion.plan_id, PlanVersion.version)
        .join(PlanVersion, col(PlanVersion.id) == Deal.plan_version_id)
        .where(col(Deal.id).in_(wanted))
    )
    left = (
        select(PlanMove.deal_id, PlanMove.moved_at, PlanVersion.plan_id, PlanVersion.version)
        .join(PlanVersion, col(PlanVersion.id) == PlanMove.from_version_id)
        .where(col(PlanMove.deal_id).in_(wanted))
        .order_by(col(PlanMove.moved_at), col(PlanMove.id))
    )
    moves: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for deal_id, moved_at, plan, version in session.exec(left):
        moves[deal_id].append((moved_at, f"{plan}@{version}"))
    return {
        deal_id: _Plans(f"{plan}@{version}", tuple(moves[deal_id]))
        for deal_id, plan, version in session.exec(kept)
    }


def _causes(session: Session, deal_ids: Iterable[str]) -> dict[str, str]:
    """The milestones of some deals by the facts they became, those corrected since included."""
    wanted = col(Milestone.deal_id).in_(sorted(deal_ids))
    query = select(Milestone.fact_id, Milestone.id).where(wanted)
    found = {fact_id: milestone_id for fact_id, milestone_id in session.exec(query) if fact_id}
    corrected = (
        select(Fact.id, Fact.corrects)
        .where(col(Fact.deal_id).in_(sorted(deal_ids)), Fact.type == "milestone")
        .where(col(Fact.corrects).is_not(None))
        .order_by(col(Fact.seq).desc())
    )
    for fact_id, earlier in session.exec(corrected):
        if earlier and fact_id in found:
            found[earlier] = found[fact_id]
    return found


def _stages(session: Session, deal_ids: Iterable[str]) -> dict[tuple[str, str], str]:
    """Of each stage of some deals the milestone that counts."""
    query = (
        select(Milestone.deal_id, Milestone.stage, Milestone.id)
        .where(col(Milestone.deal_id).in_(sorted(deal_ids)), Milestone.state == "verified")
        .order_by(col(Milestone.reached_on), col(Milestone.id))
    )
    return {(deal_id, stage): milestone_id for deal_id, stage, milestone_id in session.exec(query)}
