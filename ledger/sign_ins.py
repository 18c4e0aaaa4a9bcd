"""Sessions (登录会话): a signed-in browser or program, known by the hash of its secret.

A session ends when it is not used for a while, when it has lasted long enough, when its user or an
administrator ends it, and with every change of what the user may do: another password, a second
factor, an end to the user. Each sign-in has a secret of its own.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlmodel import Field, Session, col, select

from ledger import audit
from ledger.core.errors import NotFound
from ledger.db import Instant, Row, fingerprint

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
TOUCHED = timedelta(minutes=10)  # its use is written down at most so often

# What it was begun with: a password, the company's word, or that word and more than one factor there.
PASSWORD, COMPANY, COMPANY_STRONG = "password", "company", "company_strong"


class SignIn(Row, table=True):
    """One signed-in browser or program; where from and with what it was begun."""

    __tablename__ = "sign_in"

    id: str = Field(primary_key=True)  # SHA-256 of the secret
    user_id: str = Field(index=True)
    started_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    address: str = ""
    program: str = ""
    means: str = PASSWORD

    @property
    def until(self) -> datetime:
        """When it ends if it is not used again."""
        return min(self.seen_at + IDLE, self.started_at + LONGEST)


def begin(
    session: Session,
    user_id: str,
    *,
    address: str = "",
    program: str = "",
    means: str = PASSWORD,
    now: datetime,
) -> str:
    """A new session; its secret, told once."""
    secret = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            id=mark(secret),
            user_id=user_id,
            started_at=now,
            seen_at=now,
            address=address[:64],
            program="".join(sign for sign in program if sign.isprintable())[:200],
            means=means,
        )
    )
    return secret


def mark(secret: str) -> str:
    """What a browser is known by later on: it says who signed in there, and opens nothing."""
    return fingerprint(secret.encode())


def standing(session: Session, secret: str, *, now: datetime) -> SignIn | None:
    """The session of a secret, if it has not ended."""
    sign = session.get(SignIn, mark(secret)) if secret else None
    return sign if sign is not None and sign.ended_at is None and now <= sign.until else None


def is_to_touch(sign: SignIn, *, now: datetime) -> bool:
    """Whether it is a while ago that the session was noted to be in use."""
    return now - sign.seen_at > TOUCHED


def touch(session: Session, secret: str, *, now: datetime) -> None:
    """Note that the session is in use."""
    sign = session.get(SignIn, mark(secret))
    if sign is not None and is_to_touch(sign, now=now):
        sign.seen_at = now


def of(session: Session, user_id: str, *, now: datetime) -> list[SignIn]:
    """What somebody is signed in with just now, the last used first."""
    query = select(SignIn).where(SignIn.user_id == user_id, col(SignIn.ended_at).is_(None))
    rows = session.exec(query.order_by(col(SignIn.seen_at).desc(), col(SignIn.id)))
    return [sign for sign in rows if now <= sign.until]


def end(session: Session, user_id: str, sign_in_id: str, *, now: datetime) -> None:
    """End one session of somebody, or NotFound."""
    sign = session.get(SignIn, sign_in_id)
    if sign is None or sign.user_id != user_id:
        raise NotFound("sign_in_unknown", "there is no such session")
    if sign.ended_at is None:
        sign.ended_at = now
        audit.note(session, user_id, "user.end_session", user_id, now=now)


def sign_out(session: Session, secret: str, *, now: datetime) -> None:
    """End the session of a secret."""
    sign = session.get(SignIn, mark(secret)) if secret else None
    if sign is not None and sign.ended_at is None:
        sign.ended_at = now
        audit.note(session, sign.user_id, "user.sign_out", sign.user_id, now=now)


def end_all(session: Session, user_id: str, *, now: datetime) -> None:
    """End everything somebody is signed in with."""
    for sign in session.exec(select(SignIn).where(SignIn.user_id == user_id, col(SignIn.ended_at).is_(None))):
        sign.ended_at = now
