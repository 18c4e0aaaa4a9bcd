"""An office to test in: the application over an empty database, its people signed in, and a clock to turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any

from httpx import Response
from jsonschema import Draft202012Validator
from sqlmodel import select
from starlette.testclient import TestClient

from api.doors import COOKIE
from ledger import journal, managers, passwords, plans
from ledger.core.entry import as_text
from ledger.db import Database, fingerprint
from ledger.sign_ins import SignIn
from ledger.users import User
from tests.canaries import ACCOUNTS, PASSWORD

TIANJIN = (files("ledger") / "cities" / "tianjin.yaml").read_text("utf-8")
PASSWORD_HASH = passwords.hashed(PASSWORD)  # slow on purpose, so made once
OVER_TLS = f"__Host-{COOKIE}"
PEOPLE = {
    "zhang": ("manager", "M1"),
    "li": ("manager", "M2"),
    "operator": ("operator", None),
    "second": ("operator", None),
    "finance": ("finance", None),
    "admin": ("administrator", None),
}


@dataclass
class Office:
    """Requests by name of who sends them; `day` is today, at ten in the morning in Shanghai or `later`."""

    database: Database
    client: TestClient
    day: str = "2026-03-01"
    later: timedelta = timedelta(0)
    secrets: set[str] = field(default_factory=set)
    users: dict[str, User] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.fromisoformat(f"{self.day}T10:00:00+08:00") + self.later

    def move_in(self) -> None:
        """Two managers, two operators, one of finance, an administrator, and a plan in force."""
        with self.database.writing() as session:
            managers.add(
                session,
                id="M1",
                name="张三",
                grade="senior",
                bank_name="工商银行",
                bank_account=ACCOUNTS[0],
                now=self.now(),
            )
            managers.add(
                session,
                id="M2",
                name="李四",
                bank_name="建设银行",
                bank_account=ACCOUNTS[1],
                now=self.now(),
            )
            for number, (name, (role, manager)) in enumerate(PEOPLE.items(), 1):
                user = User(
                    id=f"us_{name}",
                    phone=f"1380000000{number}",
                    name=name,
                    role=role,
                    manager_id=manager,
                    password_hash=PASSWORD_HASH,
                    created_at=self.now(),
                )
                session.add(user)
                self.users[name] = user
            draft = plans.draft(session, TIANJIN, by=self.users["operator"], now=self.now())
            plans.publish(
                session,
                draft.id,
                effective_on=date(2026, 1, 1),
                by=self.users["second"],
                now=self.now(),
            )

    def secret(self, who: str) -> str:
        """A token of that day, as signing in would have given it."""
        secret = f"{who} on {self.day}"
        if secret not in self.secrets:
            sign_in = SignIn(
                id=fingerprint(secret.encode()),
                user_id=self.users[who].id,
                started_at=self.now(),
                seen_at=self.now(),
            )
            with self.database.writing() as session:
                session.add(sign_in)
            self.secrets.add(secret)
        return secret

    def cookie(self, who: str) -> str:
        """The same as a browser has it."""
        name = OVER_TLS if self.client.base_url.scheme == "https" else COOKIE
        return f"{name}={self.secret(who)}"

    def send(
        self, who: str, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Response:
        """A request, whatever comes of it."""
        everything = dict(headers or {})
        if who:
            everything["Authorization"] = f"Bearer {self.secret(who)}"
        answer = self.client.request(method, f"/api/v1{path}", headers=everything, **options)
        as_promised(self.client.app, method, f"/api/v1{path}".partition("?")[0], answer)
        return answer

    def get(self, who: str, path: str, **params: Any) -> Any:
        """What is there."""
        answer = self.send(who, "GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, who: str, path: str, body: Any = None) -> Any:
        """Something done, and what was answered."""
        answer = self.send(who, "POST", path, json=body)
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json()

    def refused(self, who: str, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and code of a refusal, whose shape is checked on the way."""
        answer = self.send(who, method, path, **options)
        assert answer.status_code >= 400, answer.text
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["type"] == f"urn:yongjin:problem:{problem['code']}"
        assert problem["instance"] == f"/api/v1{path}".partition("?")[0]
        assert problem["title"]
        return answer.status_code, problem["code"]

    def journal(self) -> list[str]:
        """Every entry as an accountant would write it down."""
        with self.database.reading() as session:
            entries = session.exec(select(journal.Entry).order_by(journal.Entry.id)).all()
            return [as_text(value) for value in journal.as_values(session, entries)]


_documents: list[dict[str, Any]] = []  # the first application's: making one takes a second


def _document(app: Any) -> dict[str, Any]:
    if not _documents:
        _documents.append(app.openapi())
    return _documents[0]


def as_promised(app: Any, method: str, path: str, answer: Response) -> None:
    """What was answered is what the OpenAPI document says may be."""
    document = _document(app)
    found = [
        operations[method.lower()]
        for template, operations in document["paths"].items()
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    if not found or answer.status_code == 500:
        return
    promised = found[0]["responses"].get(str(answer.status_code))
    assert promised is not None, f"{method} {path} does not say it may answer {answer.status_code}"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in promised.get("content", {"": None}), f"{method} {path} does not say it answers {kind}"
    if kind.endswith("json"):
        schema = {**promised["content"][kind]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())
