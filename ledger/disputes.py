"""Disputes (异议): a payee contests one line of a statement; that line waits, the rest is paid.

What was said and done is kept step by step. Where the payee is right, the outcome is an adjustment in
the open period whose reference is the dispute. The clock runs while operations have it, and stands
still while the payee has something to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger
from sqlmodel import Field, Session, col, func, select

from ledger import audit, deals, earnings, holds, ids, rights, settings, statements
from ledger.clock import day_of
from ledger.core import statement as paper
from ledger.core.entry import COMMISSION_COST
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.money import format_minor
from ledger.core.states import DISPUTE, advance
from ledger.db import Instant, Row
from ledger.facts import Fact
from ledger.journal import Posting
from ledger.statements import Statement
from ledger.users import User

# Why a line is contested. Their words are in api/codes.py.
CODES = ("amount", "base", "share", "not_mine", "missing", "taken_back", "held", "other")
WAITING = ("submitted", "in_review")  # for operations
OPEN = (*WAITING, "need_information")
DECIDED = ("accepted", "partly_accepted", "refused")


class Dispute(Row, table=True):
    """One contested line, as it was contested; its state, and until when operations owe an answer."""

    __tablename__ = "dispute"

    id: str = Field(primary_key=True)
    statement_id: str = Field(index=True)
    line: int  # lines first, then what earlier months turned out to be worth
    manager_id: str = Field(index=True)
    deal_id: str = Field(index=True)
    stage: str
    entry_id: int = Field(sa_type=BigInteger)
    currency: str
    stated_minor: int = Field(sa_type=BigInteger)
    expected_minor: int | None = Field(default=None, sa_type=BigInteger)
    code: str
    why: str
    hold_id: str
    raised_by: str
    raised_at: datetime = Field(sa_type=Instant)
    state: str = Field(index=True)
    state_at: datetime = Field(sa_type=Instant)
    due_on: date

    @property
    def asked_minor(self) -> int | None:
        """What would be added where the payee is right in full; None where they named no amount."""
        return None if self.expected_minor is None else self.expected_minor - self.stated_minor


class DisputeStep(Row, table=True):
    """What somebody did or said about it. `fact_id` is the adjustment that came of it."""

    __tablename__ = "dispute_step"

    id: str = Field(primary_key=True)
    dispute_id: str = Field(index=True)
    step: str
    state: str  # after it
    note: str
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    fact_id: str | None = None
    done_by: str
    done_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a statement that can be contested."""

    no: int
    deal_id: str
    deal_title: str
    stage: paper.Words
    amount_minor: int
    entry_id: int
    because: paper.Words


def lines(snapshot: paper.Snapshot) -> list[Line]:
    """What can be contested of a statement: the month's lines, then those of earlier months."""
    own = [
        (one.deal_id, one.deal_title, one.stage, one.gross_minor, int(one.entry), one.because)
        for one in snapshot.lines
    ]
    late = [
        (one.deal_id, one.deal_title, one.stage, one.difference_minor, int(one.entry), one.reason)
        for one in snapshot.adjustments
    ]
    return [Line(no, *said) for no, said in enumerate((*own, *late), 1)]


def line(kept: Statement, no: int) -> Line:
    """One line by its number, or NotFound."""
    found = lines(statements.read(kept))
    if not 1 <= no <= len(found):
        raise NotFound("line_unknown", "statement {number} has no line {no}", number=kept.number, no=no)
    return found[no - 1]


def raise_on(
    session: Session,
    statement_id: str,
    no: int,
    *,
    code: str,
    expected_minor: int | None = None,
    why: str = "",
    by: User,
    now: datetime,
) -> Dispute:
    """Contest a line. It waits from now on; operations answer within the days that are set."""
    kept = statements.get(session, statement_id, by=by)
    rights.require(by, "dispute.raise", managers=[kept.manager_id])
    contested = line(kept, no)
    stage = _stage(session, kept, contested)
    deals.locked(session, contested.deal_id)
    _check(session, kept, contested, stage, code, expected_minor, by, now)

    dispute_id = ids.new("ds")
    hold = holds.keep_back(
        session,
        manager_id=kept.manager_id,
        deal_id=contested.deal_id,
        stage=stage,
        reason=dispute_id,
        by=by,
        now=now,
    )
    dispute = Dispute(
        id=dispute_id,
        statement_id=kept.id,
        line=no,
        manager_id=kept.manager_id,
        deal_id=contested.deal_id,
        stage=stage,
        entry_id=contested.entry_id,
        currency=kept.currency,
        stated_minor=contested.amount_minor,
        expected_minor=expected_minor,
        code=code,
        why=why.strip()[:2000],
        hold_id=hold.id,
        raised_by=by.id,
        raised_at=now,
        state="submitted",
        state_at=now,
        due_on=day_of(now) + timedelta(days=_days(session, now)),
    )
    session.add(dispute)
    audit.changed(session, by, "dispute.raise", dispute, now=now)
    _keep(session, dispute, "raise", dispute.why, by, now)
    return dispute


def _days(session: Session, now: datetime) -> int:
    return int(settings.on(session, settings.ANSWER_DAYS, day_of(now)))


