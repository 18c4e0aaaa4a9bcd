"""A crowd: sixteen processes that act on one database at the same moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from ledger import (
    accounts,
    accruals,
    approvals,
    bounces,
    deals,
    fees,
    imports,
    invoices,
    milestones,
    payouts,
    year_caps,
)
from ledger.core.errors import Refused
from ledger.core.facts_file import read_lines
from ledger.db import Database
from ledger.users import User
from tests.desk import Desk

SIXTEEN = 16
START_SECONDS = 0.3  # so long everybody has to take up their work before all begin


class Clerk(Desk):
    """A desk at which one thing is done at a time."""

    def verify(self, milestone_id: str) -> None:
        self.do(lambda s: milestones.verify(s, milestone_id, **self.by("second")))

    def withdraw(self, milestone_id: str) -> None:
        self.do(
            lambda s: milestones.withdraw(s, milestone_id, reason="误", on=self.today, **self.by("second"))
        )

    def cancel(self, deal: str, reason: str = "default") -> None:
        self.do(lambda s: deals.cancel(s, deal, reason=reason, on=self.today, **self.by("operator")))

    def correct(self, fact_id: str) -> None:
        self.do(lambda s: fees.correct(s, fact_id, reason="误", **self.by("finance")))

    def make(self) -> str:
        return self.do(lambda s: payouts.make(s, value_on=self.today, **self.by("operator")).id)

    def approve(self, payout_id: str, who: str) -> None:
        self.do(lambda s: approvals.approve(s, payout_id, **self.by(who)))

    def void(self, payout_id: str) -> None:
        self.do(lambda s: payouts.void(s, payout_id, reason="误", **self.by("operator")))

    def take_back(self, invoice_id: str) -> None:
        self.do(lambda s: invoices.take_back(s, invoice_id, reason="误", **self.by("finance")))

    def close_seen(self, period: str) -> None:
        """Close a month, whatever there is to be seen in it."""
        self.close(period, accept=self.seen(period))

    def bounce(self, payout_id: str) -> None:
        """The bank gives all of a batch back."""

        def write(session: Session) -> None:
            reasons = {line.id: "退汇" for line in payouts.lines_of(session, payout_id)}
            bounces.record(session, payout_id, reasons, on=self.today, **self.by("finance"))

        self.do(write)

    def take_in(self, lines: Sequence[bytes], workers: int = 1) -> imports.Report:
        read = read_lines(lines, "at-once.jsonl", "CNY")
        return imports.load(self.database, read, plan_id="simple", now=self.now, workers=workers)


@dataclass(frozen=True)
class Act:
    """One thing to do: the name of what a clerk can do, and with what."""

    name: str
    given: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()


def act(name: str, *given: Any, **named: Any) -> Act:
    return Act(name, given, tuple(named.items()))


class Crowd:
    """Sixteen clerks, each a process, at the desks they are sent to."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def at_once(self, desk: Desk, each: Iterable[Sequence[Act]]) -> list[list[str]]:
        """What came of every clerk's acts: "done", or the code of the refusal. Anything else is raised.

        Meanwhile the books are looked at again and again: at no moment are they wrong.
        """
        desks = [list(acts) for acts in each]
        assert len(desks) <= SIXTEEN
        at, url = (
            time.monotonic() + START_SECONDS,
            desk.database.engine.url.render_as_string(hide_password=False),
        )
        seat = (desk.files, desk.today, {name: user.model_dump() for name, user in desk.people.items()})
        under_way = [self._pool.submit(_work, url, seat, acts, at) for acts in desks]
        while wait(under_way, timeout=0.05).not_done:
            assert at_this_moment(desk) == []
        return [one.result() for one in under_way]


def counted(outcomes: Iterable[Iterable[str]]) -> dict[str, int]:
    """How often what came of it."""
    return dict(Counter(outcome for one in outcomes for outcome in one))


def at_this_moment(desk: Desk) -> list[str]:
    """What is wrong in one snapshot of the books: each deal says what its facts say, and all sums to zero."""
    with desk.database.reading() as session:
        trial = accounts.trial_balance(session, by=desk.people["finance"])
        off = sum(row.balance_minor for row in trial)
        lacking = [one.deal_id for one in _lacking(session, desk)]
        relief = [about.name for about, _ in year_caps.unsettled(session, now=desk.now)]
    return [*([f"the books are {off} off"] if off else []), *lacking, *relief]


def _lacking(session: Session, desk: Desk) -> Iterator[accruals.Unsettled]:
    return accruals.unsettled(session, session.exec(select(deals.Deal)).all(), now=desk.now)


def _work(url: str, seat: tuple[Path, date, dict[str, Any]], acts: Sequence[Act], at: float) -> list[str]:
    files, today, people = seat
    database = Database(url, pool_size=1)
    try:
        clerk = Clerk(database, files, today)
        clerk.people = {name: _user(kept) for name, kept in people.items()}
        time.sleep(max(0.0, at - time.monotonic()))
        return [_outcome(clerk, one) for one in acts]
    finally:
        database.close()


def _user(kept: dict[str, Any]) -> User:
    return User(**kept)


def _outcome(clerk: Clerk, one: Act) -> str:
    try:
        getattr(clerk, one.name)(*one.given, **dict(one.named))
    except Refused as refusal:
        return refusal.code
    return "done"


@contextmanager
def gathered() -> Iterator[Crowd]:
    """The sixteen, from a process that has read the program once and is copied."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.crowd"])
    with ProcessPoolExecutor(SIXTEEN, context) as pool:
        yield Crowd(pool)
