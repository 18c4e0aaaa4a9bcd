"""Accounts (会计科目): balances and the lines behind them, from the postings alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date

from sqlalchemy import ColumnElement, Subquery, case
from sqlalchemy import select as select_columns
from sqlmodel import Session, and_, col, func, not_, or_, select

from ledger import managers, organisations, payouts, rights, seals, snapshots
from ledger.core import period as months
from ledger.core.entry import BANK, CHART, EXPECTED, HELD, PAYABLE, PAYMENTS
from ledger.core.errors import NotFound
from ledger.journal import Entry, Posting
from ledger.users import User


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds for one owner; debit positive, minor units."""

    account: str
    owner: str
    currency: str
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting with its entry's day and the balance after it."""

    entry_id: int
    on: date
    kind: str
    summary: str
    deal_id: str
    manager_id: str
    stage: str
    amount_minor: int
    balance_minor: int
    line: int

    @property
    def before_minor(self) -> int:
        """The balance before it."""
        return self.balance_minor - self.amount_minor


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an account's movements one stands: they go by day, entry and line."""

    on: date
    entry_id: int
    line: int


@dataclass(frozen=True, slots=True)
class AsOf:
    """The books at the end of a day, as they were known at a block (封存); None: now, and as known now."""

    on: date | None = None
    block: int | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """What a posting has to be."""
        wanted: list[ColumnElement[bool]] = []
        if self.on is not None:
            month = months.of(self.on)
            by_then = select(Entry.id).where(Entry.period == month, col(Entry.booked_on) <= self.on)
            wanted.append(or_(col(Posting.period) < month, col(Posting.entry_id).in_(by_then)))
        if self.block is not None:
            wanted.append(col(Posting.entry_id).in_(seals.entries_through(self.block)))
        return wanted


NOW = AsOf()


def trial_balance(
    session: Session, *, through: str | None = None, block: int | None = None, by: User
) -> list[Balance]:
    """Every account's balance, all owners together, at the end of a period (default: now).

    With `block`, as it was known at that block.
    """
    rights.require(by, "books.see")
    as_of = _at(through, block)
    held = snapshots.totals(session, as_of.on, as_of.block)
    total = func.sum(held.c.amount_minor)
    query = select_columns(held.c.account, held.c.currency, total).group_by(held.c.account, held.c.currency)
    rows = session.execute(query.order_by(held.c.account, held.c.currency))
    return [Balance(account, "", currency, int(total)) for account, currency, total in rows]


def _at(through: str | None, block: int | None) -> AsOf:
    return AsOf(months.last_day(through) if through else None, block)


def _rows(session: Session, as_of: AsOf) -> Subquery:
    """Rows that add up to every balance: those kept at the last close and the postings since."""
    return snapshots.rows(session, as_of.on, as_of.block)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One account in a period (试算平衡): each figure on the side it stands on, minor units."""

    account: str
    opening_debit_minor: int = 0
    opening_credit_minor: int = 0
    debit_minor: int = 0
    credit_minor: int = 0
    closing_debit_minor: int = 0
    closing_credit_minor: int = 0


def trial(
    session: Session, period: str, *, currency: str = "CNY", by: User
) -> tuple[list[TrialRow], TrialRow]:
    """Every account's opening balance, movements and closing balance in a period, and the sums of each."""
    opening = _balances(trial_balance(session, through=months.preceding(period), by=by), currency)
    closing = _balances(trial_balance(session, through=period, by=by), currency)
    turned = turnover(session, period, currency)
    rows = [
        TrialRow(
            account,
            *_sides(opening.get(account, 0)),
            *turned.get(account, (0, 0)),
            *_sides(closing.get(account, 0)),
        )
        for account in sorted(opening.keys() | closing.keys() | turned.keys())
    ]
    figures = [astuple(row)[1:] for row in rows]
    return rows, TrialRow("", *(sum(column) for column in zip(*figures, strict=True)))


