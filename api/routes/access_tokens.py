"""Access tokens: what programs sign in with, for some nouns and some time. They are made by people."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field, StringConstraints

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Instant, Name, Page, PathId
from ledger import access_tokens

router = noun("access_tokens")

Scope = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[a-z][a-z_-]{1,30}):(read|write)$"),
    Field(examples=["deals:read"]),
]


class NewAccessToken(Body):
    """A token of one's own. It does at most what its maker may, and never more than its scopes say."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=60)]
    days: Annotated[int, Field(ge=1, le=access_tokens.LONGEST_DAYS)] = 90


class AccessTokenAnswer(Answer):
    """One token, without its secret."""

    id: str
    name: str
    scopes: list[str]
    made_at: Instant
    expires_at: Instant
    used_at: Instant | None
    used_from: str
    revoked_at: Instant | None


class ToldToken(AccessTokenAnswer):
    """A new token with its secret, told this once."""

    token: str = Field(examples=["yjt_b3JhbmdlIG1hcm1hbGFkZSBvbiB0b2FzdA"])


@router.get("")
def listing(session: Books, by: By) -> Page[AccessTokenAnswer]:
    """One's own tokens, the latest first, on one page."""
    found = access_tokens.of(session, by.id)
    return Page(items=[AccessTokenAnswer.model_validate(one) for one in found], next=None)


@router.post("", status_code=201)
def make(body: NewAccessToken, session: Books, by: By, now: Now, response: Response) -> ToldToken:
    """Make one. The answer is a secret, so it is not kept: an `Idempotency-Key` makes no difference here."""
    token, secret = access_tokens.make(session, by, **body.model_dump(), now=now)
    response.headers["Cache-Control"] = "no-store"
    return ToldToken(**AccessTokenAnswer.model_validate(token).model_dump(), token=secret)


@router.post("/{id}/revoke", status_code=204, response_class=Response)
def revoke(id: PathId, session: Books, by: By, now: Now) -> Response:
    """End one; it opens nothing any more."""
    access_tokens.revoke(session, id, by=by, now=now)
    return Response(status_code=204)