def _stage(session: Session, kept: Statement, contested: Line) -> str:
    """The stage a line stands for: a statement has only its name, the entry has its id."""
    query = (
        select(Posting.stage, func.sum(Posting.amount_minor))
        .where(
            Posting.entry_id == contested.entry_id,
            Posting.deal_id == contested.deal_id,
            Posting.manager_id == kept.manager_id,
            Posting.account == COMMISSION_COST,
        )
        .group_by(Posting.stage)
        .order_by(Posting.stage)
    )
    sums = {stage: int(minor) for stage, minor in session.exec(query)}
    names = earnings.names(session, [contested.deal_id])
    named = [stage for stage in sums if names.stage(contested.deal_id, stage) == contested.stage]
    equal = [stage for stage, minor in sums.items() if minor == contested.amount_minor]
    found = named or equal or list(sums)
    if not found:
        raise Conflict("line_no_stage", "line {no} stands for no stage of a deal", no=contested.no)
    return found[0]


def _check(
    session: Session,
    kept: Statement,
    contested: Line,
    stage: str,
    code: str,
    expected_minor: int | None,
    by: User,
    now: datetime,
) -> None:
    if code not in CODES:
        raise Invalid(
            "dispute_code",
            "“{code}” is no reason for a dispute; use one of: {codes}",
            code=code[:40],
            codes=", ".join(CODES),
        )
    if expected_minor == contested.amount_minor:
        raise Invalid(
            "dispute_as_stated",
            "{amount} is what the line says already",
            amount=format_minor(contested.amount_minor, kept.currency),
        )
    if not statements.is_latest(session, kept):
        raise Conflict("dispute_superseded", "there is a later revision of this statement; contest that one")
    until = statements.read(kept).dispute.until_on
    if by.role == "manager" and day_of(now) > until:
        raise Conflict("dispute_late", "lines of this statement could be contested until {day}", day=until)
    query = select(Dispute.id).where(
        Dispute.manager_id == kept.manager_id,
        Dispute.deal_id == contested.deal_id,
        Dispute.stage == stage,
        col(Dispute.state).in_(OPEN),
    )
    if session.exec(query).first() is not None:
        raise Conflict(
            "dispute_open", "this stage of the deal is contested already; its dispute is not decided"
        )


# --- what operations do


def take(session: Session, dispute_id: str, *, by: User, now: datetime) -> Dispute:
    """Begin to look into it."""
    return _done(session, _deciding(session, dispute_id, by), "take", "", by, now)


def ask(session: Session, dispute_id: str, *, note: str, by: User, now: datetime) -> Dispute:
    """Ask the payee for something; the clock stands still until they answer."""
    dispute = _deciding(session, dispute_id, by)
    return _done(session, dispute, "ask", _said(note), by, now)


def accept(
    session: Session,
    dispute_id: str,
    *,
    amount_minor: int | None = None,
    note: str = "",
    by: User,
    now: datetime,
) -> Dispute:
    """The payee is right: what is missing is added, or `amount_minor` where they named no amount."""
    dispute = _deciding(session, dispute_id, by)
    amount = dispute.asked_minor if amount_minor is None else amount_minor
    if amount is None:
        raise Invalid("dispute_amount_missing", "the payee named no amount; say what is to be added")
    if dispute.asked_minor is not None and amount != dispute.asked_minor:
        raise Invalid(
            "dispute_not_in_full",
            "in full would be {asked}; accept it in part instead",
            asked=format_minor(dispute.asked_minor, dispute.currency),
        )
    return _settled(session, dispute, "accept", amount, note.strip(), by, now)


def accept_in_part(
    session: Session, dispute_id: str, *, amount_minor: int, note: str, by: User, now: datetime
) -> Dispute:
    """The payee is right in part: this much is added, with the reason for not more."""
    dispute = _deciding(session, dispute_id, by)
    if amount_minor == dispute.asked_minor:
        raise Invalid("dispute_in_full", "this is all that was asked for; accept it in full")
    return _settled(session, dispute, "accept_in_part", amount_minor, _said(note), by, now)


def refuse(session: Session, dispute_id: str, *, note: str, by: User, now: datetime) -> Dispute:
    """The line stays as it is, with the reason."""
    dispute = _deciding(session, dispute_id, by)
    done = _done(session, dispute, "refuse", _said(note), by, now)
    holds.release(session, dispute.hold_id, reason=dispute.id, by=by, now=now)
    return done


def _settled(
    session: Session, dispute: Dispute, step: str, amount_minor: int, note: str, by: User, now: datetime
) -> Dispute:
    """The adjustment is booked, and the line waits no longer."""
    advance(DISPUTE, "dispute", dispute.state, step)
    fact = deals.adjust(
        session,
        dispute.deal_id,
        manager_id=dispute.manager_id,
        stage=dispute.stage,
        amount_minor=amount_minor,
        reason=f"异议 {dispute.id} {note}".strip(),
        on=day_of(now),
        ref=dispute.id,
        by=by,
        now=now,
    )
    done = _done(session, dispute, step, note, by, now, amount_minor=amount_minor, fact=fact)
    holds.release(session, dispute.hold_id, reason=dispute.id, by=by, now=now)
    return done


