"""Values that the shared offices are built with and that nobody may ever be told by a log, an address or an
error: the whole run is read for them (`tests/conftest.py`), not one test.

Read are what a test leaves on its standard streams and in its log, also what it read of them itself; what
every program it starts says; every address and failure; what is kept of jobs, messages, answers and of what
was done; and traces.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache, wraps
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import httpx
import psycopg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.engine import URL, make_url

from ledger import tables, vault
from ledger.db import conninfo

ACCOUNTS = ("6222020200112233445", "6222020200112233446")
IDENTITY = "11010519491231002X"
PASSWORD = "long enough to guess"
PLANTED = (*ACCOUNTS, IDENTITY, PASSWORD)
SECRETS = re.compile(r"\byj_[\w-]{40,}|\$argon2id\$|\byj[12]\.[\w.-]{30,}")  # tokens, hashes, ciphertexts

# Where the program writes down what it did, said and answered, in words of its own.
SAID = ("answer", "audit_note", "delivery", "job_run", "notice", "run_part", "webhook_delivery")

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


class Started(subprocess.Popen[Any]):
    """A program beside the test: what it says to nobody or into a file is read as each test ends."""

    running: ClassVar[list[Started]] = []

    def __init__(self, args: Any, *more: Any, **options: Any) -> None:
        self.said: list[BinaryIO] = []
        unheard = []
        for stream in ("stdout", "stderr"):
            if options.get(stream) == subprocess.DEVNULL:
                options[stream], name = tempfile.mkstemp(prefix="yongjin-said-")
                unheard.append(options[stream])
                self._listen(Path(name))
                Path(name).unlink()
            elif hasattr(options.get(stream), "fileno"):
                self._listen(Path(f"/proc/self/fd/{options[stream].fileno()}"))
        try:
            super().__init__(args, *more, **options)
        finally:
            for descriptor in unheard:
                os.close(descriptor)
        self.running.append(self)

    def _listen(self, file: Path) -> None:
        if file.is_file():
            self.said.append(file.open("rb"))

    @classmethod
    def told(cls) -> list[str]:
        """What all of them said since it was last asked."""
        found = []
        for program in list(cls.running):
            over = program.poll() is not None
            for file in program.said:
                said = file.read().decode("utf-8", "replace")
                found += [f"what {program.args} says: {one}" for one in named(said)]
                if over:
                    file.close()
            if over:
                cls.running.remove(program)
        return found


def kept(url: str) -> list[str]:
    """What the program wrote down of what it did, as it stands in the database."""
    with closing(_connected(make_url(url))) as connection:
        return [
            f"a row of {name}: {one}"
            for name, question in _questions().items()
            for row in connection.execute(question).fetchall()
            for one in named(str(row))
        ]


def _connected(url: URL) -> Any:
    """By the driver alone: every test that has a database asks."""
    if url.get_backend_name() == "sqlite":
        return sqlite3.connect(str(url.database))
    return psycopg.connect(conninfo(url))


@cache
def _questions() -> dict[str, str]:
    """For every column but those that stand under the keys and are meant to."""
    found = {}
    for name in SAID:
        columns = tables.metadata.tables[name].columns
        said = [f'"{one.name}"' for one in columns if not isinstance(one.type, vault.Encrypted)]
        found[name] = f'SELECT {", ".join(said)} FROM "{name}"'
    return found


def _traced(told: list[str], export: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(export)
    def exported(exporter: Any, spans: Iterable[Any]) -> Any:
        told.extend(f"the trace of {span.name}: {one}" for span in spans for one in named(span.to_json()))
        return export(exporter, spans)

    return exported


def _taken(told: list[str], read_out: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(read_out)
    def taken(capture: Any) -> Any:
        found = read_out(capture)
        told.extend(f"standard error, read by the test: {one}" for one in named(str(found.err)))
        return found

    return taken


def watch(environment: pytest.MonkeyPatch) -> list[str]:
    """Read every request, answer and program from now on; what was told that should not be."""
    told: list[str] = []
    environment.setattr(httpx.Client, "send", _watched(told, httpx.Client.send))
    environment.setattr(subprocess, "run", _overheard(told, subprocess.run))
    environment.setattr(subprocess, "Popen", Started)
    environment.setattr(InMemorySpanExporter, "export", _traced(told, InMemorySpanExporter.export))
    environment.setattr(pytest.CaptureFixture, "readouterr", _taken(told, pytest.CaptureFixture.readouterr))
    return told
