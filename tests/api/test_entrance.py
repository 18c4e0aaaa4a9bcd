"""Guessing has to wait, and a second factor is asked for."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pyotp
from httpx import Response
from sqlmodel import select

from ledger import settings, tries
from ledger.notices import Notice
from tests.api.front import Front, read
from tests.api.routes.office import OVER_TLS, PASSWORD

ZHANG, LI = "13800000001", "13800000002"


def enter(
    front: Front, password: str = PASSWORD, phone: str = ZHANG, cookie: str = "", **more: str
) -> Response:
    data = {"phone": phone, "password": password, **more}
    headers = {"Cookie": f"lang=en; {cookie}", "Sec-Fetch-Site": "same-origin"}
    front.client.cookies.clear()
    return front.client.post("/sign-in", data=data, headers=headers, follow_redirects=False)


def guess(front: Front, times: int, phone: str = ZHANG, cookie: str = "") -> None:
    for _ in range(times):
        assert enter(front, "not this one", phone, cookie).status_code == 403


def cookie_of(answer: Response, name: str) -> str:
    found = re.search(rf"{name}=[^;]+", answer.headers["set-cookie"])
    assert found is not None
    return found[0]


def test_who_guesses_waits_and_nobody_else_does(front: Front) -> None:
    guess(front, tries.OF_ONE_ADDRESS_AT_ONE)
    refused = enter(front)
    assert refused.status_code == 429 and "wait 15 minutes" in read(refused)
    token = front.client.post("/api/v1/tokens", json={"phone": ZHANG, "password": PASSWORD})
    assert (token.status_code, token.json()["code"]) == (429, "sign_in_wait")
    assert enter(front, phone=LI).status_code == 303
    front.later = timedelta(minutes=16)
    assert enter(front).status_code == 303


def test_a_number_nobody_has_waits_just_the_same(front: Front) -> None:
    guess(front, tries.OF_ONE_ADDRESS_AT_ONE, phone="13999999999")
    assert enter(front, phone="13999999999").status_code == 429


def test_nobody_locks_another_out_of_the_browser_they_work_with(front: Front) -> None:
    known = cookie_of(enter(front), "__Host-yongjin_known")
    guess(front, tries.OF_ONE_ADDRESS_AT_ONE)
    assert enter(front).status_code == 429
    assert enter(front, cookie=known).status_code == 303
    assert enter(front, phone=LI, cookie=known).status_code == 303  # somebody else's mark is no mark
    front.later = timedelta(minutes=16)
    guess(front, tries.OF_ONE_BROWSER, cookie=known)
    assert enter(front, cookie=known).status_code == 429


def second_factor(front: Front, who: str) -> tuple[str, list[str]]:
    """Begun and confirmed: the secret, and the codes on paper."""
    shown = front.page(who, "POST", "/account/second-factor").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown)
    assert secret is not None
    wrong = front.page(who, "POST", "/account/second-factor/confirm", data={"code": "000000"})
    assert wrong.status_code == 422
    code = pyotp.TOTP(secret[1]).at(front.now())
    done = front.page(who, "POST", "/account/second-factor/confirm", data={"code": code})
    return secret[1], re.findall(r"<code>(\d{5}-\d{5})</code>", done.text)


def test_a_second_factor_is_asked_for_and_every_code_is_good_once(front: Front) -> None:
    secret, papers = second_factor(front, "zhang")
    assert len(papers) == 10
    front.later = timedelta(minutes=2)
    assert "code of your phone too" in read(enter(front))
    assert "code is wrong" in read(enter(front, code="123456"))
    code = pyotp.TOTP(secret).at(front.now())
    assert enter(front, code=code).status_code == 303
    assert enter(front, code=code).status_code == 403
    assert enter(front, code=papers[0]).status_code == 303
    assert enter(front, code=papers[0]).status_code == 403
    cookie = cookie_of(enter(front, code=papers[1]), OVER_TLS)
    shown = front.client.get("/account", headers={"Cookie": f"{cookie}; lang=en"})
    assert "8 codes on paper are left" in read(shown)


def test_a_wrong_code_counts_as_a_wrong_sign_in(front: Front) -> None:
    second_factor(front, "zhang")
    for _ in range(tries.OF_ONE_ADDRESS_AT_ONE):
        assert enter(front, code="123456").status_code == 403
    assert enter(front, code="123456").status_code == 429


def test_where_the_office_asks_for_one_it_comes_before_everything(front: Front) -> None:
    with front.database.writing() as session:
        settings.decide(
            session,
            settings.SECOND_FACTOR,
            value="yes",
            from_on=date.fromisoformat(front.day),
            reason="r",
            by=front.users["finance"],
            now=front.now(),
        )
    for who in ("operator", "finance", "admin"):
        sent = front.page(who, "GET", "/")
        assert (sent.status_code, sent.headers.get("location")) == (303, "/account/second-factor"), read(sent)
        assert front.refused(who, "GET", "/deals") == (403, "second_factor_to_begin")
    assert front.page("zhang", "GET", "/").status_code == 200
    second_factor(front, "finance")
    front.secrets.clear()
    front.day, front.later = "2026-03-02", timedelta(0)
    assert front.page("finance", "GET", "/").status_code == 200


def test_the_secret_is_not_in_the_database(front: Front) -> None:
    secret, papers = second_factor(front, "zhang")
    with front.database.engine.connect() as connection:
        kept = [str(row) for row in connection.exec_driver_sql("SELECT * FROM second_factor")]
        kept += [str(row) for row in connection.exec_driver_sql("SELECT * FROM recovery_code")]
    assert not any(secret in row or paper in row for row in kept for paper in papers)


def test_who_signs_in_is_told_of_every_change_to_how_they_do(front: Front) -> None:
    second_factor(front, "zhang")
    new = {"old": PASSWORD, "new": "longer than it was", "again": "longer than it was"}
    front.fill("li", "/account/password", **new)
    front.fill("admin", "/users/us_operator/reset", password="long enough to guess")
    assert "Your second factor counts from now on" in told(front, "us_zhang")
    assert "Your password was changed; if it was not you" in told(front, "us_li")
    assert "Your password was reset by an administrator" in told(front, "us_operator")
    assert told(front, "us_finance") == ""


def told(front: Front, user_id: str) -> str:
    with front.database.reading() as session:
        return " ".join(session.exec(select(Notice.title_en).where(Notice.user_id == user_id)))
