"""The OpenAPI document is true: it lists every route, every answer, and shapes that can be checked.

That answers keep to it is checked on every request of these tests (`office.as_promised`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from api.routes import ROUTERS
from tests.api.routes.office import Office

NOUNS = [
    "needs",
    "deals",
    "milestones",
    "plans",
    "payouts",
    "statements",
    "entries",
    "accounts",
    "periods",
    "jobs",
    "managers",
    "organisations",
    "users",
    "tokens",
]


@pytest.fixture
def document(client: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/v1/") and "/try/" not in path:
                yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_is_in_the_document(document: dict[str, Any]) -> None:
    said = {(method, path) for method, path, _ in operations(document)}
    there = {
        (method, f"/api/v1{route.path}")
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert said == there
    assert [noun for noun in NOUNS if not any(f"/api/v1/{noun}" in path for _, path in said)] == []


def test_operations_have_names_of_their_own_and_a_tag_each(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert "milestones_verify" in names
    for _, path, operation in operations(document):
        assert operation["tags"] == [path.split("/")[3]]
        assert operation["description"]


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {ref for ref in references(document)} <= {f"#/components/schemas/{name}" for name in schemas}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_every_refusal_is_declared_as_a_problem(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        wanted = {"401", "403", "404", "422"} | ({"409", "503"} if method != "GET" else set())
        assert wanted <= set(operation["responses"]), (method, path)
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert set(answer["content"]) == {"application/problem+json"}


def test_every_post_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        keys = [one for one in operation.get("parameters", []) if one["name"] == "Idempotency-Key"]
        assert len(keys) == (method == "POST"), path


def test_only_signing_in_and_joining_need_nobody_signed_in(document: dict[str, Any]) -> None:
    free = [(m, p) for m, p, operation in operations(document) if "security" not in operation]
    assert sorted(free) == [("POST", "/api/v1/invitations/enter"), ("POST", "/api/v1/tokens")]
    assert set(document["components"]["securitySchemes"]) == {"token", "browser"}


def test_every_field_that_is_sent_says_what_it_takes(document: dict[str, Any]) -> None:
    """No text without a bound: what reaches the database was measured at the edge."""
    schemas = document["components"]["schemas"]
    sent = {
        ref.rsplit("/", 1)[1]
        for _, _, operation in operations(document)
        for ref in references(operation.get("requestBody", {}))
    }
    loose = [
        f"{name}.{field}"
        for name in sent
        for field, schema in schemas[name]["properties"].items()
        for one in schema.get("anyOf", [schema])
        if one.get("type") == "string"
        and not {"maxLength", "pattern", "enum", "const", "format", "contentMediaType"} & set(one)
    ]
    assert loose == []


_LISTS = {
    "finance": ("/needs", "/deals", "/milestones", "/fees", "/entries", "/accounts/9001/movements"),
    "operator": ("/users", "/plans"),
}


def test_pages_put_together_are_the_whole_list(office: Office) -> None:
    for n in range(5):
        need = office.post("operator", "/needs", {"title": f"需求{n}", "client": "优眼科技"})
        deal = {"need_id": need["id"], "plan_id": "tianjin-platform-manager", "expected_fee": "100000.00"}
        opened = office.post("operator", "/deals", {**deal, "category": "transfer"})["id"]
        body = {"deal_id": opened, "stage": "need_discovery", "reached_on": office.day}
        milestone = office.post("operator", "/milestones", {**body, "participants": {"M1": "1"}})
        office.post("second", f"/milestones/{milestone['id']}/verify")
        fee = {"kind": "fee_invoiced", "on": office.day, "ref": f"F{n}", "parts": {opened: "1.00"}}
        office.post("finance", "/fees", fee)
    for who, path in ((who, path) for who, paths in _LISTS.items() for path in paths):
        whole = office.get(who, path, limit=200)
        assert whole["next"] is None, path
        pages, cursor = [], {}
        for _ in range(20):
            page = office.get(who, path, limit=2, **cursor)
            assert len(page["items"]) <= 2, path
            pages += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert pages == whole["items"] and len(pages) >= (1 if path == "/plans" else 5), path
