"""The whole OpenAPI document, tried with what it allows and what it does not (schemathesis), as each role.

Nothing fails, nothing is answered that the document does not tell of, and every answer has the shape it
promises; first call by call, then one after another, along the document's own links.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlmodel import col, update
from starlette.testclient import TestClient

from api.app import create_app
from ledger import clock
from ledger.config import Settings
from ledger.db import Database
from ledger.files import Store
from ledger.sign_ins import SignIn
from ledger.users import User
from tests.api.routes.office import Office
from tests.api.routes.test_rights import furnished

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = ("zhang", "operator", "finance", "admin", "token", "")
BOTH = pytest.mark.parametrize(
    ("engine", "who"), [(engine, who) for engine in ("sqlite", "postgresql") for who in ROLES]
)


class Caller:
    """Somebody who calls, and comes back in where a call ended what they were signed in with."""

    def __init__(self, office: Office, who: str) -> None:
        self.office, self.who = office, who
        self.headers = {"Authorization": f"Bearer {self._secret()}"} if who else {}

    def _secret(self) -> str:
        if self.who != "token":
            return self.office.secret(self.who)
        made = {"name": "tried", "scopes": ["*:read", "*:write"], "days": 30}
        return str(self.office.post("operator", "/access_tokens", made)["token"])

    def call(self, case: Case) -> None:
        """One call, and its answer looked at."""
        case.headers = {**(case.headers or {}), **self.headers}
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code == 401 and self.who:
            self._come_back()

    def _come_back(self) -> None:
        with self.office.database.writing() as session:
            again = {"disabled_at": None, "password_given_by": None, "asked_by": None}
            session.execute(update(User).where(col(User.id).startswith("us_")).values(**again))
            session.execute(update(SignIn).values(ended_at=None))
        if self.who == "token":
            self.headers = {"Authorization": f"Bearer {self._secret()}"}


@pytest.fixture
def office(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Office, Any]]:
    made: Settings = request.getfixturevalue(f"{engine}_settings")
    for limit in ("YONGJIN_RATE_USER", "YONGJIN_RATE_ADDRESS"):
        monkeypatch.setenv(limit, "0")
    monkeypatch.setenv("YONGJIN_VAR", str(made.var))
    database, store = Database(made.database_url), Store(made.files)
    app = create_app(database, store)
    with TestClient(app, raise_server_exceptions=False) as client:
        office = Office(database, client)
        monkeypatch.setattr(clock, "now", office.now)
        office.move_in()
        office.things = furnished(office, store)
        yield office, app
    database.close()


def document(app: Any) -> Any:
    """The document as it is served, calls going straight to the application."""
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def limits(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        **more,
    )


def every_call(office: Office, app: Any, who: str, examples: int, *, every: int = 1) -> list[str]:
    """Operations so many times each, with what the document allows and with what it does not."""
    caller, wrong = Caller(office, who), []
    for found in list(document(app).get_all_operations())[::every]:
        operation = found.ok()
        strategies = [
            operation.as_strategy(generation_mode=mode)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ]

        @limits(examples)
        @given(case=st.one_of(strategies))
        def tried(case: Case) -> None:
            caller.call(case)

        try:
            tried()
        except Exception as error:
            wrong.append(f"{operation.label}: {error}")
    return wrong


@pytest.mark.long
@BOTH
def test_no_call_fails_or_is_answered_otherwise_than_the_document_says(
    office: tuple[Office, Any], who: str
) -> None:
    wrong = every_call(*office, who, examples=20)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.long
@BOTH
def test_no_row_of_calls_along_the_links_fails(office: tuple[Office, Any], who: str) -> None:
    desk, app = office
    caller = Caller(desk, who)

    class Calls(document(app).as_state_machine()):  # type: ignore[misc]
        """Calls one after another, each with what the one before was answered."""

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": caller.headers}

        def validate_response(self, response: Any, case: Case, **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)
            if response.status_code == 401 and who:
                caller._come_back()

    run_state_machine_as_test(Calls, settings=limits(30, stateful_step_count=12))


@pytest.mark.parametrize(("engine", "who"), [("sqlite", "operator")])
def test_a_call_here_and_there_is_answered_as_the_document_says(office: tuple[Office, Any], who: str) -> None:
    wrong = every_call(*office, who, examples=1, every=15)
    assert not wrong, "\n\n".join(wrong)
