"""The second factor (二次验证): a code of six digits from a phone (TOTP), or one of ten codes on paper.

A code is good once. The secret is kept under the keys; of the codes on paper only hashes are kept.
"""

from __future__ import annotations

import secrets
from datetime import datetime

import pyotp
from sqlmodel import Field, Session, col, select

from ledger import audit, settings, sign_ins, vault
from ledger.clock import day_of
from ledger.core.errors import Conflict, Forbidden
from ledger.db import Instant, Row, fingerprint
from ledger.rights import Actor

ISSUER = "Yongjin"
CODES = 10
STEP_SECONDS = 30


class SecondFactor(Row, table=True):
    """One person's secret; it counts once a first code has shown that their phone has it."""

    __tablename__ = "second_factor"

    user_id: str = Field(primary_key=True)
    secret: str = Field(sa_type=vault.Encrypted("second_factor.secret"))
    begun_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    last_step: int = 0  # of the last code that was taken: none is good twice


class RecoveryCode(Row, table=True):
    """One code on paper, known by its hash."""

    __tablename__ = "recovery_code"

    id: str = Field(primary_key=True)  # SHA-256 of the user's id and the code
    user_id: str = Field(index=True)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


def of(session: Session, user_id: str) -> SecondFactor | None:
    """Somebody's second factor, if it counts."""
    found = session.get(SecondFactor, user_id)
    return found if found is not None and found.confirmed_at is not None else None


def is_required(session: Session, user: Actor, *, now: datetime) -> bool:
    """Whether the operator's setting asks for one of this user's role."""
    if user.role == "manager":
        return False
    return settings.on(session, settings.SECOND_FACTOR, day_of(now)) == "yes"


def begin(session: Session, user: Actor, *, now: datetime) -> str:
    """A secret to put into a phone; one that was begun and not confirmed is told again."""
    if of(session, user.id) is not None:
        raise Conflict("second_factor_there", "you have a second factor already; give it up first")
    found = session.get(SecondFactor, user.id)
    if found is None:
        found = SecondFactor(user_id=user.id, secret=pyotp.random_base32(), begun_at=now)
        session.add(found)
        session.flush()
    return found.secret


def address(secret: str, name: str) -> str:
    """What the picture says that a phone reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def confirm(session: Session, user: Actor, *, code: str, now: datetime) -> list[str]:
    """The phone has it: from now on it counts. Ten codes to print, told once; sessions elsewhere end."""
    found = session.get(SecondFactor, user.id)
    if found is None or found.confirmed_at is not None or not _is_of_now(found, code, now):
        raise _wrong()
    found.confirmed_at = now
    audit.note(session, user, "user.second_factor", user.id, now=now)
    sign_ins.end_all(session, user.id, now=now)
    return _codes(session, user.id)


def _wrong() -> Forbidden:
    return Forbidden("second_factor_wrong", "that code is wrong or was used already; wait for the next")


def _codes(session: Session, user_id: str) -> list[str]:
    for old in session.exec(select(RecoveryCode).where(RecoveryCode.user_id == user_id)):
        session.delete(old)
    session.flush()
    told = [f"{secrets.randbelow(10**5):05d}-{secrets.randbelow(10**5):05d}" for _ in range(CODES)]
    session.add_all(RecoveryCode(id=_id(user_id, code), user_id=user_id) for code in set(told))
    return told


def _id(user_id: str, code: str) -> str:
    return fingerprint(f"{user_id} {code.strip()}".encode())


def take(session: Session, user: Actor, *, code: str, now: datetime) -> None:
    """Forbidden, unless the code is this user's, and new."""
    found = of(session, user.id)
    if found is None or _is_of_now(found, code, now):
        return
    on_paper = session.get(RecoveryCode, _id(user.id, code))
    if on_paper is None or on_paper.used_at is not None:
        raise _wrong()
    on_paper.used_at = now
    audit.note(session, user, "user.recovery_code", user.id, now=now)


def _is_of_now(found: SecondFactor, code: str, now: datetime) -> bool:
    """Whether it is the code of this half minute or of the ones beside it, and later than the last."""
    step = int(now.timestamp()) // STEP_SECONDS
    known = pyotp.TOTP(found.secret)
    for near in (step - 1, step, step + 1):
        if near > found.last_step and secrets.compare_digest(
            known.at(near * STEP_SECONDS).encode(), code.strip().encode()
        ):
            found.last_step = near
            return True
    return False


def codes_left(session: Session, user_id: str) -> int:
    """How many codes on paper are not used yet."""
    query = select(RecoveryCode).where(RecoveryCode.user_id == user_id, col(RecoveryCode.used_at).is_(None))
    return len(session.exec(query).all())


def give_up(session: Session, user_id: str, *, by: Actor | None, now: datetime) -> None:
    """Without it from now on: given up with a code, or taken away where phone and paper are lost."""
    found = session.get(SecondFactor, user_id)
    if found is not None:
        session.delete(found)
    for code in session.exec(select(RecoveryCode).where(RecoveryCode.user_id == user_id)):
        session.delete(code)
    audit.note(session, by, "user.no_second_factor", user_id, now=now)
    sign_ins.end_all(session, user_id, now=now)
