"""Money in, from the bank's own list (银行流水): read by a layout, matched to invoices, looked at, booked.

A file is kept by its fingerprint, a line by the bank's number: neither counts twice. What a line is about is
worked out anew whenever it is looked at, so an invoice recorded meanwhile is found; booking asks for what
was seen. What does not match waits until a person splits it, or says that it is no fee.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from ledger import (
    audit,
    bank_sheets,
    db,
    deals,
    documents,
    fees,
    ids,
    layouts,
    open_invoices,
    periods,
    rights,
)
from ledger.clock import day_of
from ledger.core import bank_receipt
from ledger.core.bank_layout import Layout
from ledger.core.bank_receipt import Line, Match, Part
from ledger.core.errors import Conflict, Invalid, NotFound, Refused
from ledger.core.money import format_minor
from ledger.core.seal import canonical
from ledger.core.states import BANK_RECEIPT_LINE, advance
from ledger.db import fingerprint
from ledger.facts import Fact
from ledger.files import Store
from ledger.open_invoices import CHUNK, CURRENCY
from ledger.receipt_lines import BankReceipt, BankReceiptLine, BankReceiptPart
from ledger.users import User

TEXT_MOST = 200  # characters of what the bank writes into one cell
LINES_MOST = 5_000  # of one file: a month of a busy account

Told = tuple[date | None, int | None]  # a receipt's day and amount


@dataclass(frozen=True, slots=True)
class Seen:
    """A line, what it comes to as the books stand, and what it was booked as."""

    line: BankReceiptLine
    match: Match | None  # of lines that wait

    @property
    def outcome(self) -> str:
        """In a word: what it comes to, or what became of it."""
        return self.match.outcome if self.match else self.line.state

    @property
    def is_proposed(self) -> bool:
        """Whether booking the file books it."""
        return self.outcome in ("matched", "advance")


@dataclass(frozen=True, slots=True)
class Preview:
    """A file's lines and a fingerprint of what booking them would do."""

    seen: tuple[Seen, ...]

    @property
    def proposed(self) -> list[Seen]:
        """What booking books."""
        return [one for one in self.seen if one.is_proposed]

    @property
    def digest(self) -> str:
        """The same as long as the same would be booked."""
        told = [
            [one.line.id, [[p.deal_id, p.invoice_id, p.amount_minor] for p in one.match.parts]]
            for one in self.proposed
            if one.match
        ]
        return hashlib.sha256(canonical(told)).hexdigest()

    def counts(self) -> dict[str, int]:
        """By outcome, how many lines."""
        found: dict[str, int] = defaultdict(int)
        for one in self.seen:
            found[one.outcome] += 1
        return found

    def sums_minor(self) -> dict[str, int]:
        """By outcome, how much money."""
        found: dict[str, int] = defaultdict(int)
        for one in self.seen:
            found[one.outcome] += one.line.amount_minor or 0
        return found


# --- a file comes in


def take(
    session: Session,
    store: Store,
    content: bytes,
    *,
    name: str,
    layout: str,
    bank_account: str = fees.BASIC_ACCOUNT,
    by: User,
    now: datetime,
) -> BankReceipt:
    """Read a list and keep its lines; nothing is booked. The same file again is the file that is there."""
    rights.require(by, "fee.record")
    sha256 = fingerprint(content)
    db.lock(session, "bank receipts")
    known = session.exec(select(BankReceipt).where(BankReceipt.sha256 == sha256)).first()
    if known is not None:
        return known
    read = _read(layouts.get(session, layout), content)

    store.put(content)
    kept = BankReceipt(
        id=ids.new("rf"),
        sha256=sha256,
        file_name=name.strip()[-TEXT_MOST:] or sha256[:12],
        layout=layout,
        bank_account=bank_account.strip()[:TEXT_MOST] or fees.BASIC_ACCOUNT,
        lines=len(read),
        imported_by=by.id,
        imported_at=now,
    )
    session.add(kept)
    audit.changed(session, by, "bank_receipt.take", kept, now=now)
    session.flush()
    session.add_all(_kept(session, kept, read, now))
    session.flush()
    return kept


