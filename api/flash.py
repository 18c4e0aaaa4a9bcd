"""A message for the next page: what was just done. Kept in a cookie of one minute, read once.

The cookie holds the English text and its facts, never markup, and only texts of the catalogue are shown,
so a forged cookie can say nothing that the product does not say itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from api.labels import Tone
from api.language import gettext, is_listed

COOKIE = "flash"
TONES: tuple[Tone, ...] = ("good", "info", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence in the language at hand, and its tone."""

    text: str
    tone: Tone


def put(response: Response, text: str, /, *, tone: Tone = "good", **facts: object) -> None:
    """Show `text` (marked with N_) on the next page."""
    content = json.dumps([tone, text, {name: str(fact) for name, fact in facts.items()}])
    value = base64.urlsafe_b64encode(content.encode()).decode()
    response.set_cookie(COOKIE, value, max_age=60, httponly=True, samesite="lax")


def take(request: Request) -> Message | None:
    """The message left for this page, if there is one and it is ours."""
    value = request.cookies.get(COOKIE)
    if not value:
        return None
    try:
        tone, text, facts = json.loads(base64.urlsafe_b64decode(value))
        return _message(tone, text, facts)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _message(tone: Tone, text: str, facts: Mapping[str, str]) -> Message | None:
    if tone not in TONES or not is_listed(text):
        return None
    return Message(gettext(text, **{name: str(fact) for name, fact in facts.items()}), tone)