def _balances(found: Iterable[Balance], currency: str) -> dict[str, int]:
    return {one.account: one.balance_minor for one in found if one.currency == currency}


def _sides(balance_minor: int) -> tuple[int, int]:
    return max(balance_minor, 0), max(-balance_minor, 0)


def turnover(session: Session, period: str, currency: str) -> dict[str, tuple[int, int]]:
    """What was debited and credited to each account in a period."""
    amount = col(Posting.amount_minor)
    query = (
        select(
            Posting.account,
            func.sum(case((amount > 0, amount), else_=0)),
            func.sum(case((amount < 0, -amount), else_=0)),
        )
        .where(Posting.period == period, Posting.currency == currency)
        .group_by(Posting.account)
    )
    return {account: (int(debit), int(credit)) for account, debit, credit in session.exec(query)}


def received(session: Session, period: str, currency: str = "CNY") -> int:
    """The fees that came into the bank in a period, less what went back."""
    query = (
        select(func.coalesce(func.sum(Posting.amount_minor), 0))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(
            Posting.account == BANK,
            Posting.period == period,
            Posting.currency == currency,
            col(Entry.kind).in_(("fee_received", "fee_refunded")),
        )
    )
    return int(session.exec(query).one())


def by_owner(
    session: Session,
    account: str,
    *,
    through: str | None = None,
    block: int | None = None,
    by: User | None = None,
) -> list[Balance]:
    """One account's balances, owner by owner; owners at zero are left out."""
    if by is not None:
        rights.require(by, "books.see")
    _known(account)
    held = _rows(session, _at(through, block))
    total = func.sum(held.c.amount_minor)
    query = (
        select_columns(held.c.owner, held.c.currency, total)
        .where(held.c.account == account)
        .group_by(held.c.owner, held.c.currency)
        .having(total != 0)
    )
    rows = session.execute(query.order_by(held.c.owner, held.c.currency))
    return [Balance(account, owner, currency, int(total)) for owner, currency, total in rows]


def _known(account: str) -> None:
    if account not in CHART:
        raise NotFound("account_unknown", "there is no account {code}", code=account)


def balance(
    session: Session,
    account: str,
    owner: str,
    currency: str,
    *,
    through: str | None = None,
    block: int | None = None,
) -> int:
    """One owner's balance of one account, debit positive."""
    if block is not None:
        found = _rows(session, _at(through, block))
        mine = (found.c.account == account, found.c.owner == owner, found.c.currency == currency)
        return int(session.execute(select_columns(_total(found)).where(*mine)).scalar_one())
    return _balance(session, account, owner, currency, snapshots.standing(session, through), through)


def _total(rows: Subquery) -> ColumnElement[int]:
    return func.coalesce(func.sum(rows.c.amount_minor), 0)


def _balance(
    session: Session,
    account: str,
    owner: str,
    currency: str,
    kept: snapshots.Snapshot | None,
    through: str | None = None,
) -> int:
    """One owner's balance from a snapshot, where there is one; by the index of their postings."""
    query = select(func.coalesce(func.sum(Posting.amount_minor), 0)).where(
        Posting.account == account, Posting.owner == owner, Posting.currency == currency
    )
    if through is not None:
        query = query.where(Posting.period <= through)
    if kept is None:
        return int(session.exec(query).one())
    since = int(session.exec(query.where(Posting.period > kept.period)).one())
    return snapshots.amount(session, kept, account, owner, currency) + since


