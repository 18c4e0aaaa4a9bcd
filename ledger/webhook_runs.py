"""Sending what webhooks are to be told, signed by the Standard Webhooks specification.

A message that does not arrive is sent again after a minute, then after longer and longer, and is given up
after three days; it can be replayed by hand. Who answers 410 wants no more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, func, select
from standardwebhooks.webhooks import Webhook as Signer

from ledger import clock, config, outgoing, webhooks
from ledger.core.errors import Invalid
from ledger.db import Database
from ledger.jobs import Work
from ledger.outgoing import Unreachable
from ledger.users import User
from ledger.webhooks import Delivery, Webhook

BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 1440, 1440))
GONE = 410


def send_due(work: Work) -> dict[str, int]:
    """Every message whose time has come, once; the next run is asked for where something still waits."""
    database, sent, waiting = work.database, 0, _due(work.database)
    for number, delivery_id in enumerate(waiting, 1):
        sent += _send(database, delivery_id)
        work.progress(number, len(waiting))
    database.run(_ask_again)
    return {"sent": sent, "not_sent": len(waiting) - sent}


def _due(database: Database) -> list[str]:
    with database.reading() as session:
        waits = select(Delivery.id).where(Delivery.state == "waiting", Delivery.due_at <= clock.now())
        return list(session.exec(waits.order_by(col(Delivery.id))))


def _ask_again(session: Session) -> None:
    following = session.exec(select(func.min(Delivery.due_at)).where(Delivery.state == "waiting")).one()
    if following is not None:
        now = clock.now()
        webhooks.ask_for_a_run(session, max(following, now + timedelta(minutes=1)), now=now)


def _send(database: Database, delivery_id: str) -> bool:
    """Whether it arrived. Taken first, so that no other process sends it as well."""
    now = clock.now()
    taken = database.run(lambda session: _taken(session, delivery_id, now))
    if taken is None:
        return False
    url, body, headers = taken
    status, error = None, ""
    try:
        status = outgoing.post(url, body, headers, private=config.from_environment().webhooks_private)
        error = "" if 200 <= status < 300 else f"it answered {status}"
    except (Unreachable, Invalid) as wrong:
        error = str(wrong)
    database.run(lambda session: _note(session, delivery_id, status, error))
    return not error


def _taken(session: Session, delivery_id: str, now: datetime) -> tuple[str, bytes, dict[str, str]] | None:
    """Where to, what, how signed; nothing where it is not to be sent, or somebody else sends it."""
    found = session.get(Delivery, delivery_id)
    if found is None or found.state != "waiting" or found.due_at > now:
        return None
    webhook = session.get_one(Webhook, found.webhook_id)
    if webhook.ended_at is not None or not webhooks.may_hear(session.get(User, webhook.made_by), found.kind):
        found.state, found.error = "failed", "its maker may not be told of this any more"
        return None
    following = now + BACKOFF[min(found.attempts, len(BACKOFF) - 1)]
    taking = update(Delivery).where(
        col(Delivery.id) == found.id,
        col(Delivery.attempts) == found.attempts,
        col(Delivery.state) == "waiting",
    )
    result = session.execute(taking.values(attempts=found.attempts + 1, due_at=following))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    return webhook.url, found.body.encode(), signed(webhook, found.id, found.body, now)


def signed(webhook: Webhook, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of a message."""
    signatures = [
        Signer(secret).sign(message_id, now.astimezone(UTC), body) for secret in webhook.signing(now)
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "yongjin-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _note(session: Session, delivery_id: str, status: int | None, error: str) -> None:
    found = session.get(Delivery, delivery_id)
    if found is None:
        return
    found.status, found.error = status, error
    if not error:
        found.state, found.sent_at = "sent", clock.now()
    elif status == GONE:
        found.state = "failed"
        webhooks.stop(
            session, session.get_one(Webhook, found.webhook_id), "it wants no more", now=clock.now()
        )
    elif found.attempts >= len(BACKOFF):
        found.state = "failed"
