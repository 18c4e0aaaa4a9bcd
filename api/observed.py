"""What is seen of every request: a line in the log under its own id, and how long it took."""

from __future__ import annotations

from time import perf_counter
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics

log = structlog.get_logger()

HEADER = "X-Request-ID"
_UNTOLD = ("/static/", "/health/", "/metrics")  # asked for all the time; not worth a line
_MOST = 64  # characters of an id that came with the request


class Observed:
    """Binds the request's id to every line it logs, answers with it, and counts the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = _given(Headers(scope=scope)) or uuid4().hex
        started, status = perf_counter(), 500

        async def noticing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self.app(scope, receive, noticing)
            finally:
                _tell(scope, status, perf_counter() - started)


def _given(headers: Headers) -> str:
    """The id a proxy gave the request, where it is one."""
    given = headers.get(HEADER, "")
    return given if given.isascii() and given.replace("-", "").isalnum() and len(given) <= _MOST else ""


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """A path without its query, which may hold what somebody searched for."""
    route = getattr(scope.get("route"), "path", "")
    metrics.note(scope["method"], route, status, seconds)
    if not scope["path"].startswith(_UNTOLD):
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            user=scope.get("state", {}).get("user_id"),
        )
