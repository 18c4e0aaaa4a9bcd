"""Notices: what the signed-in person was told."""

from __future__ import annotations

from api.doors import Books, By, Now, noun
from api.values import Answer, Cursor, Instant, Limit, Page, PathId, first_of
from ledger import notices

router = noun("notices")


class NoticeAnswer(Answer):
    """One thing somebody was told, in both languages; `path` is its page."""

    id: str
    kind: str
    subject: str
    title_zh: str
    title_en: str
    path: str
    told_at: Instant
    read_at: Instant | None


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[NoticeAnswer]:
    """One's own, the latest first."""
    found, following = first_of(notices.listing(session, by=by, before=cursor, limit=limit + 1), limit)
    return Page(items=[NoticeAnswer.model_validate(one) for one in found], next=following)


@router.post("/{id}/read")
def read(id: PathId, session: Books, by: By, now: Now) -> NoticeAnswer:
    """One has read it."""
    return NoticeAnswer.model_validate(notices.read(session, id, by=by, now=now))
