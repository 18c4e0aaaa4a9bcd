"""Technology managers (技术经理人): who they are, which grade they hold since when, how they are paid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Column, ColumnElement, String, or_
from sqlmodel import Field, Relationship, Session, col, select

from ledger import audit, clock, db, ids, persons, rights
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.persons import PersonKey
from ledger.rights import Actor

TAX_METHODS = ("per_payment", "platform_cumulative", "invoiced", "payroll")
ACCOUNT = "manager.bank_account"  # where an account stands
BEGINNING = date(2000, 1, 1)  # a grade that was always held


class Manager(Row, table=True):
    """One technology manager. The id may be the one they had elsewhere."""

    __tablename__ = "manager"

    id: str = Field(primary_key=True)
    name: str
    phone: str | None = None
    tax_method: str = "per_payment"  # set last; which one counts on a day says `tax_methods_on`
    bank_name: str | None = None
    bank_account_kept: str | None = Field(default=None, sa_column=Column("bank_account", String))
    bank_cnaps: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    account_changed_by: str | None = None  # who gave the account another one's place, and who made sure of it
    account_changed_at: datetime | None = Field(default=None, sa_type=Instant)
    account_confirmed_by: str | None = None
    key: PersonKey | None = Relationship(sa_relationship=persons.under_key("Manager.id"))

    @property
    def bank_account(self) -> str | None:
        """The account in clear: for the bank, and for who may see it."""
        return persons.in_clear(self, "bank_account", self.bank_account_kept)

    @property
    def has_account(self) -> bool:
        """Whether one is known, without looking at it."""
        return bool(self.bank_account_kept) and self.key is not None

    @property
    def account_waits(self) -> bool:
        """Whether the account was changed and nobody else has confirmed it."""
        return self.account_changed_by is not None and self.account_confirmed_by is None


class ManagerGrade(Row, table=True):
    """A grade (初级, 中级, 高级) held from a day on."""

    __tablename__ = "manager_grade"

    manager_id: str = Field(primary_key=True)
    from_on: date = Field(primary_key=True)
    grade: str


class ManagerTax(Row, table=True):
    """How income tax is withheld from a manager from a day on. Written once; a later row takes its place."""

    __tablename__ = "manager_tax"

    id: str = Field(primary_key=True)
    manager_id: str = Field(index=True)
    from_on: date
    method: str
    set_at: datetime = Field(sa_type=Instant)


def add(
    session: Session,
    *,
    name: str,
    now: datetime,
    id: str | None = None,
    grade: str | None = None,
    grade_from: date = BEGINNING,
    phone: str | None = None,
    tax_method: str = "per_payment",
    bank_name: str | None = None,
    bank_account: str | None = None,
    bank_cnaps: str | None = None,
    by: Actor | None = None,
) -> Manager:
    """A new manager."""
    manager_id = ids.given(id, "manager") if id else ids.new("mg")
    if session.get(Manager, manager_id) is not None:
        raise Conflict("manager_exists", "there is already a manager {id}", id=manager_id)
    given_name = checked_name(name)
    _known_tax_method(tax_method)
    manager = Manager(
        id=manager_id,
        name=given_name,
        phone=phone,
        tax_method=tax_method,
        bank_name=bank_name,
        bank_cnaps=bank_cnaps,
        created_at=now,
    )
    keep_account(session, manager, bank_account)
    session.add(manager)
    audit.changed(session, by, "manager.add", manager, now=now)
    if grade:
        session.add(ManagerGrade(manager_id=manager_id, from_on=grade_from, grade=grade))
    session.flush()
    return manager


def checked_name(name: str) -> str:
    """A name as it is kept."""
    if not name.strip() or len(name) > 100 or not name.strip().isprintable():
        raise Invalid("manager_name", "a manager needs a name of 1 to 100 characters")
    return name.strip()


def _known_tax_method(method: str) -> None:
    if method not in TAX_METHODS:
        raise Invalid(
            "tax_method_unknown",
            "there is no tax method “{method}”; it is one of {methods}",
            method=method,
            methods=", ".join(TAX_METHODS),
        )


def set_payment(
    session: Session,
    manager_id: str,
    *,
    bank_name: str | None,
    bank_account: str | None,
    bank_cnaps: str | None = None,
    tax_method: str,
    tax_from: date | None = None,
    by: Actor | None = None,
    now: datetime | None = None,
) -> Manager:
    """How a manager is paid from now on, and taxed from a day on: today, where none is given.

    Another account than before waits for somebody else to confirm it: `bank_accounts.confirm`.
    """
    _known_tax_method(tax_method)
    db.lock(session, f"payee:{manager_id}")
    manager, at = get(session, manager_id), now or clock.now()
    _tax_from(session, manager, tax_method, tax_from or clock.day_of(at), by=by, now=at)
    _account_from(session, manager, (bank_name, bank_account, bank_cnaps), by, at)
    manager.tax_method = tax_method
    audit.changed(session, by, "manager.set_payment", manager, now=now)
    return manager


def _account_from(
    session: Session,
    manager: Manager,
    account: tuple[str | None, str | None, str | None],
    by: Actor | None,
    now: datetime,
) -> None:
    before = (manager.bank_name, manager.bank_account, manager.bank_cnaps)
    if account == before:
        return
    manager.bank_name, _, manager.bank_cnaps = account
    keep_account(session, manager, account[1])
    is_changed = before[1] is not None and account[1] is not None and by is not None
    manager.account_changed_by = by.id if is_changed and by is not None else None
    manager.account_changed_at = now if is_changed else None
    manager.account_confirmed_by = None


def keep_account(session: Session, manager: Manager, account: str | None) -> None:
    """Under the person's key, and so that it is found should another have the same."""
    persons.keep(session, manager, manager.id, "bank_account", account)
    persons.mark(session, manager.id, ACCOUNT, account)


