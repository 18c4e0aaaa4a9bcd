"""A settlement statement (结算单) as a value: all that the paper prints, copied, for it may never change.

Amounts are whole minor units of the header's currency, signed by what they do to the payable
account (应付账款-佣金): a plus is owed to the payee. `check` refuses a statement of which one sum
does not tie; the paper prints nothing else. The JSON form is versioned: fields are added with a
default and left out while they have it, so that what was said before keeps its hash; never renamed
or given another meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal, get_args

from pydantic import Field

from ledger.core import papers
from ledger.core import period as periods
from ledger.core.errors import Invalid
from ledger.core.papers import Currency, Instant, Period, Value, Words, code, pointing, to_json

__all__ = ["Words", "code", "pointing", "to_json"]  # of all papers, and of this one

Kind = Literal["preliminary", "final"]
Nature = Literal["earned", "adjusted", "clawed_back"]
StepKind = Literal["made", "sent", "confirmed", "returned", "bounced", "paid_elsewhere"]
FurtherRow = Literal["year_cap", "vat_corrected", "left_owing", "brought_in"]
FURTHER: tuple[FurtherRow, ...] = get_args(FurtherRow)
CAME_BACK: tuple[StepKind, ...] = ("returned", "bounced")  # before it was paid, and after


def _later() -> int:
    """An amount that statements of before do not have: left out of the form while there is none."""
    return Field(default=0, exclude_if=lambda minor: not minor)


class Payee(Value):
    """The technology manager (技术经理人) the statement is for; `account` is already masked."""

    id: str
    name: str
    grade: str = ""
    account: str = ""
    tax_method: Words = Words(zh="")


class Seal(Value):
    """The block (封存) that holds the entries this statement was made from."""

    block: int
    sha256: str


class Header(Value):
    """Who, for whom, for which month, made when and from what."""

    number: str
    kind: Kind
    revision: int = Field(ge=1)
    replaces: str | None = None  # number of the revision before
    platform: str
    payee: Payee
    period: Period
    currency: Currency
    made_at: Instant
    data_as_of: Instant
    plans: tuple[Words, ...] = ()
    seal: Seal | None = None
    verify_url: str = ""


class Bridge(Value):
    """How the payable balance moved: `opening_minor` plus every row is `closing_minor`."""

    opening_minor: int
    earned_minor: int = 0
    adjustments_minor: int = 0
    clawed_back_minor: int = 0
    year_cap_minor: int = 0  # relief of a cap over the year
    held_minor: int = 0  # less what was newly held back
    released_minor: int = 0
    in_approval_minor: int = 0  # -(made - sent)
    in_transit_minor: int = 0  # -(sent - confirmed)
    rejected_minor: int = 0  # what came back: voided, refused by the bank, or given back by it
    paid_net_minor: int = 0
    paid_tax_minor: int = 0
    paid_vat_minor: int = _later()  # the payee's own VAT, withheld and filed for them
    vat_corrected_minor: int = _later()  # given back, or taken: a payment that bore VAT came back
    paid_elsewhere_minor: int = 0  # paid before or outside this ledger
    left_owing_minor: int = 0  # a debt moved out of the payable account
    brought_in_minor: int = 0  # balance brought in at cut-over
    closing_minor: int

    def rows(self) -> Iterator[tuple[str, int]]:
        """(name, minor units) of every row between opening and closing, in the order printed."""
        for field in type(self).model_fields:
            if field not in ("opening_minor", "closing_minor"):
                yield field.removesuffix("_minor"), getattr(self, field)

    @property
    def month_minor(self) -> int:
        """What the month brought: earned, adjusted, taken back and capped together."""
        return self.earned_minor + self.adjustments_minor + self.clawed_back_minor + self.year_cap_minor


class Line(Value):
    """One earning, hand adjustment or clawback of this period. Payable is gross less held."""

    on: date
    deal_id: str
    deal_title: str
    client: str
    stage: Words
    nature: Nature = "earned"
    base_minor: int | None = None
    rate: str = ""
    share: str = ""
    gross_minor: int
    held_minor: int = 0
    payable_minor: int
    entry: str
    because: Words


class Adjustment(Value):
    """What became known late about an earlier period, which stays as it was printed."""

    origin: Period
    on: date
    deal_id: str
    deal_title: str
    stage: Words
    old_minor: int
    new_minor: int
    difference_minor: int
    held_minor: int = 0  # part of the difference that is held
    entry: str
    reason: Words


class Release(Value):
    """What was held and now is payable."""

    on: date
    deal_id: str
    deal_title: str
    stage: Words
    amount_minor: int
    entry: str
    because: Words


class Further(Value):
    """A movement of no deal: one of the bridge's further rows, spelled out."""

    row: FurtherRow
    on: date
    what: Words
    amount_minor: int
    entry: str


