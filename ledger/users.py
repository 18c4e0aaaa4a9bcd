"""People who sign in: managers, operators, finance. Passwords are argon2, sessions live here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import Field, Session, col, select

from ledger import audit, ids, managers
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Instant, Row, fingerprint
from ledger.rights import ROLES, Actor

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)

_PASSWORDS = PasswordHash((Argon2Hasher(),))
_PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}")


class User(Row, table=True):
    """One person with one role; a manager's user names the manager."""

    __tablename__ = "user_account"

    id: str = Field(primary_key=True)
    phone: str = Field(unique=True)
    name: str
    role: str
    manager_id: str | None = None
    password_hash: str
    created_at: datetime = Field(sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class SignIn(Row, table=True):
    """One signed-in browser or program, known by the hash of its secret."""

    __tablename__ = "sign_in"

    id: str = Field(primary_key=True)  # SHA-256 of the secret
    user_id: str = Field(index=True)
    started_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


def phone_number(text: str) -> str:
    """A phone number as it is kept: digits, with + where it was given."""
    if not _PHONE.fullmatch(text.strip()):
        raise Invalid("phone_invalid", "“{phone}” is not a phone number; write digits only", phone=text)
    return re.sub(r"[ -]", "", text.strip())


def add(
    session: Session,
    *,
    phone: str,
    name: str,
    role: str,
    password: str,
    manager_id: str | None = None,
    by: Actor | None = None,
    now: datetime,
) -> User:
    """A new person. A manager's user names an existing manager."""
    if role not in ROLES:
        raise Invalid(
            "role_unknown",
            "there is no role “{role}”; it is one of {roles}",
            role=role,
            roles=", ".join(ROLES),
        )
    if (role == "manager") != (manager_id is not None):
        raise Invalid("role_manager", "a user of role manager, and only such a one, names a manager")
    if manager_id is not None:
        managers.get(session, manager_id)
    number = phone_number(phone)
    if find(session, number) is not None:
        raise Conflict("phone_taken", "there is already a user with the phone number {phone}", phone=number)

    user = User(
        id=ids.new("us"),
        phone=number,
        name=name,
        role=role,
        manager_id=manager_id,
        password_hash=_hashed(password),
        created_at=now,
    )
    session.add(user)
    audit.changed(session, by, "user.add", user, now=now)
    session.flush()
    return user


def _hashed(password: str) -> str:
    if len(password) < 8:
        raise Invalid("password_short", "a password needs at least 8 characters")
    return _PASSWORDS.hash(password)


def find(session: Session, phone: str) -> User | None:
    """The user with a phone number."""
    return session.exec(select(User).where(User.phone == phone)).first()


def get(session: Session, user_id: str) -> User:
    """One user, or NotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user_unknown", "there is no user {id}", id=user_id)
    return user


def listing(session: Session) -> list[User]:
    """Everybody, by name."""
    return list(session.exec(select(User).order_by(col(User.name), col(User.id))))


def page(session: Session, *, after: str = "", limit: int = 50) -> list[User]:
    """Users in order of id, from after a cursor."""
    return list(session.exec(select(User).where(User.id > after).order_by(col(User.id)).limit(limit)))


def disable(session: Session, user_id: str, *, by: Actor | None = None, now: datetime) -> User:
    """Nobody signs in as this user any more; open sessions end."""
    user = get(session, user_id)
    user.disabled_at = now
    audit.changed(session, by, "user.disable", user, now=now)
    _end_all(session, user, now)
    return user


def reset(session: Session, user_id: str, *, password: str, by: Actor | None = None, now: datetime) -> User:
    """A new password; open sessions end."""
    user = get(session, user_id)
    user.password_hash = _hashed(password)
    audit.changed(session, by, "user.reset", user, now=now)
    _end_all(session, user, now)
    return user


def _end_all(session: Session, user: User, now: datetime) -> None:
    for sign in session.exec(select(SignIn).where(SignIn.user_id == user.id, col(SignIn.ended_at).is_(None))):
        sign.ended_at = now


def sign_in(session: Session, *, phone: str, password: str, now: datetime) -> tuple[User, str]:
    """The user and a fresh secret for their browser or program. One answer for every failure."""
    user = find(session, re.sub(r"[ -]", "", phone.strip()))
    known = user.password_hash if user else _NOBODY
    right = _PASSWORDS.verify(password, known)
    if user is None or not right or user.disabled_at is not None:
        raise Forbidden("sign_in_refused", "phone number or password is wrong")
    secret = secrets.token_urlsafe(32)
    session.add(SignIn(id=fingerprint(secret.encode()), user_id=user.id, started_at=now, seen_at=now))
    audit.note(session, user, "user.sign_in", user.id, now=now)
    return user, secret


_NOBODY = _PASSWORDS.hash(secrets.token_urlsafe(16))  # so that an unknown number takes as long


def signed_in(session: Session, secret: str, *, now: datetime) -> User | None:
    """Whose secret this is, if the session still stands."""
    sign = session.get(SignIn, fingerprint(secret.encode()))
    if (
        sign is None
        or sign.ended_at is not None
        or now - sign.started_at > LONGEST
        or now - sign.seen_at > IDLE
    ):
        return None
    user = session.get(User, sign.user_id)
    return None if user is None or user.disabled_at is not None else user


def is_to_touch(session: Session, secret: str, *, now: datetime) -> bool:
    """Whether it is more than ten minutes ago that the session was noted to be in use."""
    sign = session.get(SignIn, fingerprint(secret.encode()))
    return sign is not None and now - sign.seen_at > timedelta(minutes=10)


def touch(session: Session, secret: str, *, now: datetime) -> None:
    """Note that the session is in use; written at most once in ten minutes."""
    sign = session.get(SignIn, fingerprint(secret.encode()))
    if sign is not None and is_to_touch(session, secret, now=now):
        sign.seen_at = now


def sign_out(session: Session, secret: str, *, now: datetime) -> None:
    """End one session."""
    sign = session.get(SignIn, fingerprint(secret.encode()))
    if sign is not None and sign.ended_at is None:
        sign.ended_at = now


def names(session: Session, user_ids: Iterable[str]) -> dict[str, str]:
    """Names by id."""
    wanted = sorted(set(user_ids))
    return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(wanted))).all())
