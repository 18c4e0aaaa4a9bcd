"""A token does what it is for, as long as it is good, and is never told twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.routes.office import PASSWORD, Office

STAND_IN = {
    "for_user": "us_second",
    "by_user": "us_finance",
    "from_on": "2026-03-01",
    "to_on": "2026-03-09",
    "reason": "r",
}


def made(office: Office, who: str, *scopes: str, days: int = 30) -> dict[str, Any]:
    return office.post(who, "/access_tokens", {"name": "n", "scopes": list(scopes), "days": days})


def status(office: Office, token: str, method: str, path: str, body: Any = None) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    office.client.cookies.clear()
    return int(office.client.request(method, path, headers=headers, json=body).status_code)


def test_a_token_does_what_its_scopes_say_and_no_more(office: Office) -> None:
    token = made(office, "operator", "deals:read", "needs:write")["token"]
    need = {"title": "需求", "client": "优眼科技"}
    assert status(office, token, "GET", "/api/v1/deals") == 200
    assert status(office, token, "POST", "/api/v1/needs", need) == 201
    assert status(office, token, "GET", "/api/v1/needs") == 403
    assert status(office, token, "POST", "/api/v1/payouts", {"value_on": "2026-03-02"}) == 403


def test_no_token_governs_sign_ins_users_or_tokens_or_opens_pages(office: Office) -> None:
    token = made(office, "admin", "*:read", "*:write", "users:write")["token"]
    for path in ("users", "users/me", "users/me/sessions", "access_tokens"):
        assert status(office, token, "GET", f"/api/v1/{path}") == 403
    assert status(office, token, "POST", "/api/v1/access_tokens", {"name": "n", "scopes": ["*:read"]}) == 403
    password = {"old": PASSWORD, "new": "longer than it was"}
    assert status(office, token, "POST", "/api/v1/users/me/password", password) == 403
    assert status(office, token, "GET", "/users") == 403


@pytest.mark.parametrize(
    ("who", "call", "body", "by_hand"),
    [
        ("operator", "POST /invitations", {"phone": "13900000019"}, 201),
        ("operator", "GET /invitations", None, 200),
        ("operator", "POST /stand-ins", STAND_IN, 201),
        ("operator", "GET /stand-ins", None, 200),
        ("zhang", "POST /persons/M1/copy", {"reason": "r"}, 200),
        ("zhang", "POST /persons/M1/erasure", {"reason": "r"}, 202),
    ],
)
def test_who_gets_in_or_approves_for_another_and_what_is_kept_of_a_person_is_for_people(
    office: Office, who: str, call: str, body: Any, by_hand: int
) -> None:
    token = made(office, who, "*:read", "*:write", "invitations:write", "persons:write")["token"]
    method, path = call.split()
    assert status(office, token, method, f"/api/v1{path}", body) == 403
    sent = {"json": body} if body else {}
    assert office.send(who, method, path, **sent).status_code == by_hand


def test_a_token_may_no_more_than_who_made_it(office: Office) -> None:
    token = made(office, "zhang", "*:read", "*:write")["token"]
    assert status(office, token, "GET", "/api/v1/payouts") == 403
    assert status(office, token, "GET", "/api/v1/deals") == 200


def test_a_token_ends_by_itself_when_it_is_revoked_and_with_its_maker(office: Office) -> None:
    short, kept = made(office, "finance", "*:read", days=1), made(office, "finance", "*:read")
    office.day = "2026-03-02"
    assert status(office, short["token"], "GET", "/api/v1/fees") == 401
    assert status(office, kept["token"], "GET", "/api/v1/fees") == 200
    shown = {one["id"]: one for one in office.get("finance", "/access_tokens")["items"]}
    assert shown[kept["id"]]["used_from"] == "testclient" and shown[short["id"]]["used_at"] is None
    office.send("finance", "POST", f"/access_tokens/{kept['id']}/revoke")
    assert status(office, kept["token"], "GET", "/api/v1/fees") == 401
    another = made(office, "finance", "*:read")
    office.post("admin", "/users/us_finance/disable")
    assert status(office, another["token"], "GET", "/api/v1/fees") == 401


def test_only_a_hash_of_a_token_is_kept(office: Office) -> None:
    token = made(office, "finance", "*:read")["token"]
    with office.database.engine.connect() as connection:
        kept = [str(row) for row in connection.exec_driver_sql("SELECT * FROM access_token")]
    assert kept and not any(token in row or token.removeprefix("yjt_") in row for row in kept)
    assert "token" not in office.get("finance", "/access_tokens")["items"][0]
