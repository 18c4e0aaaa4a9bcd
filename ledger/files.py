"""Files by their content: evidence, statements, bank files. A file's name is its SHA-256.

They are kept in a folder, or in an S3-compatible bucket where one is configured; nothing else knows which.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from ledger.buckets import Bucket
from ledger.config import Settings
from ledger.core.errors import Invalid, NotFound
from ledger.db import fingerprint

_NAME = re.compile(r"[0-9a-f]{64}")
LARGEST = 20 * 1024 * 1024  # bytes of a file that somebody sends


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of files named by their hash, or a bucket of them; the same content is kept once."""

    root: Path
    bucket: Bucket | None = None

    def put(self, content: bytes) -> str:
        """Keep the bytes durably and return their SHA-256."""
        name = fingerprint(content)
        if self.bucket is not None:
            self.bucket.put(name, content)
        else:
            self._write(self._path(name), content)
        return name

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their name."""
        content = self.bucket.get(sha256) if self.bucket is not None else self._read(self._path(sha256))
        if content is None:
            raise NotFound("file_missing", "the file {sha256} is not in the store", sha256=sha256)
        if fingerprint(content) != sha256:
            raise NotFound("file_damaged", "the file {sha256} is damaged; restore it", sha256=sha256)
        return content

    def remove(self, sha256: str) -> bool:
        """Let a file go: its person was erased, or its time is over. Whether it was there."""
        if self.bucket is not None:
            return self.bucket.remove(sha256)
        path = self._path(sha256)
        was_there = path.exists()
        path.unlink(missing_ok=True)
        return was_there

    def names(self) -> Iterator[str]:
        """Every file that is kept, in order; one that is being written has another name."""
        there = (path.name for path in self.root.glob("??/*")) if self.bucket is None else self.bucket.names()
        return iter(sorted(name for name in there if _NAME.fullmatch(name)))

    def open(self, sha256: str) -> BinaryIO:
        """The file as it is, whether or not it is damaged: for a copy of everything."""
        if self.bucket is None:
            return self._path(sha256).open("rb")
        return io.BytesIO(self.bucket.get(sha256) or b"")

    def room(self) -> int:
        """How many bytes can still be kept; 0 where nothing can be written."""
        self.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.root).free if os.access(self.root, os.W_OK) else 0

    def _write(self, path: Path, content: bytes) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:  # no room: what was begun would take what little there is
                Path(file.name).unlink()
                raise
        Path(file.name).replace(path)

    def _read(self, path: Path) -> bytes | None:
        return path.read_bytes() if path.exists() else None

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name


def check(name: str, content: bytes) -> None:
    """Invalid, unless a file has something in it and not too much."""
    if not content:
        raise Invalid("evidence_empty", "the file “{name}” is empty", name=name)
    if len(content) > LARGEST:
        raise Invalid("evidence_large", "the file “{name}” is larger than 20 MB", name=name)


def plain_name(name: str) -> str:
    """A file's name without the folders somebody's browser told of."""
    return name.replace("\\", "/").rsplit("/", 1)[-1][:200] or "file"


def opened(settings: Settings) -> Store:
    """The store of the settings."""
    return Store(settings.files, Bucket.of(settings.files_url) if settings.files_url else None)
