"""Deletion of a person's data (删除个人信息): asked for, kept waiting by the law, then done by the clock.
Until it is done it can be taken back.

Vouchers and books are kept for thirty years and other records for ten, counted from the end of the accounting
year (decree 79). When the longest of them has run out, the person's key and salts are shredded, their name,
number and addresses give way to a neutral word, their papers' words and files go. What the books, the seals
and the trail say stays as it is: of somebody nobody can name any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, update
from sqlmodel import Session, SQLModel, col, func, or_, select

from ledger import audit, db, ids, persons, rights, settings
from ledger.access_tokens import AccessToken
from ledger.approvals import PayoutApproval
from ledger.audit import Salt
from ledger.bank_returns import BankReturnRow
from ledger.clock import day_of
from ledger.company_identities import CompanyIdentity
from ledger.core.entry import HELD, IN_TRANSIT, PAYABLE, RECOVERABLE
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.deals import DealManager
from ledger.evidence import Evidence
from ledger.facts import Fact
from ledger.files import Store
from ledger.idempotency import Answer
from ledger.identities import PayeeIdentity
from ledger.invitations import Invitation
from ledger.invoices import PayeeInvoice
from ledger.journal import Entry, Posting
from ledger.managers import Manager
from ledger.notices import Contact, Delivery, Notice
from ledger.papers import Paper
from ledger.payee_agreements import PayeeAgreement
from ledger.payments import PayoutLine
from ledger.persons import NAMELESS, Erasure, ErasureRequest, ErasureWithdrawal, Mark, PersonKey
from ledger.rates import RateCount
from ledger.second_factors import RecoveryCode, SecondFactor
from ledger.sign_ins import SignIn
from ledger.statements import Statement
from ledger.users import User

Why = Literal["", "vouchers", "others"]
LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom it is about: a payee, whoever signs in as them, or somebody at a desk."""

    subject: str
    name: str
    manager: Manager | None
    users: tuple[User, ...]

    @property
    def ids(self) -> list[str]:
        """Everything they are known by."""
        return sorted({self.subject, *(user.id for user in self.users)})


@dataclass(frozen=True, slots=True)
class Term:
    """Until when what names somebody has to be kept; None: nothing of theirs has to be."""

    until: date | None = None
    why: Why = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is with somebody's data."""

    person: Person
    term: Term
    is_owed: bool  # money either way is not settled
    request: ErasureRequest | None
    may_withdraw: bool
    erased_at: datetime | None


def subject_of(user: User) -> str:
    """What somebody who signs in is known by."""
    return user.manager_id or user.id


def whose(session: Session, subject: str) -> Person:
    """The person of an id, or NotFound."""
    manager = session.get(Manager, subject)
    known = (User.manager_id == subject) if manager else (User.id == subject)
    users = tuple(session.exec(select(User).where(known).order_by(User.id)))
    if manager is None and (not users or users[0].manager_id is not None):
        raise NotFound("person_unknown", "there is nobody {id}", id=subject)
    return Person(subject, manager.name if manager else users[0].name, manager, users)


def seen(session: Session, subject: str, right: str, *, by: User | None) -> Person:
    """The person, for themselves or for who may do this for them; what nobody may see is not there.

    `by` is None on the command line.
    """
    if by is None or subject == subject_of(by):
        return whose(session, subject)
    rights.require_role(by, right)
    if not rights.allows(by, right, managers=[subject]):
        raise NotFound("person_unknown", "there is nobody {id}", id=subject)
    found = whose(session, subject)
    if found.manager is None:  # who works at a desk is the administrators' matter
        rights.require(by, "user.edit", made_by=subject)
    return found


def standing(session: Session, subject: str, *, by: User, now: datetime) -> Standing:
    """Until when somebody's data is kept, and whether it was asked to delete it."""
    person = seen(session, subject, "person.erase", by=by)
    done = session.exec(select(Erasure).where(Erasure.subject == subject)).first()
    asked = requested(session, subject)
    return Standing(
        person,
        term(session, person, now=now),
        is_owed(session, person),
        asked,
        asked is not None and done is None and _may_withdraw(asked, person, by),
        done.erased_at if done else None,
    )


