"""What every request comes in through: signing in, one transaction, and no answer twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import col, func, select
from starlette.testclient import TestClient

from api.doors import Books, By, noun
from ledger import clock, needs
from ledger.core.errors import Conflict
from ledger.files import Store
from ledger.idempotency import Answer
from tests.api.routes.office import PASSWORD, Office
from tests.api.served import app_over

NEED = {"title": "青少年近视监测新产品的技术", "client": "优眼科技"}


def logged(office: Office) -> int:
    with office.database.reading() as session:
        return session.exec(select(func.count(col(needs.Need.id)))).one()


# Who asks


def test_signing_in_gives_a_token_and_signing_out_ends_it(office: Office) -> None:
    phone = office.users["zhang"].phone
    answer = office.client.post("/api/v1/tokens", json={"phone": phone, "password": PASSWORD})
    assert (answer.status_code, answer.json()["user"]["manager_id"]) == (201, "M1")
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert office.client.get("/api/v1/users/me", headers=bearer).json()["id"] == office.users["zhang"].id
    assert office.client.delete("/api/v1/tokens", headers=bearer).status_code == 204
    assert office.client.get("/api/v1/users/me", headers=bearer).status_code == 401


def test_a_wrong_password_and_an_unknown_number_are_answered_alike(office: Office) -> None:
    bodies = [
        {"phone": office.users["zhang"].phone, "password": "not the password"},
        {"phone": "13999999999", "password": PASSWORD},
    ]
    assert {office.refused("", "POST", "/tokens", json=body) for body in bodies} == {(403, "sign_in_refused")}


def test_the_cookie_of_the_pages_signs_in_too(office: Office) -> None:
    office.client.cookies.set("yongjin_session", office.secret("finance"))
    assert office.client.get("/api/v1/users/me").json()["role"] == "finance"
    wrong = office.client.get("/api/v1/users/me", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eA==", "Bearer " + "é" * 50])
def test_nobody_signed_in_is_told_to_sign_in(office: Office, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1")} if header else None
    answer = office.client.get("/api/v1/deals", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_in_use_stays_and_one_left_alone_ends(office: Office) -> None:
    secret = office.secret("zhang")
    bearer = {"Authorization": f"Bearer {secret}"}
    for hours in (8, 16, 24):
        office.later = timedelta(hours=hours)
        assert office.client.get("/api/v1/users/me", headers=bearer).status_code == 200
    office.later = timedelta(hours=40)
    assert office.client.get("/api/v1/users/me", headers=bearer).status_code == 401


# One transaction


def strange_routes(app: FastAPI) -> None:
    """Routes that do a thing and then go wrong in their own way."""
    router = noun("strange")

    @router.post("/uncommittable")
    def uncommittable(session: Books, by: By) -> dict[str, str]:
        log_need(session, by)
        columns = "entry_id, line, account, owner, amount_minor, currency, period, deal_id, manager_id, stage"
        values = "99, 1, '6401', '', 5, 'CNY', '2026-03', '', '', ''"
        session.execute(text(f"INSERT INTO posting ({columns}, origin, nature) VALUES ({values}, '', '')"))
        return {"said": "done"}

    @router.post("/refused")
    def refused(session: Books, by: By) -> None:
        log_need(session, by)
        raise Conflict("strange", "no")

    @router.post("/failed")
    def failed(session: Books, by: By) -> None:
        log_need(session, by)
        raise ZeroDivisionError

    @router.get("/writes")
    def writes(session: Books, by: By) -> None:
        log_need(session, by)

    def log_need(session: Books, by: By) -> None:
        needs.log(session, **NEED, by=by, now=clock.now())

    app.include_router(router, prefix="/api/v1")


@pytest.fixture
def strange(office: Office, store: Store) -> Iterator[Office]:
    """The office with those routes."""
    app = app_over(office.database, store, strange_routes)
    with TestClient(app, raise_server_exceptions=False) as office.client:
        yield office


@pytest.mark.parametrize(("path", "status"), [("uncommittable", 500), ("refused", 409), ("failed", 500)])
def test_what_was_not_committed_is_not_answered_as_done(strange: Office, path: str, status: int) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "one"}
        answer = strange.send("zhang", "POST", f"/strange/{path}", headers=headers)
        assert answer.status_code == status, answer.text
    assert logged(strange) == 0


def test_a_get_keeps_nothing(strange: Office) -> None:
    strange.send("zhang", "GET", "/strange/writes")
    assert logged(strange) == 0


def test_writers_at_the_same_time_all_get_their_turn(office: Office) -> None:
    app = office.client.app
    bearer = {"Authorization": f"Bearer {office.secret('zhang')}"}

    async def storm() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            asked = [client.post("/api/v1/needs", json=NEED, headers=bearer) for _ in range(60)]
            read = [client.get("/api/v1/needs", headers=bearer) for _ in range(60)]
            return await asyncio.gather(*asked, *read)

    answers = asyncio.run(storm())
    assert [answer.status_code for answer in answers] == [201] * 60 + [200] * 60
    assert logged(office) == 60


# No answer twice


def test_the_same_key_and_body_is_answered_with_the_same_bytes_and_done_once(office: Office) -> None:
    key = {"Idempotency-Key": "8d7e"}
    first = office.send("zhang", "POST", "/needs", json=NEED, headers=key)
    again = office.send("zhang", "POST", "/needs", json=NEED, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["content-type"] == again.headers["content-type"]
    assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
    assert logged(office) == 1


def test_the_same_key_with_anything_else_is_a_conflict(office: Office) -> None:
    key = {"Idempotency-Key": "8d7e"}
    office.send("zhang", "POST", "/needs", json=NEED, headers=key)
    other = office.refused("zhang", "POST", "/needs", json={**NEED, "title": "另一需求"}, headers=key)
    elsewhere = office.refused("zhang", "POST", "/organisations", json=NEED, headers=key)
    assert other == elsewhere == (409, "idempotency_conflict")
    assert logged(office) == 1


def test_a_key_is_its_users_own(office: Office) -> None:
    key = {"Idempotency-Key": "8d7e"}
    answers = [office.send(who, "POST", "/needs", json=NEED, headers=key) for who in ("zhang", "li")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert logged(office) == 2


def test_a_refused_request_may_be_sent_again_under_its_key(office: Office) -> None:
    key = {"Idempotency-Key": "8d7e"}
    tomorrow = {**NEED, "found_on": "2026-03-02"}
    assert office.refused("zhang", "POST", "/needs", json=tomorrow, headers=key) == (422, "day_in_future")
    office.day = "2026-03-02"
    assert office.send("zhang", "POST", "/needs", json=tomorrow, headers=key).status_code == 201


def test_a_key_of_a_silly_length_is_refused(office: Office) -> None:
    for key in ("", "x" * 201):
        headers = {"Idempotency-Key": key}
        assert office.refused("zhang", "POST", "/needs", json=NEED, headers=headers)[0] == 422


def test_two_at_once_under_one_key_are_one(office: Office) -> None:
    app = office.client.app
    headers = {"Authorization": f"Bearer {office.secret('zhang')}", "Idempotency-Key": "twice"}

    async def twice() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://office") as client:
            return await asyncio.gather(
                *(client.post("/api/v1/needs", json=NEED, headers=headers) for _ in range(8))
            )

    answers = asyncio.run(twice())
    assert len({answer.content for answer in answers}) == 1
    assert logged(office) == 1


def test_a_form_sent_again_is_the_same_though_its_boundary_differs(office: Office) -> None:
    need = office.post("zhang", "/needs", NEED)["id"]
    sent = [
        office.send(
            "zhang",
            "POST",
            f"/needs/{need}/evidence",
            files={"file": ("a.txt", b"one", "text/plain")},
            headers={"Idempotency-Key": "a", "Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        for boundary in ("one", "another")
    ]
    assert sent[0].status_code == 201, sent[0].text
    assert sent[0].content == sent[1].content


def test_a_token_is_never_kept_beside_its_key(office: Office) -> None:
    body = {"phone": office.users["zhang"].phone, "password": PASSWORD}
    key = {"Idempotency-Key": "in"}
    first, again = (office.send("zhang", "POST", "/tokens", json=body, headers=key) for _ in range(2))
    assert first.json()["token"] != again.json()["token"]
    with office.database.reading() as session:
        assert session.exec(select(Answer)).all() == []
