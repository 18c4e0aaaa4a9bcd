"""What every request comes in through: one transaction, who asks, what time it is, and no answer twice.

A `Door` is a route whose every run is one transaction, opened before the endpoint and ended before the
answer leaves. A GET reads at one moment. Anything else writes: what it did is committed, then answered;
where the answer is a refusal or something is raised, nothing is kept; where it lost a race, it runs again
from the start. A POST with an `Idempotency-Key` is answered once: the answer is kept in the transaction
of what it did.

Requests take turns for the connections here, not on a thread: a thread that waited for a lock would be
missing to the one that holds it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Header, Request, Security
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message

from api import openapi, problems, rates
from api.forms import nul
from api.language import gettext
from ledger import (
    access_tokens,
    audit,
    clock,
    entrance,
    files,
    idempotency,
    second_factors,
    sign_ins,
    tries,
    users,
)
from ledger.core.errors import Forbidden, Invalid
from ledger.db import Database, guard_code, lost_a_race
from ledger.files import Store
from ledger.users import User

COOKIE = "yongjin_session"  # over TLS behind the prefix of `cookie_of`
SAFE = frozenset({"GET", "HEAD"})
READERS, WRITERS = 16, 12  # at once, of the 32 connections a database may have open
ATTEMPTS = 6
BODY_MOST = 1024 * 1024  # bytes
FORM_MOST = files.LARGEST + BODY_MOST  # a file, and the form around it
READ_PROBLEMS = (401, 403, 404, 422, 429, 503)
WRITE_PROBLEMS = (401, 403, 404, 409, 413, 422, 429, 503)

Endpoint = Callable[[Request], Awaitable[Response]]


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more."""


class TooLarge(Exception):
    """More was sent than is read."""


def noun(name: str) -> APIRouter:
    """The router of one noun: its routes are doors, and are known as `milestones_verify`."""
    return APIRouter(
        prefix=f"/{name}",
        tags=[name],
        route_class=Door,
        generate_unique_id_function=lambda route: f"{name}_{route.name}",
    )


def _key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="Any text of your own. The same key with the same request is the same request: it "
            "is answered as before, and nothing is done twice. With another request: 409.",
        ),
    ] = None,
) -> None:
    """Told of in the document; `_enter_to_write` reads it."""