def requested(session: Session, subject: str) -> ErasureRequest | None:
    """What was asked for and not taken back, if anything was."""
    return session.exec(persons.open_requests().where(ErasureRequest.subject == subject)).first()


def ask(session: Session, subject: str, *, reason: str, by: User | None, now: datetime) -> ErasureRequest:
    """Note that somebody's data is to go as soon as it may. Asked twice, it is asked once."""
    person = seen(session, subject, "person.erase", by=by)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    if persons.is_erased(session, subject):
        raise Conflict("person_erased", "{id} was erased; nothing is kept of them any more", id=subject)
    db.lock(session, f"person:{subject}")
    known = requested(session, subject)
    if known is not None:
        return known

    asked = ErasureRequest(
        id=ids.new("eq"),
        subject=person.subject,
        reason=reason.strip()[:500],
        asked_by=by.id if by else audit.COMMAND_LINE,
        asked_at=now,
    )
    session.add(asked)
    audit.note(session, by, "person.ask_erasure", subject, after={"request": asked.id}, now=now)
    session.flush()
    return asked


def withdraw(
    session: Session, subject: str, *, reason: str = "", by: User | None, now: datetime
) -> ErasureWithdrawal:
    """Take a request back before it is done. What somebody asked for themselves, only they take back;
    of what was asked for another, whoever does says why.
    """
    person = seen(session, subject, "person.erase", by=by)
    if (by is None or by.id not in person.ids) and not reason.strip():
        raise Invalid("reason_missing", "say why")
    db.lock(session, f"person:{subject}")
    if persons.is_erased(session, subject):
        raise Conflict("person_erased", "{id} was erased; nothing is kept of them any more", id=subject)
    asked = requested(session, subject)
    if asked is None:
        raise _not_asked(subject)
    if not _may_withdraw(asked, person, by):
        raise Forbidden("erasure_their_own", "they asked for it themselves: only they can take it back")

    taken = ErasureWithdrawal(
        id=ids.new("ew"),
        request_id=asked.id,
        subject=subject,
        reason=reason.strip()[:500],
        withdrawn_by=by.id if by else audit.COMMAND_LINE,
        withdrawn_at=now,
    )
    session.add(taken)
    audit.note(session, by, "person.withdraw_erasure", subject, after={"request": asked.id}, now=now)
    session.flush()
    return taken


def _not_asked(subject: str) -> Conflict:
    return Conflict("erasure_not_asked", "nobody asks for the data of {id} to be deleted", id=subject)


def _may_withdraw(asked: ErasureRequest, person: Person, by: User | None) -> bool:
    return by is None or by.id in person.ids or asked.asked_by not in person.ids


# --- how long


def term(session: Session, person: Person, *, now: datetime) -> Term:
    """The last day on which the law wants what names a person kept."""
    today = day_of(now)
    years: tuple[tuple[Why, str, date | None], ...] = (
        ("vouchers", settings.VOUCHERS_YEARS, _last(_vouchers(session, person))),
        ("others", settings.OTHERS_YEARS, _last(_others(session, person))),
    )
    terms = [
        Term(date(last.year + int(settings.on(session, setting, today)), 12, 31), why)
        for why, setting, last in years
        if last is not None
    ]
    return max(terms, key=lambda one: one.until or date.min, default=Term())


def _last(days: Iterable[Any]) -> date | None:
    known = [day_of(one) if isinstance(one, datetime) else one for one in days if one is not None]
    return max(known, default=None)


