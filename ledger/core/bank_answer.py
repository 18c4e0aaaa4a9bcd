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

from ledger.core import sheet
from ledger.core.bank_layout import Answer, references

_NEEDED = ("reference", "amount", "account", "result")

Result = Literal["paid", "refused"]
Outcome = Literal["paid", "returned", "known", "unmatched"]


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
    told = [_told(line) for line in sheet.lines(answer.columns, _NEEDED, rows)]
    return [one for one in told if one.reference or one.account or one.result]


def _told(line: sheet.Line) -> Told:
    values = ("reference", "account", "amount", "result", "reason", "value_on")
    return Told(line.number, *(line.cell(value) for value in values))


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
    day = sheet.day_of(told.day) if told.day else paid_on
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
    minor = sheet.amount_of(told.amount, payment.currency)
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


def digits(account: str) -> str:
    """An account without the spaces and dashes people put into it."""
    return re.sub(r"[\s-]", "", account)
