"""The ring: keys in a file and not in the database, and AES-GCM under them.

Who has the database, a dump or a disk of it, has no account and no identity number. The file has a key a
line; the last one is written with, all are read with. Under it stand secrets and the key of every person
(`persons`), so that `yongjin keys rotate`, which adds a key and writes anew what is under the ring, has
little to write and leaves nothing under the old ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Dialect, String, TypeDecorator

from ledger import config
from ledger.core.errors import NotFound

PREFIX = "yj1."


@dataclass(frozen=True)
class Ring:
    """The keys of one file, the current one last."""

    keys: tuple[tuple[str, bytes], ...]

    @property
    def current(self) -> str:
        """The name of the key that is written with."""
        return self.keys[-1][0]

    @cached_property
    def ciphers(self) -> dict[str, AESGCM]:
        """A cipher for every key."""
        return {name: AESGCM(key) for name, key in self.keys}

    def seal(self, place: str, text: str) -> str:
        """A text under the current key, good for this place only."""
        return f"{PREFIX}{self.current}.{sealed(self.ciphers[self.current], place, text)}"

    def open(self, place: str, kept: str) -> str:
        """The text; what was kept before there were keys is as it is."""
        if not kept.startswith(PREFIX):
            return kept
        name, _, content = kept.removeprefix(PREFIX).partition(".")
        try:
            return opened(self.ciphers[name], place, content)
        except (KeyError, ValueError, InvalidTag) as error:
            raise NotFound(
                "data_key_missing",
                "{place} is kept under the key {name}, which is not in the file of keys; restore that file",
                place=place,
                name=name,
            ) from error

    @cached_property
    def _marking(self) -> dict[str, bytes]:
        """For every key another one, drawn from it, to make marks with."""
        return {name: HKDFExpand(SHA256(), 32, b"blind index").derive(key) for name, key in self.keys}

    def marks(self, place: str, text: str) -> list[str]:
        """What a text is found by without being told (盲索引), under every key; the current one's last."""
        message = f"{place}|{text}".encode()
        return [
            f"{name}.{hmac.new(key, message, hashlib.sha256).hexdigest()}"
            for name, key in self._marking.items()
        ]


def sealed(cipher: AESGCM, place: str, text: str) -> str:
    """A text under a key, good for one place only."""
    nonce = secrets.token_bytes(12)
    return base64.urlsafe_b64encode(nonce + cipher.encrypt(nonce, text.encode(), place.encode())).decode()


def opened(cipher: AESGCM, place: str, content: str) -> str:
    """The text again; InvalidTag where the key or the place is another."""
    raw = base64.urlsafe_b64decode(content)
    return cipher.decrypt(raw[:12], raw[12:], place.encode()).decode()


_rings: dict[tuple[Path, int], Ring] = {}


def ring() -> Ring:
    """The keys as they are now; the first is made where there are none."""
    path = config.data_keys()
    try:
        changed = path.stat()
    except FileNotFoundError:
        _add(path)
        changed = path.stat()
    known = (path, changed.st_mtime_ns)
    if known not in _rings:
        _rings[known] = Ring(tuple(_read(line) for line in path.read_text("ascii").split()))
    return _rings[known]


def _read(line: str) -> tuple[str, bytes]:
    name, _, key = line.partition(":")
    return name, base64.urlsafe_b64decode(key)


def _add(path: Path, before: str = "") -> None:
    """A file with one key more, readable by its owner only, put in place at once; who came first stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    line = f"{secrets.token_hex(4)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}\n"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(before + line)
        file.flush()
        os.fsync(file.fileno())
    if before:
        part.replace(path)
        return
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def rotate() -> str:
    """Another key to write with from now on; its name."""
    ring()
    path = config.data_keys()
    _add(path, path.read_text("ascii"))
    return ring().current


class Encrypted(TypeDecorator[str]):
    """Text that the database never sees. `place` is the table and column, so that nothing can be moved."""

    impl = String
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else ring().seal(self.place, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else ring().open(self.place, value)
