"""Entries and postings as people read them: with the names of what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from api.language import either
from ledger import accounts, deals, journal, managers, plans
from ledger.core.plan import Plan
from ledger.deals import Deal
from ledger.journal import Entry, Posting


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting with the names of its owner, deal, manager and stage."""

    posting: Posting
    owner: str
    deal: str
    manager: str
    stage: str


@dataclass(frozen=True, slots=True)
class Voucher:
    """One entry with its postings; `total_minor` is either side's sum."""

    entry: Entry
    legs: list[Leg]
    total_minor: int

    @property
    def deal(self) -> str:
        """The title of the deal it is about, where it is about one."""
        return next((leg.deal for leg in self.legs if leg.posting.deal_id == self.entry.deal_id), "")


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids on some postings are called; six queries, however many there are."""

    owners: Mapping[tuple[str, str], str]
    deals: Mapping[str, Deal]
    managers: Mapping[str, str]
    plans: Mapping[str, Plan]

    def leg(self, posting: Posting) -> Leg:
        """A posting with its names."""
        return Leg(
            posting,
            self.owners.get((posting.account, posting.owner), posting.owner),
            self.deal(posting.deal_id),
            self.managers.get(posting.manager_id, posting.manager_id),
            self.stage(posting.deal_id, posting.stage),
        )

    def deal(self, deal_id: str) -> str:
        """A deal's title."""
        deal = self.deals.get(deal_id)
        return deal.title if deal else deal_id

    def stage(self, deal_id: str, stage: str) -> str:
        """A stage's title in the language at hand."""
        deal = self.deals.get(deal_id)
        known = self.plans[deal.plan_version_id].stages if deal else ()
        titles = (either(one.title.zh, one.title.en) for one in known if one.id == stage)
        return next(titles, stage)


def names(
    session: Session,
    *,
    owned: Iterable[tuple[str, str]] = (),
    deal_ids: Iterable[str] = (),
    manager_ids: Iterable[str] = (),
) -> Names:
    """The names of owners of accounts, as (account, owner), of deals with their stages, of managers."""
    found = deals.by_id(session, [one for one in deal_ids if one])
    return Names(
        owners=accounts.owner_names(session, owned),
        deals=found,
        managers=managers.names(session, [one for one in manager_ids if one]),
        plans=plans.values_of(session, [deal.plan_version_id for deal in found.values()]),
    )


def of(session: Session, entries: Sequence[Entry]) -> list[Voucher]:
    """Entries with their postings, in the order given."""
    together: dict[int, list[Posting]] = {entry.id: [] for entry in entries}
    for posting in journal.postings(session, together):
        together[posting.entry_id].append(posting)
    every = [posting for group in together.values() for posting in group]
    known = names(
        session,
        owned=[(one.account, one.owner) for one in every],
        deal_ids=[one.deal_id for one in every],
        manager_ids=[one.manager_id for one in every],
    )
    return [
        Voucher(entry, [known.leg(one) for one in together[entry.id]], journal.volume(together[entry.id]))
        for entry in entries
    ]
