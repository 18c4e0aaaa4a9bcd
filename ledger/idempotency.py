"""Requests that may be sent twice: the same key and body get the same answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, Session

from ledger import db
from ledger.core.errors import Conflict, Invalid
from ledger.db import Instant, Row


class Answer(Row, table=True):
    """What was answered to a request of one user under one key."""

    __tablename__ = "answer"

    user_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: str
    status: int
    media_type: str
    body: bytes = Field(sa_type=LargeBinary)
    answered_at: datetime = Field(sa_type=Instant)


def recall(session: Session, user_id: str, key: str, request_sha256: str) -> Answer | None:
    """The answer given before. The same key with another request: Conflict."""
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise Invalid("idempotency_key", "an Idempotency-Key has 1 to 200 characters that can be printed")
    db.lock(session, f"answer:{user_id}:{key}")
    known = session.get(Answer, (user_id, key))
    if known is not None and known.request_sha256 != request_sha256:
        raise Conflict(
            "idempotency_conflict",
            "the Idempotency-Key “{key}” was used for another request; choose a new one",
            key=key,
        )
    return known


def keep(
    session: Session,
    user_id: str,
    key: str,
    request_sha256: str,
    *,
    status: int,
    media_type: str,
    body: bytes,
    now: datetime,
) -> None:
    """Keep an answer beside what it did, in the same transaction."""
    session.add(
        Answer(
            user_id=user_id,
            key=key,
            request_sha256=request_sha256,
            status=status,
            media_type=media_type,
            body=body,
            answered_at=now,
        )
    )
    session.flush()
