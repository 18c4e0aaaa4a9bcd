"""Invoices of payees (收款人发票): who invoices is paid against an invoice on file, and not without one.

An invoice is written once; taking it back is a row of its own. Each payment line keeps which invoices
it was paid against and how much of each; a line that came back frees what it used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from ledger import audit, db, files, ids, managers, needs, rights, sniffing
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.money import format_minor
from ledger.db import Instant, Row
from ledger.files import Store
from ledger.payments import GIVEN_BACK, PayoutLine
from ledger.users import User


class PayeeInvoice(Row, table=True):
    """One invoice a payee sent, and the file that shows it."""

    __tablename__ = "payee_invoice"
    __table_args__ = (
        UniqueConstraint("manager_id", "number", name="uq_payee_invoice"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    manager_id: str = Field(index=True)
    number: str
    issued_on: date
    currency: str
    amount_minor: int = Field(sa_type=BigInteger)
    file_name: str
    media_type: str
    sha256: str
    size: int
    added_by: str
    added_at: datetime = Field(sa_type=Instant)


class InvoiceUse(Row, table=True):
    """So much of an invoice was paid by one line of a payout."""

    __tablename__ = "invoice_use"

    id: str = Field(primary_key=True)
    invoice_id: str = Field(index=True)
    line_id: str = Field(index=True)
    amount_minor: int = Field(sa_type=BigInteger)


class InvoiceTakenBack(Row, table=True):
    """An invoice that does not count any more, and why."""

    __tablename__ = "invoice_taken_back"

    id: str = Field(primary_key=True)
    invoice_id: str = Field(unique=True)
    reason: str
    taken_by: str
    taken_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice and how much of it no payment has used yet; minor units."""

    invoice: PayeeInvoice
    free_minor: int


def add(
    session: Session,
    store: Store,
    manager_id: str,
    *,
    number: str,
    issued_on: date,
    amount_minor: int,
    file_name: str,
    content: bytes,
    currency: str = "CNY",
    by: User,
    now: datetime,
) -> PayeeInvoice:
    """Put an invoice on file. The same number again is refused."""
    managers.get(session, manager_id)
    rights.require(by, "invoice.record", managers=[manager_id])
    if not number.strip() or len(number) > 40 or not number.isprintable():
        raise Invalid("invoice_number", "an invoice has a number of 1 to 40 characters")
    if amount_minor <= 0:
        raise Invalid("amount_not_positive", "{amount} is not above zero", amount=amount_minor)
    needs.not_later(issued_on, now)
    files.check(file_name, content)
    if _numbered(session, manager_id, number.strip()) is not None:
        raise Conflict("invoice_known", "invoice {number} is on file already", number=number.strip())

    invoice = PayeeInvoice(
        id=ids.new("iv"),
        manager_id=manager_id,
        number=number.strip(),
        issued_on=issued_on,
        currency=currency,
        amount_minor=amount_minor,
        file_name=files.plain_name(file_name),
        media_type=sniffing.media_type(file_name, content),
        sha256=store.put(content),
        size=len(content),
        added_by=by.id,
        added_at=now,
    )
    session.add(invoice)
    audit.changed(session, by, "invoice.add", invoice, now=now)
    session.flush()
    return invoice


def take_back(session: Session, invoice_id: str, *, reason: str, by: User, now: datetime) -> PayeeInvoice:
    """An invoice that is wrong or was cancelled counts no more; what was paid against it stands."""
    invoice = get(session, invoice_id, by=by)
    rights.require(by, "invoice.take_back", managers=[invoice.manager_id])
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    db.lock(session, "payouts")  # one that is being made may be paying against it
    used = _used(session, [invoice.id]).get(invoice.id, 0)
    if used:
        raise Conflict(
            "invoice_used",
            "{amount} was paid against invoice {number}; return that payment first",
            amount=format_minor(used, invoice.currency),
            number=invoice.number,
        )
    gone = select(InvoiceTakenBack).where(InvoiceTakenBack.invoice_id == invoice.id)
    if session.exec(gone).first() is not None:
        return invoice
    taken = InvoiceTakenBack(
        id=ids.new("ib"), invoice_id=invoice.id, reason=reason.strip()[:500], taken_by=by.id, taken_at=now
    )
    session.add(taken)
    audit.changed(session, by, "invoice.take_back", taken, now=now)
    session.flush()
    return invoice


