"""hledger's journal format, as far as an export needs it: hledger.org/hledger.html#journal.

Labels are tags in comments. A tag's value ends at a comma, and hledger reads a [date] in a posting's
comment, so such characters are written as `%2C`, as in a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from ledger.core.entry import CHART
from ledger.core.money import digits, format_minor
from ledger.exports.books import Booked, Standing
from ledger.exports.names import account_name
from ledger.exports.said import Said

_TYPES = {"asset": "A", "liability": "L", "income": "R", "expense": "X", "memorandum": "E"}
_UNSAFE = re.compile(r"[%,;|\[\]\x00-\x1f\x7f-\x9f\u2028\u2029]")


def heading(title: str, currencies: Sequence[str]) -> Iterator[str]:
    """The title, the decimal mark and the currencies."""
    yield f"; {title}\ndecimal-mark .\n"
    for currency in currencies:
        yield f"commodity 1000.{'0' * digits(currency)} {currency}\n"
    yield "\n"


def account(standings: Sequence[Standing], on: date) -> Iterator[str]:
    """One account and whose it is."""
    one = standings[0]
    known = CHART[one.account]
    about = {"code": one.account, "title": known.title_zh, "owner": one.owner, "name": one.name}
    yield f"account {account_name(one.account, one.owner)}  ; type:{_TYPES[known.side]}, {_tags(about)}\n"


def entry(booked: Booked, said: Said) -> Iterator[str]:
    """One transaction, its code the entry's number, with a tag a line."""
    value = booked.entry
    yield f"\n{value.on} * ({booked.id}) {_safe(value.summary)}\n"
    for name, label in said.entry.items():
        yield f"    ; {name}:{_safe(label)}\n"
    for posting, about in zip(value.postings, said.postings, strict=True):
        tags = f"  ; {_tags(about)}" if about else ""
        yield _posting(posting.account, posting.owner, posting.amount_minor, value.currency, tags)


def brought_forward(on: date, standings: Iterable[Standing]) -> Iterator[str]:
    """One transaction of what was there before."""
    yield f"\n{on} * 期初余额 brought forward\n"
    for one in standings:
        yield _posting(one.account, one.owner, one.before_minor, one.currency)


def balances(on: date, standings: Iterable[Standing]) -> Iterator[str]:
    """A transaction that moves nothing and asserts every balance."""
    yield f"\n{on} * 期末余额 balances\n"
    for one in standings:
        asserted = f" = {format_minor(one.after_minor, one.currency)} {one.currency}"
        yield _posting(one.account, one.owner, 0, one.currency, asserted)


def _posting(account: str, owner: str, amount_minor: int, currency: str, rest: str = "") -> str:
    amount = format_minor(amount_minor, currency)
    return f"    {account_name(account, owner):<48}  {amount:>16} {currency}{rest}\n"


def _tags(about: Mapping[str, str]) -> str:
    return ", ".join(f"{name}:{_safe(value)}" for name, value in about.items() if value)


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)
