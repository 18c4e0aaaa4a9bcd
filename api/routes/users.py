"""Users: the people who sign in."""

from __future__ import annotations

from typing import Literal

from fastapi import Request, Response
from pydantic import Field

from api.doors import Books, By, Now, Somebody, noun, secret_of
from api.values import (
    Answer,
    Body,
    Cursor,
    GivenPassword,
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
from ledger import rights, sign_ins, users
from ledger.sign_ins import SignIn

router = noun("users")

RoleName = Literal["manager", "operator", "finance", "administrator"]


class UserAnswer(Answer):
    """One person who signs in."""

    id: str
    name: str
    phone: str
    role: RoleName
    manager_id: str | None
    state: Literal["active", "waiting", "disabled"] = Field(description="Waiting: for a second to agree.")
    created_at: Instant
    disabled_at: Instant | None


class SessionAnswer(Answer):
    """One signed-in browser or program."""

    id: str
    address: str
    program: str
    started_at: Instant
    seen_at: Instant
    until: Instant = Field(description="When it ends if it is not used again.")
    is_this: bool = Field(description="Whether this request came with it.")

    @classmethod
    def of(cls, sign: SignIn, own: SignIn | None) -> SessionAnswer:
        """A session as it is answered."""
        return cls(
            id=sign.id,
            address=sign.address,
            program=sign.program,
            started_at=sign.started_at,
            seen_at=sign.seen_at,
            until=sign.until,
            is_this=own is not None and own.id == sign.id,
        )


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


class OwnPassword(Body):
    """The password one has, and the one to have."""

    old: GivenPassword
    new: Password


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[UserAnswer]:
    """Everybody, by id."""
    rights.require(by, "user.see")
    found, following = first_of(users.page(session, after=cursor or "", limit=limit + 1), limit)
    return Page(items=[UserAnswer.model_validate(user) for user in found], next=following)


@router.get("/me")
def me(by: Somebody) -> UserAnswer:
    """Who is signed in."""
    return UserAnswer.model_validate(by)


@router.post("/me/password")
def choose_password(body: OwnPassword, session: Books, by: Somebody, now: Now) -> UserAnswer:
    """Choose a password of one's own. Everything one is signed in with ends: sign in again."""
    users.choose_password(session, by, old=body.old, new=body.new, now=now)
    return UserAnswer.model_validate(by)


@router.get("/me/sessions")
def sessions(request: Request, session: Books, by: By, now: Now) -> Page[SessionAnswer]:
    """What one is signed in with, the last used first."""
    found = sign_ins.of(session, by.id, now=now)
    own = sign_ins.standing(session, secret_of(request), now=now)
    return Page(items=[SessionAnswer.of(one, own) for one in found], next=None)


@router.post("/me/sessions/{session_id}/end", status_code=204, response_class=Response)
def end_session(session_id: PathId, session: Books, by: By, now: Now) -> Response:
    """End one of them."""
    sign_ins.end(session, by.id, session_id, now=now)
    return Response(status_code=204)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> UserAnswer:
    """One person."""
    rights.require(by, "user.see")
    return UserAnswer.model_validate(users.get(session, id))


@router.post("", status_code=201)
def add(body: NewUser, session: Books, by: By, now: Now) -> UserAnswer:
    """Add a person. Of operations, finance and administration: they sign in once somebody else agreed."""
    return UserAnswer.model_validate(users.add(session, **body.model_dump(), by=by, now=now))


@router.post("/{id}/agree")
def agree(id: PathId, session: Books, by: By, now: Now) -> UserAnswer:
    """Be the second of two people: what an administrator did to this user counts."""
    return UserAnswer.model_validate(users.agree(session, id, by=by, now=now))


@router.post("/{id}/disable")
def disable(id: PathId, session: Books, by: By, now: Now) -> UserAnswer:
    """Nobody signs in as this person any more; what is signed in ends."""
    return UserAnswer.model_validate(users.disable(session, id, by=by, now=now))


@router.post("/{id}/reset")
def reset(id: PathId, body: NewPassword, session: Books, by: By, now: Now) -> UserAnswer:
    """Give a password to begin with; what is signed in ends, and the person chooses their own."""
    return UserAnswer.model_validate(users.reset(session, id, password=body.password, by=by, now=now))
