"""What an entry is labelled with in a journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """Names and values for an entry, and for each of its postings in order."""

    entry: Mapping[str, str]
    postings: tuple[Mapping[str, str], ...]