def _read(layout: Layout, content: bytes) -> list[Line]:
    receipts = layout.receipts
    if receipts is None:
        raise Invalid(
            "layout_no_receipts",
            "the layout “{name}” does not say how the account's list is read",
            name=layout.id,
        )
    found = bank_sheets.read(
        content,
        encoding=receipts.encoding,
        titles=receipts.columns,
        read=lambda rows: bank_receipt.read(receipts, rows, currency=CURRENCY),
    )
    if not found:
        raise Invalid(
            "receipts_none",
            "no line of the file brought money in; choose the file and the layout of its bank",
        )
    if len(found) > LINES_MOST:
        raise Invalid(
            "receipts_many", "more than {most} lines brought money in; export fewer days", most=LINES_MOST
        )
    return found


def _kept(session: Session, kept: BankReceipt, read: Sequence[Line], now: datetime) -> list[BankReceiptLine]:
    """The lines as rows; one that an earlier file has too, or this one above, is known."""
    rows = [_row(kept, line, now) for line in read]
    told = _earlier(session, [row.reference for row in rows])
    for row in rows:
        same = told.get(row.reference) == (row.day, row.amount_minor)
        row.state = "known" if same else "open"
        told.setdefault(row.reference, (row.day, row.amount_minor))
    return rows


def _row(kept: BankReceipt, line: Line, now: datetime) -> BankReceiptLine:
    account = "" if kept.bank_account == fees.BASIC_ACCOUNT else f"{kept.bank_account[:30]} "
    return BankReceiptLine(
        id=ids.new("rl"),
        file_id=kept.id,
        row=line.row,
        reference=f"{account}{line.reference}"[:90],
        day=line.day,
        amount=line.amount[:TEXT_MOST],
        amount_minor=line.amount_minor,
        payer=line.payer[:TEXT_MOST],
        account=line.account[:TEXT_MOST],
        remark=line.remark[:TEXT_MOST],
        state="open",
        taken_at=now,
    )


def _earlier(session: Session, references: Sequence[str], *, before: str = "") -> dict[str, Told]:
    """Lines there are by reference, the first of each; those before a file, where one is given."""
    found: dict[str, Told] = {}
    for start in range(0, len(references), CHUNK):
        some = list(references[start : start + CHUNK])
        query = select(BankReceiptLine).where(col(BankReceiptLine.reference).in_(some))
        if before:
            query = query.where(BankReceiptLine.file_id < before)
        for line in session.exec(query.order_by(col(BankReceiptLine.id).desc())):
            found[line.reference] = (line.day, line.amount_minor)
    return found


# --- what its lines come to


def preview(session: Session, file_id: str, *, by: User, now: datetime) -> Preview:
    """Every line of a file in order, with what it comes to; what waits is matched as the books stand."""
    rights.require(by, "fee.see")
    get(session, file_id, by=by)
    query = select(BankReceiptLine).where(BankReceiptLine.file_id == file_id)
    return _preview(session, list(session.exec(query.order_by(col(BankReceiptLine.row)))), now)


def waiting(session: Session, *, by: User, now: datetime, limit: int = 200) -> list[Seen]:
    """Lines of all files that wait for a person, the oldest first."""
    rights.require(by, "fee.see")
    query = select(BankReceiptLine).where(BankReceiptLine.state == "open")
    lines = list(session.exec(query.order_by(col(BankReceiptLine.id)).limit(limit)))
    return [one for one in _preview(session, lines, now).seen if one.outcome == "unmatched"]


def _preview(session: Session, lines: Sequence[BankReceiptLine], now: datetime) -> Preview:
    taken_back = _taken_back(session, lines)
    wait = [line for line in lines if line.state == "open" or line.id in taken_back]
    values = [line.as_value() for line in wait]
    others = _earlier_of(session, wait)
    known = open_invoices.books(session, values, others=others)
    found = bank_receipt.match(values, known, today=day_of(now))
    matches = {
        line.id: Match(match.line, "unmatched", why="taken_back") if line.id in taken_back else match
        for line, match in zip(wait, found, strict=True)
    }
    return Preview(tuple(Seen(line, matches.get(line.id)) for line in lines))


def _earlier_of(session: Session, lines: Sequence[BankReceiptLine]) -> dict[str, Told]:
    """What earlier files say under the references of these lines."""
    if not lines:
        return {}
    return _earlier(session, [line.reference for line in lines], before=min(line.file_id for line in lines))


def _taken_back(session: Session, lines: Iterable[BankReceiptLine]) -> set[str]:
    """Of booked lines, those whose receipt was taken back."""
    by_document = {line.document_id: line.id for line in lines if line.document_id}
    query = select(Fact.corrects).where(col(Fact.corrects).in_(sorted(by_document)))
    return {by_document[fact_id] for fact_id in session.exec(query) if fact_id}


