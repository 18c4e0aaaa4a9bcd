"""What a bank's answer says, row by row, and which payment each row is about: by reference, amount, account.

Nothing is guessed: a row that differs by a fen or a digit, that says two things, or that nobody sent is
not applied, and goes to a person with the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.core import money
from ledger.core.bank_layout import Answer, references
from ledger.core.errors import Invalid

HEADER_WITHIN = 20  # rows above the header: a bank's name, a day, a customer number

Result = Literal["paid", "refused"]
Outcome = Literal["paid", "returned", "known", "unmatched"]

_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?!\d)")
_NOT_FIGURES = re.compile(r"[,，\s¥￥]|元$|^CNY|^RMB")


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the answer, as it is written and as it is understood."""

    row: int
    reference: str
    account: str
    amount: str
    result: str
    reason: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A payment of ours, as it was sent."""

    id: str
    batch: str
    account: str
    net_minor: int
    currency: str
    state: str
    is_sent: bool
    value_on: date  # planned, or the bank's once it is paid


@dataclass(frozen=True, slots=True)
class Match:
    """What a row comes to: the payment it is about and what happened to it, or why that cannot be told."""

    told: Told
    outcome: Outcome
    line_id: str = ""
    batch: str = ""
    on: date | None = None
    why: str = ""


def read(answer: Answer, rows: Sequence[Sequence[str]]) -> list[Told]:
    """The rows below the header; Invalid names the columns that are not there."""
    at, places = _header(answer, rows)
    told = [_told(number, row, places) for number, row in enumerate(rows[at + 1 :], at + 2)]
    return [one for one in told if one.reference or one.account or one.result]


def _header(answer: Answer, rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    best: dict[str, int] = {}
    for at, row in enumerate(rows[:HEADER_WITHIN]):
        places = _places(answer, row)
        if len(places) == len(answer.columns) or not _missing(places):
            return at, places
        best = max(best, places, key=len)
    missing = _missing(best)
    raise Invalid(
        "sheet_columns",
        "no row names the columns {missing}; choose the layout of this bank, or add the titles to it",
        missing="; ".join("/".join(answer.columns[value]) for value in missing),
    )


def _missing(places: Mapping[str, int]) -> list[str]:
    return [value for value in ("reference", "amount", "account", "result") if value not in places]


def _places(answer: Answer, row: Sequence[str]) -> dict[str, int]:
    """In which column each value stands, by the first of its titles that is there."""
    titles = [cell.strip() for cell in row]
    return {
        value: titles.index(title)
        for value, known in answer.columns.items()
        if (title := next((one for one in known if one in titles), None)) is not None
    }


def _told(number: int, row: Sequence[str], places: Mapping[str, int]) -> Told:
    def cell(value: str) -> str:
        at = places.get(value, len(row))
        return row[at].strip() if at < len(row) else ""

    return Told(
        number,
        cell("reference"),
        cell("account"),
        cell("amount"),
        cell("result"),
        cell("reason"),
        cell("value_on"),
    )


def match(
    answer: Answer, told: Iterable[Told], sent: Mapping[str, Sent], *, paid_on: date | None
) -> list[Match]:
    """Every row with what it comes to. `paid_on` is the bank's day where the rows do not say it."""
    found = [_match(answer, one, sent, paid_on) for one in told]
    return _consistent(found)


def _match(answer: Answer, told: Told, sent: Mapping[str, Sent], paid_on: date | None) -> Match:
    ours = references(told.reference)
    if len(ours) != 1:
        return Match(told, "unmatched", why="several_references" if ours else "no_reference")
    payment = sent.get(ours[0])
    if payment is None or not payment.is_sent:
        return Match(told, "unmatched", why="reference_unknown")
    result = result_of(answer, told.result)
    day = day_of(told.day) if told.day else paid_on
    why = _differs(told, payment) or ("" if result else "result_unknown") or _no_day(result, told, day)
    if why:
        return Match(told, "unmatched", payment.id, payment.batch, why=why)
    return _answered(told, payment, result or "refused", day)


def _answered(told: Told, payment: Sent, result: Result, day: date | None) -> Match:
    """What an answer adds to what is known of a payment: something, nothing, or a contradiction."""
    becomes: Outcome = "paid" if result == "paid" else "returned"
    if payment.state == "reserved":
        return Match(told, becomes, payment.id, payment.batch, on=day)
    same = payment.state == becomes and (becomes == "returned" or payment.value_on == day)
    if same:
        return Match(told, "known", payment.id, payment.batch, on=day)
    return Match(told, "unmatched", payment.id, payment.batch, why="answered_otherwise")


def _differs(told: Told, payment: Sent) -> str:
    minor = amount_of(told.amount, payment.currency)
    if minor is None:
        return "amount_unreadable"
    if minor != payment.net_minor:
        return "amount_differs"
    return "" if digits(told.account) == digits(payment.account) else "account_differs"


def _no_day(result: Result | None, told: Told, day: date | None) -> str:
    if result == "refused" or day is not None:
        return ""
    return "day_unreadable" if told.day else "day_missing"


def _consistent(found: Sequence[Match]) -> list[Match]:
    """A payment told of twice is told of once, where both say the same; else it goes to a person."""
    by_line: dict[str, set[tuple[str, date | None]]] = defaultdict(set)
    for one in found:
        if one.outcome in ("paid", "returned"):
            by_line[one.line_id].add((one.outcome, one.on))
    seen: set[str] = set()
    listed = []
    for one in found:
        if one.outcome in ("paid", "returned"):
            if len(by_line[one.line_id]) > 1:
                one = Match(one.told, "unmatched", one.line_id, one.batch, why="file_contradicts")
            elif one.line_id in seen:
                one = Match(one.told, "known", one.line_id, one.batch, on=one.on)
            seen.add(one.line_id)
        listed.append(one)
    return listed


def result_of(answer: Answer, text: str) -> Result | None:
    """What a word of the bank's means; None where the layout does not know it."""
    if text in answer.paid:
        return "paid"
    return "refused" if text in answer.refused else None


def amount_of(text: str, currency: str) -> int | None:
    """Minor units of “¥12,345.30”; None where it is no plain amount."""
    try:
        return money.parse_minor(_NOT_FIGURES.sub("", text), currency)
    except Invalid:
        return None


def day_of(text: str) -> date | None:
    """The day of “2026-03-10 10:30”, “20260310” or “2026年3月10日”."""
    found = _DAY.match(text)
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


def digits(account: str) -> str:
    """An account without the spaces and dashes people put into it."""
    return re.sub(r"[\s-]", "", account)
