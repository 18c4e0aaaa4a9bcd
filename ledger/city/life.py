"""What happens to one deal between its need and the end of the year.

Days are counted from 0 for the first of January. What would fall after the year, or after the
deal's cancellation, has not happened and is left out. An `Event` is its day and its fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.city.draw import Draw, spread
from ledger.core.money import format_minor, round_half_away, split

Event = tuple[int, dict[str, Any]]

TAX_RATE = "6%"
VAT_WITHIN = Fraction(6, 106)
# (up to, percent): the brokerage fee by slices of the contract, so that its share falls with size.
FEE_SLICES = ((10_000_000, 8), (50_000_000, 4), (None, 2))
FEE_FLOOR_MINOR = 100_000
FEE_CAP_MINOR = 50_000_000

NEED, SOURCING, SIGNING, COMPLETION = "need_discovery", "tech_sourcing", "contract_signing", "completion"
# mode → days from signing to completion, least and most
DURATIONS = {
    "lump_sum": (12, 110),
    "instalments": (60, 260),
    "running_share": (150, 450),
    "entry_plus_running": (120, 420),
}
# how a running share's fee falls over its months: rising, falling, or as sales go
RUNS = ((3, 4, 5), (6, 5, 4, 3), (2, 3, 5, 7, 6, 4), (5, 3, 6, 2, 4, 7), (9, 7, 6, 5, 4, 3, 2, 2))
INSTALMENTS = ((3, 7), (5, 5), (3, 4, 3), (2, 3, 5), (1, 1, 1), (3, 3, 3, 1))
# how often a stage is shared by two, by three (in a thousand)
SHARED = {NEED: (220, 20), SOURCING: (430, 60), SIGNING: (280, 30), COMPLETION: (240, 40)}
PAIRS = spread(
    (
        ((60, 40), 30),
        ((50, 50), 25),
        ((70, 30), 20),
        ((80, 20), 10),
        ((2, 1), 7),
        ((1, 1), 6),
        ((100, 0), 2),  # named for the record, without a share
    )
)
TRIPLES = ((1, 1, 1), (50, 30, 20), (6, 6, 2))

FATES = spread(
    (
        ("plain", 862),
        ("cancelled", 45),
        ("refunded", 35),
        ("credited", 25),
        ("reissued", 25),
        ("reinstated", 8),
    )
)
REASONS = spread((("no_fault", 50), ("other", 35), ("fraud", 15)))
AFTERWARDS = (
    "补录前期走访工作量",
    "协助验收另计",
    "分成比例经协商更正",
    "材料重复计入，予以冲减",
    "跨项目协作补差",
)


@dataclass(frozen=True, slots=True)
class Outline:
    """What is settled about a deal before its events are told."""

    category: str
    mode: str
    amount_minor: int  # of the contract, as last stated
    stated_minor: int  # as first stated; another where it is amended
    team: tuple[str, ...]  # manager ids, the one who leads it first
    fate: str
    opened: int
    signed: int
    completed: int  # may lie beyond the year
    ended: int  # the day it is cancelled, else the first day after the year
    last: int  # the last day of the year


def fee_minor(contract_minor: int) -> int:
    """The brokerage fee, VAT included: 8% of a small contract, near 2% of a large one; 1,000 to 500,000."""
    due_minor = lower_minor = 0
    for upper_minor, percent in FEE_SLICES:
        top_minor = contract_minor if upper_minor is None else min(contract_minor, upper_minor)
        due_minor += max(top_minor - lower_minor, 0) * percent // 100
        lower_minor = upper_minor or 0
    return min(max(due_minor, FEE_FLOOR_MINOR), FEE_CAP_MINOR)


def events(draw: Draw, deal: Outline) -> list[Event]:
    """Everything that happened, by day; of one day, in the order in which it happened."""
    told = [
        *_contract(draw, deal),
        *_chain(draw, deal),
        *_money(draw, deal),
        *_ending(draw, deal),
    ]
    told.sort(key=lambda event: event[0])
    return told


def _contract(draw: Draw, deal: Outline) -> list[Event]:
    """The contract as signed, and as amended where its first amount was not its last."""
    technology = 100 if draw.chance(600) else draw.between(50, 95)
    told = [_stated(deal.signed, deal.stated_minor, technology)]
    if deal.stated_minor != deal.amount_minor:
        day = min(deal.signed + draw.between(0, 50), deal.ended - 1)
        told.append(_stated(day, deal.amount_minor, technology))
    if deal.category in ("transfer", "license") and deal.completed < deal.ended:
        net_minor = deal.amount_minor * draw.between(40, 90) // 100
        told.append((deal.completed, {"type": "net_income", "amount": _text(net_minor)}))
    return told


def _stated(day: int, contract_minor: int, technology: int) -> Event:
    """A statement of the contract; `technology` is what equipment and materials leave of it, in percent."""
    fields = {
        "type": "contract",
        "contract_amount": _text(contract_minor),
        "transaction_amount": _text(contract_minor * technology // 100),
    }
    return day, fields


def _chain(draw: Draw, deal: Outline) -> list[Event]:
    """The milestones, now and then one withdrawn and logged anew, and adjustments by hand."""
    logged = [
        _milestone(draw, deal, day, stage) for day, stage in _stage_days(draw, deal) if day < deal.ended
    ]
    told = list(logged)
    if logged and draw.chance(40):
        told += _corrected(draw, deal, draw.pick(logged))
    if logged and draw.chance(20):
        told += _adjusted(draw, deal, logged[-1])
    return told


def _stage_days(draw: Draw, deal: Outline) -> list[tuple[int, str]]:
    """The stages that were reached, nearly always in the order of the chain."""
    found = min(deal.opened + draw.between(0, 3), deal.signed)
    sourced = draw.between(found, deal.signed)
    if draw.chance(20):
        found, sourced = sourced, found
    days = [
        (found, NEED, 970),
        (sourced, SOURCING, 930),
        (deal.signed + draw.between(0, 3), SIGNING, 990),
        (deal.completed, COMPLETION, 960),
    ]
    return [(day, stage) for day, stage, permille in days if draw.chance(permille)]


def _milestone(draw: Draw, deal: Outline, day: int, stage: str) -> Event:
    lead = deal.team[:1] if stage in (NEED, SIGNING) else (draw.pick(deal.team),)
    others = [manager for manager in deal.team if manager not in lead]
    two, three = SHARED[stage]
    weights: Sequence[int] = (1,)
    if draw.chance(two + three):
        weights = draw.pick(TRIPLES) if draw.below(two + three) < three else draw.pick(PAIRS)
    shares = dict(sorted(zip((*lead, *others), weights, strict=False)))
    return day, {"type": "milestone", "stage": stage, "managers": shares}


def _corrected(draw: Draw, deal: Outline, wrong: Event) -> list[Event]:
    """A milestone withdrawn, and mostly logged again by others, perhaps on the same day."""
    stage = wrong[1]["stage"]
    day = wrong[0] + draw.between(1, 25)
    again = day + draw.pick((0, 0, 1, 3, 8))
    told: list[Event] = [(day, {"type": "milestone_withdrawn", "stage": stage})]
    if draw.chance(900):
        others = tuple(manager for manager in deal.team if manager not in wrong[1]["managers"])
        shares = dict.fromkeys(sorted(others or deal.team[:1]), 1)
        told.append((again, {"type": "milestone", "stage": stage, "managers": shares}))
    return [event for event in told if event[0] < deal.ended]


def _adjusted(draw: Draw, deal: Outline, milestone: Event) -> list[Event]:
    """A small amount given to, or taken from, one who took part."""
    day = milestone[0] + draw.between(3, 60)
    sign = -1 if draw.chance(400) else 1
    fields = {
        "type": "adjustment",
        "manager": draw.pick(list(milestone[1]["managers"])),
        "stage": milestone[1]["stage"],
        "amount": _text(sign * draw.between(500, 20_000) * 10),
        "reason": draw.pick(AFTERWARDS),
    }
    return [(day, fields)] if day < deal.ended else []


@dataclass(frozen=True, slots=True)
class _Receipt:
    """Money in, and the day of the invoice it pays."""

    day: int
    amount_minor: int
    invoiced: int


def _money(draw: Draw, deal: Outline) -> list[Event]:
    """Invoices and receipts, then what went wrong with them."""
    tax_shown = draw.chance(100)
    invoices = [pair for pair in _invoices(draw, deal) if pair[0] < deal.ended]
    receipts = [receipt for pair in invoices for receipt in _receipts(draw, deal, *pair)]
    told = [_fee(day, "fee_invoiced", minor, tax_shown) for day, minor in invoices]
    told += [_fee(receipt.day, "fee_received", receipt.amount_minor) for receipt in receipts]
    if deal.fate == "refunded" and receipts:
        told += _refunded(deal, draw.pick(receipts), draw.pick((10, 20, 35, 50, 100)), draw.between(4, 40))
    if deal.fate == "credited" and invoices:
        told += _credited(draw, deal, *draw.pick(invoices))
    if deal.fate == "reissued" and invoices:
        told = _reissued(draw, deal, told, tax_shown)
    if deal.fate == "cancelled":
        percent = draw.pick((0, 0, 50, 100, 100))
        for receipt in receipts if percent else ():
            told += _refunded(deal, receipt, percent, deal.ended - receipt.day + draw.between(1, 30))
    return told


def _invoices(draw: Draw, deal: Outline) -> list[tuple[int, int]]:
    """(day, amount) of every invoice the contract foresees, in the year or not."""
    fee = fee_minor(deal.amount_minor)
    first = deal.signed + draw.between(2, 20)
    if deal.mode == "lump_sum":
        return [(first, fee)]
    if deal.mode == "instalments":
        parts = split(fee, draw.pick(INSTALMENTS))
        step = max(deal.completed - first, 1) // max(len(parts) - 1, 1)
        return [(first + number * step, part) for number, part in enumerate(parts)]
    weights: tuple[int, ...] = draw.pick(RUNS)
    if deal.mode == "entry_plus_running":
        weights = (sum(weights) * draw.pick((3, 5)) // 6, *weights)
    parts = split(fee, weights)
    return [(first + number * 30, part) for number, part in enumerate(parts)]


def _receipts(draw: Draw, deal: Outline, invoiced: int, minor: int) -> list[_Receipt]:
    """How one invoice is paid: late, in two parts, ahead of it, or not (yet)."""
    if draw.chance(40):
        return []
    if draw.chance(60):
        return [_Receipt(max(deal.signed, invoiced - draw.between(1, 12)), minor, invoiced)]
    paid = [invoiced + draw.between(2, 45)]
    if draw.chance(150):
        paid.append(paid[0] + draw.between(10, 60))
    parts = split(minor, (6, 4)[: len(paid)])
    until = deal.last if draw.chance(300) else deal.ended - 1  # some still pay for a dead deal
    return [_Receipt(day, part, invoiced) for day, part in zip(paid, parts, strict=True) if day <= until]


def _refunded(deal: Outline, receipt: _Receipt, percent: int, days: int) -> list[Event]:
    """Part of a receipt paid back so many days after, and as much of its invoice credited."""
    day = max(receipt.day + days, receipt.day, receipt.invoiced)
    minor = receipt.amount_minor * percent // 100
    if day > deal.last or not minor:
        return []
    return [_fee(day, "fee_refunded", minor), _fee(day, "fee_credited", minor)]


def _credited(draw: Draw, deal: Outline, invoiced: int, minor: int) -> list[Event]:
    """A price allowed after invoicing: part of it credited, nothing paid back."""
    day = invoiced + draw.between(3, 30)
    return [_fee(day, "fee_credited", minor * draw.pick((5, 10, 20)) // 100)] if day < deal.ended else []


def _reissued(draw: Draw, deal: Outline, told: list[Event], tax_shown: bool) -> list[Event]:
    """The first invoice was made out wrong: credited whole, and made out again the same day."""
    day, minor = told[0][0] + draw.between(1, 9), _minor(told[0])
    if day >= deal.ended:
        return told
    wrong = minor + minor // 10
    return [
        _fee(told[0][0], "fee_invoiced", wrong, tax_shown),
        _fee(day, "fee_credited", wrong, tax_shown),
        _fee(day, "fee_invoiced", minor, tax_shown),
        *told[1:],
    ]


def _fee(day: int, kind: str, minor: int, tax_shown: bool = False) -> Event:
    fields = {"type": kind, "amount": _text(minor)}
    if tax_shown:
        fields["tax"] = _text(round_half_away(minor * VAT_WITHIN))
    return day, fields


def _minor(fee: Event) -> int:
    return int(fee[1]["amount"].replace(".", ""))


def _ending(draw: Draw, deal: Outline) -> list[Event]:
    """The cancellation; it may also have been taken back, and life went on."""
    if deal.fate == "cancelled":
        return [(deal.ended, {"type": "cancelled", "reason": draw.pick(REASONS)})]
    if deal.fate == "reinstated":
        day = deal.signed + draw.between(1, 40)
        back = day + draw.between(1, 30)
        if back <= deal.last:
            cancelled: Event = (day, {"type": "cancelled", "reason": "other"})
            return [cancelled, (back, {"type": "reinstated"})]
    return []


def _text(minor: int) -> str:
    return format_minor(minor, "CNY")
