"""An entry (记账凭证) and its postings (分录): the chart of accounts and which kind may touch what.

Amounts are whole minor units, debit positive, credit negative. An entry has one currency and
sums to zero. The database refuses what this module would refuse (migrations/guards).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.core.errors import Invalid

Side = Literal["asset", "liability", "income", "expense", "memorandum"]
Owner = Literal["bank_account", "client", "manager", "payout", "none"]


@dataclass(frozen=True, slots=True)
class Account:
    """One account (会计科目) of the chart; it is kept once per `owner`."""

    code: str
    name: str
    title_zh: str
    side: Side
    owner: Owner


BANK = "1002"
RECEIVABLE = "1122"
RECOVERABLE = "1221"
PAYABLE = "2202.01"
HELD = "2202.02"
IN_TRANSIT = "2202.03"
ESTIMATED = "2202.09"
ADVANCES = "2203"
OUTPUT_VAT = "2221.01"
WITHHELD_IIT = "2221.12"
WITHHELD_VAT = "2221.13"
FEE_REVENUE = "6001"
COMMISSION_COST = "6401"
ESTIMATED_COST = "6401.09"
WRITTEN_OFF = "6711"
EXPECTED = "9001"
CONTRA = "9009"

CHART: dict[str, Account] = {
    account.code: account
    for account in (
        Account(BANK, "bank", "银行存款", "asset", "bank_account"),
        Account(RECEIVABLE, "receivable", "应收账款", "asset", "client"),
        Account(RECOVERABLE, "recoverable", "其他应收款-追回佣金", "asset", "manager"),
        Account(PAYABLE, "payable", "应付账款-佣金", "liability", "manager"),
        Account(HELD, "held", "应付账款-暂扣佣金", "liability", "manager"),
        Account(IN_TRANSIT, "in_transit", "应付账款-在途付款", "liability", "payout"),
        Account(ESTIMATED, "estimated", "应付账款-暂估佣金", "liability", "none"),
        Account(ADVANCES, "advances", "预收账款", "liability", "client"),
        Account(OUTPUT_VAT, "output_vat", "应交税费-应交增值税", "liability", "none"),
        Account(WITHHELD_IIT, "withheld_iit", "应交税费-代扣个人所得税", "liability", "none"),
        Account(WITHHELD_VAT, "withheld_vat", "应交税费-代扣增值税及附加", "liability", "none"),
        Account(FEE_REVENUE, "fee_revenue", "主营业务收入-居间服务", "income", "none"),
        Account(COMMISSION_COST, "commission_cost", "主营业务成本-佣金", "expense", "none"),
        Account(ESTIMATED_COST, "estimated_cost", "主营业务成本-暂估佣金", "expense", "none"),
        Account(WRITTEN_OFF, "written_off", "营业外支出-坏账", "expense", "none"),
        Account(EXPECTED, "expected", "备查-预计佣金", "memorandum", "manager"),
        Account(CONTRA, "contra", "备查-预计佣金对方", "memorandum", "none"),
    )
}


@dataclass(frozen=True, slots=True)
class Legs:
    """The accounts of one kind of entry: those it debits, those it credits, those that may go either way."""

    debit: tuple[str, ...] = ()
    credit: tuple[str, ...] = ()
    either: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[str, int]:
        """By account: 1 where it is debited, -1 where it is credited, 0 where it may be either."""
        return {
            **dict.fromkeys(self.debit, 1),
            **dict.fromkeys(self.credit, -1),
            **dict.fromkeys(self.either, 0),
        }


# What happened → the accounts its entry may touch, and on which side. The database holds the same table.
KINDS: dict[str, Legs] = {
    "expectation": Legs(either=(EXPECTED, CONTRA)),
    "fee_invoiced": Legs((RECEIVABLE,), (FEE_REVENUE, OUTPUT_VAT)),
    "fee_credited": Legs((FEE_REVENUE, OUTPUT_VAT), (RECEIVABLE,)),
    "fee_received": Legs((BANK,), (RECEIVABLE,)),
    "fee_refunded": Legs((RECEIVABLE,), (BANK,)),
    "advance": Legs(either=(RECEIVABLE, ADVANCES)),
    "accrual": Legs(either=(COMMISSION_COST, PAYABLE, HELD)),
    "release": Legs((HELD,), (PAYABLE,)),
    "year_cap": Legs(either=(COMMISSION_COST, PAYABLE)),
    "estimate": Legs(either=(ESTIMATED_COST, ESTIMATED)),
    # a debt on one deal is netted against another
    "payout_made": Legs(credit=(IN_TRANSIT,), either=(PAYABLE,)),
    "payout_returned": Legs((IN_TRANSIT,), either=(PAYABLE,)),
    # a payment may give back what another of its month, still on its way, bears too much
    "payout_confirmed": Legs((IN_TRANSIT,), (BANK, WITHHELD_IIT), either=(WITHHELD_VAT,)),
    "payout_bounced": Legs((BANK, WITHHELD_IIT), (IN_TRANSIT,), either=(WITHHELD_VAT,)),
    # a payment of the month came back: too much is given back, too little is taken
    "vat_corrected": Legs(either=(WITHHELD_VAT, PAYABLE)),
    "paid_elsewhere": Legs(either=(PAYABLE, BANK)),  # it may have come back
    "tax_remitted": Legs((WITHHELD_IIT, WITHHELD_VAT), (BANK,)),
    "left_owing": Legs((RECOVERABLE,), (PAYABLE,)),
    "owing_repaid": Legs((BANK,), (RECOVERABLE,)),
    "owing_written_off": Legs((WRITTEN_OFF,), (RECOVERABLE,)),
    "opening": Legs(either=tuple(CHART)),
}

# What is entered as it stands is reversed by hand; its mirror is of the same kind.
BY_HAND = ("paid_elsewhere", "tax_remitted", "left_owing", "owing_repaid", "owing_written_off", "opening")

# Kind of an entry → the kind of the one that takes it back. What is not here follows from facts: it would
# come back with the next settling. The guards have the same pairs.
REVERSED_BY: dict[str, str] = {
    "fee_invoiced": "fee_credited",
    "fee_credited": "fee_invoiced",
    "fee_received": "fee_refunded",
    "fee_refunded": "fee_received",
    "estimate": "estimate",
    "payout_made": "payout_returned",
    "payout_confirmed": "payout_bounced",
    **{kind: kind for kind in BY_HAND},
}

# In one posting: a thousand times what the country trades in a year; the sums stay whole numbers.
MOST_MINOR = 10**15 - 1

PAYMENTS = ("payout_made", "payout_returned", "paid_elsewhere")  # what a manager has had, or has coming

_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Nature = Literal["", "earned", "adjusted", "clawed_back"]  # which row of a statement a posting feeds


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry. `owner` says whose account it is; the rest says what it is about."""

    account: str
    amount_minor: int
    owner: str = ""
    deal_id: str = ""
    manager_id: str = ""
    stage: str = ""
    origin: str = ""  # the period the amount belongs to, where the entry's own came too late
    nature: Nature = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole entry, ready to be posted. `(kind, source)` names it for ever."""

    kind: str
    source: str
    on: date
    period: str
    currency: str
    postings: tuple[Posting, ...]
    summary: str = ""
    deal_id: str = ""
    because: tuple[str, ...] = ()  # ids of the facts that caused it
    reverses: int | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over everything that makes two entries of one source the same."""
        content = [
            self.kind,
            self.source,
            self.on.isoformat(),
            self.period,
            self.currency,
            self.deal_id,
            self.reverses,
            [
                [p.account, p.amount_minor, p.owner, p.deal_id, p.manager_id, p.stage, p.origin, p.nature]
                for p in self.postings
            ],
        ]
        return hashlib.sha256(_as_json(content).encode()).hexdigest()


