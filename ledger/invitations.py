"""Joining (加入): operations invite a technology manager by phone number, and the manager enters the rest.

The code of an invitation is told once and kept as a hash; it is good once and for some days. What the
manager enters stays with the invitation until operations confirm it: only then is there a manager who can
be named on a milestone, paid and signed in as. Once it is settled, the invitation forgets what was entered.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Field, Session, col, select

from ledger import (
    audit,
    bank_accounts,
    config,
    db,
    identities,
    ids,
    managers,
    notices,
    passwords,
    rights,
    settings,
    users,
    vault,
)
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.papers import Words
from ledger.core.states import INVITATION, advance
from ledger.db import Instant, Row, fingerprint
from ledger.managers import BEGINNING, Manager
from ledger.notices import Told
from ledger.rights import Actor

ENTERED = "joining"  # operations are told that somebody has entered their details
# What is forgotten once an invitation is settled; how operations are to know the person stays.
_PERSONAL = ("name", "identity_kind", "identity_number", "residence", "bank_name", "bank_account")
_FORGOTTEN = (*_PERSONAL, "bank_cnaps", "password_hash")


class Invitation(Row, table=True):
    """One invitation. `manager_id` is an existing manager where one was invited, else who came of it."""

    __tablename__ = "invitation"

    id: str = Field(primary_key=True)
    phone: str = Field(index=True)
    secret_sha256: str = Field(unique=True)
    state: str = Field(index=True)
    manager_id: str | None = None
    invited_by: str
    invited_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    entered_at: datetime | None = Field(default=None, sa_type=Instant)
    name: str | None = None
    identity_kind: str | None = None
    identity_number: str | None = Field(default=None, sa_type=vault.Encrypted("invitation.identity_number"))
    residence: str | None = None
    bank_name: str | None = None
    bank_account: str | None = Field(default=None, sa_type=vault.Encrypted("invitation.bank_account"))
    bank_cnaps: str | None = None
    password_hash: str | None = None
    user_id: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether nobody used it in time."""
        return self.state == "open" and now >= self.expires_at


# --- inviting


def invite(
    session: Session,
    *,
    phone: str,
    manager_id: str | None = None,
    email: str = "",
    by: Actor,
    now: datetime,
) -> tuple[Invitation, str]:
    """Invite somebody, and the code for their link, told this once. `email`: write it to them as well."""
    rights.require(by, "manager.invite")
    number = users.phone_number(phone)
    db.lock(session, f"invited:{number}")
    _check_free(session, number, manager_id, now)
    secret = secrets.token_urlsafe(24)
    invitation = Invitation(
        id=ids.new("iv"),
        phone=number,
        secret_sha256=fingerprint(secret.encode()),
        state="open",
        manager_id=manager_id,
        invited_by=by.id,
        invited_at=now,
        expires_at=now + timedelta(days=int(settings.on(session, settings.INVITATION_DAYS, day_of(now)))),
    )
    session.add(invitation)
    audit.changed(session, by, "manager.invite", invitation, now=now)
    session.flush()
    if email.strip():
        _write_to(session, email, secret, now)
    return invitation, secret


def _check_free(session: Session, number: str, manager_id: str | None, now: datetime) -> None:
    user = users.find(session, number)
    if user is not None:
        raise Conflict(
            "phone_taken_by",
            "{phone} is the number of {name} already, who needs no invitation",
            phone=number,
            name=user.name,
        )
    if manager_id is not None:
        managers.get(session, manager_id)
        if users.is_known(session, manager_id):
            raise users.second_sign_in(manager_id)
    waiting = select(Invitation).where(
        Invitation.phone == number, col(Invitation.state).in_(("open", "entered"))
    )
    if any(not one.is_expired(now) for one in session.exec(waiting)):
        raise Conflict(
            "invited_already",
            "{phone} is invited already; withdraw that invitation first to make another",
            phone=number,
        )


def path_of(secret: str) -> str:
    """Where the link leads. The code is in the query, which no log has."""
    return f"/join?code={secret}"


def _write_to(session: Session, email: str, secret: str, now: datetime) -> None:
    url = config.from_environment().public_url
    if not url:
        raise Invalid("no_public_url", "a link can be sent only once YONGJIN_PUBLIC_URL says where this is")
    title = Words(zh="邀请您加入技术经理人平台", en="You are invited to join as a technology manager")
    notices.write_to(session, email, title, f"{url}{path_of(secret)}", now=now)


# --- entering


def opened(session: Session, secret: str, *, now: datetime) -> Invitation:
    """The invitation of a code that can still be used, or a refusal that says why it cannot.

    Whoever holds the code learns nothing about who else is known here.
    """
    query = select(Invitation).where(Invitation.secret_sha256 == fingerprint(secret.encode()))
    found = session.exec(query).first() if secret else None
    if found is None:
        raise NotFound("invitation_unknown", "this link opens nothing; ask who sent it for a new one")
    if found.state in ("entered", "confirmed"):
        raise Conflict("invitation_used", "this link was used already; it is good once")
    if found.is_expired(now):
        raise Conflict("invitation_expired", "this link is too old; ask who sent it for a new one")
    if found.state == "withdrawn" or users.find(session, found.phone) is not None:
        raise Conflict("invitation_void", "this link is not good any more; ask who sent it")
    return found