def short(session: Session, wanted: Mapping[str, int], *, currency: str = "CNY") -> set[str]:
    """Of payees and what they are to be paid: those whose invoices on file do not cover it."""
    free: dict[str, int] = dict.fromkeys(wanted, 0)
    for one in _standing(session, wanted, currency):
        free[one.invoice.manager_id] += one.free_minor
    return {manager_id for manager_id, minor in wanted.items() if free[manager_id] < minor}


def use(session: Session, lines: Sequence[PayoutLine], *, currency: str = "CNY") -> None:
    """Keep with each of these lines what it is paid against, the oldest invoice first; else Conflict."""
    free: dict[str, list[Standing]] = {}
    for one in _standing(session, {line.manager_id for line in lines}, currency):
        free.setdefault(one.invoice.manager_id, []).append(one)
    for line in lines:
        left = line.gross_minor
        for one in free.get(line.manager_id, []):
            taken = min(left, one.free_minor)
            if taken:
                session.add(_use(one.invoice, line, taken))
            left -= taken
        if left:
            raise Conflict(
                "invoice_short",
                "the invoices of {manager} on file are {short} short of what is paid",
                manager=line.manager_id,
                short=format_minor(left, currency),
            )
    session.flush()


def _use(invoice: PayeeInvoice, line: PayoutLine, amount_minor: int) -> InvoiceUse:
    return InvoiceUse(id=ids.new("iu"), invoice_id=invoice.id, line_id=line.id, amount_minor=amount_minor)


def standing(session: Session, manager_id: str, *, currency: str = "CNY", by: User) -> list[Standing]:
    """A payee's invoices that count, the oldest first, with what is free of each."""
    rights.require(by, "invoice.see", managers=[manager_id])
    return _standing(session, [manager_id], currency)


def of_lines(session: Session, line_ids: Iterable[str]) -> dict[str, list[tuple[PayeeInvoice, int]]]:
    """By payment line, the invoices it was paid against and how much of each."""
    query = (
        select(InvoiceUse, PayeeInvoice)
        .join(PayeeInvoice, col(PayeeInvoice.id) == InvoiceUse.invoice_id)
        .where(col(InvoiceUse.line_id).in_(sorted(set(line_ids))))
        .order_by(col(InvoiceUse.id))
    )
    found: dict[str, list[tuple[PayeeInvoice, int]]] = {}
    for used, invoice in session.exec(query):
        found.setdefault(used.line_id, []).append((invoice, used.amount_minor))
    return found


def get(session: Session, invoice_id: str, *, by: User) -> PayeeInvoice:
    """One invoice the user may see, or NotFound."""
    found = session.get(PayeeInvoice, invoice_id)
    if found is None or not rights.allows(by, "invoice.see", managers=[found.manager_id]):
        raise NotFound("invoice_unknown", "there is no invoice {id}", id=invoice_id)
    return found


def _standing(
    session: Session, manager_ids: Collection[str] | Mapping[str, int], currency: str
) -> list[Standing]:
    gone = select(InvoiceTakenBack.invoice_id)
    query = select(PayeeInvoice).where(
        col(PayeeInvoice.manager_id).in_(sorted(manager_ids)),
        PayeeInvoice.currency == currency,
        col(PayeeInvoice.id).not_in(gone),
    )
    found = list(session.exec(query.order_by(col(PayeeInvoice.issued_on), col(PayeeInvoice.id))))
    used = _used(session, [one.id for one in found])
    return [Standing(one, one.amount_minor - used.get(one.id, 0)) for one in found]


def _used(session: Session, invoice_ids: Sequence[str]) -> dict[str, int]:
    """How much of each is with lines that did not come back."""
    query = (
        select(InvoiceUse.invoice_id, func.sum(InvoiceUse.amount_minor))
        .join(PayoutLine, col(PayoutLine.id) == InvoiceUse.line_id)
        .where(col(InvoiceUse.invoice_id).in_(invoice_ids), col(PayoutLine.state).not_in(GIVEN_BACK))
        .group_by(col(InvoiceUse.invoice_id))
    )
    return {invoice_id: int(amount) for invoice_id, amount in session.exec(query)}


def _numbered(session: Session, manager_id: str, number: str) -> PayeeInvoice | None:
    query = select(PayeeInvoice).where(PayeeInvoice.manager_id == manager_id, PayeeInvoice.number == number)
    return session.exec(query).first()
