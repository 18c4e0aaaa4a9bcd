"""Organisations: the enterprises with needs (clients) and the universities and institutes with results."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import Field, Session, col, select
from stdnum.cn import uscc

from ledger import audit, ids, rights
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.users import User


class Organisation(Row, table=True):
    """One organisation; its name is unique, its credit code (统一社会信用代码) optional."""

    __tablename__ = "organisation"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    credit_code: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=Instant)


def get(session: Session, organisation_id: str) -> Organisation:
    """One organisation, or NotFound."""
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise NotFound("organisation_unknown", "there is no organisation {id}", id=organisation_id)
    return found


def seen(session: Session, organisation_id: str, *, by: User, own: Collection[str]) -> Organisation:
    """One organisation the user may see, or NotFound. `own` are those of a manager's needs and deals."""
    mine = rights.reach(by, "organisation.see")
    if mine is not None and organisation_id not in own:
        raise NotFound("organisation_unknown", "there is no organisation {id}", id=organisation_id)
    return get(session, organisation_id)


def named(session: Session, name: str, *, now: datetime, credit_code: str | None = None) -> Organisation:
    """The organisation of that name, made where it is new. Its id does not tell which it was."""
    wanted = _name(name)
    found = session.exec(select(Organisation).where(Organisation.name == wanted)).first()
    if found is None:
        found = Organisation(id=ids.opaque("og"), name=wanted, credit_code=credit_code, created_at=now)
        session.add(found)
        session.flush()
    return found


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= 200:
        raise Invalid("organisation_name", "an organisation needs a name of 1 to 200 characters")
    return name


def listing(
    session: Session, *, by: User, own: Collection[str], after: str = "", limit: int = 50
) -> list[Organisation]:
    """Organisations the user may see, in order of id, from after a cursor; a manager sees their `own`."""
    query = select(Organisation).where(Organisation.id > after).order_by(col(Organisation.id)).limit(limit)
    if rights.reach(by, "organisation.see") is not None:
        query = query.where(col(Organisation.id).in_(sorted(own)))
    return list(session.exec(query))


def names(session: Session, organisation_ids: Iterable[str]) -> dict[str, str]:
    """Names by id."""
    wanted = sorted(set(organisation_ids))
    if not wanted:
        return {}
    query = select(Organisation.id, Organisation.name).where(col(Organisation.id).in_(wanted))
    return dict(session.exec(query).all())


def ids_of(session: Session, wanted: Iterable[str]) -> dict[str, str]:
    """Ids by name, of those that are there."""
    query = select(Organisation.name, Organisation.id).where(col(Organisation.name).in_(sorted(wanted)))
    return dict(session.exec(query).all())


def search(session: Session, text: str, *, limit: int = 50) -> list[Organisation]:
    """Organisations whose name holds a text, by name; all of them where it is empty."""
    query = select(Organisation).order_by(Organisation.name).limit(limit)
    if text:
        query = query.where(col(Organisation.name).contains(text, autoescape=True))
    return list(session.exec(query))


def change(
    session: Session, organisation_id: str, *, name: str, credit_code: str | None, by: User
) -> Organisation:
    """Another name, or the credit code as it has become known."""
    organisation = get(session, organisation_id)
    rights.require(by, "organisation.edit")
    wanted = _name(name)
    code = (credit_code or "").strip().upper() or None
    if code is not None and not uscc.is_valid(code):
        raise Invalid(
            "credit_code_invalid", "“{code}” is no credit code: one of its signs is wrong", code=code
        )
    _unlike_others(session, organisation, wanted, code)
    organisation.name, organisation.credit_code = wanted, code
    audit.changed(session, by, "organisation.change", organisation)
    return organisation


def _unlike_others(session: Session, organisation: Organisation, name: str, code: str | None) -> None:
    taken = or_(col(Organisation.name) == name, col(Organisation.credit_code) == (code or "–"))
    other = session.exec(select(Organisation).where(Organisation.id != organisation.id, taken)).first()
    if other is not None:
        raise Conflict("organisation_exists", "{name} has that name or credit code already", name=other.name)