def movements(
    session: Session,
    account: str,
    *,
    owner: str = "",
    currency: str = "CNY",
    after: Place | None = None,
    as_of: AsOf = NOW,
    limit: int = 500,
    by: User,
) -> list[Movement]:
    """The postings of an account with the running balance, oldest first, from after a place."""
    rights.require(by, "books.see")
    _known(account)
    wanted: list[ColumnElement[bool] | bool] = [Posting.account == account, Posting.currency == currency]
    wanted += as_of.conditions
    if owner:
        wanted.append(Posting.owner == owner)
    running = 0
    if after is not None:
        before = (
            select(func.coalesce(func.sum(Posting.amount_minor), 0))
            .join(Entry, col(Entry.id) == Posting.entry_id)
            .where(*wanted, not_(_beyond(after)))
        )
        running = int(session.exec(before).one())
        wanted.append(_beyond(after))
    query = (
        select(Posting, Entry)
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(*wanted)
        .order_by(col(Entry.booked_on), col(Entry.id), col(Posting.line))
    )
    found = []
    for posting, entry in session.exec(query.limit(limit)):
        running += posting.amount_minor
        found.append(
            Movement(
                entry.id,
                entry.booked_on,
                entry.kind,
                entry.summary,
                posting.deal_id,
                posting.manager_id,
                posting.stage,
                posting.amount_minor,
                running,
                posting.line,
            )
        )
    return found


def from_period(period: str) -> Place:
    """The place before the first movement of a period."""
    return Place(months.last_day(months.preceding(period)), 2**63 - 1, 2**15 - 1)


