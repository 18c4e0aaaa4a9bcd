"""Who gets to see which page: every page, for every role; and the same of what the JSON interface reads.

A row is a page and who gets in: m the manager of the thing, l a manager who has nothing to do with it,
o operations, f finance, a administration, and n whoever is not signed in. A new page without a row fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from api.pages import ROUTERS
from ledger import clock
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from tests.api.desk import Desk
from tests.api.routes.test_rights import ROLES as WHO
from tests.api.routes.test_rights import ROWS as CALLS
from tests.api.routes.test_rights import for_everybody, furnished
from tests.api.served import app_over

LETTERS = "nmlofa"
ROWS: dict[str, str] = {
    "/": "mlofa",
    "/account": "mlofa",
    "/account/password": "mlofa",
    "/account/second-factor": "mlofa",
    "/accounts": "of",
    "/accounts/2202.01": "of",
    "/accounts/2202.01/movements": "of",
    "/ageing": "of",
    "/ageing.csv": "of",
    "/agreements": "mlof",
    "/agreements/new?deal=D-1&stage=completion": "mo",
    "/agreements/{agreement}": "mof",
    "/agreements/{agreement}/counter": "mof",
    "/agreements/{agreement}/decide": "o",
    "/audit": "ofa",
    "/bank-layouts": "of",
    "/bank-receipts": "of",
    "/bank-receipts/{receipts}": "of",
    "/bank-receipts/lines/{receipt_line}": "of",
    "/bank-returns": "of",
    "/bank-returns/{bank_return}": "of",
    "/dashboard": "mlof",
    "/dashboard/stages.csv": "mlof",
    "/dashboard/stages.xlsx": "mlof",
    "/deals": "mlof",
    "/deals/D-1": "mof",
    "/deals/D-1/adjust": "of",
    "/deals/D-1/amounts": "o",
    "/deals/D-1/cancel": "o",
    "/deals/D-1/expected-fee": "o",
    "/deals/D-1/facts.yaml": "mof",
    "/deals/D-1/fail-gate": "o",
    "/deals/D-1/move": "o",
    "/deals/D-1/plan.yaml": "mof",
    "/deals/D-3/reinstate": "o",
    "/disputes": "mlof",
    "/disputes/{submitted_dispute}": "mof",
    "/entries": "of",
    "/entries/1": "of",
    "/entries/{entry}/reverse": "f",
    "/estimate": "mlof",
    "/evidence/{evidence}": "mof",
    "/fees": "of",
    "/fees/new": "f",
    "/fees/receivables": "of",
    "/fees/{fee}": "of",
    "/fees/{fee}/correct": "f",
    "/holds": "of",
    "/holds/new": "of",
    "/holds/{hold}/lift": "of",
    "/invoices/{invoice}/file": "mof",
    "/jobs": "of",
    "/jobs/{run}": "of",
    "/keys": "mlofa",
    "/invitations": "o",
    "/invitations/new": "o",
    "/invitations/{invitation}": "o",
    "/managers": "of",
    "/managers/new": "o",
    "/managers/M1": "mof",
    "/managers/M1/leaving": "of",
    "/managers/M1/papers": "mof",
    "/manifest.webmanifest": "nmlofa",
    "/milestones": "mlof",
    "/milestones/new": "mlof",
    "/milestones/{submitted}": "mof",
    "/milestones/{draft_milestone}/change": "mo",
    "/milestones/{submitted}/participants": "o",
    "/milestones/{verified}/withdraw": "o",
    "/needs": "mlof",
    "/needs/new": "mlo",
    "/needs/{need}": "mof",
    "/needs/{need}/deal": "o",
    "/offline": "nmlofa",
    "/organisations": "of",
    "/organisations/{organisation}": "of",
    "/owings": "of",
    "/notices": "mlofa",
    "/papers": "mlof",
    "/papers/workbook": "",
    "/papers/{paper}/pdf": "mof",
    "/payee": "mlofa",
    "/payouts": "of",
    "/payouts/new": "of",
    "/payouts/{made}": "of",
    "/payouts/{made}/approve": "of",
    "/payouts/{sent}/file": "of",
    "/payouts/{made}/void": "of",
    "/reconciliation": "of",
    "/reconciliation/2026-01.xlsx": "of",
    "/periods": "of",
    "/periods/2026-02": "of",
    "/periods/2026-02/archive": "",
    "/periods/2026-02/close": "f",
    "/periods/2026-02/tie-out": "of",
    "/persons/M1": "moa",
    "/persons/shared": "of",
    "/plans": "mlof",
    "/plans/new": "o",
    "/plans/{plan}": "mlof",
    "/plans/compare/{run}": "",
    "/plans/compare/{run}/comparison.json": "",
    "/plans/compare/{run}/picture.svg": "",
    "/policies": "of",
    "/policies/new": "of",
    "/search": "mlofa",
    "/settings": "of",
    "/join": "",  # whoever holds the code of an invitation
    "/sign-in": "nmlofa",
    "/stand-ins": "of",
    "/standing/waiting": "mlof",
    "/standing/payable": "mlofa",
    "/statements": "mlof",
    "/statements/{statement}": "mof",
    "/statements/{statement}/pdf": "mof",
    "/statements/{statement}/lines/2/dispute": "mo",
    "/tax": "f",
    "/tax/2026-02": "f",
    "/trial-balance": "of",
    "/sign-in/company": "",
    "/sign-in/company/callback": "",
    "/sign-in/company/out": "",
    "/webhooks": "ofa",
    "/webhooks/{webhook}": "ofa",
    "/users": "ofa",
    "/users/new": "a",
    "/users/{user}/disable": "a",
    "/users/{user}/reset": "a",
    "/verify": "nmlofa",
    "/verify/x/y": "",
    "/worker.js": "nmlofa",
    "/registers/needs": "mlo",
    "/registers/results": "mlo",
    "/results": "mlof",
    "/results/new": "mlo",
    "/results/{result}": "mlof",
    "/claims": "mlof",
    "/claims/{claim}": "mlof",
    "/cutovers": "of",
    "/cutovers/{cutover}": "of",
    "/payee-agreements/{signed}/file": "mof",
}


@contextmanager
def at_their_screens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The office with one of everything, its people at their screens."""
    database, store = Database(settings.database_url), Store(settings.files)
    with TestClient(app_over(database, store), raise_server_exceptions=False) as client:
        desk = Desk(database, client)
        monkeypatch.setattr(clock, "now", desk.now)
        desk.move_in()
        desk.things = furnished(desk, store)
        yield desk
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """That office, on each engine."""
    with at_their_screens(request.getfixturevalue(f"{request.param}_settings"), monkeypatch) as desk:
        yield desk


