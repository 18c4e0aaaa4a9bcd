"""Signing in and out, and the first page of each role."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.doors import COOKIE
from api.pages.doors import local
from tests.api.front import Front, read
from tests.api.routes.office import OVER_TLS, PASSWORD

PHONE = "13800000001"


def signed_in(front: Front, **fields: str) -> str:
    """Sign in as the first manager; the cookie as it was set."""
    answer = front.page("", "POST", "/sign-in", data={"phone": PHONE, "password": PASSWORD} | fields)
    assert answer.status_code == 303, read(answer)
    return f"{answer.headers['location']} {answer.headers['set-cookie']}"


def test_phone_number_and_password_open_the_home_page(front: Front) -> None:
    signed_in(front)
    shown = read(front.client.get("/?lang=en"))
    assert "Hello, zhang" in shown and "Payable now" in shown


def test_the_cookie_is_for_this_site_and_no_script(front: Front) -> None:
    cookie = signed_in(front).lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=lax", "path=/"))


def test_over_tls_no_other_host_can_plant_a_session(front: Front) -> None:
    """The prefix has a browser take it from this host and over TLS alone; without it nobody is signed in."""
    answer = front.client.post("https://testserver/sign-in", data={"phone": PHONE, "password": PASSWORD})
    assert answer.status_code == 200  # led on, with the cookies
    kept = {one.name: one for one in front.client.cookies.jar if "yongjin" in one.name}
    assert set(kept) == {OVER_TLS, "__Host-yongjin_known"}
    for one in kept.values():  # what the prefix asks for, else a browser drops it
        assert (one.secure, one.path, one.domain_specified) == (True, "/", False)
    secret = kept[OVER_TLS].value
    front.client.cookies.clear()
    for name, let_in in ((COOKIE, False), (OVER_TLS, True)):
        cookie = {"Cookie": f"{name}={secret}"}
        looked = front.client.get("https://testserver/account", headers=cookie, follow_redirects=False)
        assert (looked.status_code == 200) is let_in, name


@pytest.mark.parametrize("fields", [{"password": "not this one"}, {"phone": "13900000000"}])
def test_a_wrong_sign_in_gets_one_sentence_and_keeps_the_number(front: Front, fields: dict[str, str]) -> None:
    sent = {"phone": PHONE, "password": PASSWORD} | fields
    answer = front.page("", "POST", "/sign-in", data=sent)
    assert answer.status_code == 403 and COOKIE not in answer.headers.get("set-cookie", "")
    assert "Phone number or password is wrong" in read(answer)
    assert f'value="{sent["phone"]}"' in answer.text and sent["password"] not in answer.text


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(front: Front) -> None:
    sent = front.page("", "GET", "/deals?q=a%20b")
    assert sent.status_code == 303
    assert sent.headers["location"] == "/sign-in?next=/deals%3Fq%3Da%2520b"
    assert signed_in(front, next="/deals?q=a%20b").startswith("/deals?q=a%20b ")


def test_a_form_sent_without_a_session_leads_back_to_its_page(front: Front) -> None:
    headers = {"Referer": "https://testserver/needs/new", "Sec-Fetch-Site": "same-origin"}
    answer = front.client.post("/needs", headers=headers, follow_redirects=False)
    assert answer.headers["location"] == "/sign-in?next=/needs/new"


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil", "/a\nb", "", "/sign-in"]
)
def test_nobody_is_led_to_another_site(address: str) -> None:
    assert local(address) == "/"


def test_signing_out_ends_the_session_itself(front: Front) -> None:
    signed_in(front)
    secret = front.client.cookies[OVER_TLS]
    assert front.client.post("/sign-out", follow_redirects=False).headers["location"] == "/sign-in"
    kept = front.client.get("/", headers={"Cookie": f"{OVER_TLS}={secret}"}, follow_redirects=False)
    assert kept.status_code == 303


def test_the_demonstration_shows_its_people_and_other_databases_none(front: Front) -> None:
    assert "Demonstration" not in front.look("", "/sign-in")
    app = front.client.app
    assert isinstance(app, FastAPI)
    app.state.demonstration = [("manager", "Zhang", PHONE, PASSWORD)]
    shown = front.look("", "/sign-in")
    assert f"Technology manager Zhang {PHONE} · {PASSWORD}" in shown


def test_each_role_has_its_own_first_page(front: Front) -> None:
    assert "My deals" in front.look("zhang", "/")
    assert "Inbox" in front.look("operator", "/")
    assert "Commission, as of now" in front.look("finance", "/")


def test_the_inbox_counts_what_waits_and_says_since_when(front: Front) -> None:
    front.milestone(front.deal())
    front.day = "2026-03-04"
    front.need()
    shown = front.look("operator", "/")
    assert "Milestones to verify 1 oldest: 3 days" in shown
    assert "Open needs 1 oldest: today" in shown
    assert "Payouts to approve 0 nothing waits" in shown


def test_the_three_numbers_open_their_lines_by_deal_and_stage(front: Front) -> None:
    deal = front.deal()
    front.page("operator", "POST", f"/milestones/{front.milestone(deal)}/verify")
    front.fee(deal, "20000.00", "YH-1")
    assert "Payable now ¥1,080.00 Held ¥120.00 Expected ¥1,800.00" in front.look("zhang", "/")
    payable = front.look("zhang", "/standing/payable")
    assert "¥1,080.00 Vision Ltd Need discovery ¥1,080.00" in payable
    held = front.look("zhang", "/standing/held")
    assert "until Completion is verified Need discovery ¥120.00" in held
    assert "Need discovery ¥1,800.00" in front.look("zhang", "/standing/expected")
    assert "Nothing here at the moment" in front.look("li", "/standing/payable")
    front.look("zhang", "/standing/wealth", 404)
