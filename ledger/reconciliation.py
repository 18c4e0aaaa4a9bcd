"""A month's payments tied out (对账): the books, the bank's files, the batches and the statements.

Each tie compares two ways to the same sum that do not know of each other. Where they differ, the
differences are listed one by one until they add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import Session, and_, col, func, or_, select

from ledger import bank_files, bank_returns, control, layouts, payouts, rights, statements, withholding
from ledger.bounces import Bounce
from ledger.clock import end_of
from ledger.core import entry, period
from ledger.core.errors import Refused
from ledger.files import Store
from ledger.journal import Entry, Posting
from ledger.payouts import Payout, PayoutLine
from ledger.sheets import Column, Sheet, workbook
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on one side of a tie that is not on the other; `owner` is a batch, a payment or a payee."""

    owner: str
    why: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Tie:
    """One sum reached in two ways; minor units."""

    name: str
    one_minor: int
    other_minor: int
    differences: tuple[Difference, ...] = ()

    @property
    def off_minor(self) -> int:
        """Zero, where the two agree."""
        return self.one_minor - self.other_minor

    @property
    def ties(self) -> bool:
        """Whether there is nothing to look into."""
        return not self.off_minor and not self.differences


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A month and a currency; `batches` are those with a payment that moved in it or still waits."""

    period: str
    currency: str
    ties: tuple[Tie, ...]
    batches: tuple[Payout, ...]
    sums: Mapping[str, Mapping[str, payouts.Sum]] = field(default_factory=dict)
    transit: Mapping[str, int] = field(default_factory=dict)  # by batch, what the books still have on its way

    @property
    def holds(self) -> bool:
        """Whether everything ties."""
        return all(tie.ties for tie in self.ties)


def of_month(
    session: Session, store: Store, month: str, *, currency: str = "CNY", by: User
) -> Reconciliation:
    """The ties of a month."""
    rights.require(by, "payout.see")
    lines = _paid(session, month, currency)
    batches = _batches(session, month, currency)
    booked = _booked(session, lines)
    return Reconciliation(
        month,
        currency,
        (
            _transit(session, currency),
            _against("bank_and_payments", lines, booked[entry.BANK], lambda line: line.net_minor),
            _against("tax_and_payments", lines, booked[entry.WITHHELD_IIT], lambda line: line.tax_minor),
            _against("vat_and_payments", lines, booked[entry.WITHHELD_VAT], lambda line: line.vat_minor),
            _vat(session, month, currency),
            _bounced(session, month, currency),
            _answers(session, lines),
            _files(session, store, batches),
            _statements(session, month, currency),
        ),
        tuple(batches),
        payouts.sums(session, [one.id for one in batches]),
        _on_the_way(session, batches),
    )


def _days(month: str) -> tuple[date, date]:
    return period.first_day(month), period.last_day(month)


def _paid(session: Session, month: str, currency: str) -> list[PayoutLine]:
    """Payments with a value date of the month."""
    query = (
        select(PayoutLine)
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(
            PayoutLine.state == "paid",
            col(PayoutLine.value_on).between(*_days(month)),
            Payout.currency == currency,
        )
    )
    return list(session.exec(query.order_by(col(PayoutLine.id))))


def _booked(
    session: Session, lines: Iterable[PayoutLine], kind: str = "payout_confirmed"
) -> Mapping[str, dict[str, int]]:
    """By account and payment, what the entries that confirmed it booked."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    wanted = [line.id for line in lines]
    for start in range(0, len(wanted), payouts.CHUNK):
        query = (
            select(Posting.account, Entry.source, func.sum(Posting.amount_minor))
            .join(Entry, col(Entry.id) == Posting.entry_id)
            .where(
                Entry.kind == kind,
                col(Entry.source).in_(wanted[start : start + payouts.CHUNK]),
            )
            .group_by(col(Posting.account), col(Entry.source))
        )
        for account, source, amount in session.exec(query):
            found[account][source] = -int(amount)
    return found


def _against(
    name: str, lines: Iterable[PayoutLine], booked: Mapping[str, int], told: Callable[[PayoutLine], int]
) -> Tie:
    """What the books have of each payment, against what its line says."""
    listed = list(lines)
    off = [
        Difference(line.id, "differs", booked.get(line.id, 0) - told(line))
        for line in listed
        if booked.get(line.id, 0) != told(line)
    ]
    return Tie(name, sum(booked.values()), sum(told(line) for line in listed), tuple(off))


