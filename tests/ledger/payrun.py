"""A firm with more to pay out, and its people at work on it: what tests of payouts begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from ledger import (
    accounts,
    approvals,
    bank_answers,
    holds,
    managers,
    payables,
    payouts,
    policies,
    sending,
    verification,
)
from ledger.core import entry
from ledger.core.policy import Band, Policy
from ledger.db import Database
from ledger.files import Store
from ledger.payables import Due
from ledger.payouts import Payout, PayoutLine
from ledger.users import User
from tests.ledger import firm as firms
from tests.ledger.firm import day

VALUE_ON = date(2026, 3, 10)
BOTH = ("finance", "operator")


class World:
    """The firm: M1 was paid once, and then more of the fee came in."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.firm = firms.found(database, store)
        self.do(lambda session: firms.reach(session, self.firm, "tech_sourcing", day(6)))
        self.do(lambda session: firms.receive(session, self.firm, 2_500_000, "YH-2", day(6)))

    def do(self, action: Callable[[Session], Any]) -> Any:
        return self.database.run(action)

    def user(self, name: str) -> User:
        return getattr(self.firm, name)  # type: ignore[no-any-return]

    def hire(self, user_id: str, role: str, manager_id: str | None = None) -> User:
        """One more person at a desk."""
        made = User(
            id=user_id,
            phone=f"1390000{len(user_id):04d}{user_id[-1]}",
            name=user_id,
            role=role,
            manager_id=manager_id,
            password_hash=firms._hash(),
            created_at=day(0),
        )
        self.do(lambda session: session.add(made))
        return made

    def due(self) -> Due:
        (found,) = self.do(lambda session: payables.preview(session, by=self.firm.operator, now=day(7)))
        return found  # type: ignore[no-any-return]

    def hold(self, **on: str) -> holds.Hold:
        return self.do(  # type: ignore[no-any-return]
            lambda session: holds.put(
                session, reason="核对", until_on=date(2026, 3, 20), by=self.firm.operator, now=day(7), **on
            )
        )

    def policy(self, *bands: Band, limits: Mapping[str, int] | None = None, minimum_minor: int = 0) -> None:
        """In force from day 7 on."""
        policy = Policy(minimum_minor, bands or (Band(0, 1, BOTH),), dict(limits or {}))

        def published(session: Session) -> None:
            drafted = policies.draft(session, policy, by=self.firm.operator, now=day(7))
            policies.publish(session, drafted.id, effective_on=day(7).date(), by=self.firm.second, now=day(7))

        self.do(published)

    def make(self, *, by: str = "operator", now: datetime | None = None) -> Payout:
        return self.do(  # type: ignore[no-any-return]
            lambda session: payouts.make(session, value_on=VALUE_ON, by=self.user(by), now=now or day(7))
        )

    def approve(self, payout: Payout, by: User, for_user: str | None = None, **more: Any) -> Payout:
        return self.do(  # type: ignore[no-any-return]
            lambda session: approvals.approve(
                session, payout.id, for_user=for_user, by=by, now=day(7), **more
            )
        )

    def send(self, payout: Payout) -> Payout:
        return self.do(  # type: ignore[no-any-return]
            lambda session: sending.send(
                session, self.firm.store, payout.id, by=self.firm.finance, now=day(7)
            )[0]
        )

    def sent(self) -> Payout:
        made = self.make()
        self.approve(made, self.firm.second)
        return self.send(made)

    def lines(self, payout: Payout) -> list[PayoutLine]:
        return self.do(lambda session: payouts.lines_of(session, payout.id))  # type: ignore[no-any-return]

    def confirm(self, payout: Payout, *line_ids: str, value_on: date = VALUE_ON, now: datetime) -> Payout:
        return self.do(  # type: ignore[no-any-return]
            lambda session: bank_answers.confirm(
                session,
                payout.id,
                value_on=value_on,
                line_ids=line_ids or None,
                by=self.firm.finance,
                now=now,
            )
        )

    def earner(self, manager_id: str, amount_minor: int) -> None:
        """One more manager with an account and something payable on the deal."""
        from ledger import deals

        def added(session: Session) -> None:
            managers.add(
                session,
                id=manager_id,
                name=f"经理{manager_id}",
                bank_name="招商银行",
                bank_account=f"6225{manager_id[1:]:0>12}",
                now=day(6),
            )
            deals.adjust(
                session,
                firms.DEAL,
                manager_id=manager_id,
                stage="need_discovery",
                amount_minor=amount_minor,
                reason="补发",
                on=day(6).date(),
                by=self.firm.finance,
                now=day(6),
            )

        self.do(added)

    def balance(self, account: str = entry.PAYABLE, owner: str = "M1") -> int:
        with self.database.reading() as session:
            return accounts.balance(session, account, owner, "CNY")

    def differences(self, now: datetime) -> list[verification.Difference]:
        with self.database.reading() as session:
            return verification.verify(session, self.firm.store, now=now).differences