def owner_names(session: Session, owned: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What people call the owners of some accounts, by (account, owner); one query a kind of owner."""
    pairs = {(account, owner) for account, owner in owned if owner}
    by_kind: dict[str, set[str]] = defaultdict(set)
    for account, owner in pairs:
        by_kind[CHART[account].owner].add(owner)
    names: dict[str, Mapping[str, str]] = {
        "client": organisations.names(session, by_kind["client"]),
        "manager": managers.names(session, by_kind["manager"]),
        "payout": payouts.numbers(session, by_kind["payout"]),
    }
    return {
        (account, owner): names.get(CHART[account].owner, {}).get(owner, owner) for account, owner in pairs
    }


@dataclass(frozen=True, slots=True)
class Across:
    """Several accounts of one owner side by side; debit positive, minor units."""

    owner: str
    currency: str
    balances_minor: Mapping[str, int]


def across(
    session: Session,
    codes: Sequence[str],
    *,
    after: str = "",
    as_of: AsOf = NOW,
    limit: int = 50,
    by: User,
) -> list[Across]:
    """Owners of whom one of some accounts is not at zero, in order of owner, from after a cursor."""
    rights.require(by, "books.see")
    rows = _rows(session, as_of).c
    of = [func.sum(case((rows.account == code, rows.amount_minor), else_=0)) for code in codes]
    query = (
        select_columns(rows.owner, rows.currency, *of)
        .where(rows.account.in_(codes), rows.owner > after)
        .group_by(rows.owner, rows.currency)
        .having(or_(*(one != 0 for one in of)))
        .order_by(rows.owner, rows.currency)
        .limit(limit)
    )
    return [
        Across(owner, currency, dict(zip(codes, map(int, sums), strict=True)))
        for owner, currency, *sums in session.execute(query)
    ]


def held(session: Session, as_of: AsOf = NOW, *, account: str = "") -> list[Balance]:
    """What every account, or one, holds for each owner; what is at zero is left out. Nobody is asked who."""
    if account:
        _known(account)
    rows = _rows(session, as_of).c
    total, of = func.sum(rows.amount_minor), (rows.account, rows.owner, rows.currency)
    query = select_columns(*of, total).group_by(*of).having(total != 0).order_by(*of)
    if account:
        query = query.where(rows.account == account)
    return [
        Balance(code, owner, currency, int(minor)) for code, owner, currency, minor in session.execute(query)
    ]


def total_of(session: Session, account: str, currency: str = "CNY", *, as_of: AsOf = NOW) -> int:
    """One account's balance, all owners together."""
    rows = _rows(session, as_of)
    query = select_columns(_total(rows)).where(rows.c.account == account, rows.c.currency == currency)
    return int(session.execute(query).scalar_one())


def _beyond(place: Place) -> ColumnElement[bool]:
    same_day = and_(
        Entry.booked_on == place.on,
        or_(
            col(Entry.id) > place.entry_id,
            and_(Entry.id == place.entry_id, col(Posting.line) > place.line),
        ),
    )
    return or_(col(Entry.booked_on) > place.on, same_day)


@dataclass(frozen=True, slots=True)
class Standing:
    """The three numbers of a manager: payable now, held, expected; minor units."""

    payable_minor: int
    held_minor: int
    expected_minor: int


def standing(session: Session, manager_id: str, *, currency: str = "CNY") -> Standing:
    """What a manager is owed now, what is held, what may come."""
    kept = snapshots.standing(session)
    return Standing(
        payable_minor=-_balance(session, PAYABLE, manager_id, currency, kept),
        held_minor=-_balance(session, HELD, manager_id, currency, kept),
        expected_minor=_balance(session, EXPECTED, manager_id, currency, kept),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """What one stage of one deal adds to a manager's number; what was paid is taken off its stage."""

    deal_id: str
    stage: str
    amount_minor: int


STANDING: Mapping[str, tuple[str, int]] = {
    "payable": (PAYABLE, -1),
    "held": (HELD, -1),
    "expected": (EXPECTED, 1),
}


def lines(session: Session, manager_id: str, what: str, *, currency: str = "CNY") -> list[Line]:
    """The lines behind one of a manager's three numbers, by deal; deals that come to zero are left out."""
    if what not in STANDING:
        raise NotFound("standing_unknown", "there is no number “{what}”", what=what)
    account, sign = STANDING[what]
    mine = (Posting.account == account, Posting.owner == manager_id, Posting.currency == currency)
    amount = func.sum(Posting.amount_minor)
    open_deals = select(Posting.deal_id).where(*mine).group_by(Posting.deal_id).having(amount != 0)
    query = (
        select(Posting.deal_id, Posting.stage, amount)
        .where(*mine, col(Posting.deal_id).in_(open_deals))
        .group_by(Posting.deal_id, Posting.stage)
        .having(amount != 0)
        .order_by(Posting.deal_id, Posting.stage)
    )
    return [Line(deal_id, stage, sign * int(total)) for deal_id, stage, total in session.exec(query)]


def by_deal(found: Sequence[Line]) -> list[tuple[str, int, list[Line]]]:
    """Lines deal by deal with the deal's sum, the largest first."""
    parts: dict[str, list[Line]] = {}
    for line in found:
        parts.setdefault(line.deal_id, []).append(line)
    summed = [(deal_id, total(of), of) for deal_id, of in parts.items()]
    return sorted(summed, key=lambda part: (-part[1], part[0]))


def total(found: Iterable[Line]) -> int:
    """The sum of some lines."""
    return sum(line.amount_minor for line in found)


@dataclass(frozen=True, slots=True)
class Share:
    """What one manager has of one deal, after payouts; minor units. What is in transit counts as paid."""

    manager_id: str
    payable_minor: int
    held_minor: int
    expected_minor: int
    paid_minor: int


def of_deal(session: Session, deal_id: str) -> list[Share]:
    """Everybody's share of a deal as the books have it, by manager id."""
    query = (
        select(Posting.owner, Posting.account, Entry.kind, func.sum(Posting.amount_minor))
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.deal_id == deal_id, col(Posting.account).in_((PAYABLE, HELD, EXPECTED)))
        .group_by(Posting.owner, Posting.account, Entry.kind)
        .order_by(Posting.owner)
    )
    sums: dict[str, dict[str, int]] = {}
    for owner, account, kind, total in session.exec(query):
        of = sums.setdefault(owner, dict.fromkeys((PAYABLE, HELD, EXPECTED, "paid"), 0))
        of[account] += int(total)
        of["paid"] += int(total) if kind in PAYMENTS else 0
    return [Share(who, -of[PAYABLE], -of[HELD], of[EXPECTED], of["paid"]) for who, of in sums.items()]
