"""How people come in: a page is one transaction; who is not signed in is sent to sign in, and back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.doors import BODY_MOST, SAFE, Door
from ledger.core.errors import Forbidden

# What somebody has to do before anything else, and where.
FIRST = {"password_to_choose": "/account/password", "second_factor_to_begin": "/account/second-factor"}


class PageDoor(Door):
    """A Door whose 401 is the way to the sign-in page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        enter = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await enter(request)
            except Forbidden as refusal:
                if refusal.code not in FIRST:
                    raise
                return see(FIRST[refusal.code])
            return to_sign_in(request) if response.status_code == 401 else response

        return handler


def pages(*, body_most: int = BODY_MOST) -> APIRouter:
    """A router for pages; a form larger than `body_most` bytes is refused."""
    return APIRouter(route_class=PageDoor, max_body_size=body_most)


def to_sign_in(request: Request) -> Response:
    """The sign-in page, which leads back to where the person was."""
    address = f"/sign-in?next={quote(_place(request))}"
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _place(request: Request) -> str:
    """The page itself; for a form that was sent, the page it stood on."""
    if request.method in SAFE:
        return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    came_from = urlsplit(request.headers.get("Referer", ""))
    return local(came_from.path if came_from.netloc == request.headers.get("Host") else "")


def local(address: str) -> str:
    """`address` if it is a page of ours, else the home page."""
    odd = "\\" in address or not address.isprintable() or address.startswith(("//", "/sign-"))
    return address if address.startswith("/") and not odd else "/"


def see(address: str) -> RedirectResponse:
    """After something was done: look at it."""
    return RedirectResponse(address, 303)
