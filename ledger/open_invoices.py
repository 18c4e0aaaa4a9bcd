"""Open invoices (未收发票): what clients owe, invoice by invoice, and what a bank's lines may be about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from ledger import documents, facts
from ledger.core import bank_receipt
from ledger.core.bank_receipt import Applied, Books, Known, Line, Open
from ledger.core.facts import Fee
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.fees import KINDS
from ledger.organisations import Organisation
from ledger.receipt_lines import BankReceiptPart

CHUNK = 400  # values looked up at once
CURRENCY = "CNY"  # of the accounts whose lists are read
_BRACKETS = str.maketrans("()", "（）")


def of_deals(session: Session, deals: Mapping[str, Deal]) -> list[Open]:
    """Every invoice that stands on some deals and what is open of it, by day; nothing open counts too."""
    return _open(deals, _fees(session, deals), _applied(session, deals))


def of_invoice(session: Session, fact_ids: Collection[str], deal_ids: Collection[str]) -> int:
    """What is open of one invoice, all its deals together; minor units."""
    found = of_deals(session, _deals(session, col(Deal.id), deal_ids))
    return sum(one.open_minor for one in found if one.invoice_id in fact_ids)


def _open(
    deals: Mapping[str, Deal], fees: Mapping[str, list[Fact]], applied: Mapping[str, list[Applied]]
) -> list[Open]:
    found = []
    for deal_id, known in fees.items():
        left = bank_receipt.open_of([_known(fact) for fact in known], applied.get(deal_id, ()))
        for fact in known:
            if fact.id in left:
                client_id = deals[deal_id].client_id
                number = documents.number(fact)
                found.append(Open(fact.id, number, deal_id, client_id, fact.fact_on, left[fact.id]))
    return sorted(found, key=lambda one: (one.on, one.invoice_id))


def _known(fact: Fact) -> Known:
    value = facts.value(fact)
    assert isinstance(value, Fee)
    return Known(fact.id, value, fact.corrects or "")


# --- what some lines may be about


def books(
    session: Session, lines: Sequence[Line], *, others: Mapping[str, tuple[date | None, int | None]]
) -> Books:
    """The clients that pay, their deals and invoices, and those the remarks name. `others` are further
    lines, by reference."""
    clients = _clients(session, {line.payer for line in lines})
    words = {word for line in lines for word in bank_receipt.named(line.remark)}
    either_case = {variant for word in words for variant in (word, word.upper(), word.lower())}
    deals = _deals(session, col(Deal.client_id), clients.values())
    deals |= _deals(session, col(Deal.id), {*either_case, *_invoiced_as(session, either_case)})
    fees = _fees(session, deals)
    return Books(
        clients=clients,
        deals={deal_id: deal.client_id for deal_id, deal in deals.items()},
        invoices=tuple(_open(deals, fees, _applied(session, deals))),
        references={**others, **_recorded(session, [line.reference for line in lines])},
        by_hand=_by_hand(session, deals, fees),
    )


def _clients(session: Session, payers: Iterable[str]) -> dict[str, str]:
    """Clients by their plain name, of those who pay; brackets may be of either width."""
    found: dict[str, str] = {}
    written = {
        name
        for payer in payers
        for plain in (" ".join(payer.split()),)
        for name in (plain, plain.translate(_BRACKETS), plain.replace("（", "(").replace("）", ")"))
    }
    for some in _chunks(written):
        query = select(Organisation.name, Organisation.id).where(col(Organisation.name).in_(some))
        found |= {bank_receipt.plain(name): client_id for name, client_id in session.exec(query)}
    return found


def _deals(session: Session, column: object, wanted: Iterable[str]) -> dict[str, Deal]:
    found: dict[str, Deal] = {}
    for some in _chunks(wanted):
        query = select(Deal).where(column.in_(some), Deal.currency == CURRENCY)  # type: ignore[attr-defined]
        found |= {deal.id: deal for deal in session.exec(query)}
    return found


def _invoiced_as(session: Session, numbers: Iterable[str]) -> set[str]:
    """The deals of invoices by their numbers."""
    found: set[str] = set()
    for some in _chunks(f"fee_invoiced:{number}" for number in numbers):
        found |= set(session.exec(select(Fact.deal_id).where(col(Fact.document).in_(some))))
    return found


def _fees(session: Session, deal_ids: Iterable[str]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = defaultdict(list)
    for some in _chunks(deal_ids):
        query = select(Fact).where(col(Fact.deal_id).in_(some), col(Fact.type).in_(KINDS))
        for fact in session.exec(query.order_by(col(Fact.fact_on), col(Fact.id))):
            found[fact.deal_id].append(fact)
    return found


def _applied(session: Session, deal_ids: Iterable[str]) -> dict[str, list[Applied]]:
    found: dict[str, list[Applied]] = defaultdict(list)
    for some in _chunks(deal_ids):
        query = select(BankReceiptPart).where(col(BankReceiptPart.deal_id).in_(some))
        for part in session.exec(query.order_by(col(BankReceiptPart.id))):
            if part.invoice_id:
                found[part.deal_id].append(Applied(part.fact_id, part.invoice_id, part.amount_minor))
    return found


def _recorded(session: Session, references: Iterable[str]) -> dict[str, tuple[date | None, int | None]]:
    """Receipts that stand, by number: their day and all they are about."""
    sums: dict[str, tuple[date, int]] = {}
    other = aliased(Fact)
    for some in _chunks(f"fee_received:{reference}" for reference in references):
        taken_back = select(other.id).where(other.corrects == Fact.id).exists()
        query = select(Fact).where(col(Fact.document).in_(some), ~taken_back)
        for fact in session.exec(query):
            _, before = sums.get(fact.document or "", (fact.fact_on, 0))
            sums[fact.document or ""] = (fact.fact_on, before + (fact.amount_minor or 0))
    return {document.removeprefix("fee_received:"): told for document, told in sums.items()}


def _by_hand(
    session: Session, deals: Mapping[str, Deal], fees: Mapping[str, list[Fact]]
) -> frozenset[tuple[str, date, int]]:
    """What somebody recorded as received, from no line of a bank's list."""
    corrected = {fact.corrects for known in fees.values() for fact in known if fact.corrects}
    standing = [
        fact
        for known in fees.values()
        for fact in known
        if fact.type == "fee_received" and not fact.corrects and fact.id not in corrected
    ]
    from_lines = _from_lines(session, [fact.id for fact in standing])
    sums: dict[tuple[str, date, str], int] = defaultdict(int)
    for fact in standing:
        if fact.id not in from_lines:
            client_id = deals[fact.deal_id].client_id
            sums[client_id, fact.fact_on, fact.document or fact.id] += fact.amount_minor or 0
    return frozenset((client_id, on, minor) for (client_id, on, _), minor in sums.items())


def _from_lines(session: Session, fact_ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for some in _chunks(fact_ids):
        query = select(BankReceiptPart.fact_id).where(col(BankReceiptPart.fact_id).in_(some))
        found |= set(session.exec(query))
    return found


def _chunks(wanted: Iterable[str]) -> Iterator[list[str]]:
    listed = sorted(set(wanted))
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]
