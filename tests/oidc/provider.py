"""A company's sign-in as a process of its own: oidc-provider, certified, on Playwright's node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from ledger.benches import serving

HERE = Path(__file__).parent
NODE = Path(next(iter(find_spec("playwright").submodule_search_locations))) / "driver" / "node"  # type: ignore[union-attr, arg-type]
CLIENT_ID, SECRET = "yongjin", "a-secret-of-the-company-and-us"
BACK = "https://testserver/sign-in/company/callback"
HOME = "https://testserver/sign-in"
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "zhang": {"phone_number": "+8613800000001", "phone_number_verified": True},
    "zhang's heir": {"phone_number": "13800000001", "phone_number_verified": True},
    "operator": {"phone_number": "+86 138 0000 0003", "phone_number_verified": True},
    "li": {"phone_number": "13800000002", "phone_number_verified": False},
    "stranger": {"phone_number": "+8613999999999", "phone_number_verified": True},
    "nobody": {},
}


@dataclass(frozen=True, slots=True)
class Company:
    """One that runs."""

    issuer: str

    def answer(self, url: str, who: str, amr: str = "") -> str:
        """Where the company sends the browser that came with `url`, once `who` has signed in there."""
        with httpx.Client(timeout=30) as browser:
            asked = browser.get(url)
            assert asked.status_code == 303, asked.text
            sent = browser.post(urljoin(url, asked.headers["location"]), data={"login": who, "amr": amr})
            there = browser.get(urljoin(url, sent.headers["location"]))
            assert there.headers["location"].startswith(BACK), there.text
            return str(there.headers["location"])


@contextmanager
def running() -> Iterator[Company]:
    """The process, until it is done with."""
    port = serving.free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uris": [BACK],
        "post_logout_redirect_uris": [HOME],
    }
    process = subprocess.Popen(
        [NODE, HERE / "provider.mjs", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"client": client, "people": PEOPLE}))
        process.stdin.close()
        told = next((line for line in process.stdout if line == "ready\n"), "")
        assert told, "the company's sign-in did not start"
        yield Company(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
