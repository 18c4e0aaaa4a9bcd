"""Beancount's format (version 3), as far as an export needs it. Labels are metadata.

Beancount tolerates a small imbalance unless told not to: the heading tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from ledger.core.entry import CHART
from ledger.core.money import format_minor
from ledger.exports.books import Booked, Standing
from ledger.exports.names import account_name
from ledger.exports.said import Said


def heading(title: str, currencies: Sequence[str]) -> Iterator[str]:
    """The title, no tolerance, and the currencies."""
    yield f'option "title" {_quoted(title)}\noption "tolerance_multiplier" "0"\n'
    for currency in currencies:
        yield f'option "operating_currency" "{currency}"\n'
    yield "\n"
    for currency in currencies:
        yield f"1970-01-01 commodity {currency}\n"
    yield "\n"


def account(standings: Sequence[Standing], on: date) -> Iterator[str]:
    """One account, the only currencies it may hold, and whose it is."""
    one = standings[0]
    currencies = ",".join(standing.currency for standing in standings)
    yield f"{on} open {account_name(one.account, one.owner)} {currencies}\n"
    title = CHART[one.account].title_zh
    yield from _metadata({"code": one.account, "title": title, "owner": one.owner, "name": one.name}, "  ")


def entry(booked: Booked, said: Said) -> Iterator[str]:
    """One transaction. Its link is its number; a reversal also has the link of what it reverses."""
    value = booked.entry
    also = f" ^entry-{value.reverses}" if value.reverses else ""
    yield f"\n{value.on} * {_quoted(value.summary)} ^entry-{booked.id}{also}\n"
    yield from _metadata(said.entry, "  ")
    for posting, about in zip(value.postings, said.postings, strict=True):
        yield _posting(posting.account, posting.owner, posting.amount_minor, value.currency)
        yield from _metadata(about, "    ")


def brought_forward(on: date, standings: Iterable[Standing]) -> Iterator[str]:
    """One transaction of what was there before."""
    yield f'\n{on} * "期初余额 brought forward"\n'
    for one in standings:
        yield _posting(one.account, one.owner, one.before_minor, one.currency)


def balances(on: date, standings: Iterable[Standing]) -> Iterator[str]:
    """Every balance, asserted at the beginning of the next day as Beancount has it."""
    yield "\n"
    following = on + timedelta(days=1)
    for one in standings:
        amount = format_minor(one.after_minor, one.currency)
        yield f"{following} balance {account_name(one.account, one.owner)}  {amount} {one.currency}\n"


def _posting(account: str, owner: str, amount_minor: int, currency: str) -> str:
    return f"  {account_name(account, owner):<48}  {format_minor(amount_minor, currency):>16} {currency}\n"


def _metadata(about: Mapping[str, str], indent: str) -> Iterator[str]:
    for name, value in about.items():
        if value:
            yield f"{indent}{name}: {_quoted(value)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
