"""Jobs on their page: started, stopped and retried by hand, and every word of it in the reader's language."""

from __future__ import annotations

import pytest

from api.pages import jobs as pages
from ledger import dispatch, jobs
from ledger.files import Store
from ledger.jobs import Job, Work
from ledger.schedule import JOBS
from tests.api.desk import Desk


def test_every_job_has_a_name_and_can_be_started_by_hand(desk: Desk) -> None:
    assert set(pages.TITLES) == set(JOBS)
    listed = desk.see("operator", "/jobs")
    assert "封存账簿" in listed
    where = desk.done("operator", "/jobs", {"job": "seal"})
    assert "封存账簿" in desk.see("operator", where) and "待运行" in desk.see("operator", where)


def test_what_came_of_a_seal_is_told_in_words(desk: Desk) -> None:
    store: Store = desk.client.app.state.store  # type: ignore[attr-defined]
    done = dispatch.run(desk.database, store, JOBS["seal"], "2026-03-01T09:07:00+08:00")
    assert done is not None
    shown = desk.see("operator", f"/jobs/{done.id}")
    assert "封存行数" in shown and "最新区块哈希" in shown and "rows" not in shown and "head" not in shown
    assert "第 1 次，最多 3 次" in shown


def test_a_run_is_stopped_and_retried_from_its_page(desk: Desk) -> None:
    where = desk.done("operator", "/jobs", {"job": "verify_books"})
    assert desk.done("finance", f"{where}/stop") == where
    assert "已停止" in desk.see("finance", where)
    assert desk.fill("finance", f"{where}/stop").status_code == 409
    assert desk.done("finance", f"{where}/retry") == where
    assert "待运行" in desk.see("finance", where)
    for act in ("stop", "retry"):
        assert desk.fill("zhang", f"{where}/{act}").status_code == 403


def test_a_failed_run_is_red_and_says_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(work: Work) -> dict[str, object]:
        raise ZeroDivisionError("no ink")

    monkeypatch.setattr(jobs, "ATTEMPTS_MOST", 1)
    store: Store = desk.client.app.state.store  # type: ignore[attr-defined]
    failed = dispatch.run(desk.database, store, Job("verify_books", fails), "2026-03-01T04:00:00+08:00")
    assert failed is not None
    shown = desk.open("operator", f"/jobs/{failed.id}").text
    assert "no ink" in shown and "Traceback" in shown and f"/jobs/{failed.id}/retry" in shown
    assert "失败" in desk.see("operator", "/jobs")
