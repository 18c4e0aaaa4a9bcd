"""Files in an S3-compatible bucket, through boto3. Its keys come from where boto3 looks for them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger.core.errors import Invalid

_GONE = ("404", "NoSuchKey", "NotFound")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, what names in it begin with, and which server has it (none: Amazon's own)."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"

    @classmethod
    def of(cls, url: str) -> Bucket:
        """The bucket of an address such as `s3://bucket/folder?endpoint=https://files.example.org`."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise Invalid(
                "files_url",
                "“{url}” is no place for files; write s3://bucket/folder?endpoint=https://…",
                url=url,
            )
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        prefix = f"{parts.path.strip('/')}/".lstrip("/")
        return cls(parts.netloc, prefix, asked.get("endpoint"), asked.get("region", "us-east-1"))

    def put(self, name: str, content: bytes) -> None:
        """Keep the bytes under their name; the server checks that they arrived whole."""
        if not self._is_there(name):
            self._client.put_object(
                Bucket=self.name,
                Key=self._key(name),
                Body=content,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(name)).decode(),
            )

    def get(self, name: str) -> bytes | None:
        """The bytes, or None where there are none."""
        try:
            found = self._client.get_object(Bucket=self.name, Key=self._key(name))
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        content: bytes = found["Body"].read()
        return content

    def remove(self, name: str) -> bool:
        """Let the bytes go; whether there were any."""
        was_there = self._is_there(name)
        self._client.delete_object(Bucket=self.name, Key=self._key(name))
        return was_there

    def names(self) -> Iterator[str]:
        """Every name that is kept."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix)
        for page in pages:
            yield from (one["Key"].rpartition("/")[2] for one in page.get("Contents", ()))

    def _is_there(self, name: str) -> bool:
        try:
            self._client.head_object(Bucket=self.name, Key=self._key(name))
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        return True

    def _key(self, name: str) -> str:
        return f"{self.prefix}{name[:2]}/{name}"

    @property
    def _client(self) -> Any:
        return _client(self.endpoint, self.region)


@cache
def _client(endpoint: str | None, region: str) -> Any:
    """One client a process: it is safe among threads and slow to make."""
    import boto3  # slow to load: who keeps files in a folder does without
    from botocore.config import Config

    retries = Config(retries={"max_attempts": 5, "mode": "standard"}, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=endpoint, region_name=region, config=retries)
