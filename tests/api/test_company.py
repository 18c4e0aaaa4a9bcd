"""Signing in by the company's word, from the first page to the last, against a real provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from httpx import Response
from sqlmodel import func, select
from starlette.testclient import TestClient

from api.app import create_app
from ledger import clock, company_identities, second_factors, settings, tries, users
from ledger.audit import Note
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from ledger.sign_ins import SignIn
from ledger.users import User
from tests.api.front import Front, read
from tests.api.routes.office import OVER_TLS
from tests.oidc import provider
from tests.oidc.provider import Company

NOW = clock.now  # other tests turn it


@pytest.fixture(scope="module")
def there() -> Iterator[Company]:
    with provider.running() as running:
        yield running


@pytest.fixture
def front(
    database: Database,
    settings: Settings,
    there: Company,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Front]:
    """The office, which takes the company's word. It is now, for the company knows no other time."""
    secret = tmp_path / "secret"
    secret.write_text(f"{provider.SECRET}\n")
    for name, value in {
        "PUBLIC_URL": "https://testserver",
        "OIDC_ISSUER": there.issuer,
        "OIDC_CLIENT_ID": provider.CLIENT_ID,
        "OIDC_SECRET_FILE": str(secret),
    }.items():
        monkeypatch.setenv(f"YONGJIN_{name}", value)
    app = create_app(database, Store(settings.files))
    with TestClient(app, base_url="https://testserver", raise_server_exceptions=False) as client:
        today = clock.day_of(NOW()).isoformat()
        front = Front(database, client, day=today)
        front.later = NOW() - front.now()
        monkeypatch.setattr(clock, "now", front.now)
        front.move_in()
        yield front


def begun(front: Front, after: str = "/") -> str:
    """Where the browser is sent."""
    answer = front.client.get(f"/sign-in/company?lang=en&next={after}", follow_redirects=False)
    assert answer.status_code == 303, read(answer)
    return str(answer.headers["location"])


def back(front: Front, url: str, kept: str = "") -> Response:
    """Back from the company, with what the browser has, or with `kept` alone."""
    headers = {"Cookie": f"yongjin_company={kept}"} if kept else {}
    return front.client.get(f"{url}&lang=en", headers=headers, follow_redirects=False)


def come(front: Front, there: Company, who: str, *, amr: str = "", after: str = "/") -> Response:
    """Through the company and back."""
    return back(front, there.answer(begun(front, after), who, amr))


def sessions(front: Front) -> list[tuple[str, str, bool]]:
    """(user, means, whether it still stands) of every session, the oldest first."""
    with front.database.reading() as session:
        rows = session.exec(select(SignIn).order_by(SignIn.started_at, SignIn.id)).all()
        return [(one.user_id, one.means, one.ended_at is None) for one in rows]


def test_whom_the_company_names_is_signed_in_as_who_they_are_here(front: Front, there: Company) -> None:
    answer = come(front, there, "zhang", after="/deals")
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals"), read(answer)
    assert sessions(front) == [("us_zhang", "company", True)]
    kept = [one.lower() for one in answer.headers.get_list("set-cookie") if one.startswith(OVER_TLS)]
    assert all(word in kept[0] for word in ("httponly", "secure", "samesite=lax"))
    assert "Hello, zhang" in read(front.client.get("/?lang=en"))