def _vouchers(session: Session, person: Person) -> Iterator[Any]:
    """When a voucher last named them: as who is paid, or as who made, checked or approved it."""
    who, user_ids = person.subject, [user.id for user in person.users]
    booked = select(func.max(Entry.booked_on)).join(Posting, col(Posting.entry_id) == Entry.id)
    yield session.exec(booked.where(Posting.manager_id == who)).one()
    yield session.exec(select(func.max(PayoutLine.value_on)).where(PayoutLine.manager_id == who)).one()
    yield session.exec(select(func.max(PayeeInvoice.issued_on)).where(PayeeInvoice.manager_id == who)).one()
    yield session.exec(select(func.max(Entry.posted_at)).where(col(Entry.posted_by).in_(user_ids))).one()
    approved = select(func.max(PayoutApproval.approved_at))
    yield session.exec(approved.where(col(PayoutApproval.approved_by).in_(user_ids))).one()


def _others(session: Session, person: Person) -> Iterator[Any]:
    """When another record was last made about them or by them."""
    who, user_ids = person.subject, [user.id for user in person.users]
    for table in (Statement, Paper):
        yield session.exec(select(func.max(table.made_at)).where(table.manager_id == who)).one()
    agreed = select(func.max(PayeeAgreement.added_at)).where(PayeeAgreement.manager_id == who)
    yield session.exec(agreed).one()
    theirs = select(DealManager.deal_id).where(DealManager.manager_id == who)
    involved = or_(col(Fact.deal_id).in_(theirs), col(Fact.recorded_by).in_(user_ids))
    yield session.exec(select(func.max(Fact.recorded_at)).where(involved)).one()


def is_owed(session: Session, person: Person) -> bool:
    """Whether money either way is not settled."""
    accounts = (PAYABLE, HELD, IN_TRANSIT, RECOVERABLE)
    total = func.sum(Posting.amount_minor)
    query = (
        select(Posting.account)
        .where(Posting.manager_id == person.subject, col(Posting.account).in_(accounts))
        .group_by(Posting.account, Posting.currency)
        .having(total != 0)
    )
    return session.exec(query).first() is not None


# --- doing it


def due(session: Session, *, now: datetime) -> list[str]:
    """Of whom deletion was asked for and nothing stands in its way any more."""
    asked = {one.subject for one in session.exec(persons.open_requests())} - persons.erased(session)
    found = [whose(session, subject) for subject in sorted(asked)]
    return [one.subject for one in found if _hindrance(session, one, now=now) is None]


def _hindrance(session: Session, person: Person, *, now: datetime) -> Conflict | None:
    kept = term(session, person, now=now)
    if kept.until is not None and day_of(now) <= kept.until:
        return Conflict(
            "retention_runs",
            "what names {name} has to be kept until {until}; it is deleted by itself after that day",
            name=person.name,
            until=kept.until.isoformat(),
        )
    if is_owed(session, person):
        return Conflict(
            "person_owed", "money is not settled with {name} yet; settle it first", name=person.name
        )
    return None


def erase(session: Session, subject: str, *, now: datetime) -> Erasure:
    """Delete what names a person, as was asked. Conflict where nobody asks any more, while the law's terms
    run, or money is not settled.
    """
    db.lock(session, f"payee:{subject}", f"person:{subject}")
    person = whose(session, subject)
    if persons.is_erased(session, subject):
        raise Conflict("person_erased", "{id} was erased; nothing is kept of them any more", id=subject)
    if requested(session, subject) is None:
        raise _not_asked(subject)
    if (hindrance := _hindrance(session, person, now=now)) is not None:
        raise hindrance

    until = term(session, person, now=now).until
    done = Erasure(
        id=ids.new("er"), subject=subject, kept_until=until.isoformat() if until else "", erased_at=now
    )
    session.add(done)
    session.flush()  # the guards let go of what is theirs from here on
    _shred(session, person)
    _forget_manager(session, person)
    for user in person.users:
        _forget_user(session, user, now)
    audit.note(session, None, "person.erase", subject, after={"erasure": done.id}, now=now)
    session.flush()
    return done


def _shred(session: Session, person: Person) -> None:
    """What is under the key, and every commitment of the trail, says nothing from now on."""
    _gone(session, PersonKey, PersonKey.subject, [person.subject])
    _gone(session, Mark, Mark.subject, [person.subject])
    _gone(session, Salt, Salt.subject, person.ids)


