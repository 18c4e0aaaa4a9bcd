"""A desk without pages: the product's own actions over an empty database, and a calendar to turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import Session, select

from ledger import (
    accounts,
    accruals,
    approvals,
    bank_answers,
    closing,
    deals,
    facts,
    fees,
    journal,
    managers,
    milestones,
    needs,
    passwords,
    payouts,
    plans,
    sending,
    tables,
    verification,
)
from ledger.clock import SHANGHAI
from ledger.core.entry import CHART, Entry, as_text
from ledger.core.facts import FeeKind
from ledger.db import Database
from ledger.files import Store
from ledger.organisations import Organisation
from ledger.users import User

T = TypeVar("T")

PLAN = """\
format: 1
plan: simple
title: {zh: 简单方案, en: Simple}
currency: CNY
pool: {basis: fee_received, rate: "40%"}
stages:
  - {id: find, title: {zh: 需求挖掘, en: Find}, share: "40%", award: "500.00"}
  - {id: sign, title: {zh: 合同签订, en: Sign}, share: "40%"}
  - {id: done, title: {zh: 完成转化, en: Done}, share: "20%"}
holdback: {rate: "10%", release: {stage: done}}
clawback:
  default: {take: unpaid, keep_awards: true}
  no_fault: {take: none}
  fraud: {take: all}
