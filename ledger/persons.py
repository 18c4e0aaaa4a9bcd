"""A person's own key: under it stand their identity number and their accounts, those of payments included.

The key itself stands under the ring (`vault`), so that turning the ring rewraps keys, and the account of a
payment, which nobody may change, stays readable. Once the key is shredded nothing under it ever is again.

A mark beside it (盲索引: an HMAC under a key of its own) tells whether two people have the same number, and
nobody's number is opened for it.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete
from sqlalchemy.orm import relationship
from sqlmodel import Field, Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from ledger import clock, db, vault
from ledger.core.errors import Conflict, NotFound
from ledger.db import Instant, Row

PREFIX = "yj2."
NAMELESS = "（已删除）"  # what stands where the name of somebody erased stood


class PersonKey(Row, table=True):
    """The key of one person; a payee's subject is the manager's id."""

    __tablename__ = "person_key"

    subject: str = Field(primary_key=True)
    wrapped: str = Field(sa_type=vault.Encrypted("person_key.wrapped"))
    made_at: datetime = Field(sa_type=Instant)

    def seal(self, place: str, text: str) -> str:
        """A text under this person's key, good for one place of theirs only."""
        return PREFIX + vault.sealed(self._cipher, f"{place}|{self.subject}", text)

    def open(self, place: str, kept: str) -> str:
        """The text again."""
        try:
            return vault.opened(self._cipher, f"{place}|{self.subject}", kept.removeprefix(PREFIX))
        except (ValueError, InvalidTag) as error:
            raise NotFound(
                "person_key_other",
                "{place} of {subject} is under another key",
                place=place,
                subject=self.subject,
            ) from error

    @property
    def _cipher(self) -> AESGCM:
        return AESGCM(base64.b64decode(self.wrapped))


def new_key() -> str:
    """A key as it is wrapped."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Mark(Row, table=True):
    """By what one person's number is found again."""

    __tablename__ = "person_mark"

    subject: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    mark: str = Field(index=True)


class Erasure(Row, table=True):
    """That a person was erased (删除个人信息), and until when what names them had to be kept."""

    __tablename__ = "erasure"

    id: str = Field(primary_key=True)
    subject: str = Field(unique=True)
    kept_until: str  # a day; empty where nothing had to be
    erased_at: datetime = Field(sa_type=Instant)


class ErasureRequest(Row, table=True):
    """That somebody asked for a person's data to be deleted."""

    __tablename__ = "erasure_request"

    id: str = Field(primary_key=True)
    subject: str = Field(index=True)
    reason: str
    asked_by: str
    asked_at: datetime = Field(sa_type=Instant)


class ErasureWithdrawal(Row, table=True):
    """That a request was taken back before it was done."""

    __tablename__ = "erasure_withdrawal"

    id: str = Field(primary_key=True)
    request_id: str = Field(unique=True)
    subject: str = Field(index=True)
    reason: str
    withdrawn_by: str
    withdrawn_at: datetime = Field(sa_type=Instant)


def open_requests() -> SelectOfScalar[ErasureRequest]:
    """What was asked for and not taken back, the first first."""
    withdrawn = select(ErasureWithdrawal.request_id)
    query = select(ErasureRequest).where(col(ErasureRequest.id).not_in(withdrawn))
    return query.order_by(ErasureRequest.id)


def under_key(owner: str) -> Any:
    """The relationship of a row to its person's key, by the column that names the person."""
    return relationship(
        PersonKey, primaryjoin=f"foreign({owner}) == PersonKey.subject", viewonly=True, lazy="joined"
    )


def place(row: object, name: str) -> str:
    """Where a value stands: table and column."""
    return f"{getattr(row, '__tablename__')}.{name}"  # noqa: B009


def in_clear(row: Any, name: str, kept: str | None) -> str | None:
    """What stands in a column `name`_kept; None where nothing does, or nothing can be read any more."""
    if kept is None or row.key is None:
        return None
    return str(row.key.open(place(row, name), kept))


def keep(session: Session, row: Any, subject: str, name: str, text: str | None) -> None:
    """Keep a text in a row under its person's key; the same text again changes nothing."""
    if text == in_clear(row, name, getattr(row, f"{name}_kept")):
        return
    if text is not None and row.key is None:
        with session.no_autoflush:  # what a row said before is still to be noted
            row.key = key(session, subject)
    setattr(row, f"{name}_kept", None if text is None else row.key.seal(place(row, name), text))


def key(session: Session, subject: str) -> PersonKey:
    """Somebody's key; made where there is none."""
    found = session.get(PersonKey, subject)
    if found is None:
        if is_erased(session, subject):
            raise Conflict("person_erased", "{id} was erased; nothing is kept of them any more", id=subject)
        row = {"subject": subject, "wrapped": new_key(), "made_at": clock.now()}
        db.insert_missing(session, PersonKey, [row])
        found = session.get_one(PersonKey, subject)
    return found


def is_erased(session: Session, subject: str) -> bool:
    """Whether somebody was erased."""
    return session.exec(select(Erasure.id).where(Erasure.subject == subject)).first() is not None


def erased(session: Session) -> frozenset[str]:
    """Everybody who was."""
    return frozenset(session.exec(select(Erasure.subject)))


# --- who else has the same


def mark(session: Session, subject: str, where: str, text: str | None) -> None:
    """Let a number of somebody's be found again; None: no more."""
    with session.no_autoflush:
        if not text:
            theirs = (col(Mark.subject) == subject, col(Mark.place) == where)
            session.execute(delete(Mark).where(*theirs).execution_options(synchronize_session=False))
            return
        made = vault.ring().marks(where, text)[-1]
        db.upsert(session, Mark, {"subject": subject, "place": where, "mark": made}, {"mark": made})


def others(session: Session, subject: str, where: str, text: str | None) -> list[str]:
    """Who else has this number, by id."""
    if not text:
        return []
    same = col(Mark.mark).in_(vault.ring().marks(where, text))
    query = select(Mark.subject).where(Mark.place == where, same, Mark.subject != subject)
    return list(session.exec(query.order_by(Mark.subject)))


@dataclass(frozen=True, slots=True)
class Shared:
    """One number several people have."""

    place: str
    subjects: tuple[str, ...]


def shared(session: Session) -> list[Shared]:
    """Every number that more than one person has."""
    twice = select(Mark.mark).group_by(Mark.mark).having(func.count() > 1)
    query = select(Mark).where(col(Mark.mark).in_(twice)).order_by(Mark.place, Mark.mark, Mark.subject)
    found: dict[tuple[str, str], list[str]] = {}
    for one in session.exec(query):
        found.setdefault((one.place, one.mark), []).append(one.subject)
    return [Shared(place, tuple(subjects)) for (place, _), subjects in found.items()]
