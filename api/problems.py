"""Refusals and failures as answers: RFC 9457 problem details for programs, a page for people.

NotFound 404   Forbidden 403   Conflict 409   Invalid 422   TooMany 429   lost a race or its database 503
else 500
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.language import N_, gettext
from api.rendering import page, wants_part
from api.words import sentence
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany
from ledger.db import away, full, retryable

log = structlog.get_logger()

STATUSES: tuple[tuple[type[Refused], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (TooMany, 429),
    (Conflict, 409),
    (Invalid, 422),
)

TITLES: dict[int, str] = {
    400: N_("That request could not be read"),
    401: N_("Please sign in"),
    403: N_("You may not do this"),
    404: N_("There is nothing here"),
    405: N_("This cannot be done here"),
    409: N_("This is no longer possible"),
    413: N_("That is too large"),
    422: N_("Something needs mending"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong on our side"),
    503: N_("Busy just now"),
}

ADVICE: dict[int, str] = {
    401: N_("Your session may have ended. Sign in and you will be taken back here."),
    403: N_("If you need this for your work, ask an administrator for the right."),
    404: N_("The address may be wrong, or the thing is not yours to see."),
    429: N_("Nothing was changed. Wait for a while and try again."),
    409: N_("Nothing was changed. Look at it again as it is now, then decide."),
    422: N_("Nothing was changed. Go back, mend it and send it again."),
    500: N_("Nothing was changed. Try again; if it happens again, tell us the reference below."),
    503: N_("Wait a moment and try again."),
}


def install(app: FastAPI) -> None:
    """Answer every refusal and failure of `app` from here."""
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(NoConnection, _waited)
    app.add_middleware(Failures)


def status_of(refusal: Refused) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in STATUSES if isinstance(refusal, kind)), 422)


def answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """One problem, for a program or for a person, whichever asked."""
    title = gettext(TITLES.get(status, HTTPStatus(status).phrase))
    if request.url.path.startswith("/api/"):
        problem = {
            "type": f"urn:yongjin:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            "instance": request.url.path,
            **more,
        }
        return JSONResponse(problem, status, headers, media_type="application/problem+json")
    advice = gettext(ADVICE[status]) if status in ADVICE else ""
    response = page(
        request,
        "problem.html",
        block="problem",
        status=status,
        title=title,
        detail=detail,
        advice=advice,
        code=code,
        reference=more.get("reference", ""),
    )
    response.headers.update(headers or {})
    if wants_part(request):
        response.headers.update({"HX-Retarget": "#message", "HX-Reswap": "innerHTML"})
    return response


def refused(request: Request, error: Exception) -> Response:
    """A refusal, with how long to wait where waiting helps."""
    assert isinstance(error, Refused)
    facts = {name: str(fact) for name, fact in error.facts.items()}
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooMany) else None
    return answer(request, status_of(error), error.code, sentence(error), headers=headers, facts=facts)


def _unreadable(request: Request, error: Exception) -> Response:
    """What FastAPI could not read: each place, and what is wrong there."""
    assert isinstance(error, RequestValidationError)
    errors = [{"at": _pointer(found["loc"]), "what": found["msg"]} for found in error.errors()]
    detail = "; ".join(f"{found['at']}: {found['what']}" for found in errors)
    return answer(request, 422, "request_invalid", detail, errors=errors)


def _pointer(places: tuple[int | str, ...]) -> str:
    return "/".join(str(place) for place in places)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    phrase = HTTPStatus(error.status_code).phrase
    detail = "" if error.detail == phrase else error.detail
    return answer(request, error.status_code, code, detail, headers=error.headers)


def _waited(request: Request, error: Exception) -> Response:
    """All connections were taken for as long as one waits for one."""
    detail = gettext("Too many ask at once just now; nothing was done, send it again.")
    return answer(request, 503, "busy", detail, headers={"Retry-After": "2"})


def _database(request: Request, error: Exception) -> Response:
    """A transaction that lost a race may be sent again, and so may one whose database went away."""
    assert isinstance(error, DBAPIError)
    if away(error):
        detail = gettext("The database does not answer just now. What writes can be sent again with its key.")
        return answer(request, 503, "database_away", detail, headers={"Retry-After": "2"})
    if full(error):
        return _no_room(request)
    if not retryable(error):
        raise error
    detail = gettext("Somebody else was writing to the same place; nothing was changed.")
    return answer(request, 503, "busy", detail, headers={"Retry-After": "1"})


def _system(request: Request, error: Exception) -> Response:
    """A file that could not be kept because its disk is full; anything else of the system is a failure."""
    if not full(error):
        raise error
    return _no_room(request)


def _no_room(request: Request) -> Response:
    detail = gettext(
        "There is no room left to keep this; nothing was changed. Whoever runs the program has to make room, "
        "then send it again."
    )
    return answer(request, 503, "no_room", detail, headers={"Retry-After": "60"})


class Failures:
    """What nobody foresaw, answered inside the other middleware, so that it has their headers too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noticing)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            await _failed(Request(scope), error)(scope, receive, send)


def _failed(request: Request, error: Exception) -> Response:
    """One answer for every failure; its reference finds it in the log."""
    reference = secrets.token_hex(4)
    log.error("failed", reference=reference, path=request.url.path, exc_info=error)
    return answer(request, 500, "internal_error", "", reference=reference)
