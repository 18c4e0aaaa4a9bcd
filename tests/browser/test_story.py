"""The vision-care company's deal, by hand through the pages: a phone, two desks, and finance."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page

from ledger import accounts, verification
from ledger.clock import day_of, now
from ledger.core import entry
from ledger.db import Database
from ledger.files import Store
from tests.browser.conftest import Site


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        field = page.locator(f"[name={name.replace('_0', '-')}]").first
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def press(page: Page, text: str) -> None:
    page.get_by_role("button", name=re.compile(text)).first.click()


def no_sideways_scroll(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"


def verify_next(desk: Page) -> None:
    """Operations open the oldest submitted milestone and accept it."""
    desk.goto("/milestones?state=submitted")
    desk.locator("main a[href^='/milestones/ms_']").first.click()
    press(desk, "^核实")
    desk.wait_for_load_state()


def log_milestone(phone: Page, deal: str, stage: str, on: date, who: dict[str, str]) -> None:
    phone.goto(f"/milestones/new?deal={deal}")
    fill(phone, stage=stage, reached_on=on.isoformat())
    for number, (manager, weight) in enumerate(who.items(), 1):
        if not phone.locator(f"[name=who{number}]").count():
            press(phone, "更多|添加|多")
        fill(phone, **{f"who{number}": manager, f"weight{number}": weight})
    no_sideways_scroll(phone)
    phone.locator("button[value=submit]").click()
    phone.wait_for_load_state()


def record(finance: Page, kind: str, number: str, on: date, total: str, deal: str) -> None:
    finance.goto(f"/fees/new?kind={kind}")
    fill(finance, number=number, on=on.isoformat(), total=total)
    finance.locator("[name=deal-1]").fill(deal)
    finance.locator("button[value=record]").click()
    finance.wait_for_load_state()


def paid_for(desk: Page, finance: Page, today: date) -> str:
    """A deal opened from its need, its fee invoiced and received."""
    desk.goto("/needs/new")
    fill(desk, title="传感", client="优眼科技", found_on=today.isoformat())
    desk.locator("main form button.primary").click()
    desk.wait_for_url(re.compile("/needs/nd_"))
    desk.goto(f"/needs/{desk.url.rsplit('/', 1)[-1]}/deal")
    fill(desk, plan="tianjin-platform-manager", expected_fee="53000.00", category="transfer", tax_rate="6")
    desk.locator("main form button.primary").click()
    desk.wait_for_url(re.compile("/deals/dl_"))
    deal = desk.url.rsplit("/", 1)[-1]
    record(finance, "fee_invoiced", "FP-0001", today, "53000.00", deal)
    record(finance, "fee_received", "YH-0001", today, "53000.00", deal)
    return deal


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_deal_from_a_need_to_a_paid_manager_through_the_pages(
    site: Site, database: Database, tmp_path: object, scripts: bool
) -> None:
    today = day_of(now())
    phone = site.signed_in("manager", width=360, scripts=scripts)
    no_sideways_scroll(phone)
    phone.goto("/needs/new")
    fill(phone, title="青少年近视监测的传感技术", client="优眼科技", found_on=today.isoformat())
    no_sideways_scroll(phone)
    phone.locator("main form button.primary").click()
    phone.wait_for_url(re.compile("/needs/nd_"))
    need = phone.url.rsplit("/", 1)[-1]

    desk = site.signed_in("operator", scripts=scripts)
    desk.goto(f"/needs/{need}/deal")
    fill(desk, plan="tianjin-platform-manager", expected_fee="53000.00", category="transfer", tax_rate="6")
    desk.locator("main form button.primary").click()
    desk.wait_for_url(re.compile("/deals/dl_"))
    deal = desk.url.rsplit("/", 1)[-1]
    verify_next(desk)

    log_milestone(phone, deal, "tech_sourcing", today, {"M1": "60", "M2": "40"})
    verify_next(desk)
    log_milestone(phone, deal, "contract_signing", today, {"M1": "1"})
    verify_next(desk)

    finance = site.signed_in("finance", scripts=scripts)
    record(finance, "fee_invoiced", "FP-0001", today, "53000.00", deal)
    record(finance, "fee_received", "YH-0001", today, "26500.00", deal)
    record(finance, "fee_received", "YH-0002", today, "26500.00", deal)
    log_milestone(phone, deal, "completion", today, {"M1": "1"})
    verify_next(desk)

    with database.reading() as session:
        cost = accounts.balance(session, entry.COMMISSION_COST, "", "CNY")
        payable = {b.owner: -b.balance_minor for b in accounts.by_owner(session, entry.PAYABLE)}
    assert cost == 20_000_00
    assert payable == {"M1": 17_600_00, "M2": 2_400_00}

    desk.goto("/payouts/new")
    fill(desk, value_on=today.isoformat())
    desk.locator("main form button.primary").click()
    desk.wait_for_url(re.compile("/payouts/po_"))
    payout = desk.url.rsplit("/", 1)[-1].split("?")[0]

    other = site.signed_in("approver", scripts=scripts)
    other.goto(f"/payouts/{payout}/approve")
    other.locator("main form button.primary").first.click()
    other.wait_for_url(re.compile(f"/payouts/{payout}$"))
    finance.goto(f"/payouts/{payout}")
    finance.locator(f"form[action='/payouts/{payout}/send'] button").click()
    finance.wait_for_load_state()
    finance.goto(f"/payouts/{payout}")
    fill(finance, value_on=today.isoformat())
    finance.locator("button[value=all]").click()
    finance.locator("main form button.primary").first.click()  # count and sum are repeated first
    finance.wait_for_url(re.compile(f"/payouts/{payout}$"))

    with database.reading() as session:
        assert accounts.by_owner(session, entry.PAYABLE) == []
        assert accounts.by_owner(session, entry.IN_TRANSIT) == []
        found = verification.verify(session, Store(tmp_path), now=now() + timedelta(0))  # type: ignore[arg-type]
    assert found.differences == []

    phone.goto("/")
    no_sideways_scroll(phone)
    phone.goto(f"/deals/{deal}")
    no_sideways_scroll(phone)
