"""What scripts add: drafts that survive a lost network, keys for everything, filters kept under a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import select

from api.rendering import STATIC
from ledger.clock import day_of, now
from ledger.db import Database
from ledger.payments import Payout
from tests.browser.conftest import Site, on_a_file, people, serve
from tests.browser.test_story import fill, log_milestone, paid_for, verify_next
from tests.waiting import until

PHOTO = {"name": "表.png", "mimeType": "image/png", "buffer": (STATIC / "icon-192.png").read_bytes()}

# the browser's own database has a draft of this title with its photo
KEPT = """title => new Promise((done, failed) => {
  const asked = indexedDB.open("yongjin", 1);
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => {
    const all = asked.result.transaction("draft").objectStore("draft").getAll();
    all.onsuccess = () => done(all.result.some(({fields, files}) =>
      fields.some(([, value]) => value === title) && Object.values(files).some((kept) => kept.length)));
  };
})"""

ANY_DRAFT = """() => new Promise((done, failed) => {
  const asked = indexedDB.open("yongjin", 1);
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => {
    const counted = asked.result.transaction("draft").objectStore("draft").count();
    counted.onsuccess = () => done(counted.result > 0);
  };
})"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Database]:
    """One for all of this file: no test looks at what another leaves."""
    with on_a_file(tmp_path_factory.mktemp("scripts"), migrated_file) as opened:
        opened.run(people)
        yield opened


@pytest.fixture(scope="module")
def site(database: Database, browser: Browser) -> Iterator[Site]:
    with serve() as address:
        yield Site(address, browser)


def test_a_need_written_without_a_network_is_there_again_with_its_photo(site: Site) -> None:
    phone = site.signed_in("manager", width=360)
    phone.goto("/needs/new")
    phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.reload()  # from now on the worker is asked first
    fill(phone, title="断网时写下的需求", client="优眼科技")
    phone.locator("input[type=file]").set_input_files([PHOTO])  # type: ignore[list-item]
    until(lambda: phone.evaluate(KEPT, "断网时写下的需求"))
    phone.context.set_offline(True)
    phone.locator("main form button.primary").click()
    phone.get_by_text("没有网络").first.wait_for()
    phone.context.set_offline(False)
    phone.goto("/needs/new")
    phone.locator("[data-draft-note]").wait_for()
    assert phone.locator("[name=title]").input_value() == "断网时写下的需求"
    phone.locator("main form button.primary").click()
    phone.wait_for_url(re.compile("/needs/nd_"))
    assert "表.png" in phone.locator("main").inner_text()
    phone.goto("/needs/new")
    phone.wait_for_timeout(400)
    assert phone.locator("[name=title]").input_value() == ""


def test_a_payout_is_approved_with_the_keyboard_alone(site: Site, database: Database) -> None:
    _something_payable(site)
    desk = site.signed_in("operator")
    desk.goto("/payouts/new")
    desk.locator("main form button.primary").click()
    desk.wait_for_url(re.compile("/payouts/po_"))
    other = site.signed_in("approver")
    _press(other, "g", "p")
    other.wait_for_url(re.compile("/payouts$"))
    _press(other, "j", "Enter")
    other.wait_for_url(re.compile("/payouts/po_"))
    _press(other, ".", "Enter")
    other.wait_for_url(re.compile("/approve$"))  # which repeats count and sum
    _press(other, ".", "Enter")
    other.wait_for_url(re.compile(r"/payouts/po_\w+$"))
    with database.reading() as session:
        assert session.exec(select(Payout.state)).all() == ["approved"]


def test_the_keys_are_laid_over_any_page_and_writing_is_left_alone(site: Site) -> None:
    desk = site.signed_in("finance")
    desk.goto("/fees")
    _press(desk, "?")
    desk.get_by_text("每个页面").wait_for()
    _press(desk, "Escape", "/")
    desk.keyboard.type("g p?")
    assert desk.url.endswith("/fees") and desk.locator("dialog[open]").count() == 0


def test_filters_are_kept_under_a_name_and_forgotten(site: Site) -> None:
    desk = site.signed_in("finance")
    desk.goto("/fees?kind=fee_received")
    desk.locator("[data-views-save] input").fill("只看收款")
    desk.keyboard.press("Enter")
    desk.goto("/fees")
    desk.get_by_role("link", name="只看收款").click()
    desk.wait_for_url(re.compile(r"kind=fee_received"))
    desk.locator("[data-views] li button").click()
    desk.goto("/fees")
    assert desk.locator("[data-views]").is_hidden()


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _something_payable(site: Site) -> None:
    today = day_of(now())
    desk, finance = site.signed_in("operator"), site.signed_in("finance")
    deal = paid_for(desk, finance, today)
    log_milestone(desk, deal, "need_discovery", today, {"M1": "1"})
    verify_next(site.signed_in("approver"))


def test_a_password_is_shown_while_it_is_typed_and_measured_while_it_is_chosen(site: Site) -> None:
    desk = site.signed_in("operator")
    desk.goto("/account/password")
    field, meter = desk.locator("[name=new]"), desk.locator("meter")
    assert not meter.is_visible()
    measured = []
    for chosen in (
        "aaaaaaaaaaaaaaaaaaaa",
        "abcdefghijklmnopqrst",
        "zhuzhou rain",
        "a few words that fit nowhere",
    ):
        field.fill(chosen)
        measured.append(float(meter.evaluate("one => one.value")))
    assert measured == sorted(measured) and measured[1] < 12 <= measured[2], measured
    shown = desk.locator("[data-show=f-new]")
    shown.click()
    assert field.get_attribute("type") == "text" and shown.inner_text() == "隐藏密码"
    shown.click()
    assert field.get_attribute("type") == "password"


def test_signing_out_leaves_no_draft_on_the_device(site: Site) -> None:
    phone = site.signed_in("manager", width=360)
    phone.goto("/needs/new")
    phone.locator("[name=title]").fill("没有送出的需求")
    until(lambda: phone.evaluate(ANY_DRAFT))
    phone.locator("button[form^=sign-out]").first.dispatch_event("click")
    phone.wait_for_url(re.compile("/sign-in"))
    until(lambda: not phone.evaluate(ANY_DRAFT))