# --- booking


def book(session: Session, file_id: str, *, seen: str, by: User, now: datetime) -> Preview:
    """Book everything that matches, as it was `seen` (its digest); else Conflict, and nothing is booked."""
    rights.require(by, "fee.record")
    db.lock(session, "bank receipts")
    proposed = preview(session, file_id, by=by, now=now).proposed
    _hold(session, [part.deal_id for one in proposed if one.match for part in one.match.parts])
    now_seen = preview(session, file_id, by=by, now=now)
    if now_seen.digest != seen:
        raise Conflict(
            "receipts_changed", "what would be booked has changed since you looked; look at it again"
        )
    if not now_seen.proposed:
        raise Conflict("receipts_nothing", "there is nothing to book; what is left waits for a person")
    for one in now_seen.proposed:
        if one.match:
            _book(session, one.line, one.match.parts, by=by, now=now)
    audit.note(
        session,
        by,
        "bank_receipt.book",
        file_id,
        after={"lines": [one.line.id for one in now_seen.proposed]},
        now=now,
    )
    return now_seen


def _hold(session: Session, deal_ids: Iterable[str]) -> None:
    """All deals at once and in order, before the first of them is written."""
    periods.hold_open(session)
    for deal_id in sorted(set(deal_ids)):
        deals.locked(session, deal_id)


def _book(session: Session, line: BankReceiptLine, parts: Sequence[Part], *, by: User, now: datetime) -> None:
    """One line as one receipt, and for which invoices."""
    file = session.get_one(BankReceipt, line.file_id)
    amounts: dict[str, int] = defaultdict(int)
    for part in parts:
        amounts[part.deal_id] += part.amount_minor
    try:
        recorded = fees.record(
            session,
            "fee_received",
            on=line.day or day_of(now),
            parts=amounts,
            ref=_number(session, line),
            bank_account=file.bank_account,
            by=by,
            now=now,
        )
    except Refused as refusal:
        raise Conflict("receipt_refused", "row {row}: {why}", row=line.row, why=[refusal]) from refusal
    facts = {fact.deal_id: fact.id for fact in recorded}
    line.state = advance(BANK_RECEIPT_LINE, "bank line", line.state, "book")
    line.document_id, line.done_by, line.done_at = min(facts.values()), by.id, now
    for part in parts:
        session.add(
            BankReceiptPart(
                id=ids.new("rp"),
                line_id=line.id,
                deal_id=part.deal_id,
                fact_id=facts[part.deal_id],
                invoice_id=part.invoice_id,
                amount_minor=part.amount_minor,
            )
        )
    session.flush()


def _number(session: Session, line: BankReceiptLine) -> str:
    """The bank's number; a further one where a receipt had it and was taken back, or is another."""
    numbers = [line.reference, *(f"{line.reference}/{no}" for no in range(2, 100))]
    query = select(Fact.document).where(col(Fact.document).in_([f"fee_received:{one}" for one in numbers]))
    taken = set(session.exec(query))
    return next(one for one in numbers if f"fee_received:{one}" not in taken)


# --- by hand


def split(
    session: Session, line_id: str, parts: Sequence[Part], *, by: User, now: datetime
) -> BankReceiptLine:
    """Book a line as a person says: over deals, for invoices of them or in advance, exactly its amount."""
    rights.require(by, "fee.record")
    db.lock(session, "bank receipts")
    line = _line(session, line_id)
    amount = line.amount_minor
    if amount is None or line.day is None:
        raise Conflict(
            "line_unreadable",
            "the bank's amount or day cannot be read; record the receipt by hand and set this line aside",
        )
    if line.id not in _taken_back(session, [line]):
        _waits(line)
    _hold(session, [part.deal_id for part in parts])
    _fit(session, parts, amount)

    _book(session, line, parts, by=by, now=now)
    audit.note(
        session,
        by,
        "bank_receipt.split",
        line.id,
        after={"parts": [[part.deal_id, part.invoice_id, part.amount_minor] for part in parts]},
        now=now,
    )
    return line


def _waits(line: BankReceiptLine) -> None:
    if line.state not in ("open", "set_aside"):
        raise Conflict("line_done", "this line is booked already, or known from another file")


