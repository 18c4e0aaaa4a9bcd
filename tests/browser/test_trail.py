"""From a fen on a statement to what it rests on, and back, by clicking: five clicks at most each way."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page
from sqlmodel import select

from ledger import printing, statements
from ledger.clock import day_of, now
from ledger.config import Settings
from ledger.core import period as months
from ledger.db import Database
from ledger.evidence import Evidence
from ledger.files import Store
from tests.browser.conftest import Site
from tests.browser.test_scripts import PHOTO
from tests.browser.test_story import log_milestone, paid_for, verify_next

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
CLICKS_MOST = 5
LINE = "tr[id^='entry-']"


class Reader:
    """Somebody who only clicks; what they type or address themselves does not count as a way."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, link: str, leads_to: str) -> None:
        self.page.locator(f"main {link}").first.click()
        self.page.wait_for_url(re.compile(leads_to))
        self.clicks += 1


def test_a_line_is_followed_to_its_plan_and_its_evidence_and_back_in_five_clicks(
    site: Site, database: Database, settings: Settings
) -> None:
    statement_id, evidence = _a_paid_stage_with_a_photo(site, database, Store(settings.var / "files"))
    desk = site.signed_in("finance")

    desk.goto(f"/statements/{statement_id}")
    there = Reader(desk)
    there.click(f"{LINE} a[href^='/entries/']", r"/entries/\d+$")
    entry = desk.url
    assert desk.locator("main .workings li").count()  # how it was worked out
    assert evidence.sha256[:12] in desk.locator("main").inner_text()
    there.click("a[href^='/milestones/']", "/milestones/ms_")
    assert desk.locator(f"main [title='{evidence.sha256}']").count() == 1
    assert there.clicks <= CLICKS_MOST

    desk.goto(f"/statements/{statement_id}")
    plan = Reader(desk)
    plan.click(f"{LINE} a[href^='/entries/']", r"/entries/\d+$")
    plan.click("a[href^='/plans/']", "/plans/")
    assert "40%" in desk.locator("main").inner_text() and plan.clicks <= CLICKS_MOST

    desk.goto("/search?q=" + evidence.sha256[:12])
    back = Reader(desk)
    back.click("#found a[href^='/milestones/']", "/milestones/ms_")
    back.click(f"#entries a[href='{entry.removeprefix(site.address)}']", r"/entries/\d+$")
    back.click("#told a[href^='/statements/']", f"/statements/{statement_id}#entry-")
    assert desk.locator(f"main {LINE}:target").count() == 1
    assert back.clicks <= CLICKS_MOST


def _a_paid_stage_with_a_photo(site: Site, database: Database, store: Store) -> tuple[str, Evidence]:
    today = day_of(now())
    desk, finance = site.signed_in("operator"), site.signed_in("finance")
    deal = paid_for(desk, finance, today)
    log_milestone(desk, deal, "tech_sourcing", today, {"M1": "1"})
    desk.locator("main input[type=file]").set_input_files([PHOTO])  # type: ignore[list-item]
    desk.locator("main form[action$='/evidence'] button").click()
    desk.wait_for_load_state()
    verify_next(site.signed_in("approver"))
    with database.reading() as session:
        kept = session.exec(select(Evidence)).one()
        session.expunge_all()
        drawn = statements.draw(session, "M1", months.of(today), kind="preliminary", now=now())
    with ThreadPoolExecutor(1) as apart:  # the browser has this thread's event loop, signing wants one
        pdf = apart.submit(printing.printed, drawn).result()
    made = database.run(lambda session: statements.keep(session, store, drawn, pdf).id)
    return made, kept