def check(entry: Entry) -> Entry:
    """The entry itself, or Invalid naming the first rule it breaks."""
    if entry.kind not in KINDS:
        raise Invalid("entry_kind_unknown", "there is no entry kind “{kind}”", kind=entry.kind)
    sides = KINDS[entry.kind].sides
    if len(entry.postings) < 2:
        raise Invalid("entry_one_legged", "entry {source} has fewer than two postings", source=entry.source)
    for posting in entry.postings:
        if type(posting.amount_minor) is not int or not 0 < abs(posting.amount_minor) <= MOST_MINOR:
            raise Invalid(
                "posting_amount",
                "a posting of {source} is not a whole amount, is zero, or is beyond {most}",
                source=entry.source,
                most=MOST_MINOR,
            )
        if posting.account not in sides:
            raise Invalid(
                "posting_account",
                "an entry of kind {kind} may not touch account {account}",
                kind=entry.kind,
                account=posting.account,
            )
        if entry.reverses is None and sides[posting.account] * posting.amount_minor < 0:
            raise Invalid(
                "posting_side",
                "an entry of kind {kind} has account {account} on its other side",
                kind=entry.kind,
                account=posting.account,
            )
        if (CHART[posting.account].owner != "none") != bool(posting.owner):
            raise Invalid(
                "posting_owner",
                "account {account} is kept once per {owner}",
                account=posting.account,
                owner=CHART[posting.account].owner,
            )
    off_minor = sum(posting.amount_minor for posting in entry.postings)
    if off_minor:
        raise Invalid(
            "entry_unbalanced", "entry {source} is off by {off}", source=entry.source, off=off_minor
        )
    return entry


def mirrored(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The same postings with every amount turned round: a reversal (冲销)."""
    return tuple(
        Posting(p.account, -p.amount_minor, p.owner, p.deal_id, p.manager_id, p.stage, p.origin, p.nature)
        for p in postings
    )


def as_text(entry: Entry) -> str:
    """The entry as an accountant would write it down, for tests, logs and docs/RULES.md."""
    head = f"{entry.on} {entry.kind} {entry.source}"
    return "\n".join([head, *(_line(posting, entry) for posting in entry.postings)])


def _line(posting: Posting, entry: Entry) -> str:
    account = CHART[posting.account]
    name = f"{account.code} {account.name}" + (f":{posting.owner}" if posting.owner else "")
    sign = "-" if posting.amount_minor < 0 else ""
    whole, part = divmod(abs(posting.amount_minor), 100)
    late = f"  of {posting.origin}" if posting.origin not in ("", entry.period) else ""
    return f"  {name:<34} {f'{sign}{whole}.{part:02d}':>14} {entry.currency}{late}"


def totals(postings: Sequence[Posting]) -> dict[tuple[str, str], int]:
    """Sum by (account, owner)."""
    sums: dict[tuple[str, str], int] = {}
    for posting in postings:
        key = (posting.account, posting.owner)
        sums[key] = sums.get(key, 0) + posting.amount_minor
    return sums