"""
_HASH = passwords.hashed("long enough to guess")  # slow on purpose, so made once
PEOPLE = {"operator": "operator", "second": "operator", "finance": "finance", "third": "finance"}


@dataclass
class Desk:
    """Everybody who is needed, a plan in force since 2026, and `today`; actions are done at ten that day."""

    database: Database
    files: Path
    today: date = date(2026, 1, 5)
    people: dict[str, User] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return datetime.combine(self.today, datetime.min.time(), SHANGHAI) + timedelta(hours=10)

    @property
    def store(self) -> Store:
        return Store(self.files)

    def do(self, action: Callable[[Session], T]) -> T:
        """An action as the product runs it: one transaction, again where it lost a race."""
        return self.database.run(action)

    def move_in(self, plan: str = PLAN) -> Desk:
        """Two operators, two of finance, two managers, and the plan."""

        def write(session: Session) -> None:
            for number, (name, role) in enumerate(PEOPLE.items(), 1):
                self.people[name] = User(
                    id=f"us_{name}",
                    phone=f"1380000000{number}",
                    name=name,
                    role=role,
                    password_hash=_HASH,
                    created_at=self.now,
                )
                session.add(self.people[name])
            for number in (1, 2):
                managers.add(
                    session,
                    id=f"M{number}",
                    name=f"经理{number}",
                    bank_name="工商银行",
                    bank_account=f"622202020011223344{number}",
                    now=self.now,
                )
            drafted = plans.draft(session, plan, by=self.people["operator"], now=self.now)
            plans.publish(
                session, drafted.id, effective_on=date(2026, 1, 1), by=self.people["second"], now=self.now
            )

        self.do(write)
        return self

    def by(self, name: str) -> dict[str, Any]:
        """Who does it and when, as every action takes it."""
        return {"by": self.people[name], "now": self.now}

    def deal(self, deal_id: str = "D-1", *, expected: int = 100_000_00, client: str = "", **more: Any) -> str:
        """A deal opened from a need; of a client of its own, unless one is named."""

        def write(session: Session) -> str:
            need = needs.log(
                session, title=f"需求 {deal_id}", client=client or f"企业 {deal_id}", **self.by("operator")
            )
            return deals.open_from(
                session,
                need,
                id=deal_id,
                plan_id="simple",
                expected_fee_minor=expected,
                **more,
                **self.by("operator"),
            ).id

        return self.do(write)

    def reach(
        self,
        stage: str,
        who: Mapping[str, str] | None = None,
        *,
        deal: str = "D-1",
        on: date | None = None,
        verify: bool = True,
    ) -> str:
        """A milestone, logged and (if asked for) verified."""

        def write(session: Session) -> str:
            logged = milestones.log(
                session,
                deal_id=deal,
                stage=stage,
                reached_on=on or self.today,
                participants=who or {"M1": "1"},
                **self.by("operator"),
            )
            if verify:
                milestones.verify(session, logged.id, **self.by("second"))
            return logged.id

        return self.do(write)

    def fee(
        self,
        kind: FeeKind,
        amount: int | Mapping[str, int],
        ref: str,
        *,
        deal: str = "D-1",
        on: date | None = None,
        **more: Any,
    ) -> list[facts.Fact]:
        """A document about money from the client."""
        parts = amount if isinstance(amount, Mapping) else {deal: amount}
        return self.do(
            lambda session: fees.record(
                session, kind, on=on or self.today, parts=parts, ref=ref, **more, **self.by("finance")
            )
        )

    def pay(self, *, only: Sequence[str] | None = None, confirm: bool = True) -> str:
        """A payout of what is payable: made, approved, sent and (if asked for) confirmed, all today."""

        def write(session: Session) -> str:
            made = payouts.make(session, value_on=self.today, only=only, **self.by("operator"))
            approvals.approve(session, made.id, **self.by("second"))
            sending.send(session, self.store, made.id, **self.by("finance"))
            if confirm:
                bank_answers.confirm(session, made.id, value_on=self.today, **self.by("finance"))
            return made.id

        return self.do(write)

    def close(self, period: str, **more: Any) -> None:
        self.do(lambda session: closing.close(session, period, **more, **self.by("finance")))

    def seen(self, period: str) -> list[str]:
        """What is found in a month before it is closed, for somebody who accepts it."""
        with self.database.reading() as session:
            return [one.code for one in closing.look(session, period, **self.by("finance"))]

    def settle(self) -> int:
        """Settle the whole world; how many entries it took."""

        def write(session: Session) -> int:
            every = session.exec(select(deals.Deal.id)).all()
            return deals.settle_all(session, every, now=self.now)

        return self.do(write)

    def entries(self, *kinds: str) -> list[str]:
        """The journal as an accountant would write it down; of some kinds only."""
        return [as_text(value) for value in self.values(*kinds)]

    def values(self, *kinds: str) -> list[Entry]:
        """The same as values: clients by name, payments as batch number and manager."""
        with self.database.reading() as session:
            rows = session.exec(select(journal.Entry).order_by(journal.Entry.id)).all()  # type: ignore[arg-type]
            kept = [row for row in rows if not kinds or row.kind in kinds]
            names = dict(session.exec(select(Organisation.id, Organisation.name)).all())
            batches = payouts.numbers(session, session.exec(select(payouts.Payout.id)))
            lines = {
                line.id: f"{batches[line.payout_id]}/{line.manager_id}"
                for line in session.exec(select(payouts.PayoutLine))
            }
            return [
                replace(
                    value,
                    source=lines.get(value.source, value.source),
                    postings=tuple(
                        replace(one, owner=(names | batches).get(one.owner, one.owner))
                        for one in value.postings
                    ),
                )
                for value in journal.as_values(session, kept)
            ]

    def origins(self, kind: str) -> list[list[str]]:
        """For every entry of a kind, the periods its postings belong to."""
        with self.database.reading() as session:
            rows = session.exec(select(journal.Entry).where(journal.Entry.kind == kind)).all()
            values = journal.as_values(session, rows)
        return [sorted({posting.origin for posting in value.postings}) for value in values]

    def balances(self) -> dict[tuple[str, str], int]:
        """What every account holds for every owner; debit positive; zeros left out."""
        with self.database.reading() as session:
            return {
                (row.account, row.owner): row.balance_minor
                for account in CHART
                for row in accounts.by_owner(session, account)
            }

    def balance(self, account: str, owner: str) -> int:
        return self.balances().get((account, owner), 0)

    def everything(self) -> list[list[tuple[Any, ...]]]:
        """Every row of every table: what a refused action leaves as it was."""
        with self.database.reading() as session:
            return [
                [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key.columns))]
                for table in tables.metadata.sorted_tables
            ]

    def wrong(self) -> list[str]:
        """What `verify` finds."""
        with self.database.reading() as session:
            found = verification.verify(session, self.store, now=self.now)
        return [f"{one.check}: {one.where}: {one.what}" for one in found.differences]

    def outstanding(self, deal: str = "D-1") -> int:
        """How many entries settling a deal now would post."""
        with self.database.reading() as session:
            row = session.get_one(deals.Deal, deal)
            return sum(len(one.lacks) for one in accruals.unsettled(session, [row], now=self.now))
