"""What somebody filled in: the fields as text, and what is wrong with them, by field.

A page reads a `Form`, turns its texts into values, and where something is wrong shows the same page
again with status 422, the fields as they were and a sentence under each that needs mending.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from api.language import gettext
from api.words import sentence
from ledger.core.errors import Invalid

T = TypeVar("T")


class Form:
    """The fields of one form, and their errors in the language at hand."""

    def __init__(self, fields: FormData | None = None, /, **defaults: str) -> None:
        self.fields = fields or FormData()
        self.defaults = defaults
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        """A field's text, without spaces around it; empty where it is missing."""
        value = self.fields.get(name, self.defaults.get(name, ""))
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Every text given for a field that may come several times."""
        return [value.strip() for value in self.fields.getlist(name) if isinstance(value, str)]

    def files(self, name: str) -> list[UploadFile]:
        """The files given for a field; a file input left empty gives none."""
        given = self.fields.getlist(name)
        return [file for file in given if isinstance(file, UploadFile) and file.filename]

    def required(self, name: str) -> str:
        """A field's text; an error where it is empty."""
        text = self.text(name)
        if not text:
            self.refuse(name, gettext("Please fill this in."))
        return text

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """A field's text as a value; where `parse` raises Invalid, its sentence is the field's error."""
        text = self.required(name)
        if not text:
            return None
        try:
            return parse(text)
        except Invalid as refusal:
            self.refuse(name, sentence(refusal))
            return None

    def refuse(self, name: str, error: str) -> None:
        """Say what is wrong with a field; the first error of a field stays."""
        self.errors.setdefault(name, error)

    def error(self, name: str) -> str:
        """What is wrong with a field, or nothing."""
        return self.errors.get(name, "")

    def attributes(self, name: str, hint: str, required: bool) -> dict[str, str]:
        """What ties a field to its label, its hint and its error."""
        told = [f"f-{name}-hint"] * bool(hint) + [f"f-{name}-error"] * bool(self.error(name))
        attributes = {"id": f"f-{name}", "name": name}
        if required:
            attributes["required"] = ""
        if self.error(name):
            attributes["aria-invalid"] = "true"
        return attributes | ({"aria-describedby": " ".join(told)} if told else {})

    @property
    def ok(self) -> bool:
        """Whether nothing was refused so far."""
        return not self.errors


async def _read(request: Request) -> AsyncIterator[Form]:
    async with request.form(max_files=20, max_fields=500) as fields:
        if any("\0" in text for _, text in fields.multi_items() if isinstance(text, str)):
            raise nul()
        yield Form(fields)


def nul() -> Invalid:
    """No text has it, and PostgreSQL keeps none that has."""
    return Invalid("text_nul", "what was sent holds a NUL, which is no character of any text; take it out")


Filled = Annotated[Form, Depends(_read)]
