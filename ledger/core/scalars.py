"""The kinds of scalar a plan or facts file holds: each reads one node, or names its line in an error."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

from ledger.core import money
from ledger.core.document import Fields, Node, shown
from ledger.core.errors import Invalid, InvalidFile

SIGNIFICANT_MOST = 4  # digits of a weight or grade, see `money.split`
WEIGHT_MOST = 1_000_000
YEARS = range(1990, 2101)

_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WHOLE = re.compile(r"[0-9]{1,9}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WEIGHT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|[0-9]{1,4}/[0-9]{1,4}")


def check_format(fields: Fields) -> None:
    """A file says which format it is in; there is one so far."""
    node = fields.need("format")
    if node.text() != "1":
        raise node.fail(f"there is no format “{shown(node.text())}”", "write “format: 1”")


def amount(node: Node, currency: str) -> int:
    """Whole minor units, of either sign."""
    try:
        return money.parse_minor(node.text(), currency)
    except Invalid as error:
        raise refused(node, error) from None


def amount_from_zero(node: Node, currency: str) -> int:
    """Whole minor units, zero or more."""
    minor = amount(node, currency)
    if minor < 0:
        raise node.fail(f"{node.name} is below zero: {node.text()}", "write an amount of zero or more")
    return minor


def amount_above_zero(node: Node, currency: str) -> int:
    """Whole minor units, more than nothing."""
    minor = amount(node, currency)
    if minor <= 0:
        raise node.fail(f"{node.name} is not above zero: {node.text()}", "write an amount above zero")
    return minor


def rate(node: Node) -> Fraction:
    """An exact rate from 0% to 100%."""
    value = _ratio(node)
    if value > 1:
        raise node.fail(f"{node.name} is more than 100%: {node.text()}", "write a rate from 0% to 100%")
    return value


def grade(node: Node) -> Fraction:
    """An exact factor above zero, of at most four significant digits."""
    value = _ratio(node)
    if value == 0:
        raise node.fail(f"{node.name} is zero", "write a percentage above 0%")
    return _plain_weight(node, value)


def weight(node: Node) -> Fraction:
    """A number of zero or more, of at most four significant digits, or a small fraction."""
    text = node.text()
    try:
        value = Fraction(text) if _WEIGHT.fullmatch(text) else money.parse_rate(text)
    except (Invalid, ZeroDivisionError):
        raise node.fail(
            f"the weight “{shown(text)}” is no number", "write one such as 1, 60 or 0.5"
        ) from None
    return _plain_weight(node, value)


def format_weight(value: Fraction | int) -> str:
    """The weight as `weight` reads it: "60", "0.5", or "1/3" where no short decimal is exact."""
    scaled = value * 10**9
    whole, part = divmod(int(scaled), 10**9)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".")
    return text if scaled.denominator == 1 and _is_short(text) else str(value)


def whole(node: Node, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    text = node.text()
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise node.fail(
            f"{node.name} cannot be “{shown(text)}”", f"write a whole number from {least} to {most}"
        )
    return int(text)


def truth(node: Node) -> bool:
    """`true` or `false`, in the three spellings of YAML 1.2."""
    text = node.text()
    if text not in ("true", "True", "TRUE", "false", "False", "FALSE"):
        raise node.fail(f"{node.name} cannot be “{shown(text)}”", "write true or false")
    return text.lower() == "true"


def day(node: Node) -> date:
    """A day of the calendar, written 2026-05-06."""
    text = node.text()
    match = _DAY.fullmatch(text)
    try:
        read = date(*map(int, match.groups())) if match else None
    except ValueError:
        read = None
    if read is None or read.year not in YEARS:
        raise node.fail(
            f"{node.name} is no day: “{shown(text)}”",
            f"write one from {YEARS[0]} to {YEARS[-1]} as 2026-05-06",
        )
    return read


def code(node: Node) -> str:
    """The id of a plan or stage: it stands in addresses, file names and accounts."""
    return _matching(node, node.text(), _CODE, "Latin letters, digits, “_”, “-” and “.”, at most 64")


def identifier(node: Node, text: str | None = None) -> str:
    """The id of a deal or person, kept as written: `01` and `NO` too. `text` where it is a key."""
    text = node.text() if text is None else text
    if not 1 <= len(text) <= 64 or "/" in text or not text.isprintable() or " " in text:
        raise node.fail(
            f"“{shown(text)}” cannot be an id", "use 1 to 64 characters without white space and without “/”"
        )
    return text


def refused(node: Node, error: Invalid) -> InvalidFile:
    """The error of a value that another module could not understand, with its line."""
    what, _, mend = str(error).partition("; ")
    return node.fail(f"{node.name}: {what}", mend or "mend it")


def _ratio(node: Node) -> Fraction:
    try:
        return money.parse_rate(node.text())
    except Invalid as error:
        raise refused(node, error) from None


def _plain_weight(node: Node, value: Fraction) -> Fraction:
    if value > WEIGHT_MOST or not _is_short(node.text()):
        raise node.fail(
            f"“{node.text()}” has more than {SIGNIFICANT_MOST} significant digits or is over a million",
            "round it",
        )
    return value


def _is_short(text: str) -> bool:
    """Whether a number, or each of a fraction's two, has few enough significant digits."""
    numbers = text.removesuffix("%").split("/")
    return all(len(number.replace(".", "").strip("0")) <= SIGNIFICANT_MOST for number in numbers)


def _matching(node: Node, text: str, pattern: re.Pattern[str], kind: str) -> str:
    if not pattern.fullmatch(text):
        raise node.fail(f"“{shown(text)}” cannot be an id", f"use {kind}")
    return text