class Door(APIRoute):
    """A route that is one transaction, committed before its answer leaves."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = set(options.get("methods") or SAFE)
        statuses = READ_PROBLEMS if methods <= SAFE else WRITE_PROBLEMS
        options["responses"] = {**openapi.problems(*statuses), **(options.get("responses") or {})}
        if "POST" in methods:
            options["dependencies"] = [*(options.get("dependencies") or ()), Depends(_key)]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = super().get_route_handler()
        enter = _read if (self.methods or SAFE) <= SAFE else _write

        async def handler(request: Request) -> Response:
            request.state.noun = str(self.tags[0]) if self.tags else ""
            try:
                _check_address(request)
                return await enter(request, endpoint)
            except SignInNeeded:
                return _sign_in_needed(request)
            except TooLarge:
                detail = gettext("Send at most 20 MB in a form, and 1 MB otherwise.")
                return problems.answer(request, 413, "body_too_large", detail)
            except HTTPException as error:
                if error.status_code == 400:  # a body that is no JSON or no form at all
                    raise Invalid("body_unreadable", "the body of the request cannot be read") from error
                raise
            finally:
                await _count_wrong_sign_in(request)

        return handler


def _check_address(request: Request) -> None:
    """Before anything of it is looked for."""
    if any("\0" in text for text in (request.scope["path"], *request.query_params.values())):
        raise nul()


async def _count_wrong_sign_in(request: Request) -> None:
    """A wrong sign-in is written down once the transaction it was part of is undone."""
    tried: Tried | None = getattr(request.state, "tried", None)
    if tried is not None:
        database: Database = request.app.state.database
        await run_in_threadpool(database.run, tried.write)


def _sign_in_needed(request: Request) -> Response:
    detail = gettext("Sign in first: send the token of POST /api/v1/tokens as “Authorization: Bearer …”.")
    return problems.answer(
        request, 401, "sign_in_needed", detail, headers={"WWW-Authenticate": 'Bearer realm="yongjin"'}
    )


# Turns


@dataclass(frozen=True, slots=True)
class _Turns:
    """How many requests may be at the database at once; the rest wait in order of arrival."""

    reading: anyio.CapacityLimiter
    writing: anyio.CapacityLimiter


_turns: RunVar[MutableMapping[Database, _Turns]] = RunVar("turns")


def _turns_at(database: Database) -> _Turns:
    """The turns of this event loop. SQLite has one writer at a time anyway."""
    known = _turns.get(None)
    if known is None:
        known = WeakKeyDictionary()
        _turns.set(known)
    if database not in known:
        writers = 1 if database.is_sqlite else WRITERS
        known[database] = _Turns(anyio.CapacityLimiter(READERS), anyio.CapacityLimiter(writers))
    return known[database]


# One transaction


async def _read(request: Request, endpoint: Endpoint) -> Response:
    database: Database = request.app.state.database
    async with (
        _turns_at(database).reading,
        contextmanager_in_threadpool(database.reading()) as session,
    ):
        unnoted = await run_in_threadpool(_enter, request, session)
        response = await endpoint(request)
    if unnoted and response.background is None:
        secret, now = secret_of(request), request.state.now
        note = partial(_touch, secret=secret, address=address_of(request), now=now)
        response.background = BackgroundTask(database.run, note)
    return response


async def _write(request: Request, endpoint: Endpoint) -> Response:
    body = await _whole_body(request)  # before anybody waits for it
    database: Database = request.app.state.database
    async with _turns_at(database).writing:
        for attempt in range(1, ATTEMPTS):
            try:
                return await _written(database, _Asked(request, body), endpoint)
            except DBAPIError as error:
                if not _lost_a_race(error):
                    raise
            await anyio.sleep(0.01 * 2**attempt)
        return await _written(database, _Asked(request, body), endpoint)


async def _whole_body(request: Request) -> bytes:
    kind, length = request.headers.get("Content-Type", ""), request.headers.get("Content-Length", "")
    most = FORM_MOST if kind.lower().startswith("multipart/") else BODY_MOST
    if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > most):
        raise TooLarge
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > most:
            raise TooLarge
    return bytes(read)


def _lost_a_race(error: DBAPIError) -> bool:
    """Also where a guard refuses what the action had checked: somebody came between, and it looks again."""
    return lost_a_race(error) or isinstance(error, IntegrityError) or guard_code(error) is not None


async def _written(database: Database, asked: _Asked, endpoint: Endpoint) -> Response:
    async with contextmanager_in_threadpool(database.writing()) as session:
        known = await run_in_threadpool(_enter_to_write, asked, session)
        if known is not None:
            return known
        response = await endpoint(asked.request)
        await run_in_threadpool(_leave, asked, session, response)
    return response


def _enter(request: Request, session: Session) -> bool:
    """Put what the endpoint needs where its parameters find it. Whether the sign-in's use is to be noted."""
    now, secret = clock.now(), secret_of(request)
    request.state.session, request.state.now, request.state.means = session, now, ""
    if secret.startswith(access_tokens.PREFIX):
        viewer, unnoted = _by_token(request, session, secret, now)
    else:
        sign = sign_ins.standing(session, secret, now=now)
        viewer = users.signed_in(session, sign)
        unnoted = viewer is not None and sign is not None and sign_ins.is_to_touch(sign, now=now)
        request.state.means = sign.means if sign is not None else ""
    request.state.viewer = viewer
    request.state.user_id = viewer.id if viewer else None  # the log asks when the transaction is over
    if viewer is not None:
        request.app.state.rates.take(rates.of_user(viewer.id))
    audit.acting(session, by=viewer.id if viewer else audit.NOBODY, address=address_of(request))
    return unnoted


def _by_token(request: Request, session: Session, secret: str, now: datetime) -> tuple[User | None, bool]:
    """Whose access token this is, where it is for what is asked; and whether its use is to be noted."""
    token = access_tokens.standing(session, secret, now=now)
    user = session.get(User, token.user_id) if token else None
    if token is None or user is None or user.state != "active":
        return None, False
    access_tokens.require(token, request.state.noun, writes=request.method not in SAFE)
    return user, access_tokens.is_to_touch(token, now=now)


def _touch(session: Session, secret: str, address: str, now: datetime) -> None:
    """Note that what a request came with is in use."""
    if secret.startswith(access_tokens.PREFIX):
        access_tokens.touch(session, secret, address=address, now=now)
    else:
        sign_ins.touch(session, secret, now=now)


def _enter_to_write(asked: _Asked, session: Session) -> Response | None:
    """The same, and the answer this request got before."""
    request = asked.request
    if _enter(request, session):
        _touch(session, secret_of(request), address_of(request), request.state.now)
    key = asked.key
    if key is None or request.state.viewer is None:
        return None
    known = idempotency.recall(session, request.state.viewer.id, key, asked.sha256)
    if known is None:
        return None
    replayed = {"Idempotency-Replayed": "true"}
    return Response(known.body, known.status, replayed, media_type=known.media_type)


def _leave(asked: _Asked, session: Session, response: Response) -> None:
    """Keep the answer beside what was done; where it is a refusal, nothing was done."""
    if response.status_code >= 400:
        session.rollback()
        return
    viewer, key = asked.request.state.viewer, asked.key
    if key is not None and viewer is not None and "no-store" not in response.headers.get("Cache-Control", ""):
        idempotency.keep(
            session,
            viewer.id,
            key,
            asked.sha256,
            status=response.status_code,
            media_type=response.media_type or "",
            body=bytes(response.body),
            now=asked.request.state.now,
        )