def _transit(session: Session, currency: str) -> Tie:
    """What the books have on its way, against the payments the bank has not answered; as it stands now."""
    off = [one for one in control.in_transit(session) if one.currency == currency]
    told = session.exec(
        select(func.coalesce(func.sum(PayoutLine.gross_minor), 0))
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(PayoutLine.state == "reserved", Payout.currency == currency)
    ).one()
    differences = tuple(Difference(one.owner, "differs", -(one.booked_minor - one.told_minor)) for one in off)
    return Tie(
        "transit_and_batches", int(told) + sum(d.amount_minor for d in differences), int(told), differences
    )


def _vat(session: Session, month: str, currency: str) -> Tie:
    """What the books have withheld of payees' VAT for the month, against what their turnover owes."""
    found = withholding.vat_of_month(session, month, currency=currency)
    off = [Difference(one.manager_id, "differs", -one.off_minor) for one in found if one.off_minor]
    had, owed = sum(one.had_minor for one in found), sum(one.owed.total_minor for one in found)
    return Tie("vat_and_turnover", had, owed, tuple(off))


def _bounced(session: Session, month: str, currency: str) -> Tie:
    """What the books have of payments the bank gave back in the month, against what their lines say."""
    query = (
        select(PayoutLine)
        .join(Bounce, col(Bounce.line_id) == PayoutLine.id)
        .join(Payout, col(Payout.id) == PayoutLine.payout_id)
        .where(col(Bounce.came_back_on).between(*_days(month)), Payout.currency == currency)
    )
    lines = list(session.exec(query.order_by(col(PayoutLine.id))))
    booked = _booked(session, lines, "payout_bounced")[entry.BANK]
    back = {line_id: -minor for line_id, minor in booked.items()}
    return _against("bounces_and_payments", lines, back, lambda line: line.net_minor)


def _answers(session: Session, lines: list[PayoutLine]) -> Tie:
    """What was booked as paid, against what the bank's files say was; the rest somebody confirmed by hand."""
    told = bank_returns.told_paid(session, [line.id for line in lines])
    by_hand = [Difference(x.id, "by_hand", x.net_minor) for x in lines if x.id not in told]
    paid = sum(line.net_minor for line in lines)
    return Tie("payments_and_answers", paid, paid - sum(one.amount_minor for one in by_hand), tuple(by_hand))


def _files(session: Session, store: Store, batches: Iterable[Payout]) -> Tie:
    """What the files say that went to the bank, against the batches; each file is read again."""
    sent = [batch for batch in batches if batch.file_sha256]
    sums = payouts.sums(session, [batch.id for batch in sent])
    in_files, differences = 0, []
    for batch in sent:
        told, why = _in_file(session, store, batch)
        in_files += told
        if why or told != sums[batch.id][""].net_minor:
            differences.append(Difference(batch.no, why or "differs", told - sums[batch.id][""].net_minor))
    return Tie("files_and_batches", in_files, sum(sums[x.id][""].net_minor for x in sent), tuple(differences))


def _in_file(session: Session, store: Store, batch: Payout) -> tuple[int, str]:
    layout = layouts.get(session, batch.file_layout or layouts.FIRST)
    try:
        there = bank_files.payments(layout, batch.currency, store.get(batch.file_sha256 or ""))
    except Refused as refusal:
        return 0, refusal.code
    return sum(amount for _account, amount in there), ""


def _statements(session: Session, month: str, currency: str) -> Tie:
    """What the books have as paid in the month, against what the payees' final statements say."""
    booked = dict(
        session.exec(
            select(Posting.manager_id, func.sum(Posting.amount_minor))
            .join(Entry, col(Entry.id) == Posting.entry_id)
            .where(
                Entry.kind == "payout_confirmed",
                Entry.period == month,
                Entry.currency == currency,
                Posting.account == entry.IN_TRANSIT,
            )
            .group_by(col(Posting.manager_id))
        ).all()
    )
    told = {}
    for kept in statements.latest_of(session, month):
        if kept.kind == "final" and kept.currency == currency:
            bridge = statements.read(kept).bridge
            told[kept.manager_id] = -(bridge.paid_net_minor + bridge.paid_tax_minor + bridge.paid_vat_minor)
    off = [
        Difference(
            who,
            "differs" if who in told else "no_statement",
            int(booked.get(who, 0)) - told.get(who, 0),
        )
        for who in sorted(booked.keys() | told.keys())
        if int(booked.get(who, 0)) != told.get(who, 0)
    ]
    return Tie("books_and_statements", sum(map(int, booked.values())), sum(told.values()), tuple(off))


