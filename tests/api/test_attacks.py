"""What an attacker sends by hand to the pages: nothing fails, nothing leads away, nothing tells too much."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ledger import passwords
from ledger.core.errors import Invalid
from tests.api.front import Front, read

ODD = ("%00", "%ff%fe", "9" * 30, "-1", "..%2f..%2fetc%2fpasswd", "%E2%80%AE", "'%20OR%201=1--", "{{7*7}}")
WITH_AN_ID = (
    "accounts", "agreements", "bank-returns", "claims", "cutovers", "deals", "disputes", "entries",
    "evidence", "fees", "holds", "invitations", "jobs", "managers", "milestones", "needs", "organisations",
    "payouts", "periods", "plans", "results", "statements", "tax", "webhooks",
)  # fmt: skip
LISTS = (
    "deals", "needs", "milestones", "entries", "audit", "search", "users", "fees", "payouts", "statements",
    "jobs", "webhooks",
)  # fmt: skip
ASKED = (
    "q",
    "before",
    "after",
    "rows",
    "part",
    "state",
    "action",
    "actor",
    "day",
    "subject",
    "kind",
    "period",
)


def test_no_address_however_odd_makes_the_pages_fail(front: Front) -> None:
    failed = []
    for odd in ODD:
        asked = "&".join(f"{name}={odd}" for name in ASKED)
        for path in [*(f"/{noun}/{odd}" for noun in WITH_AN_ID), *(f"/{noun}?{asked}" for noun in LISTS)]:
            answer = front.page("finance", "GET", path)
            if answer.status_code >= 500:
                failed.append((path, answer.status_code))
    assert failed == []


def test_no_form_however_odd_makes_the_pages_fail(front: Front) -> None:
    nul = {
        name: "a\x00b"
        for name in ("phone", "password", "code", "next", "title", "client", "name", "found_on")
    }
    for who, path in (
        ("", "/sign-in"),
        ("zhang", "/needs"),
        ("admin", "/users/new"),
    ):
        answer = front.page(who, "POST", path, data=nul)
        assert answer.status_code == 422, (path, answer.status_code, read(answer)[:200])
    many = {f"f{number}": "x" for number in range(600)}
    assert front.page("zhang", "POST", "/needs", data=many).status_code == 422
    known = {"Cookie": 'lang=en; __Host-yongjin_known="\\000"', "Sec-Fetch-Site": "same-origin"}
    data = {"phone": "13800000001", "password": "not this one"}
    assert front.client.post("/sign-in", data=data, headers=known).status_code == 403


def test_no_page_has_a_link_that_leads_to_who_made_up_its_address(client: TestClient) -> None:
    for path in ("//evil.example/deals", "//evil.example", "/%2f%2fevil.example", "/\\evil.example"):
        shown = client.get(f"http://testserver{path}").text
        links = re.findall(r'(?:href|action)="([^"]*)"', shown)
        assert [one for one in links if re.match(r"//|/\\|https?:", one)] == [] != links


def test_files_of_the_program_are_served_and_no_others(client: TestClient) -> None:
    for path in (
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/....//app.py",
        "/static//etc/passwd", "/static/%00", "/static/", "/static/vendor/", "/static/vendor",
    ):  # fmt: skip
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code in (404, 405), (path, answer.status_code)
        assert "import" not in answer.text and str(Path.cwd()) not in answer.text


def test_methods_nobody_needs_are_refused(client: TestClient) -> None:
    for method in ("TRACE", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "BREW"):
        assert client.request(method, "/sign-in").status_code in (403, 404, 405)
    assert (
        "access-control-allow-origin"
        not in client.get("/", headers={"Origin": "https://evil.example"}).headers
    )


def test_an_answer_for_programs_is_never_opened_as_a_page(client: TestClient) -> None:
    answer = client.get("/api/v1/users/me")
    assert answer.headers["content-disposition"] == 'attachment; filename="api.json"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-disposition" not in client.get("/sign-in").headers


def test_what_is_not_json_is_not_read_as_json(client: TestClient) -> None:
    """Or a form of another site could send it."""
    body = '{"phone": "13800000001", "password": "long enough to guess"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = client.post("/api/v1/tokens", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422, kind


def test_no_answer_says_what_it_was_made_with(client: TestClient) -> None:
    answer = client.get("/sign-in")
    assert not {"server", "x-powered-by"} & {name.lower() for name in answer.headers}


def test_a_password_is_not_as_long_as_somebody_likes() -> None:
    with pytest.raises(Invalid) as refusal:
        passwords.hashed("x" * 201)
    assert refusal.value.code == "password_long"