class Pending(Value):
    """What is still to come at the end of the period, and what it waits for."""

    kind: Literal["expected", "held", "payable"]  # payable: of the closing balance, and why it is not paid
    deal_id: str
    deal_title: str
    stage: Words
    amount_minor: int
    waits_for: Words
    expected_on: date | None = None


class Step(Value):
    """Something that happened to a payout and is booked in this period."""

    what: StepKind
    on: date
    why: str = Field(default="", exclude_if=lambda why: not why)  # of what came back


class Payout(Value):
    """A payout (付款单) that moved in this period; only the steps booked in it are listed."""

    reference: str
    gross_minor: int
    tax_minor: int = 0
    vat_minor: int = _later()
    net_minor: int
    steps: tuple[Step, ...] = Field(min_length=1)
    tax_working: tuple[Words, ...] = ()

    def took(self, *what: StepKind) -> bool:
        """Was one of these steps booked in the period?"""
        return any(step.what in what for step in self.steps)


class YearToDate(Value):
    """The calendar year up to the end of the period."""

    earned_minor: int = 0
    paid_gross_minor: int = 0
    tax_minor: int = 0
    vat_minor: int = _later()
    net_minor: int = 0


class Month(Value):
    """One bar: what a month brought (`Bridge.month_minor` of its books)."""

    period: Period
    earned_minor: int


class Dispute(Value):
    """How a line is contested, and the last day for it."""

    until_on: date
    how: Words


