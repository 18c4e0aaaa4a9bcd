"""Company identities (公司身份): which of our people somebody is whom the company named.

Found the first time by the phone number the company vouches for, and from then on by the company's own
lasting name for them: a number that passes to somebody else leads nobody into another's account. Nobody is
made a user by signing in.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Session, select

from ledger import audit, users
from ledger.company import Identity
from ledger.core.errors import Forbidden
from ledger.db import Instant, Row, fingerprint
from ledger.rights import Actor
from ledger.users import User


class CompanyIdentity(Row, table=True):
    """One person as the company knows them."""

    __tablename__ = "company_identity"

    id: str = Field(primary_key=True)  # SHA-256 of the issuer and its name for the person
    user_id: str = Field(unique=True)
    known_at: datetime = Field(sa_type=Instant)


def recognised(session: Session, who: Identity, *, now: datetime) -> User:
    """The user, or Forbidden in the same words for somebody unknown, disabled or waiting."""
    mark = fingerprint(f"{who.issuer}\n{who.subject}".encode())
    known = session.get(CompanyIdentity, mark)
    user = session.get(User, known.user_id) if known else _by_number(session, who.phone)
    if user is None or user.state != "active":
        raise Forbidden(
            "company_unknown",
            "nobody is known here by the phone number your company vouches for; ask your administrator",
        )
    if known is None:
        if _of(session, user.id) is not None:
            raise Forbidden(
                "company_other",
                "whoever has this phone number here signs in by another company account; "
                "ask your administrator",
            )
        session.add(CompanyIdentity(id=mark, user_id=user.id, known_at=now))
        audit.note(session, user, "user.company_identity", user.id, after={"identity": mark[:16]}, now=now)
        session.flush()
    return user


def _of(session: Session, user_id: str) -> CompanyIdentity | None:
    return session.exec(select(CompanyIdentity).where(CompanyIdentity.user_id == user_id)).first()


def _by_number(session: Session, number: str) -> User | None:
    """Written as the company writes it, or without China's prefix."""
    plain = users.plain_number(number)
    forms = dict.fromkeys((plain, plain.removeprefix("+86"))) if plain else ()
    return next((user for form in forms if (user := users.find(session, form))), None)


def forget(session: Session, user_id: str, *, by: Actor | None, now: datetime) -> None:
    """The next sign-in finds the person by their number again: where the company changed its machine."""
    found = _of(session, user_id)
    if found is not None:
        session.delete(found)
    audit.note(session, by, "user.no_company_identity", user_id, now=now)