def _batches(session: Session, month: str, currency: str) -> list[Payout]:
    """Batches of which a payment was answered in the month, or waits."""
    first, last = _days(month)
    begin, end = end_of(first - timedelta(days=1)), end_of(last)
    moved = select(PayoutLine.payout_id).where(
        or_(
            col(PayoutLine.state) == "reserved",
            and_(col(PayoutLine.state) == "paid", col(PayoutLine.value_on).between(first, last)),
            and_(col(PayoutLine.settled_at) >= begin, col(PayoutLine.settled_at) < end),
        )
    )
    query = select(Payout).where(col(Payout.id).in_(moved), Payout.currency == currency)
    return list(session.exec(query.order_by(col(Payout.no))))


def _on_the_way(session: Session, batches: Iterable[Payout]) -> dict[str, int]:
    query = (
        select(Posting.owner, func.sum(Posting.amount_minor))
        .where(Posting.account == entry.IN_TRANSIT, col(Posting.owner).in_([one.id for one in batches]))
        .group_by(col(Posting.owner))
    )
    return {owner: -int(amount) for owner, amount in session.exec(query)}


# As a workbook

TITLES = {
    "transit_and_batches": ("在途科目", "未回批次明细"),
    "bank_and_payments": ("银行科目", "已付明细实付"),
    "tax_and_payments": ("代扣个税科目", "已付明细税额"),
    "bounces_and_payments": ("银行科目（退汇）", "退汇明细实付"),
    "vat_and_payments": ("代扣增值税科目", "已付明细增值税"),
    "vat_and_turnover": ("代扣增值税科目（含更正）", "按当月收入应扣增值税"),
    "payments_and_answers": ("已付明细实付", "银行回单"),
    "files_and_batches": ("银行文件", "付款单"),
    "books_and_statements": ("账面已付（税前）", "结算单已付（税前）"),
}
WHY = {
    "differs": "金额不一致",
    "by_hand": "人工确认，无银行回单",
    "no_statement": "尚无正式结算单",
}


def report(found: Reconciliation) -> bytes:
    """The ties, their differences and the batches as XLSX."""
    ties = [(*TITLES[tie.name], tie.one_minor, tie.other_minor, tie.off_minor) for tie in found.ties]
    off = [
        (" / ".join(TITLES[tie.name]), one.owner, WHY.get(one.why, one.why), one.amount_minor)
        for tie in found.ties
        for one in tie.differences
    ]
    batches = [_batch_row(found, batch) for batch in found.batches]
    amounts = [Column(title, 16, True) for title in ("税前", "实付", "税额", "退回", "在途（账面）")]
    tie_columns = [
        Column("一方", 22),
        Column("另一方", 22),
        *(Column(t, 16, True) for t in ("金额", "对方金额", "差额")),
    ]
    return workbook(
        (
            Sheet(f"对账 {found.period}", tie_columns, ties, found.currency),
            Sheet(
                "差异",
                [Column("核对", 36), Column("对象", 32), Column("原因", 24), Column("差额", 16, True)],
                off,
                found.currency,
            ),
            Sheet("付款单", [Column("付款单", 18), Column("状态", 10), *amounts], batches, found.currency),
        )
    )


def _batch_row(found: Reconciliation, batch: Payout) -> tuple[str | int, ...]:
    sums = found.sums[batch.id]
    none = payouts.Sum()
    return (
        batch.no,
        batch.state,
        sums[""].gross_minor,
        sums.get("paid", none).net_minor,
        sums.get("paid", none).tax_minor + sums.get("paid", none).vat_minor,
        (sums.get("returned", none) + sums.get("bounced", none)).gross_minor,
        found.transit.get(batch.id, 0),
    )