def _forget_manager(session: Session, person: Person) -> None:
    manager, who = person.manager, person.subject
    if manager is None:
        return
    manager.name, manager.phone, manager.key = NAMELESS, None, None
    manager.bank_name = manager.bank_cnaps = manager.bank_account_kept = None
    manager.account_changed_by = manager.account_changed_at = manager.account_confirmed_by = None
    identity = session.get(PayeeIdentity, who)
    if identity is not None:
        identity.kind, identity.identity_number_kept, identity.key = "other", "", None
    lines = select(PayoutLine.id).where(PayoutLine.manager_id == who)
    _changed(session, BankReturnRow, col(BankReturnRow.line_id).in_(lines), account="")
    _changed(session, PayoutLine, PayoutLine.manager_id == who, payee_name=NAMELESS)
    _changed(session, Invitation, Invitation.manager_id == who, phone="")
    _changed(session, Statement, Statement.manager_id == who, snapshot={})
    _changed(session, Paper, Paper.manager_id == who, snapshot={})


def _forget_user(session: Session, user: User, now: datetime) -> None:
    user.name, user.phone, user.password_hash = NAMELESS, f"erased {user.id}", ""
    user.disabled_at = user.disabled_at or now
    told = select(Notice.id).where(Notice.user_id == user.id)
    _gone(session, Delivery, Delivery.notice_id, told)
    for table in (Contact, Notice, SecondFactor, RecoveryCode, Answer, CompanyIdentity):
        _gone(session, table, table.user_id, [user.id])
    _gone(session, RateCount, RateCount.who, [user.id])
    signed, tokens = col(SignIn.user_id) == user.id, col(AccessToken.user_id) == user.id
    _changed(session, SignIn, signed, address="", program="")
    _changed(session, SignIn, signed & col(SignIn.ended_at).is_(None), ended_at=now)
    _changed(session, AccessToken, tokens, name=NAMELESS, used_from="")
    _changed(session, AccessToken, tokens & col(AccessToken.revoked_at).is_(None), revoked_at=now)


def _gone(session: Session, table: type[SQLModel], column: Any, values: Any) -> None:
    session.execute(
        delete(table).where(col(column).in_(values)).execution_options(synchronize_session="fetch")
    )


def _changed(session: Session, table: type[SQLModel], which: Any, **values: Any) -> None:
    session.execute(
        update(table).where(which).values(**values).execution_options(synchronize_session="fetch")
    )


# --- files


FILES: Sequence[tuple[type[SQLModel], str]] = (
    (Statement, "pdf_sha256"),
    (Paper, "pdf_sha256"),
    (PayeeInvoice, "sha256"),
    (PayeeAgreement, "sha256"),
)


def remove_files(session: Session, store: Store, *, now: datetime) -> int:
    """Take the files of who was erased of late out of the store, but those another has too; how many went.

    Their hashes stay sealed. It comes after the erasure is committed, and again where it was cut short.
    """
    lately = select(Erasure.subject).where(Erasure.erased_at > now - LATELY)
    wanted = {
        sha256
        for table, column in FILES
        for sha256 in session.exec(select(getattr(table, column)).where(col(table.manager_id).in_(lately)))  # type: ignore[attr-defined]
    }
    return sum(store.remove(sha256) for sha256 in sorted(wanted) if not _is_anothers(session, sha256))


def _is_anothers(session: Session, sha256: str) -> bool:
    """Whether somebody who is there, or a milestone, has the same file."""
    erased = select(Erasure.subject)
    if session.exec(select(Evidence.id).where(Evidence.sha256 == sha256)).first() is not None:
        return True
    return any(
        session.exec(
            select(table).where(getattr(table, column) == sha256, col(table.manager_id).not_in(erased))  # type: ignore[attr-defined]
        ).first()
        is not None
        for table, column in FILES
    )