@dataclass(slots=True)
class _Asked:
    """One attempt at a request: its body can be read once more."""

    original: Request
    body: bytes
    request: Request = field(init=False)

    def __post_init__(self) -> None:
        self.request = Request(self.original.scope, self._receive)

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": self.body, "more_body": False}

    @property
    def key(self) -> str | None:
        """The Idempotency-Key of a POST."""
        return self.request.headers.get("Idempotency-Key") if self.request.method == "POST" else None

    @property
    def sha256(self) -> str:
        """Over what is asked. A program that repeats a form invents another boundary for its parts."""
        kind = self.request.headers.get("Content-Type", "")
        boundary = re.search(r"boundary=\"?([^\";]{1,70})", kind)
        body = self.body.replace(b"--" + boundary[1].encode("latin-1"), b"--") if boundary else self.body
        url = self.request.url
        target = f"{self.request.method} {url.path}?{url.query}\n{kind.partition(';')[0]}\n"
        return hashlib.sha256(target.encode() + body).hexdigest()


@dataclass(frozen=True, slots=True)
class Tried:
    """What is written down of a sign-in that was wrong."""

    phone: str
    address: str
    browser: str
    now: datetime

    def write(self, session: Session) -> None:
        """Write it down."""
        tries.failed(session, self.phone, address=self.address, browser=self.browser, now=self.now)


def entered(
    request: Request, session: Session, *, phone: str, password: str, code: str, browser: str, now: datetime
) -> tuple[User, str]:
    """Sign in from where this request comes; where it was wrong, that is to be counted."""
    number, address = users.plain_number(phone), address_of(request)
    known = entrance.known_browser(session, number, browser, now=now)
    try:
        return entrance.sign_in(
            session,
            phone=number,
            password=password,
            code=code,
            address=address,
            program=program_of(request),
            browser=known,
            now=now,
        )
    except Forbidden as refusal:
        if refusal.code != "second_factor_needed":
            request.state.tried = Tried(number, address, known, now)
        raise


def address_of(request: Request) -> str:
    """Where a request comes from, as the server in front of us says."""
    return request.client.host[:64] if request.client else ""


def program_of(request: Request) -> str:
    """What a browser or program calls itself."""
    return request.headers.get("User-Agent", "")


def secret_of(request: Request) -> str:
    """The secret a program sends as a bearer token, or a browser as a cookie; empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.cookies.get(cookie_of(request, COOKIE), "")


def cookie_of(request: Request, name: str) -> str:
    """What a cookie of ours is called. Over TLS browsers let no other host, and nobody who writes into a
    connection without TLS, set one of this prefix.
    """
    return f"__Host-{name}" if request.url.scheme == "https" else name


# What endpoints ask for


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session


def _now(request: Request) -> datetime:
    now: datetime = request.state.now
    return now


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _aside(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _viewer(request: Request) -> User | None:
    viewer: User | None = request.state.viewer
    return viewer


_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="The secret of `POST /api/v1/tokens`."
)
_cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="browser",
    description="What signing in on the pages sets; over TLS with `__Host-` before its name.",
)


def _somebody(
    viewer: Annotated[User | None, Depends(_viewer)],
    _token: Annotated[object, Security(_bearer)],
    _browser: Annotated[object, Security(_cookie)],
) -> User:
    if viewer is None:
        raise SignInNeeded
    return viewer


def _by(request: Request, viewer: Annotated[User, Depends(_somebody)]) -> User:
    means = request.state.means
    if viewer.password_given_by is not None and means not in (sign_ins.COMPANY, sign_ins.COMPANY_STRONG):
        raise Forbidden(
            "password_to_choose", "choose a password of your own first: this one was given to you"
        )
    session, now = _session(request), _now(request)
    if (
        means != sign_ins.COMPANY_STRONG
        and second_factors.is_required(session, viewer, now=now)
        and not second_factors.of(session, viewer.id)
    ):
        raise Forbidden("second_factor_to_begin", "begin a second factor first: your office asks for one")
    return viewer


Books = Annotated[Session, Depends(_session)]  # the request's one transaction
Somebody = Annotated[User, Depends(_somebody)]  # who is signed in, whatever they still have to do first
By = Annotated[User, Depends(_by)]  # who is signed in and may work; 401 where nobody is
Viewer = Annotated[User | None, Depends(_viewer)]
Now = Annotated[datetime, Depends(_now)]
Aside = Annotated[Database, Depends(_aside)]  # to note in a transaction of its own that something was read
Files = Annotated[Store, Depends(_store)]
