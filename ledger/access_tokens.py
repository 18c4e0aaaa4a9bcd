"""Access tokens (访问令牌): what a program signs in with in somebody's name, for some nouns and some time.

Told once and kept as a hash. A token never governs sign-ins, users, tokens or webhooks, lets nobody in
and nobody approve in another's place, hands out nobody's data whole and deletes none, and never opens
pages: a person signs in for that.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Field, Session, col, select

from ledger import audit, ids
from ledger.core.errors import Forbidden, Invalid, NotFound
from ledger.db import Instant, Json, Row, fingerprint
from ledger.rights import Actor

PREFIX = "yjt_"  # so that a secret that got out is found by those who look for such
LONGEST_DAYS = 366
MOST = 20  # of one person
CLOSED = frozenset(
    {"", "tokens", "access_tokens", "users", "webhooks", "invitations", "stand-ins", "persons"}
)
TOUCHED = timedelta(minutes=10)


class AccessToken(Row, table=True):
    """One token. `scopes` are `deals:read`, `deals:write`, `*:read` and the like."""

    __tablename__ = "access_token"

    id: str = Field(primary_key=True)
    user_id: str = Field(index=True)
    name: str
    secret_sha256: str = Field(unique=True)
    scopes: list[str] = Field(sa_type=Json)
    made_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    used_from: str = ""
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


def make(
    session: Session, user: Actor, *, name: str, scopes: Sequence[str], days: int, now: datetime
) -> tuple[AccessToken, str]:
    """A new token and its secret, told this once."""
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid("token_days", "a token lasts 1 to {most} days", most=LONGEST_DAYS)
    if not scopes:
        raise Invalid("token_scopes", "say what the token is for: one scope at least, such as deals:read")
    if len([one for one in of(session, user.id) if one.revoked_at is None]) >= MOST:
        raise Invalid("token_many", "you have {most} tokens already; revoke one first", most=MOST)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken(
        id=ids.new("tk"),
        user_id=user.id,
        name=name.strip()[:100],
        secret_sha256=fingerprint(secret.encode()),
        scopes=sorted(set(scopes)),
        made_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(token)
    audit.note(session, user, "token.make", token.id, after={"scopes": token.scopes, "days": days}, now=now)
    session.flush()
    return token, secret


def of(session: Session, user_id: str) -> list[AccessToken]:
    """Somebody's tokens, the latest first."""
    query = select(AccessToken).where(AccessToken.user_id == user_id)
    return list(session.exec(query.order_by(col(AccessToken.id).desc())))


def standing(session: Session, secret: str, *, now: datetime) -> AccessToken | None:
    """The token of a secret, if it is neither revoked nor over."""
    query = select(AccessToken).where(AccessToken.secret_sha256 == fingerprint(secret.encode()))
    token = session.exec(query).first()
    return token if token is not None and token.revoked_at is None and now < token.expires_at else None


def require(token: AccessToken, noun: str, *, writes: bool) -> None:
    """Forbidden, unless the token is for this: `noun` is of the JSON interface, empty on pages."""
    wanted = "write" if writes else "read"
    if noun in CLOSED or not {f"{noun}:{wanted}", f"*:{wanted}"} & set(token.scopes):
        raise Forbidden("scope_missing", "this token is not for {scope}", scope=f"{noun or 'pages'}:{wanted}")


def is_to_touch(token: AccessToken, *, now: datetime) -> bool:
    """Whether it is a while ago that the token was noted to be in use."""
    return token.used_at is None or now - token.used_at > TOUCHED


def touch(session: Session, secret: str, *, address: str, now: datetime) -> None:
    """Note that a token is in use, and where from."""
    token = standing(session, secret, now=now)
    if token is not None and is_to_touch(token, now=now):
        token.used_at, token.used_from = now, address


def revoke(session: Session, token_id: str, *, by: Actor, now: datetime) -> None:
    """An end to one of one's own tokens."""
    token = session.get(AccessToken, token_id)
    if token is None or token.user_id != by.id:
        raise NotFound("token_unknown", "there is no token {id}", id=token_id)
    token.revoked_at = token.revoked_at or now
    audit.note(session, by, "token.revoke", token.id, now=now)


def revoke_all(session: Session, user_id: str, *, now: datetime) -> None:
    """An end to all of somebody's."""
    for token in of(session, user_id):
        token.revoked_at = token.revoked_at or now
