"""Webhooks (事件推送): addresses of other programs that are told when something was done here.

What is told is a kind, a time and an id, and nothing else: no name, no amount. Who wants to know more asks
for it with a token of their own, and gets what that token's owner may see. A webhook hears only of kinds its
maker may look at, and only for as long as that person may sign in.

What is noted in the audit trail is heard here, in the same transaction: nothing is told of what was not done.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import Field, Session, col, select

from ledger import audit, config, ids, jobs, outgoing, rights, vault
from ledger.audit import Note
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Instant, Json, Row
from ledger.users import User

JOB = "webhooks"
TEST = "webhook.test"
PREFIX = "whsec_"
MOST = 20  # that stand at once, of one person
OLD_SECRET_FOR = timedelta(hours=24)

# What may be told, by the right of who may hear it. Kinds are what the audit trail calls them.
KINDS: Mapping[str, str] = {
    "deal.open": "deal.see",
    "deal.move": "deal.see",
    "deal.hand_over": "deal.see",
    "milestone.verify": "milestone.see",
    "milestone.reject": "milestone.see",
    "milestone.withdraw": "milestone.see",
    "fee.record": "fee.see",
    "fee.correct": "fee.see",
    "payout.make": "payout.see",
    "payout.approve": "payout.see",
    "payout.send": "payout.see",
    "payout.confirm": "payout.see",
    "payout.return": "payout.see",
    "payout.bounce": "payout.see",
    "payout.void": "payout.see",
    "dispute.raise": "dispute.see",
    "period.close": "books.see",
    "period.reopen": "books.see",
    "plan.publish": "plan.see",
    "policy.publish": "policy.see",
}


class Webhook(Row, table=True):
    """One address, what it hears of, and the secret its messages are signed with."""

    __tablename__ = "webhook"

    id: str = Field(primary_key=True)
    name: str
    url: str
    kinds: list[str] = Field(sa_type=Json)
    secret: str = Field(sa_type=vault.Encrypted("webhook.secret"))
    old_secret: str | None = Field(default=None, sa_type=vault.Encrypted("webhook.old_secret"))
    turned_at: datetime | None = Field(default=None, sa_type=Instant)
    made_by: str = Field(index=True)
    made_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)

    def signing(self, now: datetime) -> list[str]:
        """The secrets a message is signed with: for a day also the one before."""
        old = (
            self.old_secret if self.turned_at is not None and now < self.turned_at + OLD_SECRET_FOR else None
        )
        return [self.secret, *([old] if old else [])]


class Delivery(Row, table=True):
    """One message to one address, and what became of it. It keeps its id however often it goes out."""

    __tablename__ = "webhook_delivery"

    id: str = Field(primary_key=True)
    webhook_id: str = Field(index=True)
    kind: str
    body: str
    state: str = Field(index=True)  # waiting, sent, failed
    attempts: int = 0
    status: int | None = None  # that was answered
    error: str = ""
    made_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


# --- hearing


def hear(session: Session, note: Note) -> None:
    """Tell whoever asked to be told of what was just noted."""
    if note.action in KINDS:
        wanted = [one for one in _standing(session) if note.action in one.kinds]
        if wanted:
            _queue(session, wanted, note.action, note.subject, note.noted_at)


def _standing(session: Session) -> list[Webhook]:
    with session.no_autoflush:  # what is being noted is not written yet
        return list(session.exec(select(Webhook).where(col(Webhook.ended_at).is_(None))))


def _queue(session: Session, webhooks: Iterable[Webhook], kind: str, subject: str, now: datetime) -> None:
    told = {"type": kind, "timestamp": now.astimezone(UTC).isoformat(), "data": {"id": subject}}
    body = json.dumps(told, separators=(",", ":"))
    for webhook in webhooks:
        session.add(
            Delivery(
                id=ids.new("wd"),
                webhook_id=webhook.id,
                kind=kind,
                body=body,
                state="waiting",
                made_at=now,
                due_at=now,
            )
        )
    ask_for_a_run(session, now, now=now)


def ask_for_a_run(session: Session, due: datetime, *, now: datetime) -> None:
    """A run of the job that sends, at a time; those of one minute are one."""
    with session.no_autoflush:
        run = jobs.request_again(session, JOB, f"{due:%Y-%m-%d %H:%M}", by=jobs.CLOCK, now=now)
        if due > now:
            run.due_at = due


def may_hear(user: User | None, kind: str) -> bool:
    """Whether what is told of still is for this person to know."""
    if user is None or user.state != "active":
        return False
    return kind == TEST or rights.RIGHTS[KINDS[kind]].get(user.role) == "any"  # type: ignore[call-overload]


# --- making, turning, ending


def make(
    session: Session, *, name: str, url: str, kinds: Sequence[str], by: User, now: datetime
) -> tuple[Webhook, str]:
    """A new webhook and its secret, told this once."""
    rights.require(by, "webhook.make")
    wanted = sorted(set(kinds))
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown or not wanted:
        raise Invalid("webhook_kinds", "say what it is to hear of; there are {kinds}", kinds=", ".join(KINDS))
    for kind in wanted:
        if not may_hear(by, kind):
            raise Forbidden("webhook_beyond", "you may not look at what {kind} tells of yourself", kind=kind)
    outgoing.check(url, private=config.from_environment().webhooks_private)
    if len([one for one in _standing(session) if one.made_by == by.id]) >= MOST:
        raise Invalid("webhook_many", "you have {most} webhooks already; end one first", most=MOST)

    secret = _new_secret()
    made = Webhook(
        id=ids.new("wh"),
        name=name.strip()[:100],
        url=url,
        kinds=wanted,
        secret=secret,
        made_by=by.id,
        made_at=now,
    )
    session.add(made)
    audit.note(session, by, "webhook.make", made.id, after={"url": url, "kinds": wanted}, now=now)
    session.flush()
    return made, secret


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def turn(session: Session, webhook_id: str, *, by: User, now: datetime) -> tuple[Webhook, str]:
    """Another secret, told this once. For a day messages are signed with both."""
    webhook = _own(session, webhook_id, by)
    webhook.old_secret, webhook.secret, webhook.turned_at = webhook.secret, _new_secret(), now
    audit.note(session, by, "webhook.turn", webhook.id, now=now)
    session.flush()
    return webhook, webhook.secret


def end(session: Session, webhook_id: str, *, by: User, now: datetime) -> Webhook:
    """It is told of nothing any more, and what waits is not sent."""
    rights.require(by, "webhook.end")
    webhook = get(session, webhook_id, by=by)
    stop(session, webhook, "it was ended", now=now)
    audit.note(session, by, "webhook.end", webhook.id, now=now)
    return webhook


def stop(session: Session, webhook: Webhook, why: str, *, now: datetime) -> None:
    """End it, with what waits for it."""
    webhook.ended_at = webhook.ended_at or now
    waiting = select(Delivery).where(Delivery.webhook_id == webhook.id, Delivery.state == "waiting")
    for one in session.exec(waiting):
        one.state, one.error = "failed", why


def test(session: Session, webhook_id: str, *, by: User, now: datetime) -> Delivery:
    """A message of no meaning, to see whether it arrives."""
    webhook = _own(session, webhook_id, by)
    _queue(session, [webhook], TEST, webhook.id, now)
    audit.note(session, by, TEST, webhook.id, now=now)
    session.flush()
    return deliveries(session, webhook_id, by=by, limit=1)[0]


def replay(session: Session, webhook_id: str, delivery_id: str, *, by: User, now: datetime) -> Delivery:
    """Send a message again, under the id it had: whoever took it already knows it."""
    _own(session, webhook_id, by)
    found = session.get(Delivery, delivery_id)
    if found is None or found.webhook_id != webhook_id:
        raise NotFound("webhook_delivery_unknown", "there is no message {id}", id=delivery_id)
    if found.state == "waiting":
        raise Conflict("webhook_waiting", "this message is on its way already")
    found.state, found.attempts, found.error, found.due_at = "waiting", 0, "", now
    audit.note(session, by, "webhook.replay", found.id, now=now)
    ask_for_a_run(session, now, now=now)
    return found


def _own(session: Session, webhook_id: str, by: User) -> Webhook:
    """One that stands, and is the user's own: its messages are in their name."""
    rights.require(by, "webhook.make")
    webhook = get(session, webhook_id, by=by)
    if webhook.made_by != by.id:
        raise Forbidden("webhook_of_another", "only who made a webhook does this with it; you may end it")
    if webhook.ended_at is not None:
        raise Conflict("webhook_ended", "this webhook has ended; make another")
    return webhook


# --- looking


def get(session: Session, webhook_id: str, *, by: User) -> Webhook:
    """One, or NotFound."""
    rights.require(by, "webhook.see")
    found = session.get(Webhook, webhook_id)
    if found is None:
        raise NotFound("webhook_unknown", "there is no webhook {id}", id=webhook_id)
    return found


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[Webhook]:
    """All of them, the latest first."""
    rights.require(by, "webhook.see")
    query = select(Webhook).order_by(col(Webhook.id).desc()).limit(limit)
    return list(session.exec(query.where(Webhook.id < before) if before else query))


def deliveries(
    session: Session, webhook_id: str, *, by: User, before: str | None = None, limit: int = 50
) -> list[Delivery]:
    """Its messages, the latest first."""
    get(session, webhook_id, by=by)
    query = (
        select(Delivery)
        .where(Delivery.webhook_id == webhook_id)
        .order_by(col(Delivery.id).desc())
        .limit(limit)
    )
    return list(session.exec(query.where(Delivery.id < before) if before else query))
