"""Ids that sort by time and say what they are: `ms_01k3…`."""

from __future__ import annotations

import re
import secrets

from ulid import ULID

from ledger.core.errors import Invalid

_GIVEN = re.compile(r"[^\s/\x00-\x1f\x7f]{1,64}")


def new(prefix: str) -> str:
    """A fresh id; `prefix` names the noun."""
    return f"{prefix}_{str(ULID()).lower()}"


def opaque(prefix: str) -> str:
    """The same for what may be somebody else's secret: it does not tell when it was made."""
    return f"{prefix}_{str(ULID.from_bytes(secrets.token_bytes(16))).lower()}"


def given(text: str, noun: str) -> str:
    """An id that somebody brought along (a deal's, a manager's), or Invalid."""
    if not _GIVEN.fullmatch(text) or not text.isprintable():
        raise Invalid(
            "id_invalid",
            "“{id}” cannot be the id of a {noun}: 1 to 64 characters, no spaces and no /",
            id=text,
            noun=noun,
        )
    return text
