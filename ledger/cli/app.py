"""The one typer application, and how a result is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ledger.core import file_words
from ledger.core.errors import Invalid, InvalidFile

app = typer.Typer(
    name="yongjin",
    help="佣金: a commission and brokerage ledger for technology managers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def yongjin() -> None:
    """佣金: a commission and brokerage ledger for technology managers."""


class Language(StrEnum):
    """The language of the reasons."""

    zh = "zh"
    en = "en"


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def print_json(result: Any) -> None:
    """A result as JSON on standard output, Chinese left readable."""
    print(json.dumps(result, ensure_ascii=False, indent=2))


@contextmanager
def wrong_files_in(lang: Language) -> Iterator[None]:
    """What is wrong with a file is said in the language that was asked for, as on the pages."""
    try:
        yield
    except InvalidFile as wrong:
        facts = wrong.facts
        what, mend = (file_words.said(str(facts[part]), lang.value) for part in ("what", "mend"))
        raise InvalidFile(str(facts["file"]), int(str(facts["line"])), what, mend) from None


def day_given(text: str) -> date:
    """The day of `--as-of`, or Invalid."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Invalid("day_invalid", "“{day}” is not a day; write --as-of 2026-05-31", day=text)
    return day


def file_content(path: Path) -> bytes:
    """The bytes of a file, or Invalid."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            "file_unreadable",
            "{file}: {why}; name a file that can be read",
            file=path,
            why=(error.strerror or "it cannot be read").lower(),
        ) from None


@contextmanager
def written(out: Path | None) -> Iterator[BinaryIO]:
    """Where to write. A file is there whole or, where something fails, as it was before."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    in_place = out.exists() and not out.is_file()  # a pipe or a device
    part = out if in_place else out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        if not in_place:
            part.replace(out)
    except OSError as error:
        raise Invalid(
            "file_unwritable", "{file} cannot be written: {why}", file=str(out), why=error.strerror or error
        ) from error
    finally:
        if not in_place:
            part.unlink(missing_ok=True)
