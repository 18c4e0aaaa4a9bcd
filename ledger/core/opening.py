"""Opening balances (期初余额) at cut-over: what another system says, against what the deals in flight booked.

The file is CSV: `account,owner,debit,credit`, a line an account and owner, one amount a line.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.core.entry import ADVANCES, CHART, HELD, RECEIVABLE, Posting
from ledger.core.errors import Conflict, Invalid, InvalidFile
from ledger.core.money import format_minor, parse_minor

COLUMNS = ("account", "owner", "debit", "credit")
# Only a deal can ever clear these: what is left on them has to come from the deals in flight.
OF_DEALS = (RECEIVABLE, ADVANCES, HELD)

Key = tuple[str, str]  # account, owner


@dataclass(frozen=True, slots=True)
class Line:
    """One balance; debit positive, minor units."""

    account: str
    owner: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One account of one owner: as given, as booked by the deals in flight, and what is left to post."""

    account: str
    owner: str
    given_minor: int
    booked_minor: int

    @property
    def missing_minor(self) -> int:
        """What the opening entry posts."""
        return self.given_minor - self.booked_minor


def read(text: str, name: str, currency: str) -> tuple[Line, ...]:
    """The balances of a file, or InvalidFile at its first wrong line; together they are zero, or Invalid."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InvalidFile(name, 1, "the columns are others", f"write {','.join(COLUMNS)}")
    lines: dict[Key, Line] = {}
    for row in rows:
        line = _line(row, name, rows.line_num, currency)
        if (line.account, line.owner) in lines:
            raise InvalidFile(
                name, rows.line_num, f"{line.account} {line.owner}".strip() + " is there twice", "add them up"
            )
        lines[line.account, line.owner] = line
    return balanced(tuple(lines.values()), currency)


def _line(row: Mapping[str, str | None], name: str, number: int, currency: str) -> Line:
    cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
    account = CHART.get(cells["account"])
    if account is None or account.side == "memorandum" or account.owner == "payout":
        mend = "take one of the chart; payments under way are settled before the cut-over"
        raise InvalidFile(name, number, f"account “{cells['account']}” has no opening balance", mend)
    if (account.owner != "none") != bool(cells["owner"]):
        raise InvalidFile(
            name,
            number,
            f"account {account.code} is kept once per {account.owner}",
            "write whose it is, or nobody",
        )
    if bool(cells["debit"]) == bool(cells["credit"]):
        raise InvalidFile(name, number, "a line has a debit or a credit", "write one amount")
    try:
        minor = parse_minor(cells["debit"] or cells["credit"], currency)
    except Invalid as error:
        raise InvalidFile(name, number, str(error), "write an amount such as 1250.00") from None
    if minor < 0:
        raise InvalidFile(name, number, "the amount is below zero", "write it in the other column")
    return Line(account.code, cells["owner"], minor if cells["debit"] else -minor)


def balanced(lines: tuple[Line, ...], currency: str) -> tuple[Line, ...]:
    """The lines themselves, or Invalid: opening balances sum to zero."""
    off_minor = sum(line.amount_minor for line in lines)
    if off_minor or not lines:
        raise Invalid(
            "opening_unbalanced",
            "the opening balances do not sum to zero: they are off by {off}; something is missing or twice",
            off=format_minor(off_minor, currency),
        )
    return lines


def compare(lines: Iterable[Line], booked: Mapping[Key, int]) -> list[Compared]:
    """Everything that was given or is booked, in order of account and owner."""
    given = {(line.account, line.owner): line.amount_minor for line in lines}
    return [
        Compared(*key, given.get(key, 0), booked.get(key, 0))
        for key in sorted(given.keys() | booked.keys())
        if CHART[key[0]].side != "memorandum"
    ]


def check_deals(compared: Sequence[Compared], currency: str) -> None:
    """Conflict naming the first account that only deals can clear and that they do not explain."""
    for one in compared:
        if one.account in OF_DEALS and one.missing_minor:
            raise Conflict(
                "opening_not_of_deals",
                "{account} of {owner} is {given} and the deals in flight come to {booked}; import the deals"
                " that are missing, or correct the balance",
                account=one.account,
                owner=one.owner,
                given=format_minor(one.given_minor, currency),
                booked=format_minor(one.booked_minor, currency),
            )


def postings(compared: Iterable[Compared]) -> tuple[Posting, ...]:
    """What brings the books to the balances that were given."""
    return tuple(
        Posting(
            one.account,
            one.missing_minor,
            one.owner,
            manager_id=one.owner if CHART[one.account].owner == "manager" else "",
        )
        for one in compared
        if one.missing_minor
    )


def digest(period: str, currency: str, compared: Iterable[Compared]) -> str:
    """SHA-256 over what is signed: every balance, given and booked."""
    rows = [[one.account, one.owner, one.given_minor, one.booked_minor] for one in compared]
    return hashlib.sha256(json.dumps([period, currency, rows], ensure_ascii=False).encode()).hexdigest()
