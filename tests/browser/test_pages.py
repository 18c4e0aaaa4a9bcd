"""Every page, as each role sees it, narrow and wide, in both languages, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from api import navigation
from ledger import clock, demo, printing, statements
from ledger.core import period as months
from ledger.db import Database
from ledger.files import Store
from tests.browser import crawl
from tests.browser.conftest import Site, on_a_file, serve

PHONES = {"manager": "13800000001", "operator": "13800000011", "finance": "13800000021"}
WIDTHS = (360, 1440)
FIRST_PAINT_MOST = 100 * 1024  # bytes over the wire


@pytest.fixture(scope="module")
def demonstration(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, browser: Browser
) -> Iterator[Site]:
    """The demonstration, served: a few contracts of the city are enough to see every page."""
    folder = tmp_path_factory.mktemp("demonstration")
    with on_a_file(folder, migrated_file) as database:
        _prepare(database, Store(folder / "files"))
        with serve() as address:
            yield Site(address, browser, PHONES, demo.PASSWORD)


def _prepare(database: Database, store: Store) -> None:
    """The demonstration, and two statements of it; without a clock no job makes the others."""
    now = clock.now()
    demo.load(database, store, contracts=20, now=now)
    month = months.preceding(months.of(clock.day_of(now)))
    for manager_id in ("T001", "T002"):
        with database.reading() as session:
            drawn = statements.draw(session, manager_id, month, kind="preliminary", now=now)
        with ThreadPoolExecutor(1) as apart:  # the browser has this thread's event loop, signing wants one
            pdf = apart.submit(printing.printed, drawn).result()
        database.run(lambda session, drawn=drawn, pdf=pdf: statements.keep(session, store, drawn, pdf))


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", PHONES)
def test_no_page_is_too_wide_or_says_what_it_should_not(
    demonstration: Site, role: str, language: str, scripts: bool
) -> None:
    page = demonstration.signed_in(role, scripts=scripts)
    wrong = _errors_of(page)
    page.goto(f"/?lang={language}")
    seen = 0
    for address in crawl.pages(page):
        seen += 1
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{address} at {width}: {one}" for one in crawl.too_wide(page)]
        wrong += [f"{address}: {one}" for one in crawl.strays(page, language)]
    page.context.close()
    assert seen > 10 and wrong == []


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("role", PHONES)
def test_no_page_has_a_serious_barrier(demonstration: Site, role: str, width: int) -> None:
    page = demonstration.signed_in(role, width=width)
    wrong = [f"{address}: {one}" for address in crawl.pages(page) for one in crawl.barriers(page)]
    page.context.close()
    assert wrong == []


@pytest.mark.parametrize("role", PHONES)
def test_the_main_pages_are_narrow_and_without_a_barrier(demonstration: Site, role: str) -> None:
    """The quick slice: what is in a role's tab bar, on a phone and at a desk."""
    page = demonstration.signed_in(role, width=WIDTHS[0])
    wrong = _errors_of(page)
    for item in navigation.tabs(role):
        page.goto(item.href)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{item.href} at {width}: {one}" for one in crawl.too_wide(page)]
        wrong += [f"{item.href}: {one}" for one in crawl.strays(page, "zh") + crawl.barriers(page)]
    page.context.close()
    assert wrong == []


def test_a_managers_home_is_light_on_the_wire(demonstration: Site) -> None:
    assert 0 < _bytes_of_home(demonstration) < FIRST_PAINT_MOST


def _errors_of(page: Page) -> list[str]:
    found: list[str] = []
    page.on(
        "console", lambda said: found.append(f"{page.url}: {said.text}") if said.type == "error" else None
    )
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    page.on("response", lambda one: found.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    return found


def _bytes_of_home(site: Site) -> int:
    """What a browser that was never here loads to show a manager's home."""
    page = site.signed_in("manager", width=360)
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    wire.send("Network.setBypassServiceWorker", {"bypass": True})  # what it answers has no length here
    loaded: list[int] = []
    wire.on("Network.loadingFinished", lambda one: loaded.append(int(one["encodedDataLength"])))
    page.goto("/", wait_until="networkidle")
    page.context.close()
    return sum(loaded)
