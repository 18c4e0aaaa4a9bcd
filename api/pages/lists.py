"""Lists that go on: one page of rows, and the addresses of the next and of the same list filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from starlette.datastructures import FormData
from starlette.requests import Request

from api.forms import Form

T = TypeVar("T")
SHOWN = 50


def filters(request: Request) -> Form:
    """What the address asks for, as the fields of the form that filters."""
    return Form(FormData(dict(request.query_params)))


def cut(
    request: Request, found: Sequence[T], key: str = "id", *, cursor: str = "before"
) -> tuple[list[T], str]:
    """Of SHOWN rows and one more: the rows to show, and where the rest is, if there is any."""
    rows = list(found[:SHOWN])
    if len(found) <= SHOWN:
        return rows, ""
    return rows, address(request, **{cursor: str(getattr(rows[-1], key))})


def address(request: Request, **changes: str) -> str:
    """This page with other parameters; an empty one is left out."""
    asked = {**request.query_params, **changes}
    asked.pop("lang", None)
    gone = [name for name, value in asked.items() if not value]
    url = request.url.replace(query="").include_query_params(
        **{name: value for name, value in asked.items() if name not in gone}
    )
    return f"{url.path}?{url.query}" if url.query else url.path
