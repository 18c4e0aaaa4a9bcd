"""What cannot be done is said in a way its reader can use."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("unknown", 404, "deal_unknown"),
        ("forbidden", 403, "not_allowed"),
        ("conflict", 409, "deal_exists"),
        ("invalid", 422, "amount_zero"),
    ],
)
def test_a_refusal_is_a_problem_for_programs_and_a_page_for_people(
    client: TestClient, name: str, status: int, code: str
) -> None:
    for_programs = client.get(f"/api/v1/try/refused/{name}")
    assert for_programs.status_code == status
    assert for_programs.headers["Content-Type"] == "application/problem+json"
    problem = for_programs.json()
    assert problem["code"] == code and problem["status"] == status
    assert problem["type"] == f"urn:yongjin:problem:{code}"
    assert problem["instance"] == f"/api/v1/try/refused/{name}"
    assert problem["title"] and problem["detail"]

    for_people = client.get(f"/try/refused/{name}")
    assert for_people.status_code == status
    assert for_people.headers["Content-Type"].startswith("text/html")
    assert code in for_people.text


def test_codes_in_a_refusal_are_said_in_words(client: TestClient) -> None:
    assert "您的角色（技术经理人）不能进行：登记居间费" in client.get("/try/refused/forbidden").text


def test_a_part_of_a_page_that_is_refused_leaves_the_page_and_says_so_above(client: TestClient) -> None:
    answer = client.get("/try/refused/conflict", headers={"HX-Request-Type": "partial"})
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#message"
    assert "<html" not in answer.text and "项目 D-9 已存在" in answer.text


def test_a_failure_tells_a_reference_and_nothing_else(client: TestClient) -> None:
    problem = client.get("/api/v1/try/failed").json()
    assert problem["code"] == "internal_error" and len(problem["reference"]) == 8
    page = client.get("/try/failed")
    assert page.status_code == 500
    assert "编号" in page.text and "secret detail" not in page.text


def test_a_transaction_that_lost_a_race_may_be_sent_again(client: TestClient) -> None:
    answer = client.get("/api/v1/try/raced")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "1"


def test_what_cannot_be_read_names_its_place(client: TestClient) -> None:
    answer = client.get("/api/v1/try/number/x")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert answer.json()["errors"][0]["at"] == "path/number"


def test_an_address_that_does_not_exist_is_a_problem_too(client: TestClient) -> None:
    assert client.get("/api/v1/nothing").json()["code"] == "not_found"
    assert client.post("/health/live").status_code == 405
    assert "这里什么也没有" in client.get("/nothing").text