def test_the_browser_is_sent_with_pkce_state_and_nonce(front: Front) -> None:
    asked = parse_qs(urlsplit(begun(front)).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == [provider.BACK]
    secrets = [asked[name][0] for name in ("state", "nonce", "code_challenge")]
    assert all(len(one) == 43 for one in secrets)
    again = parse_qs(urlsplit(begun(front)).query)
    assert not set(secrets) & {again[name][0] for name in ("state", "nonce", "code_challenge")}


def test_signing_in_ends_what_the_browser_was_signed_in_with(front: Front, there: Company) -> None:
    come(front, there, "zhang")
    first = front.client.cookies[OVER_TLS]
    come(front, there, "zhang")
    assert front.client.cookies[OVER_TLS] != first
    assert sorted(sessions(front)) == [("us_zhang", "company", False), ("us_zhang", "company", True)]


def test_nobody_is_let_in_whose_number_is_unknown_or_not_vouched_for(front: Front, there: Company) -> None:
    for who in ("stranger", "nobody", "li"):  # li's number was never verified
        answer = come(front, there, who)
        assert answer.status_code == 403 and "Nobody is known here by the phone number" in read(answer)
    assert OVER_TLS not in front.client.cookies and sessions(front) == []
    with front.database.reading() as session:
        assert session.exec(select(func.count()).select_from(User)).one() == 6  # and nobody is made


def test_who_is_disabled_or_waits_for_somebody_to_agree_is_answered_like_a_stranger(
    front: Front, there: Company
) -> None:
    with front.database.writing() as session:
        users.disable(session, "us_zhang", by=front.users["admin"], now=front.now())
        session.get_one(User, "us_operator").asked_by = "us_admin"
    for who in ("zhang", "operator"):
        answer = come(front, there, who)
        assert answer.status_code == 403 and "Nobody is known here by the phone number" in read(answer)
    assert sessions(front) == []


def test_an_answer_is_good_for_who_asked_once_and_for_ten_minutes(front: Front, there: Company) -> None:
    url = there.answer(begun(front), "zhang")
    mixed = re.sub(r"state=[^&]+", "state=another", url)
    assert "begin again" in read(back(front, mixed)) and sessions(front) == []

    url = there.answer(begun(front), "zhang")
    kept = front.client.cookies.get("yongjin_company", path="/sign-in/company") or ""
    front.client.cookies.clear()
    assert back(front, url).status_code == 403  # in another browser

    front.later += timedelta(minutes=11)
    assert "too long ago" in read(back(front, url, kept))
    front.later -= timedelta(minutes=11)
    assert back(front, url, kept).status_code == 303
    assert "did not confirm" in read(back(front, url, kept))  # the code was used


WRITTEN = (
    '{"until": 9999999999, "state": "s", "nonce": "n", "verifier": "v", "after": "/"}',
    "yj1.00000000.AAAA",
    "yj1.",
    "[]",
    "",
)


def test_nobody_writes_themselves_what_a_browser_brings_back(front: Front) -> None:
    for written in WRITTEN:
        cookie = {"Cookie": f"lang=en; yongjin_company={written}"}
        for method, path in (("GET", "callback?state=s&code=c"), ("POST", "code")):
            answer = front.client.request(
                method, f"/sign-in/company/{path}", headers=cookie, follow_redirects=False
            )
            assert answer.status_code == 403 and "begin again" in read(answer), (written, method)


def test_what_was_sealed_as_a_journey_is_no_identity(front: Front) -> None:
    begun(front)  # a journey is in the browser now
    answer = front.client.post("/sign-in/company/code", data={"code": "123456"}, follow_redirects=False)
    assert answer.status_code == 403 and "begin again" in read(answer)


def test_the_company_cannot_send_anybody_elsewhere(front: Front, there: Company) -> None:
    for after in ("//evil.example", "https://evil.example", "/\\evil.example", "/sign-out"):
        assert come(front, there, "zhang", after=after).headers["location"] == "/"


def test_who_says_no_at_the_company_is_not_signed_in(front: Front) -> None:
    state = parse_qs(urlsplit(begun(front)).query)["state"][0]
    answer = back(front, f"/sign-in/company/callback?state={state}&error=access_denied")
    assert answer.status_code == 403 and "did not confirm" in read(answer)


# Second factors


def second_factor(front: Front, who: str) -> str:
    with front.database.writing() as session:
        user = session.get_one(User, f"us_{who}")
        secret = second_factors.begin(session, user, now=front.now())
        code = pyotp.TOTP(secret).at(front.now() - timedelta(seconds=30))
        second_factors.confirm(session, user, code=code, now=front.now())
    return secret


def give(front: Front, code: str) -> Response:
    data = {"code": code}
    return front.client.post("/sign-in/company/code", data=data, follow_redirects=False)


def test_who_has_a_second_factor_here_is_asked_for_it(front: Front, there: Company) -> None:
    secret = second_factor(front, "zhang")
    asked = come(front, there, "zhang", after="/deals")
    assert asked.status_code == 200 and "Here you have a second factor too" in read(asked)
    assert OVER_TLS not in front.client.cookies
    assert give(front, "").status_code == 422
    assert give(front, "000000").status_code == 403
    with front.database.reading() as session:
        assert session.exec(select(func.count()).select_from(tries.Try)).one() == 1
    answer = give(front, pyotp.TOTP(secret).at(front.now()))
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals")
    assert sessions(front)[-1] == ("us_zhang", "company", True)


def test_guessing_codes_has_to_wait(front: Front, there: Company) -> None:
    secret = second_factor(front, "zhang")
    come(front, there, "zhang")
    for _ in range(tries.OF_ONE_ADDRESS_AT_ONE):
        assert give(front, "000000").status_code == 403
    assert give(front, pyotp.TOTP(secret).at(front.now())).status_code == 429


def test_guessing_somebodys_password_keeps_them_out_of_no_company(front: Front, there: Company) -> None:
    for _ in range(tries.OF_ONE_ADDRESS_AT_ONE + 1):
        front.client.post("/sign-in", data={"phone": "13800000001", "password": "not this"})
    assert come(front, there, "zhang").status_code == 303


def test_nor_whoever_has_a_second_factor_and_comes_with_the_browser_they_are_known_by(
    front: Front, there: Company
) -> None:
    come(front, there, "zhang")  # and this browser is known from now on
    secret = second_factor(front, "zhang")
    with front.database.writing() as session:
        for _ in range(tries.AT_ONE):
            tries.failed(session, "13800000001", address="203.0.113.9", now=front.now())
    come(front, there, "zhang")
    assert give(front, pyotp.TOTP(secret).at(front.now())).status_code == 303


def test_a_company_that_asks_for_more_than_one_factor_has_asked_for_ours(
    front: Front, there: Company
) -> None:
    second_factor(front, "zhang")
    assert come(front, there, "zhang", amr="pwd mfa").status_code == 303
    assert sessions(front) == [("us_zhang", "company_strong", True)]


def test_where_the_office_wants_second_factors_the_companys_is_one(front: Front, there: Company) -> None:
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
    come(front, there, "operator")
    sent = front.client.get("/deals", follow_redirects=False)
    assert sent.headers.get("location") == "/account/second-factor"
    come(front, there, "operator", amr="mfa")
    assert front.client.get("/deals").status_code == 200


def test_who_was_given_a_password_need_not_choose_one_to_come_by_the_company(
    front: Front, there: Company
) -> None:
    with front.database.writing() as session:
        session.get_one(User, "us_zhang").password_given_by = "us_admin"
    come(front, there, "zhang")
    assert front.client.get("/deals").status_code == 200


# Who is who


def test_a_number_that_passes_to_somebody_else_leads_into_nobodys_account(
    front: Front, there: Company
) -> None:
    assert come(front, there, "zhang").status_code == 303
    refused = come(front, there, "zhang's heir")
    assert refused.status_code == 403 and "by another company account" in read(refused)
    with front.database.writing() as session:
        session.get_one(User, "us_zhang").phone = "13811111111"
    assert come(front, there, "zhang").status_code == 303  # known by the company's name for them
    with front.database.writing() as session:
        session.get_one(User, "us_zhang").phone = "13800000001"
        company_identities.forget(session, "us_zhang", by=None, now=front.now())
    assert come(front, there, "zhang's heir").status_code == 303


# Out again


def test_who_came_through_the_company_may_sign_out_there_too(front: Front, there: Company) -> None:
    come(front, there, "zhang")
    out = front.client.post("/sign-out", follow_redirects=False)
    assert out.headers["location"] == "/sign-in?left=company"
    assert sessions(front) == [("us_zhang", "company", False)]
    assert "Sign out of the company too" in read(front.client.get("/sign-in?left=company&lang=en"))
    away = front.client.get("/sign-in/company/out", follow_redirects=False).headers["location"]
    assert away.startswith(f"{there.issuer}/session/end?")
    asked = parse_qs(urlsplit(away).query)
    assert asked["post_logout_redirect_uri"] == [provider.HOME]


def test_without_a_company_nothing_is_offered_and_nothing_answers(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("YONGJIN_OIDC_ISSUER")
    assert "through your company" not in read(front.client.get("/sign-in?lang=en"))
    for path in ("?", "/callback?state=s&code=c", "/out?"):
        answer = back(front, f"/sign-in/company{path}")
        assert answer.status_code == 403 and "No company's sign-in is set up" in read(answer)


def test_how_a_session_was_begun_is_in_the_trail(front: Front, there: Company) -> None:
    come(front, there, "zhang")
    with front.database.reading() as session:
        notes = session.exec(select(Note).where(Note.actor == "us_zhang").order_by(Note.id)).all()
        told = [(one.action, one.after.get("means"), one.address) for one in notes]
    assert told == [
        ("user.company_identity", None, "testclient"),
        ("user.sign_in", "company", "testclient"),
    ]