def _fit(session: Session, parts: Sequence[Part], amount_minor: int) -> None:
    """The parts are the line to the fen, and no invoice is given more than is open of it."""
    if not parts or any(part.amount_minor <= 0 for part in parts):
        raise Invalid("amount_not_positive", "every part of a document is above zero")
    documents.shares(amount_minor, [part.amount_minor for part in parts], CURRENCY)
    known = deals.by_id(session, [part.deal_id for part in parts])
    if any(deal.currency != CURRENCY for deal in known.values()):
        raise Invalid("document_currencies", "one document has one currency")
    opened = {(one.deal_id, one.invoice_id): one for one in open_invoices.of_deals(session, known)}
    given: dict[tuple[str, str], int] = defaultdict(int)
    for part in parts:
        if part.invoice_id:
            given[part.deal_id, part.invoice_id] += part.amount_minor
    for key, minor in given.items():
        there = opened.get(key)
        if there is None:
            raise NotFound("invoice_unknown", "there is no invoice {id}", id=key[1])
        if minor > there.open_minor:
            raise Conflict(
                "invoice_open_less",
                "of invoice {number} only {open} is open; what is above it goes to a deal in advance",
                number=there.number,
                open=format_minor(there.open_minor, CURRENCY),
            )


def set_aside(session: Session, line_id: str, *, note: str, by: User, now: datetime) -> BankReceiptLine:
    """A line that is no fee, or was dealt with otherwise, and how; it can still be split later."""
    rights.require(by, "fee.record")
    db.lock(session, "bank receipts")
    line = _line(session, line_id)
    if not note.strip():
        raise Invalid("reason_missing", "say why")
    line.state = advance(BANK_RECEIPT_LINE, "bank line", line.state, "set_aside")
    line.done_by, line.done_at, line.done_note = by.id, now, note.strip()[:500]
    audit.changed(session, by, "bank_receipt.set_aside", line, now=now)
    session.flush()
    return line


# --- looking


def _line(session: Session, line_id: str) -> BankReceiptLine:
    query = select(BankReceiptLine).where(BankReceiptLine.id == line_id).with_for_update()
    found = session.exec(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("bank_line_unknown", "there is no line {id} of a bank's list", id=line_id)
    return found


def get(session: Session, file_id: str, *, by: User) -> BankReceipt:
    """One file, or NotFound."""
    rights.require(by, "fee.see")
    found = session.get(BankReceipt, file_id)
    if found is None:
        raise NotFound("bank_receipt_unknown", "there is no bank list {id}", id=file_id)
    return found


def look(session: Session, line_id: str, *, by: User, now: datetime) -> Seen:
    """One line and what it comes to."""
    rights.require(by, "fee.see")
    found = session.get(BankReceiptLine, line_id)
    if found is None:
        raise NotFound("bank_line_unknown", "there is no line {id} of a bank's list", id=line_id)
    together = preview(session, found.file_id, by=by, now=now).seen
    return next(one for one in together if one.line.id == line_id)


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[BankReceipt]:
    """The files, the latest first, from before a cursor."""
    rights.require(by, "fee.see")
    query = select(BankReceipt).order_by(col(BankReceipt.id).desc()).limit(limit)
    return list(session.exec(query.where(BankReceipt.id < before) if before else query))


def states(session: Session, file_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """By file, how many lines are in which state."""
    query = (
        select(BankReceiptLine.file_id, BankReceiptLine.state, func.count())
        .where(col(BankReceiptLine.file_id).in_(list(file_ids)))
        .group_by(BankReceiptLine.file_id, BankReceiptLine.state)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for file_id, state, count in session.exec(query):
        found[file_id][state] = count
    return found


def parts_of(session: Session, line_ids: Iterable[str]) -> dict[str, list[BankReceiptPart]]:
    """By line, where it went."""
    found: dict[str, list[BankReceiptPart]] = defaultdict(list)
    query = select(BankReceiptPart).where(col(BankReceiptPart.line_id).in_(list(line_ids)))
    for part in session.exec(query.order_by(col(BankReceiptPart.id))):
        found[part.line_id].append(part)
    return found


def line_of(session: Session, document_id: str) -> BankReceiptLine | None:
    """The bank's line a receipt was booked from."""
    query = select(BankReceiptPart.line_id).where(BankReceiptPart.fact_id == document_id)
    line_id = session.exec(query).first()
    return session.get(BankReceiptLine, line_id) if line_id else None


def open_invoices_for(session: Session, line: BankReceiptLine) -> list[bank_receipt.Open]:
    """What is open of the line's payer and of what its remark names: to split it over."""
    books = open_invoices.books(session, [line.as_value()], others={})
    return [one for one in books.invoices if one.open_minor > 0]
