"""What is seen of the program from outside: whether it can serve, its figures, its log."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.observed import HEADER
from ledger import dispatch, logs, vitals
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import Job, Work
from tests import desk as office_desk
from tests.api.front import Front
from tests.ledger import firm

TOKEN = {"Authorization": "Bearer collector"}


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YONGJIN_METRICS_TOKEN", "collector")


# Whether it can serve


def test_it_lives_and_can_serve(front: Front) -> None:
    assert front.client.get("/health/live").json() == {"status": "ok"}
    assert front.client.get("/health/ready").json() == {"status": "ok"}


def test_it_cannot_serve_from_a_database_that_does_not_answer(
    client: TestClient, app: FastAPI, tmp_path: Path
) -> None:
    app.state.database = Database(f"sqlite:///file:{tmp_path}/gone.db?mode=ro&uri=true")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "database_unreachable"})


def test_it_cannot_serve_from_a_database_of_another_version(client: TestClient) -> None:
    answer = client.get("/health/ready")  # this one was never migrated
    assert (answer.status_code, answer.json()) == (503, {"status": "database_not_at_this_version"})


def test_it_cannot_serve_where_the_disk_is_full(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 5, 5))
    answer = front.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "no_room_for_files"})


# Its figures


def figures(front: Front) -> dict[str, float]:
    """Every figure by its name and what tells it from others."""
    answer = front.client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200, answer.text
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_figures_are_for_the_collector_alone(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    assert front.client.get("/metrics").status_code == 403
    assert front.client.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 403
    monkeypatch.delenv("YONGJIN_METRICS_TOKEN")
    assert front.client.get("/metrics", headers=TOKEN).status_code == 403  # not from this machine


def test_this_machine_may_ask_without_a_token_but_not_through_a_proxy(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("YONGJIN_METRICS_TOKEN")
    here = TestClient(front.client.app, client=("127.0.0.1", 50000))
    assert here.get("/metrics").status_code == 200
    assert here.get("/metrics", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 403


def test_every_vital_sign_is_told_with_what_it_says(front: Front) -> None:
    told = {name.split()[0] for name in figures(front)}
    assert {f"yongjin_{name}" for name in vitals.NAMES} <= told


def test_a_need_that_waits_is_counted_and_grows_older(front: Front) -> None:
    front.need()
    front.later += timedelta(hours=3)
    told = figures(front)
    assert told["yongjin_waiting needs"] == 1
    assert told["yongjin_waiting_seconds needs"] == 3 * 3600


def test_requests_are_counted_by_their_route_and_strangers_together(front: Front) -> None:
    before = figures(front)
    front.look("finance", "/needs/nobody", status=404)
    front.client.get("/wp-admin/1.php")
    front.client.get("/wp-admin/2.php")
    after = figures(front)
    grown = {name for name, value in after.items() if "_count" in name and value > before.get(name, 0)}
    assert "yongjin_request_seconds_count GET /needs/{id} 404" in grown
    assert after["yongjin_request_seconds_count GET none 404"] >= 2
    assert not any("wp-admin" in name for name in after)


OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


@pytest.mark.parametrize("file", ["alerts.yaml", "grafana.json"])
def test_what_is_alerted_on_and_drawn_is_told(front: Front, file: str) -> None:
    told = {name.split()[0] for name in figures(front)}
    asked = set(re.findall(r"yongjin_[a-z_]+", (OPERATIONS / file).read_text("utf-8")))
    assert asked and asked <= told


def test_what_to_do_is_written_for_every_alert() -> None:
    alerts = yaml.safe_load((OPERATIONS / "alerts.yaml").read_text("utf-8"))
    names = [rule["alert"] for group in alerts["groups"] for rule in group["rules"]]
    written = (OPERATIONS.parent / "OPERATIONS.md").read_text("utf-8")
    assert [name for name in names if f"**{name}**" not in written] == []


# Its log


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    logs.set_up()
    yield capsys  # type: ignore[misc]
    logs.set_up(logging.ERROR)


def lines(logged: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in logged.readouterr().err.splitlines() if line.startswith("{")]


def test_a_request_is_a_line_with_its_id_who_and_how_long_but_no_query(
    front: Front, logged: pytest.CaptureFixture[str]
) -> None:
    answer = front.page("finance", "GET", "/managers?search=张三")
    (line,) = [one for one in lines(logged) if one["event"] == "request"]
    assert line["request"] == answer.headers[HEADER]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/managers", 200)
    assert line["user"] == front.users["finance"].id
    assert isinstance(line["ms"], float)


def test_entries_are_logged_once_they_are_there_under_the_request_that_brought_them(
    database: Database, tmp_path: Path, logged: pytest.CaptureFixture[str]
) -> None:
    with structlog.contextvars.bound_contextvars(request="r-1"):
        firm.built(database, Store(tmp_path))
    posted = [one for one in lines(logged) if one["event"] == "posted"]
    assert posted and all(one["request"] == "r-1" for one in posted)
    assert [one["first"] for one in posted] == sorted(one["first"] for one in posted)  # type: ignore[type-var]


def test_what_a_job_posts_is_logged_with_its_run(
    database: Database, tmp_path: Path, logged: pytest.CaptureFixture[str]
) -> None:
    office = office_desk.Desk(database, tmp_path / "files").move_in()
    office.deal()

    def pays_an_award(work: Work) -> dict[str, Any]:
        office.reach("find")
        return {}

    done = dispatch.run(database, office.store, Job("award", pays_an_award), "2026-02")
    posted = [one for one in lines(logged) if one["event"] == "posted"]
    assert done is not None and posted
    assert {(one["job"], one["run"]) for one in posted} == {("award", done.id)}


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "../x", "é"])
def test_an_id_that_is_no_id_is_replaced(front: Front, given: str) -> None:
    answer = front.client.get("/health/live", headers={HEADER: given.encode()})
    assert answer.headers[HEADER] != given and len(answer.headers[HEADER]) == 32


def test_a_proxys_id_is_kept(front: Front) -> None:
    assert front.client.get("/health/live", headers={HEADER: "f3-7"}).headers[HEADER] == "f3-7"
