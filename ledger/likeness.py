"""How alike two titles are, from 0 to 100, so that people see what may be the same or go together."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeVar

from rapidfuzz import fuzz

T = TypeVar("T")

SAME = 75  # two needs as alike as this may be one
TOGETHER = 40  # a need and a result as alike as this may go together


def score(one: str, other: str) -> int:
    """By signs, not words, for Chinese has no spaces; a title within a longer text counts a little less."""
    a, b = _plain(one), _plain(other)
    if not a or not b:
        return 0
    return int(max(fuzz.ratio(a, b), fuzz.partial_ratio(a, b) * 9 / 10))


def ranked(title: str, others: Iterable[tuple[T, str]], *, least: int, most: int = 5) -> list[tuple[T, int]]:
    """The likest of some things with their texts, the likest first."""
    scored = [(thing, score(title, text)) for thing, text in others]
    found = [(thing, points) for thing, points in scored if points >= least]
    return sorted(found, key=lambda one: -one[1])[:most]


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())