def who_gets_in(desk: Desk, path: str) -> str:
    in_ = ""
    for letter, who in zip(LETTERS, WHO, strict=True):
        answer = desk.open(who, path)
        assert answer.status_code in (200, 303, 403, 404, 422), (path, who, answer.status_code)
        away = answer.headers.get("location", "").startswith("/sign-in")
        if answer.status_code in (200, 303) and not away:
            in_ += letter
    return in_


def test_every_role_sees_the_pages_the_table_says(full: Desk) -> None:
    got = {path: who_gets_in(full, path.format(**full.things)) for path in ROWS}
    assert got == ROWS


def test_every_role_reads_what_the_table_of_calls_says(full: Desk) -> None:
    for row in CALLS:
        method, path = row[0].format(**full.things).split()
        if method == "GET":
            got = tuple(full.send(who, "GET", path).status_code for who in WHO)
            assert got == for_everybody(row), row[0]


def test_nobody_finds_in_a_search_or_a_list_what_is_not_theirs(full: Desk) -> None:
    """Neither by its number nor by its name, nor by counting."""
    for who in ("li", "admin"):
        for text in ("D-1", "优眼科技", "张三", "M1", full.things["need"], "13800000001"):
            shown = full.open(who, f"/search?q={text}").text
            assert not re.search(
                r'href="/(deals|needs|managers|milestones|organisations|statements|payouts)/', shown
            )
    for noun in (
        "deals",
        "needs",
        "milestones",
        "statements",
        "agreements",
        "organisations",
        "disputes",
        "papers",
    ):
        found = full.get("li", f"/{noun}")
        own = {full.things["rival"], full.get("li", f"/needs/{full.things['rival']}")["client_id"]}
        assert ({one["id"] for one in found["items"]} <= own, found["next"]) == (True, None), noun


def test_every_page_has_a_row() -> None:
    missing = [
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        and "GET" in route.methods
        and not any(route.path_regex.fullmatch(re.sub(r"[{}]", "", path).split("?")[0]) for path in ROWS)
    ]
    assert missing == []
