"""Signing in: by phone number and password or by the company's word, with a second factor where there is one,
and waiting for who guesses.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlmodel import Session

from ledger import audit, company_identities, second_factors, sign_ins, tries, users
from ledger.company import Identity
from ledger.core.errors import Forbidden
from ledger.sign_ins import SignIn
from ledger.users import User

KNOWN_FOR = timedelta(days=90)
_MARK = re.compile(r"[0-9a-f]{64}")


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
    _take_second(session, user, code, now)
    return user, _begun(session, user, sign_ins.PASSWORD, address, program, now)


def sign_in_by_company(
    session: Session,
    who: Identity,
    *,
    code: str = "",
    address: str = "",
    program: str = "",
    browser: str = "",
    now: datetime,
) -> tuple[User, str]:
    """The same for whom the company named. Who has a second factor here is asked for it, unless the company
    itself asked for more than one.
    """
    user = company_identities.recognised(session, who, now=now)
    if who.strong:
        return user, _begun(session, user, sign_ins.COMPANY_STRONG, address, program, now)
    if code.strip():  # a guess; whoever guesses this person's password keeps nobody from coming in here
        known = known_browser(session, user.phone, browser, now=now)
        tries.check(session, user.phone, address=address, browser=known, now=now)
    _take_second(session, user, code, now)
    return user, _begun(session, user, sign_ins.COMPANY, address, program, now)


def _take_second(session: Session, user: User, code: str, now: datetime) -> None:
    if second_factors.of(session, user.id) is not None:
        if not code.strip():
            raise Forbidden("second_factor_needed", "write the code of your phone too")
        second_factors.take(session, user, code=code, now=now)


def _begun(session: Session, user: User, means: str, address: str, program: str, now: datetime) -> str:
    secret = sign_ins.begin(session, user.id, address=address, program=program, means=means, now=now)
    audit.note(session, user, "user.sign_in", user.id, after={"means": means}, now=now)
    return secret


def known_browser(session: Session, number: str, browser: str, *, now: datetime) -> str:
    """`browser` where it is the mark of a session this person once had; else nothing."""
    if not _MARK.fullmatch(browser):
        return ""
    sign, user = session.get(SignIn, browser), users.find(session, number)
    if sign is None or user is None or sign.user_id != user.id or now - sign.started_at > KNOWN_FOR:
        return ""
    return browser
