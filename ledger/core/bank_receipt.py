"""What came into a bank account, line by line (银行流水), and which invoices each line pays.

A line pays an invoice where its remark names the invoice or the deal and its payer is the client, or where
the payer's open invoices leave no other reading; to the fen in either case. Nothing is guessed: every other
line goes to a person with the reason.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from ledger.core import sheet
from ledger.core.bank_layout import Receipts
from ledger.core.facts import Fee

Outcome = Literal["matched", "advance", "known", "unmatched"]

_NAMED = re.compile(r"[0-9A-Za-z]+(?:[-_/.#][0-9A-Za-z]+)*")
NAMED_MOST = 30  # words of one remark that are looked for


# --- reading


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the account's list that brought money in, as it is written and as it is understood."""

    row: int
    reference: str  # the bank's own number, or what stands for it
    day: date | None
    amount: str
    amount_minor: int | None
    payer: str
    account: str
    remark: str


def read(receipts: Receipts, rows: Sequence[Sequence[str]], *, currency: str) -> list[Line]:
    """The lines below the header that brought money in; Invalid names the columns that are not there."""
    given: dict[str, list[str]] = defaultdict(list)
    found = []
    for line in sheet.lines(receipts.columns, receipts.needed, rows):
        read_line = _read(line, currency)
        if _came_in(receipts, line, read_line):
            found.append(_numbered(read_line, given))
    return found


def _read(line: sheet.Line, currency: str) -> Line:
    return Line(
        row=line.number,
        reference=line.cell("reference"),
        day=sheet.day_of(line.cell("day")),
        amount=line.cell("amount"),
        amount_minor=sheet.amount_of(line.cell("amount"), currency),
        payer=line.cell("payer"),
        account=line.cell("account"),
        remark=line.joined("remark"),
    )


def _came_in(receipts: Receipts, line: sheet.Line, read_line: Line) -> bool:
    """Whether money came in: not what went out, nor a row of sums below the list."""
    if receipts.incoming and line.cell("direction") not in receipts.incoming:
        return False
    if read_line.day is None and not read_line.payer:
        return False
    return bool(read_line.amount) and (read_line.amount_minor is None or read_line.amount_minor > 0)


def _numbered(line: Line, given: dict[str, list[str]]) -> Line:
    """Its own number: where the bank gives none, what the line says and which time it says so; where the
    bank gives the same to several that differ, which of them it is."""
    said = "|".join((str(line.day), line.amount, line.payer, line.account, line.remark))
    name = line.reference or f"{line.day or '?'}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
    before = given[name]
    at = before.index(said) if line.reference and said in before else len(before)
    if at == len(before):
        before.append(said)
    return replace(line, reference=f"{name}.{at + 1}" if at else name)


# --- what is open


@dataclass(frozen=True, slots=True)
class Known:
    """One fee fact of a deal, and which one it takes back."""

    id: str
    fact: Fee
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """So much of a receipt (`fact_id`) was given to one invoice."""

    fact_id: str
    invoice_id: str
    amount_minor: int


def open_of(facts: Iterable[Known], applied: Iterable[Applied]) -> dict[str, int]:
    """What is open of each invoice of one deal, minor units, the oldest first.

    What a receipt was given to counts there; everything else that came in, or was credited, meets the oldest,
    and what went back beyond that is open again on the newest.
    """
    known = list(facts)
    corrected = {one.corrects for one in known if one.corrects}
    standing = [one for one in known if not one.corrects and one.id not in corrected]
    invoices = [one for one in standing if one.fact.kind == "fee_invoiced"]
    left = {one.id: one.fact.amount_minor for one in sorted(invoices, key=lambda one: (one.fact.on, one.id))}
    signs = {"fee_received": 1, "fee_refunded": -1, "fee_credited": 1}
    rest = sum(signs.get(one.fact.kind, 0) * one.fact.amount_minor for one in standing)
    there = {one.id for one in standing}
    for use in applied:
        if use.fact_id in there and use.invoice_id in left:
            given = min(use.amount_minor, left[use.invoice_id])
            left[use.invoice_id] -= given
            rest -= given
    for one in sorted(invoices, key=lambda one: (one.fact.on, one.id), reverse=rest < 0):
        met = max(left[one.id] - one.fact.amount_minor, min(rest, left[one.id]))
        left[one.id] -= met
        rest -= met
    return left


# --- matching


@dataclass(frozen=True, slots=True)
class Open:
    """One deal's part of an invoice, and how much of it nobody has paid."""

    invoice_id: str  # the fact
    number: str
    deal_id: str
    client_id: str
    on: date
    open_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a line belongs to a deal: for an invoice of it, or (without one) in advance."""

    deal_id: str
    amount_minor: int
    invoice_id: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What lines are matched against."""

    clients: Mapping[str, str]  # by name as `plain` writes it, the client
    deals: Mapping[str, str]  # by deal, its client
    invoices: tuple[Open, ...]  # by day; those with nothing open too, which a remark may name
    references: Mapping[str, tuple[date | None, int | None]]  # of receipts known: their day and amount
    by_hand: frozenset[tuple[str, date, int]]  # client, day and amount of receipts recorded by hand