def _tax_from(
    session: Session, manager: Manager, method: str, from_on: date, *, by: Actor | None, now: datetime
) -> None:
    known = tax_history(session, manager.id)
    if not known:
        known = [_taxed(session, manager.id, manager.tax_method, BEGINNING, now)]
    if known[0].method == method and known[0].from_on <= from_on:
        return
    _taxed(session, manager.id, method, from_on, now)
    told = {"method": method, "from_on": from_on.isoformat()}
    audit.note(session, by, "manager.set_tax", manager.id, after=told, now=now)


def _taxed(session: Session, manager_id: str, method: str, from_on: date, now: datetime) -> ManagerTax:
    row = ManagerTax(id=ids.new("mt"), manager_id=manager_id, from_on=from_on, method=method, set_at=now)
    session.add(row)
    session.flush()
    return row


def tax_history(session: Session, manager_id: str) -> list[ManagerTax]:
    """How a manager was and will be taxed, what counts last first."""
    query = select(ManagerTax).where(ManagerTax.manager_id == manager_id)
    return list(session.exec(query.order_by(col(ManagerTax.from_on).desc(), col(ManagerTax.id).desc())))


def tax_methods_on(session: Session, manager_ids: Iterable[str], day: date) -> dict[str, str]:
    """By which method each manager is taxed on a day."""
    wanted = list(manager_ids)
    known = select(Manager.id, Manager.tax_method).where(col(Manager.id).in_(wanted))
    methods = dict(session.exec(known).all())
    rows = session.exec(
        select(ManagerTax)
        .where(col(ManagerTax.manager_id).in_(wanted), ManagerTax.from_on <= day)
        .order_by(col(ManagerTax.from_on), col(ManagerTax.id))
    )
    return methods | {row.manager_id: row.method for row in rows}


def masked(account: str | None) -> str:
    """The last four digits of a bank account."""
    return f"**** {account[-4:]}" if account and len(account) > 4 else ""


def reveal(session: Session, manager_id: str, *, reason: str, by: Actor, now: datetime) -> str | None:
    """The bank account in clear. That somebody looked, and what for, is noted."""
    manager = seen(session, manager_id, by=by)
    rights.require(by, "manager.reveal", managers=[manager_id])
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    told = {"read": ["bank_account"], "reason": reason.strip()[:500]}
    audit.note(session, by, "manager.reveal", manager_id, after=told, now=now)
    return manager.bank_account


