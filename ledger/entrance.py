"""Signing in: phone number and password, a second factor where there is one, and waiting for who guesses."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from ledger import audit, second_factors, sign_ins, tries, users
from ledger.core.errors import Forbidden
from ledger.sign_ins import SignIn
from ledger.users import User

KNOWN_FOR = timedelta(days=90)


def sign_in(
    session: Session,
    *,
    phone: str,
    password: str,
    code: str = "",
    address: str = "",
    program: str = "",
    browser: str = "",
    now: datetime,
) -> tuple[User, str]:
    """The user and a fresh secret for their browser or program. One answer for every failure.

    Whoever calls this writes a refusal down with `tries.failed`, in a transaction of its own.
    """
    number = users.plain_number(phone)
    known = known_browser(session, number, browser, now=now)
    tries.check(session, number, address=address, browser=known, now=now)
    user = users.recognised(session, number, password)
    if second_factors.of(session, user.id) is not None:
        if not code.strip():
            raise Forbidden("second_factor_needed", "write the code of your phone too")
        second_factors.take(session, user, code=code, now=now)
    secret = sign_ins.begin(session, user.id, address=address, program=program, now=now)
    audit.note(session, user, "user.sign_in", user.id, now=now)
    return user, secret


def known_browser(session: Session, number: str, browser: str, *, now: datetime) -> str:
    """`browser` where it is the mark of a session this person once had; else nothing."""
    sign, user = session.get(SignIn, browser) if browser else None, users.find(session, number)
    if sign is None or user is None or sign.user_id != user.id or now - sign.started_at > KNOWN_FOR:
        return ""
    return browser
