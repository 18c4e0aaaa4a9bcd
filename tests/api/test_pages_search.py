"""Search over everything, by what somebody may see; the keys; what a phone installs."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import event
from sqlmodel import select

from api import navigation
from ledger import journal
from tests.api.desk import Desk


def _links(desk: Desk, who: str, text: str) -> list[str]:
    page = desk.open(who, f"/search?q={text}").text
    return re.findall(r'<a class="line" href="([^"]+)"', page)


def test_one_text_finds_deals_needs_people_and_enterprises(desk: Desk) -> None:
    desk.tell_payout()
    assert "/deals/D-1" in _links(desk, "operator", "D-1")
    found = _links(desk, "operator", "优眼")
    assert "/deals/D-1" in found
    assert any(link.startswith("/needs/") for link in found)
    assert any(link.startswith("/organisations/") for link in found)
    assert "/managers/M1" in _links(desk, "finance", "张三")


def test_a_number_finds_the_document_the_payout_and_the_entry(desk: Desk) -> None:
    made = desk.tell_payout()
    assert any(link.startswith("/fees/ft_") for link in _links(desk, "finance", "YH-1"))
    assert f"/payouts/{made.id}" in _links(desk, "finance", made.no)
    with desk.database.reading() as session:
        wanted = select(journal.Entry.id, journal.Entry.source).where(journal.Entry.kind == "fee_received")
        entry_id, source = session.exec(wanted).one()
    assert f"/entries/{entry_id}" in _links(desk, "finance", str(entry_id))
    assert f"/entries/{entry_id}" in _links(desk, "finance", source)


def test_a_manager_finds_their_own_only(desk: Desk) -> None:
    desk.tell_payout()
    assert "/deals/D-2" in _links(desk, "operator", "D-2")
    assert _links(desk, "li", "D-2") == []
    found = _links(desk, "zhang", "优眼")
    assert found and all(link.startswith(("/deals/", "/needs/")) for link in found)
    assert _links(desk, "zhang", "YH-1") == [] and _links(desk, "zhang", "张三") == []


def test_wildcards_are_letters_and_too_short_a_text_finds_nothing(desk: Desk) -> None:
    desk.tell_deals()
    assert _links(desk, "operator", "%25%25") == [] and _links(desk, "operator", "__") == []
    assert _links(desk, "operator", "优") == []
    assert "没有找到" in desk.see("operator", "/search?q=无此物")


def test_a_search_takes_a_bounded_number_of_queries(desk: Desk) -> None:
    desk.tell_payout()
    ran: list[str] = []
    event.listen(desk.database.engine, "before_cursor_execute", lambda *args: ran.append(args[2]))
    desk.open("operator", "/search?q=需求")
    assert 0 < len(ran) <= 20


@pytest.mark.parametrize("role", navigation.MENUS)
def test_no_two_pages_of_a_role_have_the_same_key(role: str) -> None:
    keys = [item.key for item in navigation.keyed(role)]
    assert keys and len(keys) == len(set(keys))


def test_the_keys_are_listed_for_the_role(desk: Desk) -> None:
    shown = desk.see("finance", "/keys")
    assert "g t 试算平衡表" in shown and "g r 单位" not in shown
    assert desk.open("", "/keys").status_code == 303


def test_a_phone_may_install_it_and_is_told_when_there_is_no_network(desk: Desk) -> None:
    manifest = json.loads(desk.open("", "/manifest.webmanifest").content)
    assert manifest["display"] == "standalone" and manifest["name"] == "佣金"
    for icon in manifest["icons"]:
        assert desk.open("", icon["src"]).content.startswith(b"\x89PNG")
    worker = desk.open("", "/worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    offline = desk.open("zhang", "/offline").text
    assert "没有网络" in offline and "张三" not in offline  # it is kept on the phone
