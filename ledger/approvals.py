"""Approval of a batch (审批): as many people as the policy asks, none of whom made it or earns from it.

An approval is of one digest. A batch that was changed has another, and whoever agreed to the old one
has not agreed to it; what is sent is what carries the digest approved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, Session, col, func, select

from ledger import audit, db, ids, managers, persons, policies, rights, stand_ins, users
from ledger.clock import day_of
from ledger.core import entry, money
from ledger.core.errors import Conflict, Forbidden, Refused
from ledger.core.policy import Band, Policy
from ledger.core.states import PAYOUT, advance
from ledger.db import Instant, Row
from ledger.journal import Posting
from ledger.payments import Payout, PayoutLine
from ledger.payouts import deals_paid, digest, get, in_batch, lines_of, locked, reserved
from ledger.users import User


class PayoutApproval(Row, table=True):
    """Somebody agreed to the batch of this digest, in their own place or as a stand-in in `seat`'s."""

    __tablename__ = "payout_approval"
    __table_args__ = (
        Index("ix_payout_approval_seat", "seat", "approved_on"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    payout_id: str = Field(index=True)
    approved_by: str
    approved_at: datetime = Field(sa_type=Instant)
    digest: str
    seat: str  # whose approval it counts as; whoever approved before there were stand-ins has none
    amount_minor: int = Field(sa_type=BigInteger)  # the batch before tax: it counts towards the day's limit
    approved_on: date | None = None

    @property
    def counts_for(self) -> str:
        """Whose place it was."""
        return self.seat or self.approved_by


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the approval of a batch has come."""

    band: Band
    given: Sequence[PayoutApproval]  # of the digest the batch has now, by who may approve it now
    stale: Sequence[PayoutApproval]  # of what it was before it, or the policy, changed

    @property
    def missing(self) -> int:
        """How many people are still to approve."""
        return max(0, self.band.approvers - len(self.given))


def standing(session: Session, payout: Payout, *, day: date) -> Standing:
    """What the policy of a day asks for a batch, and who has agreed."""
    given = of_batch(session, payout.id)
    band = policies.in_force(session, day).band(_gross_minor(session, payout))
    roles = users.roles(session, [one.counts_for for one in given])
    counting = {
        one.id for one in given if one.digest == payout.digest and roles.get(one.counts_for) in band.roles
    }
    return Standing(
        band,
        [one for one in given if one.id in counting],
        [one for one in given if one.id not in counting],
    )


def _gross_minor(session: Session, payout: Payout) -> int:
    """What is approved: what the batch comes to before tax, without what was taken out."""
    return sum(line.gross_minor for line in in_batch(payout, lines_of(session, payout.id)))


@dataclass(frozen=True, slots=True)
class Case:
    """A batch before somebody who might approve it."""

    payout: Payout
    standing: Standing
    gross_minor: int
    concerned: Collection[str]  # managers it pays, or who earn on a deal it pays for
    policy: Policy
    day: date

    @property
    def awaits(self) -> bool:
        """Whether somebody is still to approve it: also where the policy has asked for more since."""
        return self.payout.state == "made" or (self.payout.state == "approved" and self.standing.missing > 0)


def case(session: Session, payout: Payout, now: datetime) -> Case:
    """What is looked at before anybody approves a batch."""
    return Case(
        payout,
        standing(session, payout, day=day_of(now)),
        _gross_minor(session, payout),
        concerns(session, payout.id),
        policies.in_force(session, day_of(now)),
        day_of(now),
    )


def approve(
    session: Session,
    payout_id: str,
    *,
    digest_seen: str | None = None,
    for_user: str | None = None,
    by: User,
    now: datetime,
) -> Payout:
    """Agree to a batch somebody else made. What was seen must be what is there."""
    rights.require_role(by, "payout.approve")
    payout = locked(session, payout_id)
    seat = stand_ins.seat(session, by, for_user, day_of(now))
    found = case(session, payout, now)
    _check_others(found, by, seat)
    now_is = digest(payout, reserved(lines_of(session, payout_id)))
    if now_is != payout.digest or (digest_seen or payout.digest) != payout.digest:
        raise Conflict("payout_changed", "batch {no} is not what was shown; look at it again", no=payout.no)
    if any((one.approved_by, one.counts_for) == (by.id, seat.id) for one in found.standing.given):
        return payout
    _check_awaits(found)
    _check_first_time(found, by, seat)
    _check_role(found, seat)
    db.lock(session, f"approver:{seat.id}")
    _check_limit(session, found, seat)

    approval = PayoutApproval(
        id=ids.new("pa"),
        payout_id=payout.id,
        approved_by=by.id,
        approved_at=now,
        digest=payout.digest,
        seat=seat.id,
        amount_minor=found.gross_minor,
        approved_on=found.day,
    )
    session.add(approval)
    before = payout.state
    session.flush()  # the guard counts it when the batch becomes approved
    if found.standing.missing <= 1 and payout.state == "made":
        payout.state = advance(PAYOUT, "payout", payout.state, "approve")
    told = {"seat": seat.id, "digest": payout.digest, "state": payout.state}
    audit.note(session, by, "payout.approve", payout.id, before={"state": before}, after=told, now=now)
    session.flush()
    return payout


def approve_all(session: Session, seen: Mapping[str, str], *, by: User, now: datetime) -> list[Payout]:
    """Agree to several batches, all of them or none; `seen` has the digest each was shown with."""
    return [
        approve(session, payout_id, digest_seen=seen[payout_id], by=by, now=now) for payout_id in sorted(seen)
    ]


def why_not(session: Session, found: Case, by: User, seat: User, *, more_minor: int = 0) -> Refused | None:
    """Why somebody cannot approve a batch in a place; `more_minor` is what they approve along with it."""
    try:
        _check_others(found, by, seat)
        _check_first_time(found, by, seat)
        _check_awaits(found)
        _check_role(found, seat)
        _check_limit(session, found, seat, more_minor)
    except Refused as refusal:
        return refusal
    return None


def places(session: Session, found: Case, by: User) -> list[tuple[User, Refused | None]]:
    """The places somebody may approve in, their own first, and why not in each."""
    return [(seat, why_not(session, found, by, seat)) for seat in stand_ins.seats(session, by, found.day)]


def together(
    session: Session, payout_ids: Iterable[str], *, by: User, now: datetime
) -> list[tuple[Case, Refused | None]]:
    """Several batches to approve at once, and why one cannot be; a day's limit takes them one by one."""
    listed, more_minor = [], 0
    for payout_id in sorted(set(payout_ids)):
        found = case(session, get(session, payout_id, by=by), now)
        refusal = why_not(session, found, by, by, more_minor=more_minor)
        more_minor += 0 if refusal else found.gross_minor
        listed.append((found, refusal))
    return listed


def able(session: Session, found: Case) -> list[User]:
    """Who could still approve a batch, by role and by what they have to do with it."""
    taken = {user for one in found.standing.given for user in (one.approved_by, one.counts_for)}
    people = users.of_roles(session, found.standing.band.roles)
    return [one for one in people if one.id not in taken and _is_other(found, one)]


def _is_other(found: Case, person: User) -> bool:
    """They neither made the batch, nor are paid by it, nor have a part in a deal it pays for."""
    return rights.allows(person, "payout.approve", managers=found.concerned, made_by=found.payout.made_by)


def _check_others(found: Case, *people: User) -> None:
    for person in people:
        rights.require(person, "payout.approve", managers=found.concerned, made_by=found.payout.made_by)


def concerns(session: Session, payout_id: str) -> set[str]:
    """Managers who are paid by a batch, or earn on a deal it pays for."""
    earning = (entry.PAYABLE, entry.HELD, entry.COMMISSION_COST)
    of_deals = select(Posting.manager_id).where(
        col(Posting.deal_id).in_(deals_paid(payout_id)), col(Posting.account).in_(earning)
    )
    paid = select(PayoutLine.manager_id).where(PayoutLine.payout_id == payout_id)
    return {who for who in (*session.exec(of_deals.distinct()), *session.exec(paid)) if who}


def _check_awaits(found: Case) -> None:
    if not found.awaits:
        advance(PAYOUT, "payout", found.payout.state, "approve")


def _check_first_time(found: Case, by: User, seat: User) -> None:
    for one in found.standing.given:
        if {one.approved_by, one.counts_for} & {by.id, seat.id}:
            raise Conflict(
                "approved_already", "each person approves a batch once, also as or through a stand-in"
            )


def _check_role(found: Case, seat: User) -> None:
    band = found.standing.band
    if seat.role not in band.roles:
        raise Forbidden(
            "approver_role",
            "a batch of this size is not approved by {role}; the payout policy says by whom",
            role=seat.role,
        )


def _check_limit(session: Session, found: Case, seat: User, more_minor: int = 0) -> None:
    """The guard in the database says the same; this says it in a sentence."""
    most, currency = found.policy.limits.get(seat.role), found.payout.currency
    spent = more_minor + approved_in_a_day(session, seat.id, found.day)
    if most is not None and spent + found.gross_minor > most:
        raise Forbidden(
            "daily_limit",
            "{name} may approve {most} a day and has approved {spent}; this batch of {amount} goes beyond it",
            name=seat.name,
            most=money.format_minor(most, currency),
            spent=money.format_minor(spent, currency),
            amount=money.format_minor(found.gross_minor, currency),
        )


def approved_in_a_day(session: Session, seat: str, day: date) -> int:
    """What somebody's place approved on a day and still stands; minor units."""
    query = (
        select(func.coalesce(func.sum(PayoutApproval.amount_minor), 0))
        .join(Payout, col(Payout.id) == PayoutApproval.payout_id)
        .where(
            PayoutApproval.seat == seat,
            PayoutApproval.approved_on == day,
            Payout.digest == PayoutApproval.digest,
            Payout.state != "voided",
        )
    )
    return int(session.exec(query).one())


def of_batch(session: Session, payout_id: str) -> list[PayoutApproval]:
    """Who agreed to a batch, to what it is now or was before."""
    query = select(PayoutApproval).where(PayoutApproval.payout_id == payout_id)
    return list(session.exec(query.order_by(col(PayoutApproval.approved_at), col(PayoutApproval.id))))


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be looked at twice before a batch is approved."""

    first_time: frozenset[str] = frozenset()  # managers who were never paid before
    changed_account: frozenset[str] = frozenset()  # whose account is not the one they were last paid on
    shared_account: frozenset[str] = frozenset()  # whose account is another payee's too


def look(session: Session, payout: Payout) -> Look:
    """Of the payees still in a batch: who is paid for the first time, and on another account than before."""
    lines = reserved(lines_of(session, payout.id))
    last = last_accounts(session, payout.id)
    return Look(
        frozenset(line.manager_id for line in lines if line.manager_id not in last),
        frozenset(
            line.manager_id
            for line in lines
            if last.get(line.manager_id, (line.bank_name, line.bank_account))
            != (line.bank_name, line.bank_account)
        ),
        frozenset(
            subject
            for one in persons.shared(session)
            if one.place == managers.ACCOUNT
            for subject in one.subjects
        ),
    )


def last_accounts(session: Session, payout_id: str) -> dict[str, tuple[str, str]]:
    """(bank, account) each payee of a batch was last paid on; who never was is missing."""
    payees = select(PayoutLine.manager_id).where(PayoutLine.payout_id == payout_id)
    query = (
        select(PayoutLine)
        .where(col(PayoutLine.manager_id).in_(payees), PayoutLine.state == "paid")
        .order_by(col(PayoutLine.value_on), col(PayoutLine.id))
    )
    return {line.manager_id: (line.bank_name, line.bank_account) for line in session.exec(query)}
