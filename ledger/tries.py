"""Wrong sign-ins (登录尝试), counted in the database, so that every process knows them.

Who guesses waits: from one address at one person's number, from one address at anybody's, and from
everywhere at one person's number. A browser that this person signed in with before is counted apart from
all others: nobody locks somebody else out of the machine they work at.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Field, Session, col, delete, func, select

from ledger import ids
from ledger.core.errors import TooMany
from ledger.db import Instant, Row, fingerprint

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
OF_ONE_BROWSER, OF_ONE_ADDRESS_AT_ONE, OF_ONE_ADDRESS, AT_ONE = 10, 5, 40, 20


class Try(Row, table=True):
    """One wrong sign-in. The number tried is kept as a hash; `browser` is one the person is known by."""

    __tablename__ = "sign_in_try"

    id: str = Field(primary_key=True)
    phone_sha256: str = Field(index=True)
    address: str = Field(index=True)
    browser: str = ""
    tried_at: datetime = Field(sa_type=Instant, index=True)


def check(session: Session, phone: str, *, address: str, browser: str = "", now: datetime) -> None:
    """TooMany, where so much was tried wrongly of late that the next try has to wait."""
    at_one, strange = Try.phone_sha256 == _sha256(phone), Try.browser == ""
    if browser:
        limits = [(OF_ONE_BROWSER, [at_one, Try.browser == browser])]
    else:
        limits = [
            (OF_ONE_ADDRESS_AT_ONE, [at_one, strange, Try.address == address]),
            (OF_ONE_ADDRESS, [strange, Try.address == address]),
            (AT_ONE, [at_one, strange]),
        ]
    for most, where in limits:
        if _count(session, where, now) >= most:  # type: ignore[arg-type]
            raise TooMany(
                "sign_in_wait",
                "there were too many wrong sign-ins; wait {minutes} minutes",
                minutes=int(WINDOW.total_seconds()) // 60,
            )


def _sha256(phone: str) -> str:
    return fingerprint(f"sign-in {phone}".encode())


def _count(session: Session, where: list[ColumnElement[bool]], now: datetime) -> int:
    return session.exec(select(func.count()).where(Try.tried_at > now - WINDOW, *where)).one()


def failed(session: Session, phone: str, *, address: str, browser: str = "", now: datetime) -> None:
    """Write one down, and throw away those that count no more."""
    session.execute(delete(Try).where(col(Try.tried_at) < now - KEPT))
    tried = Try(id=ids.new("ty"), phone_sha256=_sha256(phone), address=address, browser=browser, tried_at=now)
    session.add(tried)
