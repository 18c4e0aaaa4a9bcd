"""Papers about fees (单据): an invoice, a red invoice, a bank receipt, a refund, over one deal or several.

A paper is nothing of its own: it is the facts that share its `document`, read together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from ledger import journal, rights
from ledger.core import period as months
from ledger.core.errors import Invalid, NotFound
from ledger.core.money import format_minor
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.fees import KINDS, OPPOSITE
from ledger.journal import Entry
from ledger.organisations import Organisation
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a paper belongs to one deal; minor units, VAT included."""

    fact_id: str
    deal_id: str
    deal_title: str
    client_id: str
    client: str
    amount_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Document:
    """One paper as it was recorded. Its id is that of its first fact."""

    id: str
    kind: str
    number: str  # the paper's own; empty where an import gave none
    on: date
    currency: str
    parts: tuple[Part, ...]
    note: str
    corrects: str | None  # the paper this one takes back
    corrected_by: str | None  # the paper that takes this one back
    recorded_by: str
    recorded_at: datetime

    @property
    def amount_minor(self) -> int:
        """All its parts together."""
        return sum(part.amount_minor for part in self.parts)

    @property
    def tax_minor(self) -> int:
        """The VAT in it."""
        return sum(part.tax_minor for part in self.parts)

    @property
    def can_be_corrected(self) -> bool:
        """Whether it still stands and takes no other back."""
        return self.corrects is None and self.corrected_by is None

    @property
    def clients(self) -> tuple[str, ...]:
        """Whose money it is, each name once."""
        return tuple(dict.fromkeys(part.client for part in self.parts))


def listing(
    session: Session,
    *,
    by: User,
    kind: str | None = None,
    period: str | None = None,
    number: str | None = None,
    deal_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Document]:
    """Papers, the latest recorded first, from before a cursor."""
    rights.require(by, "fee.see")
    other = aliased(Fact)
    earlier = select(other.id).where(other.document == Fact.document, other.id < Fact.id).exists()
    query = select(Fact).where(col(Fact.type).in_(KINDS), ~earlier)
    if kind:
        query = query.where(Fact.type == kind)
    if period:
        days = (months.first_day(period), months.last_day(period))
        query = query.where(col(Fact.fact_on).between(*days))
    if number:
        query = query.where(or_(col(Fact.document).in_([f"{k}:{number}" for k in KINDS]), Fact.ref == number))
    if deal_id:
        query = query.where(col(Fact.document).in_(select(Fact.document).where(Fact.deal_id == deal_id)))
    if before:
        query = query.where(Fact.id < before)
    return _read(session, list(session.exec(query.order_by(col(Fact.id).desc()).limit(limit))))


def get(session: Session, fact_id: str, *, by: User) -> Document:
    """The paper a fact is part of, or NotFound."""
    rights.require(by, "fee.see")
    fact = session.get(Fact, fact_id)
    if fact is None or fact.type not in KINDS:
        raise NotFound("document_unknown", "there is no document {id}", id=fact_id)
    return _read(session, [fact])[0]


def _read(session: Session, firsts: Sequence[Fact]) -> list[Document]:
    """The papers of some facts, with three queries however many there are."""
    together: dict[str, list[tuple[Fact, Part, str]]] = defaultdict(list)
    for fact, deal, client in session.execute(_parts(firsts)):
        together[_key(fact)].append((fact, _part(fact, deal, client), deal.currency))
    takers = _takers(session, [fact.id for group in together.values() for fact, _, _ in group])
    return [_document(together[_key(first)], takers) for first in firsts]


def _key(fact: Fact) -> str:
    return fact.document or fact.id


def _parts(firsts: Sequence[Fact]) -> Select[tuple[Fact, Deal, str]]:
    named = [fact.document for fact in firsts if fact.document]
    alone = [fact.id for fact in firsts if not fact.document]
    return (
        select(Fact, Deal, Organisation.name)  # type: ignore[return-value]
        .join(Deal, col(Deal.id) == Fact.deal_id)
        .join(Organisation, col(Organisation.id) == Deal.client_id)
        .where(or_(col(Fact.document).in_(named), col(Fact.id).in_(alone)))
        .order_by(col(Fact.deal_id))
    )


def _part(fact: Fact, deal: Deal, client: str) -> Part:
    return Part(
        fact_id=fact.id,
        deal_id=deal.id,
        deal_title=deal.title,
        client_id=deal.client_id,
        client=client,
        amount_minor=fact.amount_minor or 0,
        tax_minor=fact.tax_minor or 0,
    )


def _takers(session: Session, fact_ids: Iterable[str]) -> dict[str, str]:
    """Which fact takes which one back."""
    query = select(Fact.corrects, Fact.id).where(col(Fact.corrects).in_(list(fact_ids)))
    return {wrong: right for wrong, right in session.exec(query) if wrong}


def _document(group: Sequence[tuple[Fact, Part, str]], takers: dict[str, str]) -> Document:
    first, _, currency = min(group, key=lambda one: one[0].id)
    return Document(
        id=first.id,
        kind=first.type,
        number=number(first),
        on=first.fact_on,
        currency=currency,
        parts=tuple(part for _, part, _ in group),
        note=str(first.detail.get("note", "")),
        corrects=first.corrects,
        corrected_by=next((takers[fact.id] for fact, _, _ in group if fact.id in takers), None),
        recorded_by=first.recorded_by,
        recorded_at=first.recorded_at,
    )


def number(fact: Fact) -> str:
    """The paper's own number: `ref` without what makes it unique; that of the paper it takes back."""
    text = fact.ref.removeprefix(f"{fact.type}:")
    if fact.corrects:
        text = text.removeprefix("~").removeprefix(f"{OPPOSITE[fact.type]}:").removeprefix(f"{fact.deal_id}/")
    return "" if text.startswith("~") else text


def entry_of(session: Session, document: Document) -> Entry | None:
    """The entry of a paper."""
    fact = session.get_one(Fact, document.id)
    return journal.find(session, fact.type, _key(fact)) if fact.document else None


def entries_after(session: Session, document: Document) -> list[Entry]:
    """What settling posted because of a paper: commission, advances, expectations."""
    facts = {part.fact_id for part in document.parts}
    query = (
        select(Entry)
        .where(col(Entry.deal_id).in_([part.deal_id for part in document.parts]), Entry.kind != document.kind)
        .order_by(col(Entry.id))
    )
    return [entry for entry in session.exec(query) if facts & set(entry.because)]


# A paper in the making


def shares(total_minor: int, given: Sequence[int | None], currency: str) -> list[int]:
    """How much of a paper is each deal's: as given, and one that was left empty takes what is left.

    Invalid where the parts do not come to what the paper says in all, or several are empty.
    """
    left = total_minor - sum(part for part in given if part is not None)
    if given.count(None) > 1:
        raise Invalid("parts_open", "only one deal's part can be left empty; it takes what is left")
    if None in given and left > 0:
        return [left if part is None else part for part in given]
    if left or None in given:
        raise Invalid(
            "parts_not_total",
            "the deals' parts come to {given}, the document says {total}: {left} is left over",
            given=format_minor(total_minor - left, currency),
            total=format_minor(total_minor, currency),
            left=format_minor(left, currency),
        )
    return [part for part in given if part is not None]


@dataclass(frozen=True, slots=True)
class Spread:
    """What a paper says in all, against the parts given so far; minor units."""

    total_minor: int
    given_minor: int
    left_minor: int


def spread(total_minor: int, given: Iterable[int]) -> Spread:
    """How far the parts cover a paper."""
    given_minor = sum(given)
    return Spread(total_minor, given_minor, total_minor - given_minor)
