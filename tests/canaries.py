"""Values that the shared offices are built with and that nobody may ever be told by a log, an address or an
error: the whole run is read for them (`tests/conftest.py`), not one test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import httpx
import pytest

ACCOUNTS = ("6222020200112233445", "6222020200112233446")
IDENTITY = "11010519491231002X"
PASSWORD = "long enough to guess"
PLANTED = (*ACCOUNTS, IDENTITY, PASSWORD)
SECRETS = re.compile(r"\byj_[\w-]{40,}|\$argon2id\$|\byj[12]\.[\w.-]{30,}")  # tokens, hashes, ciphertexts

_ADDRESS = re.compile(r'(?:href|action|src)="([^"]*)"')


def named(text: str) -> list[str]:
    """What of it a text names."""
    return [one for one in PLANTED if one in text] + SECRETS.findall(text)


def read(sections: Iterable[tuple[str, str]]) -> list[str]:
    """What a test left on its standard streams and in its log."""
    return [f"{title}: {one}" for title, text in sections for one in named(text)]


def _watched(told: list[str], send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    @wraps(send)
    def sent(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = send(client, request, **options)
        told.extend(f"the address {request.url.path}: {one}" for one in named(str(request.url)))
        told.extend(
            f"where {request.url.path} leads: {one}" for one in named(answer.headers.get("location", ""))
        )
        if answer.is_stream_consumed and "html" in answer.headers.get("content-type", ""):
            addresses = " ".join(_ADDRESS.findall(answer.text))
            told.extend(f"an address on {request.url.path}: {one}" for one in named(addresses))
        if answer.status_code >= 500 and answer.is_stream_consumed:
            told.extend(f"the failure of {request.url.path}: {one}" for one in named(answer.text))
        return answer

    return sent


def _overheard(told: list[str], run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def ran(*given: Any, **options: Any) -> Any:
        done = run(*given, **options)
        error = done.stderr.decode("utf-8", "replace") if isinstance(done.stderr, bytes) else done.stderr
        told.extend(f"standard error of {done.args}: {one}" for one in named(error or ""))
        return done

    return ran


def watch(environment: pytest.MonkeyPatch) -> list[str]:
    """Read every request, answer and program from now on; what was told that should not be."""
    told: list[str] = []
    environment.setattr(httpx.Client, "send", _watched(told, httpx.Client.send))
    environment.setattr(subprocess, "run", _overheard(told, subprocess.run))
    return told
