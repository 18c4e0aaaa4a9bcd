"""Technology managers (技术经理人): who they are, their grades, how they are paid, where they stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import Field, StringConstraints

from api.doors import Books, By, Now, noun
from api.values import (
    Answer,
    Body,
    Code,
    Currency,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Name,
    Page,
    PathId,
    Phone,
    Reason,
    first_of,
)
from ledger import accounts, bank_accounts, identities, managers, rights
from ledger.clock import day_of
from ledger.core.money import format_minor
from ledger.identities import PayeeIdentity
from ledger.managers import BEGINNING, Manager, masked

router = noun("managers")

TaxMethod = Literal["per_payment", "platform_cumulative", "invoiced", "payroll"]
BankAccount = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{6,30}$"), Field(examples=["6222020200112233445"])
]

Cnaps = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$"), Field(examples=["102552000013"])]


class NewManager(Body):
    """A new manager."""

    name: Name
    id: Id | None = Field(default=None, description="The id they had elsewhere; left out, one is made.")
    grade: Code | None = Field(default=None, examples=["senior"])
    grade_from: Day = Field(default=BEGINNING, description="Left out: they always held it.")
    phone: Phone | None = None
    tax_method: TaxMethod = "per_payment"
    bank_name: Name | None = None
    bank_account: BankAccount | None = None
    bank_cnaps: Cnaps | None = Field(default=None, description="The number of the bank's branch.")


class Payment(Body):
    """How a manager is paid from now on, and taxed from a day on."""

    bank_name: Name | None
    bank_account: BankAccount | None
    bank_cnaps: Cnaps | None = Field(default=None, description="Left out: none is known.")
    tax_method: TaxMethod
    tax_from: Day | None = Field(default=None, description="Left out: today, where the method is another.")


class NewGrade(Body):
    """A grade held from a day on."""

    grade: Code = Field(examples=["senior"])
    from_on: Day


class Identity(Body):
    """A document and its number."""

    kind: Literal["resident_id", "credit_code", "passport", "other"]
    number: str = Field(max_length=40, examples=["11010519491231002X"])
    is_resident: bool = True


class IdentityAnswer(Answer):
    """A document; of its number the first and the last."""

    manager_id: str
    kind: Literal["resident_id", "credit_code", "passport", "other"]
    number: str = Field(examples=["1101**********002X"])
    is_resident: bool
    recorded_by: str
    recorded_at: Instant


class ManagerAnswer(Answer):
    """One manager. The bank account shows its last four digits."""

    id: str
    name: str
    phone: str | None
    tax_method: TaxMethod
    bank_name: str | None
    bank_account: str = Field(examples=["**** 3445"])
    bank_cnaps: str | None
    account_looks_wrong: bool = Field(description="A card's last digit does not fit: worth a second look.")
    account_waits: bool = Field(description="It was changed; nothing is paid before somebody else confirms.")
    account_changed_at: Instant | None
    created_at: Instant

    @classmethod
    def of(cls, manager: Manager) -> ManagerAnswer:
        """The manager as they are answered."""
        return cls(**_shown(manager))


class WholeManager(ManagerAnswer):
    """One manager, with the grade they hold today."""

    grade: str | None


class Confirmation(Body):
    """Which change was looked at."""

    changed_at: Instant


class Reveal(Body):
    """Why somebody has to know."""

    reason: Reason


class Revealed(Answer):
    """What is masked elsewhere."""

    bank_account: str | None = Field(examples=["6222020200112233445"])


class Standing(Answer):
    """A manager's three numbers."""

    manager_id: str
    currency: str
    payable: str = Field(examples=["1296.00"])
    held: str = Field(examples=["144.00"])
    expected: str = Field(examples=["3480.00"])


def _shown(manager: Manager) -> dict[str, Any]:
    account = manager.bank_account
    looks_wrong, waits = bank_accounts.looks_wrong(account), manager.account_waits
    checked = {"account_looks_wrong": looks_wrong, "account_waits": waits}
    return {**manager.model_dump(), "bank_account": masked(account), **checked}


def _identity(kept: PayeeIdentity) -> IdentityAnswer:
    return IdentityAnswer(
        **kept.model_dump(exclude={"identity_number", "residence"}),
        number=identities.masked(kept.identity_number),
        is_resident=kept.residence == "resident",
    )


def _whole(session: Books, manager: Manager, now: Now) -> WholeManager:
    grade = managers.grades_on(session, [manager.id], day_of(now)).get(manager.id)
    method = managers.tax_methods_on(session, [manager.id], day_of(now))[manager.id]
    return WholeManager(**{**_shown(manager), "tax_method": method}, grade=grade)


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[ManagerAnswer]:
    """Managers, by id; a manager sees themselves."""
    rows = managers.page(session, by=by, after=cursor or "", limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[ManagerAnswer.of(manager) for manager in found], next=following)


@router.post("", status_code=201)
def add(body: NewManager, session: Books, by: By, now: Now) -> WholeManager:
    """Add a manager."""
    rights.require(by, "manager.edit")
    return _whole(session, managers.add(session, **body.model_dump(), by=by, now=now), now)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By, now: Now) -> WholeManager:
    """One manager."""
    return _whole(session, managers.seen(session, id, by=by), now)


@router.post("/{id}/payment")
def set_payment(id: PathId, body: Payment, session: Books, by: By, now: Now) -> WholeManager:
    """Say how they are paid and taxed from now on."""
    rights.require(by, "manager.edit")
    return _whole(session, managers.set_payment(session, id, **body.model_dump(), by=by, now=now), now)


@router.post("/{id}/account/confirm")
def confirm_account(id: PathId, body: Confirmation, session: Books, by: By, now: Now) -> WholeManager:
    """Confirm an account that somebody else changed."""
    return _whole(session, bank_accounts.confirm(session, id, seen=body.changed_at, by=by, now=now), now)


@router.get("/{id}/identity")
def identity(id: PathId, session: Books, by: By) -> IdentityAnswer:
    """Who they are to the tax office."""
    return _identity(identities.get(session, id, by=by))


@router.post("/{id}/identity")
def record_identity(id: PathId, body: Identity, session: Books, by: By, now: Now) -> IdentityAnswer:
    """Keep their document, or correct it."""
    return _identity(identities.record(session, id, **body.model_dump(), by=by, now=now))


@router.post("/{id}/grades")
def set_grade(id: PathId, body: NewGrade, session: Books, by: By, now: Now) -> WholeManager:
    """Say which grade they hold from a day on."""
    rights.require(by, "manager.edit")
    managers.set_grade(session, id, grade=body.grade, from_on=body.from_on, by=by, now=now)
    session.flush()
    return _whole(session, managers.get(session, id), now)


@router.post("/{id}/reveal")
def reveal(id: PathId, body: Reveal, session: Books, by: By, now: Now, response: Response) -> Revealed:
    """Tell the bank account in clear. Who asked, when and why is noted."""
    response.headers["Cache-Control"] = "no-store"
    return Revealed(bank_account=managers.reveal(session, id, reason=body.reason, by=by, now=now))


@router.get("/{id}/standing")
def standing(
    id: PathId,
    session: Books,
    by: By,
    currency: Annotated[Currency, Query(description="In which currency.")] = "CNY",
) -> Standing:
    """What a manager is owed now, what is held, what may come."""
    manager = managers.seen(session, id, by=by)
    found = accounts.standing(session, manager.id, currency=currency)
    return Standing(
        manager_id=manager.id,
        currency=currency,
        payable=format_minor(found.payable_minor, currency),
        held=format_minor(found.held_minor, currency),
        expected=format_minor(found.expected_minor, currency),
    )