def _deciding(session: Session, dispute_id: str, by: User) -> Dispute:
    """One dispute, held, that the user may decide: never their own, nor one they raised for somebody."""
    dispute = _locked(session, dispute_id, by)
    rights.require(by, "dispute.decide", managers=[dispute.manager_id], made_by=dispute.raised_by)
    return dispute


# --- what the payee does


def inform(session: Session, dispute_id: str, *, note: str, by: User, now: datetime) -> Dispute:
    """Answer what was asked. The days it took are added to the clock."""
    dispute = _locked(session, dispute_id, by)
    rights.require(by, "dispute.raise", managers=[dispute.manager_id])
    told, waited = _said(note), day_of(now) - day_of(dispute.state_at)
    if dispute.state == "need_information":
        dispute.due_on += waited
    return _done(session, dispute, "inform", told, by, now)


def withdraw(session: Session, dispute_id: str, *, note: str = "", by: User, now: datetime) -> Dispute:
    """Contest it no longer; it is paid with the next run."""
    dispute = _locked(session, dispute_id, by)
    rights.require(by, "dispute.raise", managers=[dispute.manager_id])
    done = _done(session, dispute, "withdraw", note.strip()[:2000], by, now)
    holds.release(session, dispute.hold_id, reason=dispute.id, by=by, now=now)
    return done


def close(session: Session, dispute_id: str, *, note: str = "", by: User, now: datetime) -> Dispute:
    """The outcome was seen: nothing more is to come."""
    dispute = _locked(session, dispute_id, by)
    rights.require(by, "dispute.raise", managers=[dispute.manager_id])
    return _done(session, dispute, "close", note.strip()[:2000], by, now)


# --- steps


def _said(note: str) -> str:
    if not note.strip():
        raise Invalid("reason_missing", "say why")
    return note.strip()[:2000]


def _locked(session: Session, dispute_id: str, by: User) -> Dispute:
    """The dispute, with its deal's row held, so that two decisions cannot pass each other."""
    found = get(session, dispute_id, by=by)
    deals.locked(session, found.deal_id)
    session.refresh(found)
    return found


def _done(
    session: Session,
    dispute: Dispute,
    step: str,
    note: str,
    by: User,
    now: datetime,
    *,
    amount_minor: int | None = None,
    fact: Fact | None = None,
) -> Dispute:
    dispute.state = advance(DISPUTE, "dispute", dispute.state, step)
    dispute.state_at = now
    audit.changed(session, by, f"dispute.{step}", dispute, now=now)
    _keep(session, dispute, step, note, by, now, amount_minor=amount_minor, fact=fact)
    return dispute


def _keep(
    session: Session,
    dispute: Dispute,
    step: str,
    note: str,
    by: User,
    now: datetime,
    *,
    amount_minor: int | None = None,
    fact: Fact | None = None,
) -> None:
    session.add(
        DisputeStep(
            id=ids.new("dt"),
            dispute_id=dispute.id,
            step=step,
            state=dispute.state,
            note=note,
            amount_minor=amount_minor,
            fact_id=fact.id if fact else None,
            done_by=by.id,
            done_at=now,
        )
    )
    session.flush()


# --- looking


def get(session: Session, dispute_id: str, *, by: User) -> Dispute:
    """One dispute the user may see, or NotFound."""
    found = session.get(Dispute, dispute_id)
    if found is None or not rights.allows(by, "dispute.see", managers=[found.manager_id]):
        raise NotFound("dispute_unknown", "there is no dispute {id}", id=dispute_id)
    return found


def steps(session: Session, dispute_id: str) -> list[DisputeStep]:
    """Everything done about it, in order."""
    query = select(DisputeStep).where(DisputeStep.dispute_id == dispute_id)
    return list(session.exec(query.order_by(col(DisputeStep.id))))


def listing(
    session: Session,
    *,
    by: User,
    state: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Dispute]:
    """Disputes the user may see, the latest first, from before a cursor; `open` are those undecided."""
    query = select(Dispute).order_by(col(Dispute.id).desc()).limit(limit)
    if mine := rights.reach(by, "dispute.see"):
        query = query.where(Dispute.manager_id == mine)
    if state:
        query = query.where(col(Dispute.state).in_(OPEN if state == "open" else (state,)))
    if before:
        query = query.where(Dispute.id < before)
    return list(session.exec(query))


def waiting(session: Session, *, limit: int = 50) -> list[Dispute]:
    """What waits for operations, what is due first, first."""
    query = select(Dispute).where(col(Dispute.state).in_(WAITING))
    return list(session.exec(query.order_by(col(Dispute.due_on), col(Dispute.id)).limit(limit)))


def of_statement(session: Session, statement_id: str) -> dict[int, Dispute]:
    """The latest dispute of every contested line of a statement, by the line's number."""
    query = select(Dispute).where(Dispute.statement_id == statement_id).order_by(col(Dispute.id))
    return {one.line: one for one in session.exec(query)}
