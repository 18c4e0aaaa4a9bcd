"""Cut-over (切换): balances of the system before this one, brought in once and signed off by a second person.

Deals in flight are imported first, with what was paid on them already. Their entries and the opening
entry together are exactly the balances that were given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Field, Session, col, func, select

from ledger import audit, ids, journal, managers, organisations, periods, rights
from ledger.clock import day_of
from ledger.core import entry, opening
from ledger.core import period as months
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.opening import Compared, Line
from ledger.core.states import CUTOVER, advance
from ledger.db import Instant, Json, Row
from ledger.journal import Posting
from ledger.users import User


class Cutover(Row, table=True):
    """Balances at the end of a month, as another system had them; published means signed off."""

    __tablename__ = "cutover"

    id: str = Field(primary_key=True)
    period: str
    currency: str
    content: list[list[Any]] = Field(sa_type=Json)  # account, owner, minor units
    state: str
    drafted_by: str
    drafted_at: datetime = Field(sa_type=Instant)
    published_by: str | None = None
    published_at: datetime | None = Field(default=None, sa_type=Instant)

    def lines(self) -> tuple[Line, ...]:
        """The balances as values."""
        return tuple(Line(*line) for line in self.content)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cut-over against the books: every balance, and the hash of what is signed."""

    compared: list[Compared]
    digest: str


def draft(
    session: Session, *, period: str, text: str, currency: str = "CNY", by: User, now: datetime
) -> Cutover:
    """Balances at the end of a month that is over, from a CSV file. They sum to zero, or are refused."""
    rights.require(by, "cutover.edit")
    if months.last_day(months.parse(period)) >= day_of(now):
        raise Invalid(
            "cutover_not_over", "{period} is not over; balances are those of its end", period=period
        )
    _check_only(session, currency)
    lines = [_known(session, line, now) for line in opening.read(text, "balances", currency)]

    made = Cutover(
        id=ids.new("co"),
        period=period,
        currency=currency,
        content=[[line.account, line.owner, line.amount_minor] for line in lines],
        state="draft",
        drafted_by=by.id,
        drafted_at=now,
    )
    session.add(made)
    audit.changed(session, by, "cutover.draft", made, now=now)
    session.flush()
    return made


def _known(session: Session, line: Line, now: datetime) -> Line:
    """The line with its owner's id: a manager there is, a client by name."""
    match entry.CHART[line.account].owner:
        case "manager":
            return Line(line.account, managers.get(session, line.owner).id, line.amount_minor)
        case "client":
            return Line(line.account, organisations.named(session, line.owner, now=now).id, line.amount_minor)
    return line


def draw(session: Session, made: Cutover) -> Drawn:
    """Every balance as given and as the books have it at the end of the month."""
    query = (
        select(Posting.account, Posting.owner, func.sum(Posting.amount_minor))
        .where(Posting.period <= made.period, Posting.currency == made.currency)
        .group_by(Posting.account, Posting.owner)
        .having(func.sum(Posting.amount_minor) != 0)
    )
    booked = {(account, owner): int(amount) for account, owner, amount in session.exec(query)}
    compared = opening.compare(made.lines(), booked)
    return Drawn(compared, opening.digest(made.period, made.currency, compared))


def sign(session: Session, cutover_id: str, *, seen: str, by: User, now: datetime) -> Cutover:
    """Sign off what was `seen` (its digest), by somebody else than who brought it; the entry is posted."""
    rights.require_role(by, "cutover.sign")
    calendar = periods.hold_open(session)
    made = _locked(session, cutover_id)
    rights.require(by, "cutover.sign", made_by=made.drafted_by)
    state = advance(CUTOVER, "cut-over", made.state, "publish")
    _check_only(session, made.currency)
    if not calendar.is_open(made.period):
        raise Conflict("period_closed", "{period} is closed already", period=made.period)
    drawn = draw(session, made)
    if drawn.digest != seen:
        raise Conflict("cutover_moved", "the books have moved since you looked; look again, then sign")
    opening.check_deals(drawn.compared, made.currency)

    made.state, made.published_by, made.published_at = state, by.id, now
    audit.changed(session, by, "cutover.sign", made, now=now)
    postings = opening.postings(drawn.compared)
    if postings:
        journal.post(session, _entry(made, postings), now=now, by=by.id)
    return made


def _entry(made: Cutover, postings: tuple[entry.Posting, ...]) -> entry.Entry:
    return entry.Entry(
        kind="opening",
        source=made.id,
        on=months.last_day(made.period),
        period=made.period,
        currency=made.currency,
        summary=f"切换期初 {made.period}",
        postings=postings,
    )


def _check_only(session: Session, currency: str) -> None:
    """Conflict, if balances of this currency were signed off already and that was not reversed."""
    query = select(Cutover).where(Cutover.currency == currency, Cutover.state == "published")
    for there in session.exec(query):
        posted = journal.find(session, "opening", there.id)
        if posted is None or journal.reversal_of(session, posted.id) is None:
            raise Conflict(
                "cutover_done",
                "opening balances of {currency} were signed off for {period}; reverse that entry first",
                currency=currency,
                period=there.period,
            )


def _locked(session: Session, cutover_id: str) -> Cutover:
    found = session.exec(select(Cutover).where(Cutover.id == cutover_id).with_for_update()).first()
    if found is None:
        raise NotFound("cutover_unknown", "there is no cut-over {id}", id=cutover_id)
    return found


def get(session: Session, cutover_id: str, *, by: User) -> Cutover:
    """One cut-over, or NotFound."""
    rights.require(by, "books.see")
    found = session.get(Cutover, cutover_id)
    if found is None:
        raise NotFound("cutover_unknown", "there is no cut-over {id}", id=cutover_id)
    return found


def listing(session: Session, *, by: User) -> list[Cutover]:
    """Every cut-over, the latest first."""
    rights.require(by, "books.see")
    return list(session.exec(select(Cutover).order_by(col(Cutover.id).desc())))


def owners(session: Session, compared: list[Compared]) -> Mapping[str, str]:
    """What people call the managers and clients of some balances."""
    by_kind = {
        kind: {one.owner for one in compared if entry.CHART[one.account].owner == kind}
        for kind in ("manager", "client")
    }
    return {**managers.names(session, by_kind["manager"]), **organisations.names(session, by_kind["client"])}
