"""What a bank's answer says, row by row, and which payment each row is about: by reference, amount, account.

Nothing is guessed: a row that differs by a fen or a digit, that says two things, or that nobody sent is
not applied, and goes to a person with the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from ledger.core import sheet
from ledger.core.bank_layout import Answer, references

_NEEDED = ("reference", "amount", "account", "result")

Result = Literal["paid", "refused", "bounced"]
Outcome = Literal["paid", "returned", "bounced", "known", "unmatched"]


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
    listed = list(told)
    found = [_match(answer, one, sent, paid_on) for one in listed]
    paid = {one.line_id: one.on for one in found if one.outcome == "paid" and one.on}
    since = {
        line_id: replace(sent[line_id], state="paid", value_on=on)  # paid by this file, and given back by it
        for line_id, on in paid.items()
    }
    return _consistent(
        [
            _match(answer, one.told, {**sent, **since}, paid_on) if _is_bounce(answer, one, since) else one
            for one in found
        ]
    )


def _is_bounce(answer: Answer, one: Match, paid: Mapping[str, Sent]) -> bool:
    return one.line_id in paid and result_of(answer, one.told.result) == "bounced"


def _match(answer: Answer, told: Told, sent: Mapping[str, Sent], paid_on: date | None) -> Match:
    ours = references(told.reference)
    if len(ours) != 1:
        return Match(told, "unmatched", why="several_references" if ours else "no_reference")
    payment = sent.get(ours[0])
    if payment is None or not payment.is_sent:
        return Match(told, "unmatched", why="reference_unknown")
    result = result_of(answer, told.result)
    day = sheet.day_of(told.day) if told.day else paid_on
    why = _differs(told, payment) or ("" if result else "result_unknown")
    why = why or _no_day(result, told, day, payment.state)
    if why:
        return Match(told, "unmatched", payment.id, payment.batch, why=why)
    return _answered(told, payment, result or "refused", day)


def _answered(told: Told, payment: Sent, result: Result, day: date | None) -> Match:
    """What an answer adds to what is known of a payment: something, nothing, or a contradiction."""
    becomes: Outcome = "paid" if result == "paid" else "returned"
    if payment.state == "reserved":
        return Match(told, becomes, payment.id, payment.batch, on=day)
    if payment.state == "paid" and result == "bounced" and day is not None:
        if day < payment.value_on:
            return Match(told, "unmatched", payment.id, payment.batch, why="bounced_before_paid")
        return Match(told, "bounced", payment.id, payment.batch, on=day)
    if _is_known(payment, result, day):
        return Match(told, "known", payment.id, payment.batch, on=day)
    return Match(told, "unmatched", payment.id, payment.batch, why="answered_otherwise")


def _is_known(payment: Sent, result: Result, day: date | None) -> bool:
    """Whether this was answered before: a bounced payment was paid first, on its value date."""
    if result == "paid":
        return payment.state in ("paid", "bounced") and payment.value_on == day
    return payment.state == "returned" or (payment.state == "bounced" and result == "bounced")


def _differs(told: Told, payment: Sent) -> str:
    minor = sheet.amount_of(told.amount, payment.currency)
    if minor is None:
        return "amount_unreadable"
    if minor != payment.net_minor:
        return "amount_differs"
    return "" if digits(told.account) == digits(payment.account) else "account_differs"


def _no_day(result: Result | None, told: Told, day: date | None, state: str) -> str:
    """A refusal needs no day, nor does what is given back before it was paid."""
    is_refused = result == "refused" or (result == "bounced" and state != "paid")
    if is_refused or day is not None:
        return ""
    return "day_unreadable" if told.day else "day_missing"


def _consistent(found: Sequence[Match]) -> list[Match]:
    """A payment told of twice is told of once, where both say the same; else it goes to a person."""
    by_line: dict[str, set[tuple[str, date | None]]] = defaultdict(set)
    for one in found:
        if one.outcome in ("paid", "returned"):
            by_line[one.line_id].add((one.outcome, one.on))
    seen: set[str] = set()
    back: dict[str, set[date | None]] = defaultdict(set)
    for one in found:
        if one.outcome == "bounced":
            back[one.line_id].add(one.on)
    listed = []
    for one in found:
        if one.outcome == "bounced":
            one = _once(one, back[one.line_id], seen, f"{one.line_id} bounced")
        elif one.outcome in ("paid", "returned"):
            if len(by_line[one.line_id]) > 1:
                one = Match(one.told, "unmatched", one.line_id, one.batch, why="file_contradicts")
            elif one.line_id in seen:
                one = Match(one.told, "known", one.line_id, one.batch, on=one.on)
            seen.add(one.line_id)
        listed.append(one)
    return listed


def _once(one: Match, days: Collection[date | None], seen: set[str], key: str) -> Match:
    """A payment given back, told of twice in a file: once, where both say the same day."""
    if len(days) > 1:
        return replace(one, outcome="unmatched", on=None, why="file_contradicts")
    if key in seen:
        return replace(one, outcome="known")
    seen.add(key)
    return one


def result_of(answer: Answer, text: str) -> Result | None:
    """What a word of the bank's means; None where the layout does not know it."""
    if text in answer.paid:
        return "paid"
    if text in answer.bounced:
        return "bounced"
    return "refused" if text in answer.refused else None


def digits(account: str) -> str:
    """An account without the spaces and dashes people put into it."""
    return re.sub(r"[\s-]", "", account)
