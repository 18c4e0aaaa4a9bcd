"""The audit trail (操作日志): who did what, when, from where, before and after; append-only, sealed.

An action notes itself in its own transaction: what was not done was not noted. Personal data is
noted as a salted commitment: while the salt is kept, whoever names the value can prove it was
this one; once the salt is gone, the note says nothing about the person.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import inspect, or_
from sqlmodel import Field, Session, SQLModel, col, select

from ledger import clock, db, ids, persons, rights
from ledger.core.seal import canonical
from ledger.db import Instant, Json, Row
from ledger.rights import Actor

COMMAND_LINE = "command line"
NOBODY = "nobody"  # a request of somebody who is not signed in
PERSONAL = frozenset({"email", "name", "phone", "bank_account", "identity_number"})
SECRET = frozenset({"password_hash"})
LONG = frozenset({"text", "snapshot"})  # their hashes are beside them


class Note(Row, table=True):
    """One thing that was done. `before` and `after` have what changed, by column."""

    __tablename__ = "audit_note"

    id: str = Field(primary_key=True)
    noted_at: datetime = Field(sa_type=Instant, index=True)
    actor: str = Field(index=True)  # a user's id, or what ran: command line, clock, import
    address: str  # where the request came from; empty where there was none
    action: str = Field(index=True)
    subject: str = Field(index=True)
    before: dict[str, Any] = Field(sa_type=Json)
    after: dict[str, Any] = Field(sa_type=Json)


class Salt(Row, table=True):
    """The salt of one person's commitments. Deleting it is how they are erased."""

    __tablename__ = "salt"

    subject: str = Field(primary_key=True)
    salt: str


# --- noting


def acting(session: Session, *, by: str = COMMAND_LINE, address: str = "") -> None:
    """Who and where from, for what is noted in this session by actions that are not told."""
    session.info["audit"] = (by, address)


def note(
    session: Session,
    by: Actor | str | None,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> Note:
    """Write one thing down; it is kept if what was done is kept."""
    known, address = session.info.get("audit", (COMMAND_LINE, ""))
    actor = known if by is None else by if isinstance(by, str) else by.id
    written = Note(
        id=ids.new("au"),
        noted_at=now or clock.now(),
        actor=actor,
        address=address,
        action=action,
        subject=subject,
        before=dict(before or {}),
        after=dict(after or {}),
    )
    session.add(written)
    for hears in _HEARING:
        hears(session, written)
    return written


def heard_by(hears: Callable[[Session, Note], None]) -> None:
    """Let somebody else hear of every note, in its transaction: what tells others of what was done."""
    if hears not in _HEARING:
        _HEARING.append(hears)


_HEARING: list[Callable[[Session, Note], None]] = []


def changed(
    session: Session, by: Actor | str | None, action: str, row: SQLModel, *, now: datetime | None = None
) -> Note:
    """Note what is about to be written of a row: its columns before and after, a new row's all.

    To be called once the row has its new values and before anything is flushed.
    """
    before, after = _changes(row)
    subject = str(inspect(row).mapper.primary_key_from_instance(row)[0])
    return note(
        session,
        by,
        action,
        subject,
        before={name: _said(session, subject, name, value) for name, value in before.items()},
        after={name: _said(session, subject, name, value) for name, value in after.items()},
        now=now,
    )


def _changes(row: SQLModel) -> tuple[dict[str, Any], dict[str, Any]]:
    state = inspect(row)
    before, after = {}, {}
    for attribute in sorted({attribute.key for attribute in state.mapper.column_attrs} - LONG):
        history, value = state.attrs[attribute].history, getattr(row, attribute)
        name, read = _readable(row, attribute)
        if history.deleted:
            before[name], after[name] = read(history.deleted[0]), read(value)
        elif value is not None and (history.added or not state.persistent):
            after[name] = read(value)
    return before, after


def _readable(row: SQLModel, attribute: str) -> tuple[str, Callable[[Any], Any]]:
    """What a column is called, and how its value is read: what is under a person's key is opened."""
    name = attribute.removesuffix("_kept")
    return name, (lambda value: value) if name == attribute else partial(persons.in_clear, row, name)


def _said(session: Session, subject: str, column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in SECRET:
        return "secret"
    if column in PERSONAL:
        return {"commitment": commitment(session, subject, column, value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


# --- commitments


def commitment(session: Session, subject: str, column: str, value: str) -> str:
    """What stands for a personal value in the trail: HMAC-SHA256 under the person's own salt."""
    return _committed(_salt(session, subject), column, value)


def matches(session: Session, subject: str, column: str, value: str, committed: str) -> bool:
    """Whether a commitment was to this value; never, once the salt is gone."""
    found = session.get(Salt, subject)
    return found is not None and hmac.compare_digest(_committed(found.salt, column, value), committed)


def erase(session: Session, subject: str, *, by: Actor | str | None = None, now: datetime) -> None:
    """Throw a person's salt away: no commitment of theirs can be opened or guessed any more."""
    found = session.get(Salt, subject)
    if found is not None:
        session.delete(found)
        note(session, by, "person.erase", subject, now=now)


def _committed(salt: str, column: str, value: str) -> str:
    return hmac.new(bytes.fromhex(salt), canonical([column, value]), hashlib.sha256).hexdigest()


def _salt(session: Session, subject: str) -> str:
    db.lock(session, f"salt:{subject}")
    found = session.get(Salt, subject)
    if found is None:
        found = Salt(subject=subject, salt=secrets.token_hex(32))
        session.add(found)
    return found.salt


# --- looking


def listing(
    session: Session,
    *,
    actor: str = "",
    actions: Collection[str] = (),
    subject: str = "",
    day: date | None = None,
    before: str | None = None,
    limit: int = 50,
    by: Actor | None = None,
) -> list[Note]:
    """What was done, the latest first, from before a cursor. An action may be a noun: `payout`.

    `by` is None on the command line.
    """
    if by is not None:
        rights.require(by, "audit.see")
    query = select(Note).order_by(col(Note.id).desc()).limit(limit)
    if actor:
        query = query.where(Note.actor == actor)
    if actions:
        of_nouns = [col(Note.action).startswith(f"{action}.") for action in actions]
        query = query.where(or_(col(Note.action).in_(actions), *of_nouns))
    if subject:
        query = query.where(Note.subject == subject)
    if day:
        begin = clock.end_of(day - timedelta(days=1))
        query = query.where(Note.noted_at >= begin, Note.noted_at < clock.end_of(day))
    if before:
        query = query.where(Note.id < before)
    return list(session.exec(query))
