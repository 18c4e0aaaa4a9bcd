"""Tokens: signing in gives a secret, sent from then on as `Authorization: Bearer …`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response
from pydantic import Field, StringConstraints

from api.doors import Books, Now, Somebody, entered, noun, secret_of
from api.openapi import problems
from api.routes.users import UserAnswer
from api.values import Answer, Body, GivenPassword, Phone
from ledger import sign_ins

router = noun("tokens")


class SignIn(Body):
    """Who signs in."""

    phone: Phone
    password: GivenPassword
    code: Annotated[str, StringConstraints(max_length=20)] = Field(
        default="", description="Of the phone, or of the paper, where there is a second factor."
    )


class Token(Answer):
    """A secret, told once. It ends when it is not used for a while, or is deleted."""

    token: str = Field(examples=["b3JhbmdlIG1hcm1hbGFkZSBvbiB0b2FzdA"])
    user: UserAnswer


@router.post("", status_code=201, responses=problems(403, 429))
def sign_in(body: SignIn, request: Request, session: Books, now: Now, response: Response) -> Token:
    """Sign in. The answer is a secret, so it is not kept: an `Idempotency-Key` makes no difference here."""
    user, secret = entered(
        request, session, phone=body.phone, password=body.password, code=body.code, browser="", now=now
    )
    response.headers["Cache-Control"] = "no-store"
    return Token(token=secret, user=UserAnswer.model_validate(user))


@router.delete("", status_code=204, response_class=Response)
def sign_out(request: Request, session: Books, by: Somebody, now: Now) -> Response:
    """Sign out: the token this is sent with ends."""
    sign_ins.sign_out(session, secret_of(request), now=now)
    return Response(status_code=204)
