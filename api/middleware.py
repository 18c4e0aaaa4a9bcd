"""What happens around every request: the language, the security headers, and no writes from other sites."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import language, problems
from api.language import Language

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LANGUAGE_COOKIE = "lang"
YEAR_SECONDS = 365 * 24 * 3600

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class SecurityHeaders:
    """Every answer forbids scripts and frames of others; what is not static is not kept by caches.

    What came over TLS is to come so for a year: where a proxy ends TLS, its X-Forwarded-Proto says so.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if scope["path"].startswith("/api/"):  # no browser is to open it as a page
                    headers.setdefault("Content-Disposition", 'attachment; filename="api.json"')
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}; includeSubDomains"
            await send(message)

        await self.app(scope, receive, with_headers)


class KnownHosts:
    """Nobody is served under a name that is not ours: links, and a browser's idea of one site, rest on it.

    What watches the program asks under the names machines have among themselves.
    """

    WATCHED = ("/health/", "/metrics")

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts} | {"localhost", "127.0.0.1", "[::1]"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self.WATCHED) or self._knows(scope):
            return await self.app(scope, receive, send)
        await PlainTextResponse("unknown host", 421)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        name = re.sub(r":[0-9]+$", "", Headers(scope=scope).get("Host", ""))
        return name.lower() in self.hosts


class SpokenLanguage:
    """The language of the request: `?lang=`, which is remembered, else the cookie, else Chinese.

    A browser's Accept-Language says what the machine was set up in, not what its user reads, and office
    machines in China often ask for English: it counts for programs only, and there English is the default.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        asked = language.known(HTTPConnection(scope).query_params.get("lang"))
        language.use(asked or _remembered(HTTPConnection(scope)))

        async def remembering(message: Message) -> None:
            if asked and message["type"] == "http.response.start":
                MutableHeaders(scope=message).append(
                    "Set-Cookie",
                    f"{LANGUAGE_COOKIE}={asked}; Path=/; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Lax",
                )
            await send(message)

        await self.app(scope, receive, remembering)


def _remembered(connection: HTTPConnection) -> Language:
    if connection.url.path.startswith("/api/"):
        wished = connection.headers.get("Accept-Language", "").split(",")
        return next((known for text in wished if (known := language.known(text))), "en")
    return language.known(connection.cookies.get(LANGUAGE_COOKIE)) or "zh"


class SameSite:
    """No other site makes a browser write here, whatever cookies the browser sends along.

    Browsers say where a request comes from (Sec-Fetch-Site, or Origin where they are old); programs say
    neither, and carry no cookies of a signed-in person.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE or is_own(Headers(scope=scope)):
            return await self.app(scope, receive, send)
        detail = language.gettext("This was sent from another site. Open the page here and do it again.")
        refusal = problems.answer(Request(scope), 403, "other_site", detail)
        await refusal(scope, receive, send)


def is_own(headers: Headers) -> bool:
    """Whether a request that writes comes from our own pages, or from no browser at all."""
    if site := headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host")
