"""Joining (加入): operations invite a manager by phone number, who enters the rest; operations confirm it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Response
from pydantic import Field, StringConstraints

from api.doors import Books, By, Now, noun
from api.openapi import problems
from api.routes.managers import BankAccount, Cnaps, ManagerAnswer, TaxMethod
from api.values import (
    Answer,
    Body,
    Code,
    Cursor,
    Day,
    Id,
    Instant,
    Limit,
    Name,
    Page,
    Password,
    PathId,
    Phone,
    Reason,
    first_of,
)
from ledger import identities, invitations
from ledger.invitations import Invitation
from ledger.managers import BEGINNING, masked

router = noun("invitations")


class NewInvitation(Body):
    """Whom to invite."""

    phone: Phone
    manager_id: Id | None = Field(default=None, description="Who is a manager already and has no sign-in.")
    email: Annotated[str, StringConstraints(max_length=254)] = Field(
        default="", description="The link is written there too, where there is a mail server."
    )


class InvitationAnswer(Answer):
    """One invitation. Of numbers it shows the ends; once it is settled it has none."""

    id: str
    phone: str
    state: Literal["open", "entered", "confirmed", "withdrawn"]
    is_expired: bool
    manager_id: str | None
    invited_by: str
    invited_at: Instant
    expires_at: Instant
    entered_at: Instant | None
    name: str | None
    identity_kind: str | None
    identity_number: str | None
    bank_name: str | None
    bank_account: str | None
    decided_by: str | None
    decided_at: Instant | None
    reason: str | None

    @classmethod
    def of(cls, one: Invitation, now: Now) -> InvitationAnswer:
        """As it is answered."""
        number = identities.masked(one.identity_number) if one.identity_number else None
        account = masked(one.bank_account) if one.bank_account else None
        shown = one.model_dump() | {"identity_number": number, "bank_account": account}
        return cls(**shown, is_expired=one.is_expired(now))


class ToldInvitation(InvitationAnswer):
    """A new invitation with its code, told this once."""

    code: str = Field(examples=["b3JhbmdlIG1hcm1hbGFkZSBvbiB0b2FzdA"])
    path: str = Field(description="Where the link leads.", examples=["/join?code=b3Jhbmdl"])


class Entered(Body):
    """What the invited person says of themselves."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: Password
    name: Name
    identity_kind: Literal["resident_id", "passport", "other"] = "resident_id"
    identity_number: str = Field(max_length=40, examples=["11010519491231002X"])
    is_resident: bool = True
    bank_name: Name
    bank_account: BankAccount
    bank_cnaps: Cnaps | None = None


class Confirmation(Body):
    """What operations add: how tax is withheld, and the grade."""

    tax_method: TaxMethod = "per_payment"
    grade: Code | None = Field(default=None, examples=["senior"])
    grade_from: Day = Field(default=BEGINNING, description="Left out: they always held it.")


class Withdrawal(Body):
    """Why nothing comes of it."""

    reason: Reason


@router.get("")
def listing(
    session: Books, by: By, now: Now, limit: Limit = 50, cursor: Cursor = None
) -> Page[InvitationAnswer]:
    """Invitations, the latest first."""
    found, following = first_of(invitations.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[InvitationAnswer.of(one, now) for one in found], next=following)


@router.post("", status_code=201)
def invite(body: NewInvitation, session: Books, by: By, now: Now, response: Response) -> ToldInvitation:
    """Invite. The answer is a secret, so it is not kept: an `Idempotency-Key` makes no difference here."""
    made, code = invitations.invite(session, **body.model_dump(), by=by, now=now)
    response.headers["Cache-Control"] = "no-store"
    shown = InvitationAnswer.of(made, now).model_dump()
    return ToldInvitation(**shown, code=code, path=invitations.path_of(code))


@router.post("/enter", status_code=204, response_class=Response, responses=problems(404, 409))
def enter(body: Entered, session: Books, now: Now) -> Response:
    """Enter one's own details with the code of an invitation, which is used with it. Nobody is signed in."""
    given = body.model_dump()
    invitations.enter(session, given.pop("code"), **given, now=now)
    return Response(status_code=204)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By, now: Now) -> InvitationAnswer:
    """One invitation."""
    return InvitationAnswer.of(invitations.get(session, id, by=by), now)


@router.post("/{id}/confirm", status_code=201)
def confirm(id: PathId, body: Confirmation, session: Books, by: By, now: Now) -> ManagerAnswer:
    """What was entered is right: there is a manager, who can sign in."""
    return ManagerAnswer.of(invitations.confirm(session, id, **body.model_dump(), by=by, now=now))


@router.post("/{id}/withdraw")
def withdraw(id: PathId, body: Withdrawal, session: Books, by: By, now: Now) -> InvitationAnswer:
    """Nothing comes of it; what was entered is forgotten."""
    return InvitationAnswer.of(invitations.withdraw(session, id, reason=body.reason, by=by, now=now), now)
