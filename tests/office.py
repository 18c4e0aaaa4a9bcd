"""An office with its people and a plan in force, for tests that go through the books of a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlmodel import Session, col, select

from ledger import deals, imports, journal, plans, verification
from ledger.core import entry as core
from ledger.core.facts_file import read_many
from ledger.db import Database
from ledger.files import Store
from ledger.journal import Entry
from ledger.users import User

BEGINNING = date(2020, 1, 1)


@dataclass(frozen=True)
class Office:
    """The people, in front of a database."""

    database: Database
    maker: User
    checker: User
    finance: User

    def publish(self, text: str, *, effective_on: date = BEGINNING, now: datetime) -> str:
        """Put a plan in force; its version's id."""
        with self.database.writing() as session:
            drafted = plans.draft(session, text, by=self.maker, now=now)
            return plans.publish(session, drafted.id, effective_on=effective_on, by=self.checker, now=now).id

    def take(self, text: str, plan_id: str, *, now: datetime, name: str = "facts.yaml") -> None:
        """Take facts into the books, as the import does."""
        report = imports.load(self.database, read_many(text, name, "CNY"), plan_id=plan_id, now=now)
        assert report.refused == []

    def settle_everything(self, *, now: datetime) -> int:
        """How many entries it takes to settle every deal again."""
        with self.database.writing() as session:
            everything = list(session.exec(select(deals.Deal.id)))
            return deals.settle_all(session, everything, now=now)

    def journal(self, *kinds: str, deal_id: str | None = None) -> str:
        """The entries of some kinds by day, source and kind, as an accountant would write them."""
        with self.database.reading() as session:
            wanted = _entries(session, kinds, deal_id)
            return "\n".join(core.as_text(journal.as_value(session, one)) for one in wanted)

    def balances(self, account: str) -> dict[str, int]:
        """What each owner has on an account, credit positive, zeros left out."""
        sums: dict[str, int] = {}
        with self.database.reading() as session:
            for posting in session.exec(select(journal.Posting).where(journal.Posting.account == account)):
                sums[posting.owner] = sums.get(posting.owner, 0) - posting.amount_minor
        return {owner: amount for owner, amount in sorted(sums.items()) if amount}

    def differences(self, store: Store, *, now: datetime) -> list[str]:
        """What `verify` finds wrong."""
        with self.database.reading() as session:
            found = verification.verify(session, store, now=now).differences
        return [f"{one.check}: {one.where}: {one.what}" for one in found]


def _entries(session: Session, kinds: tuple[str, ...], deal_id: str | None) -> list[Entry]:
    query = select(Entry).order_by(col(Entry.booked_on), col(Entry.source), col(Entry.kind))
    if kinds:
        query = query.where(col(Entry.kind).in_(kinds))
    if deal_id is not None:
        query = query.where(Entry.deal_id == deal_id)
    return list(session.exec(query))


def opened(database: Database) -> Office:
    """An office whose people are there; nobody of them can sign in."""
    now = datetime(2020, 1, 1, tzinfo=UTC)
    people = [
        User(
            id=f"us_{number}",
            phone=f"1390000000{number}",
            name=role,
            role=role,
            password_hash="-",
            created_at=now,
        )
        for number, role in enumerate(("operator", "operator", "finance"), 1)
    ]
    with database.writing() as session:
        session.add_all(people)
    return Office(database, *people)