@dataclass(frozen=True, slots=True)
class Match:
    """What a line comes to: its parts, or why that cannot be told. Then `parts` are what it may be about."""

    line: Line
    outcome: Outcome
    parts: tuple[Part, ...] = ()
    why: str = ""


def named(remark: str) -> list[str]:
    """What may be the number of an invoice or a deal in a remark."""
    return list(dict.fromkeys(_NAMED.findall(unicodedata.normalize("NFKC", remark))))[:NAMED_MOST]


def plain(name: str) -> str:
    """A name without spaces, brackets of either width alike."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def match(lines: Iterable[Line], books: Books, *, today: date) -> list[Match]:
    """Every line with what it comes to, in their order: what one line pays is open to no later one."""
    left = {one.invoice_id: one.open_minor for one in books.invoices}
    found = []
    for line in lines:
        one = _match(line, books, left, today)
        if one.outcome == "matched":
            for part in one.parts:
                left[part.invoice_id] -= part.amount_minor
        found.append(one)
    return found


def _match(line: Line, books: Books, left: Mapping[str, int], today: date) -> Match:
    if line.reference in books.references:
        same = books.references[line.reference] == (line.day, line.amount_minor)
        return Match(line, "known") if same else Match(line, "unmatched", why="recorded_otherwise")
    why = _unreadable(line, today)
    if why:
        return Match(line, "unmatched", why=why)
    payer = books.clients.get(plain(line.payer), "")
    deal_ids, meant = _named_in(line, books)
    if meant or deal_ids:
        one = _by_reference(line, payer, meant, deal_ids, books, left)
    else:
        one = _by_payer(line, payer, books, left)
    recorded = (payer, line.day, line.amount_minor) in books.by_hand
    if recorded and one.outcome != "unmatched":
        return replace(one, outcome="unmatched", why="recorded_by_hand")
    return one


def _unreadable(line: Line, today: date) -> str:
    if line.amount_minor is None:
        return "amount_unreadable"
    if line.day is None:
        return "day_unreadable"
    return "day_in_future" if line.day > today else ""


def _named_in(line: Line, books: Books) -> tuple[list[str], list[Open]]:
    """The deals a remark names, and the invoices: by their number, or else those of the deals."""
    words = {word.casefold() for word in named(line.remark)}
    deal_ids = [deal_id for deal_id in books.deals if deal_id.casefold() in words]
    by_number = [one for one in books.invoices if one.number.casefold() in words]
    return deal_ids, by_number or [one for one in books.invoices if one.deal_id in deal_ids]


def _by_reference(
    line: Line,
    payer: str,
    meant: Sequence[Open],
    deal_ids: Sequence[str],
    books: Books,
    left: Mapping[str, int],
) -> Match:
    amount = line.amount_minor or 0
    unpaid = [one for one in meant if left[one.invoice_id] > 0]
    clients = {one.client_id for one in meant} | {books.deals[deal_id] for deal_id in deal_ids}
    likely = _oldest_first(unpaid, left, amount)
    if clients != {payer}:
        return Match(line, "unmatched", likely, "payer_differs" if payer else "payer_unknown")
    whole = sum(left[one.invoice_id] for one in unpaid)
    if not unpaid and len(deal_ids) == 1:
        return Match(line, "advance", (Part(deal_ids[0], amount),))
    if not unpaid:
        return Match(line, "unmatched", why="invoice_paid" if meant else "several_deals")
    if amount == whole or (amount < whole and len(unpaid) == 1):
        return Match(line, "matched", likely)
    return Match(line, "unmatched", likely, "amount_above" if amount > whole else "amount_below")


def _by_payer(line: Line, payer: str, books: Books, left: Mapping[str, int]) -> Match:
    """One open invoice of just this amount, or all that the payer has open, and no other reading."""
    if not payer:
        return Match(line, "unmatched", why="payer_unknown")
    amount = line.amount_minor or 0
    unpaid = [one for one in books.invoices if one.client_id == payer and left[one.invoice_id] > 0]
    numbers: dict[str, list[Open]] = defaultdict(list)
    for one in unpaid:
        numbers[one.number].append(one)
    groups = [*numbers.values(), *([unpaid] if len(numbers) > 1 else [])]
    fitting = [group for group in groups if sum(left[one.invoice_id] for one in group) == amount]
    if len(fitting) == 1:
        return Match(line, "matched", _oldest_first(fitting[0], left, amount))
    if fitting:
        return Match(line, "unmatched", why="several_fit")
    return Match(line, "unmatched", why="none_fits" if unpaid else "nothing_open")


def _oldest_first(invoices: Iterable[Open], left: Mapping[str, int], amount_minor: int) -> tuple[Part, ...]:
    """An amount over some open invoices, as far as it goes."""
    parts = []
    for one in invoices:
        given = min(left[one.invoice_id], amount_minor)
        if given > 0:
            parts.append(Part(one.deal_id, given, one.invoice_id))
            amount_minor -= given
    return tuple(parts)
