"""Users: the people who sign in."""

from __future__ import annotations

from typing import Literal

from api.doors import Books, By, Now, noun
from api.values import (
    Answer,
    Body,
    Cursor,
    Id,
    Instant,
    Limit,
    Name,
    Page,
    Password,
    PathId,
    Phone,
    first_of,
)
from ledger import rights, users

router = noun("users")

RoleName = Literal["manager", "operator", "finance"]


class UserAnswer(Answer):
    """One person who signs in."""

    id: str
    name: str
    phone: str
    role: RoleName
    manager_id: str | None
    created_at: Instant
    disabled_at: Instant | None


class NewUser(Body):
    """A new person; of role manager, and only of such a one, which manager it is."""

    name: Name
    phone: Phone
    role: RoleName
    password: Password
    manager_id: Id | None = None


class NewPassword(Body):
    """Another password."""

    password: Password


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[UserAnswer]:
    """Everybody, by id."""
    rights.require(by, "user.edit")
    found, following = first_of(users.page(session, after=cursor or "", limit=limit + 1), limit)
    return Page(items=[UserAnswer.model_validate(user) for user in found], next=following)


@router.get("/me")
def me(by: By) -> UserAnswer:
    """Who is signed in."""
    return UserAnswer.model_validate(by)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> UserAnswer:
    """One person."""
    rights.require(by, "user.edit")
    return UserAnswer.model_validate(users.get(session, id))


@router.post("", status_code=201)
def add(body: NewUser, session: Books, by: By, now: Now) -> UserAnswer:
    """Add a person."""
    rights.require(by, "user.edit")
    return UserAnswer.model_validate(users.add(session, **body.model_dump(), now=now))


@router.post("/{id}/disable")
def disable(id: PathId, session: Books, by: By, now: Now) -> UserAnswer:
    """Nobody signs in as this person any more; what is signed in ends."""
    rights.require(by, "user.edit")
    return UserAnswer.model_validate(users.disable(session, id, now=now))


@router.post("/{id}/reset")
def reset(id: PathId, body: NewPassword, session: Books, by: By, now: Now) -> UserAnswer:
    """Give another password; what is signed in ends."""
    rights.require(by, "user.edit")
    return UserAnswer.model_validate(users.reset(session, id, password=body.password, now=now))
