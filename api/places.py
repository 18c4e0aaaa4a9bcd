"""How many requests a process has in hand at most: whoever comes when all places are taken is told to wait.

Without a limit every request would be taken on, each would wait for all the others, and none would be
answered before its sender had given up. A refusal costs little, so that those in hand go on at their pace.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api import problems
from api.language import gettext
from api.rates import UNCOUNTED

WAIT_SECONDS = 2


class Places:
    """Answers 503 at once where there is no place; a limit of 0 is none."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            return await self.app(scope, receive, send)
        if self.most and self.taken >= self.most:
            return await _full(Request(scope))(scope, receive, send)
        self.taken += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.taken -= 1


def _full(request: Request) -> ASGIApp:
    detail = gettext("Too many ask at once just now; nothing was done, send it again.")
    return problems.answer(request, 503, "no_place", detail, headers={"Retry-After": str(WAIT_SECONDS)})
