"""The page of webhooks: made, tried, turned, replayed and ended through its forms."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select

from ledger import audit, heard, webhooks
from ledger.cli.opened import opened
from ledger.config import Settings
from ledger.webhooks import Delivery, Webhook
from tests.api.front import Front, read


def test_a_webhook_is_made_tried_turned_replayed_and_ended_on_its_page(front: Front) -> None:
    given = {
        "name": "Payroll",
        "url": "https://example.org/told",
        "kinds": ["milestone.verify", "fee.record"],
    }
    told = front.page("operator", "POST", "/webhooks", data=given)
    first = re.findall(r"<code>(whsec_[^<]+)</code>", told.text)
    assert len(first) == 1 and "Milestone verified" in read(told)
    assert told.headers["cache-control"] == "no-store"
    here = front.found(r'href="(/webhooks/wh_\w+)"', "operator", "/webhooks")
    assert first[0] not in front.page("operator", "GET", here).text

    assert front.fill("operator", f"{here}/test") == here
    assert "Webhook tested" in front.look("operator", here) and "On its way" in front.look("operator", here)
    turned = front.page("operator", "POST", f"{here}/turn")
    second = re.findall(r"<code>(whsec_[^<]+)</code>", turned.text)
    assert second != first and "signed with the secret before as well" in read(turned)

    front.page("operator", "POST", f"/milestones/{front.milestone(front.deal())}/verify")
    with front.database.writing() as session:
        messages = session.exec(select(Delivery).order_by(Delivery.id)).all()
        assert [one.kind for one in messages] == [webhooks.TEST, "milestone.verify"]
        messages[0].state, messages[0].error = "failed", "it was ended"
        again = f"{here}/deliveries/{messages[0].id}/replay"
    assert "Given up 0 – it was ended" in front.look("finance", here)
    assert front.fill("operator", again) == here
    assert "Send again" not in front.look("finance", here)

    front.fill("finance", again, status=403)
    front.fill("zhang", f"{here}/end", status=403)
    assert front.fill("admin", f"{here}/end") == here
    assert "Ended" in front.look("admin", here)


def test_a_webhook_that_cannot_be_is_told_beside_its_field(front: Front) -> None:
    for given, said in (
        ({"name": "n", "url": "https://10.0.0.1/", "kinds": "deal.open"}, "not on the public internet"),
        ({"name": "n", "url": "http://example.org/", "kinds": "deal.open"}, "cannot be called"),
        ({"name": "n", "url": "https://example.org/"}, "Choose at least one."),
        ({"name": "n", "url": "https://example.org/", "kinds": "user.reset"}, "Say what it is to hear of"),
        ({"url": "https://example.org/", "kinds": "deal.open"}, "Please fill this in"),
    ):
        shown = front.fill("finance", "/webhooks", status=422, **given)
        assert said in shown, (given, shown)
    with front.database.reading() as session:
        assert session.exec(select(Webhook)).all() == []


def test_the_command_line_is_heard_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_HEARING", [])
    with opened():
        assert list(heard.LISTENERS) == audit._HEARING
