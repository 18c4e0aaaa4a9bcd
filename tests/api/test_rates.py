"""Who asks too often waits, whichever process they ask; who works as people do is never counted elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, text
from starlette.testclient import TestClient

from api.app import create_app
from api.rates import Rates, of_address
from ledger import clock, sign_ins
from ledger.db import Database
from ledger.files import Store
from tests.api.routes.office import Office
from tests.killing import Site

MOST = 30
STEP = MOST // 10


@pytest.fixture
def two(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Office, ...]]:
    """One office behind two applications, as two processes are."""
    apps = [create_app(database, Store(tmp_path), rates=Rates(MOST, 3 * MOST)) for _ in range(2)]
    first, second = (Office(database, TestClient(app)) for app in apps)
    monkeypatch.setattr(clock, "now", first.now)
    first.move_in()
    second.users, second.secrets = first.users, first.secrets
    yield first, second


def asked(office: Office, who: str) -> httpx.Response:
    return office.send(who, "GET", "/users/me")


def test_a_user_is_counted_over_all_applications(two: tuple[Office, ...]) -> None:
    first, _ = two
    answers = [asked(office, "zhang").status_code for _ in range(MOST) for office in two]
    assert MOST <= answers.count(200) <= MOST + 2 * STEP
    assert answers.count(200) + answers.count(429) == 2 * MOST
    refused = asked(first, "zhang")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limit")
    assert refused.headers["Retry-After"] == "60"
    page = first.client.get("/", headers={"Authorization": f"Bearer {first.secret('zhang')}"})
    assert page.status_code == 429 and page.headers["Retry-After"] == "60"
    assert asked(first, "li").status_code == 200  # from the same address
    first.later = timedelta(minutes=1)
    assert asked(first, "zhang").status_code == 200


def test_an_address_is_counted_whoever_asks(two: tuple[Office, ...]) -> None:
    first, _ = two
    answers = [office.client.get("/api/v1/users/me").status_code for _ in range(3 * MOST) for office in two]
    assert 3 * MOST <= answers.count(401) <= 3 * MOST + 2 * 3 * STEP
    assert asked(first, "li").status_code == 429
    assert first.client.get("/health/live").status_code == 200
    assert first.client.get("/static/mark.svg").status_code == 200


def test_who_asks_little_is_never_written_down(two: tuple[Office, ...]) -> None:
    first, _ = two
    secret = first.secret("li")
    written: list[str] = []
    event.listen(first.database.engine, "before_cursor_execute", lambda *given: written.append(given[2]))
    for _ in range(STEP - 1):
        first.client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {secret}"})
    assert [one for one in written if "rate_count" in one] == []


def test_minutes_that_are_over_are_forgotten(two: tuple[Office, ...]) -> None:
    first, _ = two
    for minutes in range(4):
        first.later = timedelta(minutes=minutes)
        for _ in range(STEP):
            asked(first, "li")
    with first.database.reading() as session:
        assert session.execute(text("SELECT count(DISTINCT minute) FROM rate_count")).scalar_one() == 2


def test_neighbours_of_one_ipv6_network_are_one_address() -> None:
    assert of_address("2001:db8::1") == of_address("2001:db8::2:1") != of_address("2001:db8:1::1")
    assert of_address("192.0.2.1") != of_address("192.0.2.2")
    assert of_address("testclient") == "address:testclient"


@pytest.mark.long
def test_two_real_processes_answer_one_user_no_more_than_the_limit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YONGJIN_RATE_USER", str(MOST))
    monkeypatch.setenv("YONGJIN_CLOCK", "off")
    today = Office(database, TestClient(create_app(database)), day=clock.day_of(clock.now()).isoformat())
    today.move_in()
    sites = [Site(), Site()]
    try:
        for site in sites:
            site.start()
        for site in sites:
            site.wait()
        assert MOST <= within_a_minute(sites, today) <= MOST + 2 * STEP
    finally:
        for site in sites:
            site.stop()


def within_a_minute(sites: list[Site], office: Office) -> int:
    """How many of somebody's requests were answered until every process refused, all in one minute."""
    for who in office.users:  # another one where the minute ended meanwhile
        minute = int(clock.now().timestamp()) // 60
        answers = until_refused(sites, users_secret(office, who))
        if int(clock.now().timestamp()) // 60 == minute:
            assert all(
                1 <= int(one.headers["Retry-After"]) <= 60 for one in answers if one.status_code == 429
            )
            return sum(one.status_code == 200 for one in answers)
    raise AssertionError("no minute was long enough")


def users_secret(office: Office, who: str) -> str:
    with office.database.writing() as session:
        return sign_ins.begin(session, office.users[who].id, now=clock.now())


def until_refused(sites: list[Site], secret: str) -> list[httpx.Response]:
    answers: list[httpx.Response] = []
    with httpx.Client(headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        while not answers or any(one.status_code == 200 for one in answers[-len(sites) :]):
            answers += [client.get(f"{site.address}/api/v1/users/me") for site in sites]
    assert {one.status_code for one in answers} == {200, 429}
    return answers