def set_grade(
    session: Session,
    manager_id: str,
    *,
    grade: str,
    from_on: date,
    by: Actor | None = None,
    now: datetime | None = None,
) -> None:
    """The manager holds `grade` from a day on."""
    get(session, manager_id)
    held = session.get(ManagerGrade, (manager_id, from_on))
    audit.note(
        session,
        by,
        "manager.set_grade",
        manager_id,
        before={"grade": held.grade} if held else {},
        after={"grade": grade, "from_on": from_on.isoformat()},
        now=now,
    )
    if held is None:
        session.add(ManagerGrade(manager_id=manager_id, from_on=from_on, grade=grade))
    else:
        held.grade = grade


def grades_on(session: Session, manager_ids: Iterable[str], day: date) -> dict[str, str]:
    """The grade each manager held on a day; who held none is missing."""
    rows = session.exec(
        select(ManagerGrade)
        .where(col(ManagerGrade.manager_id).in_(list(manager_ids)), ManagerGrade.from_on <= day)
        .order_by(col(ManagerGrade.from_on))
    )
    return {row.manager_id: row.grade for row in rows}


def get(session: Session, manager_id: str) -> Manager:
    """One manager, or NotFound."""
    found = session.get(Manager, manager_id)
    if found is None:
        raise NotFound("manager_unknown", "there is no manager {id}", id=manager_id)
    return found


def names(session: Session, manager_ids: Iterable[str]) -> dict[str, str]:
    """Names by id."""
    wanted = sorted(set(manager_ids))
    if not wanted:
        return {}
    return dict(session.exec(select(Manager.id, Manager.name).where(col(Manager.id).in_(wanted))).all())


def listing(session: Session, *, after: str = "", limit: int = 50) -> list[Manager]:
    """Managers in order of id, from after a cursor."""
    return list(
        session.exec(select(Manager).where(Manager.id > after).order_by(col(Manager.id)).limit(limit))
    )


def page(session: Session, *, by: Actor, after: str = "", limit: int = 50) -> list[Manager]:
    """Managers the user may see, in order of id, from after a cursor."""
    query = select(Manager).where(Manager.id > after).order_by(col(Manager.id)).limit(limit)
    if mine := rights.reach(by, "manager.see"):
        query = query.where(Manager.id == mine)
    return list(session.exec(query))


def seen(session: Session, manager_id: str, *, by: Actor) -> Manager:
    """One manager the user may see, or NotFound."""
    if not rights.allows(by, "manager.see", managers=[manager_id]):
        raise NotFound("manager_unknown", "there is no manager {id}", id=manager_id)
    return get(session, manager_id)


def search(session: Session, text: str, *, after: str = "", limit: int = 50) -> list[Manager]:
    """Managers whose name holds a text or whose id or phone number it is, in order of id."""
    query = select(Manager).where(Manager.id > after).order_by(col(Manager.id)).limit(limit)
    if text:
        query = query.where(_like(text))
    return list(session.exec(query))


def _like(text: str) -> ColumnElement[bool]:
    holds = col(Manager.name).contains(text, autoescape=True)
    return or_(holds, col(Manager.id) == text, col(Manager.phone) == text)


def meant(session: Session, text: str) -> Manager:
    """The one manager somebody means by “id”, “name” or “name (id)”; Invalid where it is none or several."""
    written = text.strip()
    bracketed = re.fullmatch(r".*[(（]([^()（）]+)[)）]", written)
    wanted = bracketed[1].strip() if bracketed else written
    found = session.get(Manager, wanted)
    if found is not None:
        return found
    same = list(session.exec(select(Manager).where(Manager.name == written).order_by(Manager.id).limit(5)))
    if not same:
        raise Invalid("manager_unknown", "there is no manager “{name}”; write a name or an id", name=written)
    if len(same) > 1:
        raise Invalid(
            "manager_ambiguous",
            "there are several managers called {name}: write the id, one of {ids}",
            name=written,
            ids=", ".join(one.id for one in same),
        )
    return same[0]


def grade_history(session: Session, manager_id: str) -> list[ManagerGrade]:
    """The grades a manager held, the latest first."""
    query = select(ManagerGrade).where(ManagerGrade.manager_id == manager_id)
    return list(session.exec(query.order_by(col(ManagerGrade.from_on).desc())))
