"""The post: e-mails by SMTP, and what the robot of a 企业微信 group says.

A robot is an address that takes `{"msgtype": "text", "text": {"content": ...}}` and answers with an
`errcode`, 0 where it was said.
"""

from __future__ import annotations

import json
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import parse_qs, unquote, urlsplit

from sqlmodel import col, select

from ledger import clock, config
from ledger.config import Settings
from ledger.core.errors import Invalid
from ledger.db import Database
from ledger.jobs import Work
from ledger.notices import ROBOT, Delivery

ATTEMPTS_MOST = 3
SECONDS_MOST = 20
ROBOT_BYTES_MOST = 2048


class Undelivered(Exception):
    """Some messages did not go out."""


def deliver(work: Work) -> dict[str, int]:
    """Send what waits, one after the other; what does not go out is tried again, with the run."""
    waiting = _waiting(work.database)
    errors: list[str] = []
    for number, delivery_id in enumerate(waiting, 1):
        error = _try(work.database, delivery_id)
        if error:
            errors.append(error)
        work.progress(number, len(waiting))
    if errors:
        raise Undelivered(f"{len(errors)} of {len(waiting)} messages did not go out: {errors[0]}")
    return {"sent": len(waiting)}


def _waiting(database: Database) -> list[str]:
    with database.reading() as session:
        query = select(Delivery.id).where(Delivery.state == "waiting")
        return list(session.exec(query.order_by(col(Delivery.id))))


def _try(database: Database, delivery_id: str) -> str:
    """Send one; what went wrong, or nothing. Sent and not noted, it is sent once more: better than never."""
    found = database.run(lambda session: session.get_one(Delivery, delivery_id))
    error = ""
    try:
        send(found, config.from_environment())
    except (OSError, smtplib.SMTPException, Invalid) as wrong:
        error = f"{type(wrong).__name__}: {wrong}"
    database.run(lambda session: _note(session.get_one(Delivery, delivery_id), error))
    return error


def _note(row: Delivery, error: str) -> None:
    row.attempts, row.error = row.attempts + 1, error
    if not error:
        row.state, row.sent_at = "sent", clock.now()
    elif row.attempts >= ATTEMPTS_MOST:
        row.state = "failed"
    if row.state != "waiting":
        row.link = None


def send(message: Delivery, settings: Settings) -> None:
    """Hand one message over, or raise."""
    if message.channel == ROBOT:
        _say(settings.robot_url, message.text)
    else:
        _mail(settings, message)


def _mail(settings: Settings, message: Delivery) -> None:
    """By a server such as `smtps://user:password@mail.example.org`, or `smtp://…?tls=no` inside a machine."""
    server = urlsplit(settings.smtp_url)
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise Invalid(
            "smtp_url", "there is no mail server; write YONGJIN_SMTP_URL=smtps://user:password@host"
        )
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = settings.mail_from, message.address, message.title
    made["Date"], made["Message-ID"] = (
        format_datetime(clock.now()),
        make_msgid(message.id, settings.mail_domain),
    )
    made.set_content(f"{message.text}\n\n{message.link}" if message.link else message.text)
    kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    with kind(server.hostname, server.port or 0, timeout=SECONDS_MOST) as connection:
        if server.scheme == "smtp" and parse_qs(server.query).get("tls") != ["no"]:
            connection.starttls(context=ssl.create_default_context())
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(made)


def _say(url: str, text: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("robot_url", "there is no robot; write YONGJIN_ROBOT_URL=https://…")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=SECONDS_MOST)
    said = {"msgtype": "text", "text": {"content": _cut(text)}}
    try:
        connection.request(
            "POST",
            f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
            json.dumps(said, ensure_ascii=False).encode(),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        _check(answer.status, answer.read(65536))
    finally:
        connection.close()


def _check(status: int, body: bytes) -> None:
    try:
        answered = json.loads(body)
    except ValueError:
        answered = None
    if status != 200 or not isinstance(answered, dict) or answered.get("errcode") != 0:
        raise OSError(f"the robot answered {status}: {body[:200].decode('utf-8', 'replace')}")


def _cut(text: str) -> str:
    """As much as a robot takes, whole characters."""
    return text.encode()[:ROBOT_BYTES_MOST].decode("utf-8", "ignore")
