"""A real server and a real browser: the program as it is started, Debian's Chromium as it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlmodel import Session

from ledger import clock, managers, plans, users
from ledger.benches import serving
from ledger.config import Settings
from ledger.db import Database
from tests import canaries

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "long enough to guess"
PHONES = {
    "manager": "13800000001",
    "operator": "13800000002",
    "approver": "13800000003",
    "finance": "13800000004",
}
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file of tests: its event loop must be gone before others start theirs."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_QUIET))
        yield started
        started.close()


@dataclass
class Site:
    """A served site, and a browser for everybody."""

    address: str
    browser: Browser
    phones: Mapping[str, str] = field(default_factory=lambda: PHONES)
    password: str = PASSWORD

    def signed_in(self, who: str, *, width: int = 1440, scripts: bool = True) -> Page:
        """A fresh browser of one person, signed in."""
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": width, "height": 800 if width < 600 else 1000},
            locale="zh-CN",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto("/sign-in")
        page.locator("input[name=phone]").first.fill(self.phones[who])
        page.locator("input[name=password]").first.fill(self.password)
        page.locator("button.primary").first.click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page


@pytest.fixture
def site(settings: Settings, database: Database, browser: Browser) -> Iterator[Site]:
    """`yongjin serve` over a fresh database with the story's people and Tianjin's plan."""
    database.run(people)
    with serve() as address:
        yield Site(address, browser)


@contextmanager
def on_a_file(folder: Path, migrated: Path) -> Iterator[Database]:
    """A database of their own for all tests of a file, and a place for files; no clock runs over it.

    What the program wrote down in it is read at the end, as after every test that has one to itself.
    """
    url = f"sqlite:///{shutil.copyfile(migrated, folder / 'yongjin.db')}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("YONGJIN_VAR", str(folder))
        patched.setenv("YONGJIN_CLOCK", "off")
        patched.setenv("YONGJIN_DATABASE_URL", url)
        patched.setenv("YONGJIN_OWNER_DATABASE_URL", url)
        with closing(Database(url)) as database:
            yield database
    assert canaries.kept(url) == []


@contextmanager
def serve() -> Iterator[str]:
    """`yongjin serve` on a free port, over what the environment says; its address."""
    port = serving.free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "ledger.cli", "serve", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/health/ready", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def people(session: Session) -> None:
    """Two managers, who uses the site, and the plan."""
    now = clock.now()
    for number, name, account in (
        ("M1", "张三", "6222020200112233445"),
        ("M2", "李四", "6222020200112233446"),
    ):
        managers.add(session, id=number, name=name, bank_name="工商银行", bank_account=account, now=now)
    made = {}
    for who, phone in PHONES.items():
        role = {"approver": "operator"}.get(who, who)
        manager = "M1" if role == "manager" else None
        made[who] = users.add(
            session, phone=phone, name=who, role=role, password=PASSWORD, manager_id=manager, now=now
        )
    text = (ROOT / "ledger/cities/tianjin.yaml").read_text("utf-8")
    drafted = plans.draft(session, text, by=made["operator"], now=now)
    plans.publish(session, drafted.id, effective_on=date(2020, 1, 1), by=made["approver"], now=now)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not get ready")