def enter(
    session: Session,
    secret: str,
    *,
    password: str,
    name: str,
    identity_kind: str,
    identity_number: str,
    is_resident: bool = True,
    bank_name: str,
    bank_account: str,
    bank_cnaps: str | None = None,
    now: datetime,
) -> Invitation:
    """What the invited person says of themselves. The link is used with it."""
    db.lock(session, f"invitation:{fingerprint(secret.encode())}")
    invitation = opened(session, secret, now=now)
    entered: dict[str, Any] = {
        "name": managers.checked_name(name),
        "identity_kind": identity_kind,
        "identity_number": identities.check(identity_kind, identity_number),
        "residence": "resident" if is_resident else "non_resident",
        "bank_name": bank_name.strip()[:100],
        "bank_account": bank_accounts.number(bank_account),
        "bank_cnaps": bank_accounts.cnaps(bank_cnaps) if bank_cnaps else None,
        "password_hash": passwords.hashed(password, about=(invitation.phone, name)),
    }
    if not entered["bank_name"]:
        raise Invalid("bank_name_missing", "say at which bank the account is")

    invitation.state = advance(INVITATION, "invitation", invitation.state, "enter")
    invitation.entered_at = now
    for field, value in entered.items():
        setattr(invitation, field, value)
    audit.changed(session, audit.NOBODY, "manager.enter", invitation, now=now)
    session.flush()
    _tell(session, invitation, now)
    return invitation


def _tell(session: Session, invitation: Invitation, now: datetime) -> None:
    number = invitation.phone[-4:]
    told = Told(
        kind=ENTERED,
        subject=invitation.id,
        title=Words(
            zh=f"尾号 {number} 的受邀人已填写资料，请核对并确认",
            en=f"The invited person at …{number} has entered their details; check and confirm them",
        ),
        path=f"/invitations/{invitation.id}",
    )
    notices.tell(session, users.of_roles(session, ["operator"]), told, now=now)


# --- settling


def confirm(
    session: Session,
    invitation_id: str,
    *,
    tax_method: str = "per_payment",
    grade: str | None = None,
    grade_from: date = BEGINNING,
    by: Actor,
    now: datetime,
) -> Manager:
    """Operations have checked what was entered: from now on there is a manager, and they can sign in."""
    rights.require(by, "manager.invite")
    invitation = _held(session, invitation_id, by=by)
    state = advance(INVITATION, "invitation", invitation.state, "confirm")
    manager = _manager(session, invitation, tax_method, by=by, now=now)
    if grade:
        managers.set_grade(session, manager.id, grade=grade, from_on=grade_from, by=by, now=now)
    identities.record(
        session,
        manager.id,
        kind=invitation.identity_kind or "",
        number=invitation.identity_number or "",
        is_resident=invitation.residence == "resident",
        by=by,
        now=now,
    )
    user = users.join(
        session,
        phone=invitation.phone,
        name=manager.name,
        manager_id=manager.id,
        password_hash=invitation.password_hash or "",
        by=by,
        now=now,
    )
    invitation.manager_id, invitation.user_id = manager.id, user.id
    _settle(session, invitation, state, "manager.confirm", by=by, now=now)
    return manager


def _manager(
    session: Session, invitation: Invitation, tax_method: str, *, by: Actor, now: datetime
) -> Manager:
    """The manager that was invited with their account, or a new one. Another account than before waits for
    somebody else, as every changed one does."""
    account: dict[str, Any] = {
        "bank_name": invitation.bank_name,
        "bank_account": invitation.bank_account,
        "bank_cnaps": invitation.bank_cnaps,
        "tax_method": tax_method,
        "by": by,
        "now": now,
    }
    if invitation.manager_id is not None:
        return managers.set_payment(session, invitation.manager_id, **account)
    return managers.add(session, name=invitation.name or "", phone=invitation.phone, **account)


def withdraw(session: Session, invitation_id: str, *, reason: str, by: Actor, now: datetime) -> Invitation:
    """Nothing comes of it: the link is not good any more, and what was entered is forgotten."""
    rights.require(by, "manager.invite")
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    invitation = _held(session, invitation_id, by=by)
    state = advance(INVITATION, "invitation", invitation.state, "withdraw")
    invitation.reason = reason.strip()[:500]
    _settle(session, invitation, state, "manager.withdraw_invitation", by=by, now=now)
    return invitation


def _settle(
    session: Session, invitation: Invitation, state: str, action: str, *, by: Actor, now: datetime
) -> None:
    invitation.state, invitation.decided_by, invitation.decided_at = state, by.id, now
    for field in _FORGOTTEN:
        setattr(invitation, field, None)
    audit.changed(session, by, action, invitation, now=now)
    session.flush()


def _held(session: Session, invitation_id: str, *, by: Actor) -> Invitation:
    """One invitation, held until the transaction ends, as it stands now."""
    found = get(session, invitation_id, by=by)
    db.lock(session, f"invitation:{found.secret_sha256}")
    session.refresh(found)
    return found


# --- looking


def get(session: Session, invitation_id: str, *, by: Actor) -> Invitation:
    """One invitation, or NotFound."""
    rights.require(by, "manager.invite")
    found = session.get(Invitation, invitation_id)
    if found is None:
        raise NotFound("invitation_missing", "there is no invitation {id}", id=invitation_id)
    return found


def reveal(session: Session, invitation_id: str, *, by: Actor, now: datetime) -> Invitation:
    """One invitation, to be looked at with its numbers in clear. That somebody looked is noted."""
    found = get(session, invitation_id, by=by)
    audit.note(
        session,
        by,
        "manager.reveal",
        invitation_id,
        after={"read": ["identity_number", "bank_account"]},
        now=now,
    )
    return found


def listing(session: Session, *, by: Actor, before: str | None = None, limit: int = 50) -> list[Invitation]:
    """Invitations, the latest first, from before a cursor."""
    rights.require(by, "manager.invite")
    query = select(Invitation).order_by(col(Invitation.id).desc()).limit(limit)
    return list(session.exec(query.where(Invitation.id < before) if before else query))
