"""Seals (封存): the hashes of rows and of the blocks that hold them, pure.

Everything is hashed in one canonical form: JSON with keys in order of code points, no spaces, UTF-8,
whole numbers only. Days are `2026-10-31`, instants `2026-10-31T16:00:00.000000Z`. Two different
values never have the same form, and the same row has the same hash on either database.

    row       SHA-256 of [kind, id, content]
    members   SHA-256 over one line [kind, id, hash of the row] after another, in order
    block     SHA-256 of ["yongjin seal 1", no, previous, made_at, made_by, through, count, members]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ledger.core.errors import Invalid

GENESIS = "0" * 64  # what the first block follows
FORMAT = "yongjin seal 1"


@dataclass(frozen=True, slots=True)
class Member:
    """One sealed row: its kind, its id as text, the hash of what it said."""

    kind: str
    row_id: str
    sha256: str

    @property
    def order(self) -> tuple[str, int, str]:
        """Members stand in this order: by kind, whole numbers as numbers, other ids by code points."""
        return self.kind, len(self.row_id), self.row_id


@dataclass(frozen=True, slots=True)
class Block:
    """A block before its head is known. `through` has the highest id sealed so far of every kind."""

    no: int
    previous: str
    made_at: datetime
    made_by: str
    through: Mapping[str, str]
    count: int
    members_sha256: str

    @property
    def head(self) -> str:
        """The hash that is written down, published and followed by the next block."""
        content = [
            FORMAT,
            self.no,
            self.previous,
            self.made_at,
            self.made_by,
            self.through,
            self.count,
            self.members_sha256,
        ]
        return hashlib.sha256(canonical(content)).hexdigest()


def canonical(value: Any) -> bytes:
    """A value in its one form. Invalid for a float or anything else that has more than one."""
    return _encoder.encode(_plain(value)).encode()


_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_AS_IT_IS = frozenset({type(None), bool, int, str})


def _plain(value: Any) -> Any:
    # a row has some hundred parts, most of which are as they are: for those no call is made
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Mapping):
        return {
            key if type(key) is str else _key(key): part if type(part) in _AS_IT_IS else _plain(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [part if type(part) in _AS_IT_IS else _plain(part) for part in value]
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    raise _formless(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise _formless(key)
    return key


def _formless(value: Any) -> Invalid:
    return Invalid("seal_form", "{value} has no canonical form; write it as text", value=repr(value)[:80])


def row_sha256(kind: str, row_id: str, content: Mapping[str, Any]) -> str:
    """The hash of one row: what it is, which one, what it says."""
    return hashlib.sha256(canonical([kind, row_id, content])).hexdigest()


def members_sha256(members: Iterable[Member]) -> str:
    """The hash over the rows of a block, in the order they are given."""
    digest = hashlib.sha256()
    for member in members:
        digest.update(canonical([member.kind, member.row_id, member.sha256]) + b"\n")
    return digest.hexdigest()


def through(before: Mapping[str, str], members: Iterable[Member]) -> dict[str, str]:
    """The highest id of every kind, after these members too."""
    highest = {kind: Member(kind, row_id, "") for kind, row_id in before.items()}
    for member in members:
        there = highest.get(member.kind)
        if there is None or there.order < member.order:
            highest[member.kind] = member
    return {kind: member.row_id for kind, member in sorted(highest.items())}
