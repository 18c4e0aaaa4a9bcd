"""Notices (通知): what somebody is told, in the app, and by e-mail where they left an address.

A person is told of a thing once; telling again is asked for. Who is to be written to is a row in the same
transaction, so that nothing is told of what was not done, and nothing done goes untold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from ledger import audit, config, ids, jobs, vault
from ledger.core.errors import Invalid, NotFound
from ledger.core.papers import Words
from ledger.db import Instant, Row
from ledger.users import User

DELIVER = "deliver"  # the job that writes to people
EMAIL, ROBOT = "email", "robot"
_ADDRESS = re.compile(r"[^@\s<>,;:\"()]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Contact(Row, table=True):
    """Where somebody wants to be written to."""

    __tablename__ = "contact"

    user_id: str = Field(primary_key=True)
    email: str


class Notice(Row, table=True):
    """What one person was told: in both languages, and where it leads."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("user_id", "kind", "subject", name="uq_notice"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(index=True)
    kind: str
    subject: str = Field(index=True)
    title_zh: str
    title_en: str
    path: str
    told_at: datetime = Field(sa_type=Instant)
    read_at: datetime | None = Field(default=None, sa_type=Instant)


class Delivery(Row, table=True):
    """One message on its way out: an e-mail to a person, or the robot's to its group."""

    __tablename__ = "delivery"

    id: str = Field(primary_key=True)
    notice_id: str = Field(default="", index=True)
    channel: str
    address: str  # empty for the robot: where it is, is a secret of the configuration
    title: str
    text: str
    # What opens something for whoever holds it: below the text, and gone once the message is.
    link: str | None = Field(default=None, sa_type=vault.Encrypted("delivery.link"))
    state: str = Field(index=True)  # waiting, sent, failed
    attempts: int = 0
    error: str = ""
    made_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a thing: `subject` is its id, `path` its page."""

    kind: str
    subject: str
    title: Words
    path: str


# --- telling


def tell(session: Session, users: Iterable[User], told: Told, *, now: datetime) -> int:
    """Tell those who have not been told yet; how many that were."""
    listed = list(users)
    query = select(Notice.user_id).where(Notice.kind == told.kind, Notice.subject == told.subject)
    known = set(session.exec(query))
    new = [
        Notice(
            id=ids.new("no"),
            user_id=user.id,
            kind=told.kind,
            subject=told.subject,
            title_zh=told.title.zh,
            title_en=told.title.en,
            path=told.path,
            told_at=now,
        )
        for user in listed
        if user.id not in known
    ]
    session.add_all(new)
    session.flush()
    _write(session, new, now)
    return len(new)


def again(session: Session, notice: Notice, *, now: datetime) -> None:
    """Tell somebody once more what they were told."""
    notice.told_at, notice.read_at = now, None
    _write(session, [notice], now)


def announce(session: Session, title: Words, path: str, *, now: datetime) -> None:
    """Let the group's robot say something, where there is one. It names no person and no amount."""
    if config.from_environment().robot_url:
        _send(session, "", ROBOT, "", title.zh, _linked(title.zh, path), now)


def write_to(session: Session, email: str, title: Words, link: str, *, now: datetime) -> None:
    """A link for somebody who has no account yet. It is a secret, so nothing of it stays once it has gone."""
    if not config.from_environment().smtp_url:
        raise Invalid("no_mail", "there is no mail server here; hand the link on yourself")
    text = f"{title.zh}\n{title.en}"
    _send(session, "", EMAIL, plain_address(email), title.zh, text, now, link=link)


def _write(session: Session, notices: list[Notice], now: datetime) -> None:
    """E-mails to those who left an address, where there is a server to send them."""
    if not notices or not config.from_environment().smtp_url:
        return
    wanted = select(Contact).where(col(Contact.user_id).in_([one.user_id for one in notices]))
    addresses = {contact.user_id: contact.email for contact in session.exec(wanted)}
    for one in notices:
        if one.user_id in addresses:
            text = f"{_linked(one.title_zh, one.path)}\n\n{one.title_en}"
            _send(session, one.id, EMAIL, addresses[one.user_id], one.title_zh, text, now)


def _linked(text: str, path: str) -> str:
    url = config.from_environment().public_url
    return f"{text}\n{url}{path}" if url else text


def _send(
    session: Session,
    notice_id: str,
    channel: str,
    address: str,
    title: str,
    text: str,
    now: datetime,
    link: str | None = None,
) -> None:
    row = Delivery(
        id=ids.new("dl"),
        notice_id=notice_id,
        channel=channel,
        address=address,
        title=title,
        text=text,
        link=link,
        state="waiting",
        made_at=now,
    )
    session.add(row)
    session.flush()
    jobs.request_again(session, DELIVER, f"{now:%Y-%m-%d %H:%M}", by=jobs.CLOCK, now=now)


# --- being told


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[Notice]:
    """What somebody was told, the latest first."""
    query = select(Notice).where(Notice.user_id == by.id).order_by(col(Notice.id).desc()).limit(limit)
    if before:
        query = query.where(Notice.id < before)
    return list(session.exec(query))


def unread(session: Session, *, by: User, limit: int = 5) -> list[Notice]:
    """What of it they have not read, the latest first."""
    query = select(Notice).where(Notice.user_id == by.id, col(Notice.read_at).is_(None))
    return list(session.exec(query.order_by(col(Notice.told_at).desc()).limit(limit)))


def read(session: Session, notice_id: str, *, by: User, now: datetime) -> Notice:
    """They have read it."""
    found = session.get(Notice, notice_id)
    if found is None or found.user_id != by.id:
        raise NotFound("notice_unknown", "there is no notice {id}", id=notice_id)
    found.read_at = found.read_at or now
    return found


def read_all(session: Session, *, by: User, now: datetime) -> None:
    """They have read everything."""
    for one in session.exec(select(Notice).where(Notice.user_id == by.id, col(Notice.read_at).is_(None))):
        one.read_at = now


def address_of(session: Session, user_id: str) -> str:
    """Where somebody is written to; empty where nowhere."""
    found = session.get(Contact, user_id)
    return found.email if found else ""


def leave_address(session: Session, email: str, *, by: User, now: datetime) -> None:
    """Say where one wants to be written to; nothing: nowhere."""
    found = session.get(Contact, by.id)
    if not email.strip():
        if found is not None:
            audit.note(session, by, "contact.remove", by.id, now=now)
            session.delete(found)
        return
    contact = found or Contact(user_id=by.id, email="")
    contact.email = plain_address(email)
    session.add(contact)
    audit.changed(session, by, "contact.leave", contact, now=now)


def plain_address(email: str) -> str:
    """An e-mail address as it is kept."""
    if not _ADDRESS.fullmatch(email.strip()) or len(email) > 254:
        raise Invalid("email_invalid", "“{email}” is no e-mail address", email=email[:100])
    return email.strip()
