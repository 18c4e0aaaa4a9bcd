"""Money in: the entries of a brokerage fee (居间服务费) invoiced, credited, received, refunded.

A receipt always meets the receivable, invoice or not: what was received beyond what was invoiced
is moved to advances by settling (core/accrual), so the order of arrival does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.core import period
from ledger.core.entry import BANK, FEE_REVENUE, OUTPUT_VAT, RECEIVABLE, Entry, Posting
from ledger.core.facts import Fact, Fee

_SUMMARY = {
    "fee_invoiced": "开具居间服务费发票",
    "fee_credited": "开具红字发票",
    "fee_received": "收到居间服务费",
    "fee_refunded": "退回居间服务费",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One deal's part of a document: the fact, whose money it is."""

    fact: Fee
    fact_id: str
    deal_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class BelowZero:
    """More was given back (`fee_credited`, `fee_refunded`) than there ever was, or more of the VAT in it."""

    given_back: str
    had_minor: int
    wanted_minor: int
    is_vat: bool = False


def below_zero(facts: Iterable[Fact]) -> list[BelowZero]:
    """Where a deal's facts give back more than they took, in whatever order they came.

    More VAT given back than there was would leave a net amount that is larger for it, and earn more. It is
    rounded on each document, so for each there may be a fen of difference.
    """
    fees = [fact for fact in facts if isinstance(fact, Fee)]
    found = []
    for plus, minus in (("fee_invoiced", "fee_credited"), ("fee_received", "fee_refunded")):
        had, back = ([fee for fee in fees if fee.kind == kind] for kind in (plus, minus))
        amount, wanted = (sum(fee.amount_minor for fee in some) for some in (had, back))
        vat, wanted_vat = (sum(fee.tax_minor for fee in some) for some in (had, back))
        if wanted > amount:
            found.append(BelowZero(minus, amount, wanted))
        elif wanted_vat > vat + len(had) + len(back):
            found.append(BelowZero(minus, vat, wanted_vat, is_vat=True))
    return found


def draw(
    source: str, parts: Sequence[Part], *, currency: str, landing: str, bank_account: str, ref: str
) -> Entry:
    """The entry of one document over one deal or several; all parts are of one kind and day."""
    first = parts[0].fact
    postings = [posting for part in parts for posting in _postings(part, bank_account)]
    return Entry(
        kind=first.kind,
        source=source,
        on=max(first.on, period.first_day(landing)),
        period=landing,
        currency=currency,
        summary=f"{_SUMMARY[first.kind]} {ref}".strip(),
        deal_id=parts[0].deal_id if len(parts) == 1 else "",
        because=tuple(part.fact_id for part in parts),
        postings=tuple(posting for posting in postings if posting.amount_minor),
    )


def _postings(part: Part, bank_account: str) -> list[Posting]:
    fact, origin = part.fact, period.of(part.fact.on)
    sign = 1 if fact.kind in ("fee_invoiced", "fee_received") else -1
    gross, vat = sign * fact.amount_minor, sign * fact.tax_minor

    def line(account: str, amount: int, owner: str = "") -> Posting:
        return Posting(account, amount, owner, deal_id=part.deal_id, origin=origin)

    if fact.kind in ("fee_invoiced", "fee_credited"):
        return [
            line(RECEIVABLE, gross, part.client_id),
            line(FEE_REVENUE, vat - gross),
            line(OUTPUT_VAT, -vat),
        ]
    return [line(BANK, gross, bank_account), line(RECEIVABLE, -gross, part.client_id)]
