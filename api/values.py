"""What values look like in the JSON interface: each is checked here, for the tables check nothing.

Amounts are decimal text with the currency's digits, days are 2026-05-06, instants end in Z. Ids and
texts hold no control characters (PostgreSQL keeps no NUL) and are no longer than their column is meant
for; numbers stay where the sums of many still fit 64 bits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from ledger.core import money
from ledger.core.errors import Invalid
from ledger.core.scalars import YEARS

T = TypeVar("T")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LARGEST = 2**63 - 1


class Body(BaseModel):
    """What is sent here. A field nobody knows is an error, so that a slip of the pen is not lost."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What is sent from here."""

    model_config = ConfigDict(from_attributes=True)


def no_controls(text: str) -> str:
    """The text, if it has no control characters but line ends and tabs; else ValueError."""
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\r\t" for sign in text):
        raise ValueError("holds a control character")
    return text


def one_line(text: str) -> str:
    """The text, if it is one line without control characters; else ValueError."""
    if any(sign in text for sign in "\n\r\t"):
        raise ValueError("is to be one line")
    return no_controls(text)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be seen")
    return text


def _iso_day(given: object) -> object:
    if isinstance(given, date):
        return given
    if not isinstance(given, str) or not _DAY.fullmatch(given):
        raise ValueError("is no day; write it as 2026-05-06")
    return given


def _plausible_day(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"lies outside {YEARS[0]} to {YEARS[-1]}")
    return day


def _in_utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


_ID = r"^[^\s/\x00-\x1f\x7f]{1,64}$"
_ONE_LINE = AfterValidator(one_line)

Id = Annotated[str, StringConstraints(pattern=_ID), AfterValidator(_printable)]
PathId = Annotated[Id, Path(description="Its id.")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _ONE_LINE]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _ONE_LINE]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _ONE_LINE]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(no_controls)]
ShortNote = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(no_controls)
]
Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    _ONE_LINE,
    Field(
        description="The paper's own number. The same document twice is one document.", examples=["FP-0001"]
    ),
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{5,18}$"), Field(examples=["13800000001"])]
Password = Annotated[
    str, StringConstraints(min_length=12, max_length=200), _ONE_LINE, Field(examples=["long enough to guess"])
]
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=200), _ONE_LINE]
Amount = Annotated[
    str,
    StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,3})?$"),
    Field(description="Decimal text with the currency's digits.", examples=["25000.00"]),
]
Weight = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{1,4})?$"),
    Field(description="At most four significant digits.", examples=["60"]),
]
Rate = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?%$"), Field(examples=["6%"])]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["CNY"])]
PeriodName = Annotated[
    str,
    StringConstraints(pattern=r"^(19[0-9]{2}|20[0-9]{2}|2100)-(0[1-9]|1[0-2])$"),
    Field(description="A calendar month in Asia/Shanghai.", examples=["2026-05"]),
]
Day = Annotated[
    date,
    BeforeValidator(_iso_day),
    AfterValidator(_plausible_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-05-06"]}),
]
Instant = Annotated[
    datetime,
    PlainSerializer(_in_utc, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-05-06T02:00:00Z"]}),
]
Participants = Annotated[
    dict[Id, Weight],
    Field(
        min_length=1,
        max_length=50,
        description="Who took part: weight by manager id.",
        examples=[{"M1": "60", "M2": "40"}],
    ),
]


def above_zero(text: str, currency: str) -> int:
    """Whole minor units of an amount that is more than nothing."""
    minor = money.parse_minor(text, currency)
    if minor <= 0:
        raise Invalid("amount_not_positive", "{amount} is not above zero", amount=text)
    return minor


# Lists

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    Id | None, Query(description="The `next` of the page before; left out for the first page.")
]
NumberCursor = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="The `next` of the page before; left out for the first page."),
]


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the page after it, or null at the end."""

    items: list[T]
    next: str | None = Field(description="Give it as `cursor` to get the page after this one.")


def first_of(found: Sequence[Any], limit: int, key: str = "id") -> tuple[Sequence[Any], str | None]:
    """Of `limit` rows and one more: the page, and the cursor of the next one where there is one."""
    page = found[:limit]
    return page, str(getattr(page[-1], key)) if len(found) > limit else None
