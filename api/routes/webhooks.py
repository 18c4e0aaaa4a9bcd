"""Webhooks: who are told when something was done, signed by the Standard Webhooks specification."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Response
from pydantic import Field, StringConstraints

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Instant, Limit, Name, Page, PathId, first_of
from ledger import webhooks

router = noun("webhooks")


Kind = Annotated[
    str, StringConstraints(max_length=60), Field(description=f"One of {', '.join(webhooks.KINDS)}.")
]


class NewWebhook(Body):
    """Where to, and of what. Its maker may look at everything it hears of."""

    name: Name
    url: Annotated[str, StringConstraints(min_length=8, max_length=500)] = Field(
        examples=["https://example.org/yongjin"]
    )
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=60)] = Field(examples=[["milestone.verify"]])


class WebhookAnswer(Answer):
    """One webhook, without its secret."""

    id: str
    name: str
    url: str
    kinds: list[str]
    made_by: str
    made_at: Instant
    turned_at: Instant | None = Field(description="When it was given its latest secret, but the first.")
    ended_at: Instant | None


class ToldWebhook(WebhookAnswer):
    """The same with its secret, told this once."""

    secret: str = Field(examples=["whsec_b3JhbmdlIG1hcm1hbGFkZSBvbiB0b2FzdA=="])


class DeliveryAnswer(Answer):
    """One message, and what became of it."""

    id: str = Field(description="Sent as `webhook-id`, the same however often it goes out.")
    kind: str
    body: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    status: int | None = Field(description="That was answered last.")
    error: str
    made_at: Instant
    due_at: Instant
    sent_at: Instant | None


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[WebhookAnswer]:
    """Everybody's, the latest first."""
    rows, following = first_of(webhooks.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[WebhookAnswer.model_validate(one) for one in rows], next=following)


@router.post("", status_code=201)
def make(body: NewWebhook, session: Books, by: By, now: Now, response: Response) -> ToldWebhook:
    """Make one. The answer is a secret, so it is not kept: an `Idempotency-Key` makes no difference here."""
    made, secret = webhooks.make(session, **body.model_dump(), by=by, now=now)
    return _told(made, secret, response)


def _told(webhook: webhooks.Webhook, secret: str, response: Response) -> ToldWebhook:
    response.headers["Cache-Control"] = "no-store"
    return ToldWebhook(**WebhookAnswer.model_validate(webhook).model_dump(), secret=secret)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> WebhookAnswer:
    """One of them."""
    return WebhookAnswer.model_validate(webhooks.get(session, id, by=by))


@router.post("/{id}/turn")
def turn(id: PathId, session: Books, by: By, now: Now, response: Response) -> ToldWebhook:
    """Another secret. For a day messages are signed with the one before as well."""
    return _told(*webhooks.turn(session, id, by=by, now=now), response)


@router.post("/{id}/test", status_code=202)
def test(id: PathId, session: Books, by: By, now: Now) -> DeliveryAnswer:
    """Send a message of no meaning, to see whether it arrives."""
    return DeliveryAnswer.model_validate(webhooks.test(session, id, by=by, now=now))


@router.post("/{id}/end")
def end(id: PathId, session: Books, by: By, now: Now) -> WebhookAnswer:
    """Nothing is told any more, and what waits is not sent."""
    return WebhookAnswer.model_validate(webhooks.end(session, id, by=by, now=now))


@router.get("/{id}/deliveries")
def deliveries(
    id: PathId, session: Books, by: By, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeliveryAnswer]:
    """Its messages, the latest first."""
    found = webhooks.deliveries(session, id, by=by, before=cursor, limit=limit + 1)
    rows, following = first_of(found, limit)
    return Page(items=[DeliveryAnswer.model_validate(one) for one in rows], next=following)


@router.post("/{id}/deliveries/{delivery_id}/replay", status_code=202)
def replay(id: PathId, delivery_id: PathId, session: Books, by: By, now: Now) -> DeliveryAnswer:
    """Send a message again, under the id it had."""
    return DeliveryAnswer.model_validate(webhooks.replay(session, id, delivery_id, by=by, now=now))
