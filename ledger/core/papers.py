"""What all papers have in common: a value that is checked, printed, attached to its print, and found again.

A paper has a header with its `number` and `verify_url`. Its JSON form is versioned: fields are added
with a default, never renamed or given another meaning.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ledger.core import period as periods
from ledger.core.errors import Invalid


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
Period = Annotated[str, AfterValidator(periods.parse)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Value(BaseModel):
    """Typed strictly, never changed, and with no field that is not known."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Words(Value):
    """A text for people in Chinese, and in English where there is one."""

    zh: str
    en: str = ""


class Head(Value):
    """What every paper begins with."""

    number: str
    platform: str
    made_at: Instant
    data_as_of: Instant
    verify_url: str = ""


class Paper(Value):
    """A snapshot; each kind has its own header with at least what `Head` has."""

    header: Any


P = TypeVar("P", bound=Paper)


def to_json(snapshot: Paper) -> str:
    """The canonical JSON: sorted keys, no white space, text as it is, instants in UTC."""
    return json.dumps(
        snapshot.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


def from_json(kind: type[P], text: str | bytes) -> P:
    """The snapshot, or Invalid that says where the text is wrong. It may still not tie: `check` it."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise Invalid(
            "statement_unreadable",
            "this is no statement of version 1: {place}: {what}",
            place=place,
            what=first["msg"],
        ) from wrong


def code(snapshot: Paper) -> str:
    """Ten letters, 50 bits of its hash: whoever knows them with the number has the paper before them."""
    text = to_json(_at(snapshot, ""))
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:10].decode()


def pointing(snapshot: P, public_url: str) -> P:
    """The paper with the address where it is verified; as it is where there is none."""
    if not public_url:
        return snapshot
    number = quote(snapshot.header.number, safe="")
    return _at(snapshot, f"{public_url}/verify/{number}/{code(snapshot)}")


def _at(snapshot: P, url: str) -> P:
    header = snapshot.header.model_copy(update={"verify_url": url})
    return snapshot.model_copy(update={"header": header})


def tie(number: str, what: str, stated_minor: int, added_minor: int) -> None:
    """Invalid where a figure is not what its parts add up to."""
    if stated_minor != added_minor:
        raise Invalid(
            "statement_untied",
            "statement {number}: {what} is stated as {stated} but adds up to {added} (minor units)",
            number=number,
            what=what,
            stated=stated_minor,
            added=added_minor,
        )