class Snapshot(papers.Paper):
    """One statement, whole. `held_minor` and `expected_minor` are the ledger's balances at its end."""

    version: Literal[1] = 1
    header: Header
    bridge: Bridge
    lines: tuple[Line, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    releases: tuple[Release, ...] = ()
    further: tuple[Further, ...] = ()
    payouts: tuple[Payout, ...] = ()
    pending: tuple[Pending, ...] = ()
    held_minor: int = 0
    expected_minor: int = 0
    year_to_date: YearToDate
    twelve_months: tuple[Month, ...]
    closing_words: str = ""  # 大写 of the closing balance; empty in other currencies than CNY
    dispute: Dispute


def number(period: str, payee_id: str, revision: int, currency: str = "CNY") -> str:
    """The statement's number for people: JS-2026-10-M1-1; another currency is named."""
    middle = payee_id if currency == "CNY" else f"{payee_id}-{currency}"
    return f"JS-{period}-{middle}-{revision}"


def from_json(text: str | bytes) -> Snapshot:
    """The snapshot, or Invalid that says where the text is wrong. It may still not tie: `check` it."""
    return papers.from_json(Snapshot, text)


def check(snapshot: Snapshot) -> Snapshot:
    """The snapshot itself, or Invalid naming the first sum that does not tie."""
    _check_bridge(snapshot)
    _check_lines(snapshot)
    _check_payouts(snapshot)
    _check_pending(snapshot)
    _check_year(snapshot)
    return snapshot


def _tie(snapshot: Snapshot, what: str, stated_minor: int, added_minor: int) -> None:
    papers.tie(snapshot.header.number, what, stated_minor, added_minor)


def _check_bridge(snapshot: Snapshot) -> None:
    bridge = snapshot.bridge
    added_minor = bridge.opening_minor + sum(amount_minor for _, amount_minor in bridge.rows())
    _tie(snapshot, "closing", bridge.closing_minor, added_minor)
    for row in FURTHER:
        further_minor = sum(item.amount_minor for item in snapshot.further if item.row == row)
        _tie(snapshot, row, getattr(bridge, f"{row}_minor"), further_minor)


def _check_lines(snapshot: Snapshot) -> None:
    bridge, lines, adjustments = snapshot.bridge, snapshot.lines, snapshot.adjustments
    for line in lines:
        where = f"payable of {line.deal_id} {line.stage.zh} {line.entry}"
        _tie(snapshot, where, line.payable_minor, line.gross_minor - line.held_minor)
    for item in adjustments:
        where = f"difference of {item.deal_id} {item.stage.zh} {item.entry}"
        _tie(snapshot, where, item.difference_minor, item.new_minor - item.old_minor)
    late_minor = sum(item.difference_minor for item in adjustments)
    _tie(snapshot, "earned", bridge.earned_minor, _gross(lines, "earned"))
    _tie(snapshot, "adjustments", bridge.adjustments_minor, _gross(lines, "adjusted") + late_minor)
    _tie(snapshot, "clawed_back", bridge.clawed_back_minor, _gross(lines, "clawed_back"))
    held_minor = sum(line.held_minor for line in lines) + sum(item.held_minor for item in adjustments)
    _tie(snapshot, "held", bridge.held_minor, -held_minor)
    _tie(snapshot, "released", bridge.released_minor, sum(item.amount_minor for item in snapshot.releases))


def _gross(lines: Iterable[Line], nature: Nature) -> int:
    return sum(line.gross_minor for line in lines if line.nature == nature)


def _check_payouts(snapshot: Snapshot) -> None:
    bridge, payouts = snapshot.bridge, snapshot.payouts
    for payout in payouts:
        where = f"gross of {payout.reference}"
        _tie(snapshot, where, payout.gross_minor, payout.tax_minor + payout.vat_minor + payout.net_minor)
    made, sent = _moved(payouts, "made"), _moved(payouts, "sent")
    confirmed, returned = _moved(payouts, "confirmed"), _moved(payouts, *CAME_BACK)
    _tie(snapshot, "in_approval", bridge.in_approval_minor, sent - made)
    _tie(snapshot, "in_transit", bridge.in_transit_minor, confirmed - sent)
    _tie(snapshot, "rejected", bridge.rejected_minor, returned)
    _tie(snapshot, "paid_elsewhere", bridge.paid_elsewhere_minor, -_moved(payouts, "paid_elsewhere"))
    paid = [payout for payout in payouts if payout.took("confirmed")]
    _tie(snapshot, "paid_net", bridge.paid_net_minor, -sum(payout.net_minor for payout in paid))
    _tie(snapshot, "paid_tax", bridge.paid_tax_minor, -sum(payout.tax_minor for payout in paid))
    _tie(snapshot, "paid_vat", bridge.paid_vat_minor, -sum(payout.vat_minor for payout in paid))


def _moved(payouts: Iterable[Payout], *what: StepKind) -> int:
    return sum(payout.gross_minor for payout in payouts if payout.took(*what))


def _check_pending(snapshot: Snapshot) -> None:
    for kind, stated_minor in (("held", snapshot.held_minor), ("expected", snapshot.expected_minor)):
        added_minor = sum(item.amount_minor for item in snapshot.pending if item.kind == kind)
        _tie(snapshot, f"{kind} at the end", stated_minor, added_minor)
    unpaid = [item.amount_minor for item in snapshot.pending if item.kind == "payable"]
    if unpaid:
        _tie(snapshot, "payable at the end", snapshot.bridge.closing_minor, sum(unpaid))


def _check_year(snapshot: Snapshot) -> None:
    year, months, last = snapshot.year_to_date, snapshot.twelve_months, snapshot.header.period
    first = f"{int(last[:4]) - 1:04d}{last[4:]}"
    wanted = list(periods.span(periods.following(first), last))
    if [month.period for month in months] != wanted:
        raise Invalid(
            "statement_months",
            "statement {number}: the twelve months are not {first} to {last}, one after the other",
            number=snapshot.header.number,
            first=wanted[0],
            last=last,
        )
    _tie(snapshot, f"earned in {last}", months[-1].earned_minor, snapshot.bridge.month_minor)
    so_far_minor = sum(month.earned_minor for month in months if month.period[:4] == last[:4])
    _tie(snapshot, "earned this year", year.earned_minor, so_far_minor)
    _tie(snapshot, "paid this year", year.paid_gross_minor, year.tax_minor + year.vat_minor + year.net_minor)
