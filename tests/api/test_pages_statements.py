"""Statements: made by a job, shown on screen and on paper, checked, each to those it concerns."""

from __future__ import annotations

import re

from ledger import fees, jobs, paper, statements
from ledger.files import Store
from ledger.statements import Statement
from tests.api.desk import Desk, words


def test_asking_for_statements_leads_to_the_job_that_makes_them(desk: Desk) -> None:
    desk.tell_fees()
    where = desk.done("operator", "/statements", {"period": "2026-05"})
    assert "预结算单 2026-05" in desk.see("operator", where)
    desk.done("finance", "/periods/2026-04/close", {"typed": "2026-04"})
    assert "正式结算单 2026-04" in desk.see(
        "operator", desk.done("operator", "/statements", {"period": "2026-04"})
    )
    assert set(desk.mend("operator", "/statements", {"period": "soon"}).errors) == {"period"}


def test_a_run_that_is_done_can_be_asked_for_again(desk: Desk) -> None:
    desk.tell_fees()
    first = desk.done("operator", "/statements", {"period": "2026-05"})
    assert desk.done("operator", "/statements", {"period": "2026-05"}) == first
    for _ in range(2):
        with desk.database.writing() as session:
            for run in jobs.listing(session, by=desk.users["operator"]):
                run.state = "done"
        again = desk.done("operator", "/statements", {"period": "2026-05"})
        assert again != first
        first = again


def test_a_statement_on_screen_says_what_the_paper_says(desk: Desk) -> None:
    kept = _made(desk, "M1")
    shown = desk.see("finance", f"/statements/{kept.id}")
    assert "JS-2026-05-M1-1" in shown and "预结算" in shown and "张三" in shown
    assert "应付佣金变动 期初余额 ¥900.00" in shown and "期末余额" in shown
    assert "文件完整" in shown and "各项合计相符" in shown and "与账簿期末余额一致" in shown
    file = desk.open("finance", f"/statements/{kept.id}/pdf")
    assert file.content.startswith(b"%PDF") and file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"].startswith("inline")
    again = desk.open("finance", f"/statements/{kept.id}/pdf?download=yes")
    assert again.content == file.content and again.headers["content-disposition"].startswith("attachment")


def test_a_later_revision_is_named_and_both_stay(desk: Desk) -> None:
    first = _made(desk, "M1")
    with desk.database.writing() as session:
        fees.record(
            session,
            "fee_received",
            on=desk.now().date(),
            parts={"D-1": 1_000_00},
            ref="YH-2",
            by=desk.users["finance"],
            now=desk.now(),
        )
    assert "制单后又有新的入账" in desk.see("finance", f"/statements/{first.id}")
    second = _print(desk, "M1")
    shown = desk.see("finance", f"/statements/{first.id}")
    assert "已有更新的版本" in shown and second.number in shown and "各版本 2" in shown
    assert "与账簿期末余额一致" in desk.see("finance", f"/statements/{second.id}")


def test_a_paper_that_is_gone_is_told(desk: Desk) -> None:
    kept = _made(desk, "M1")
    _store(desk)._path(kept.pdf_sha256).unlink()
    assert "文件缺失或损坏" in desk.see("finance", f"/statements/{kept.id}")
    assert desk.open("finance", f"/statements/{kept.id}/pdf").status_code == 404


def test_managers_see_their_own_statements_only(desk: Desk) -> None:
    mine, other = _made(desk, "M1"), _print(desk, "M2")
    listed = desk.open("zhang", "/statements").text
    assert mine.number in words(listed) and other.number not in words(listed)
    assert desk.open("zhang", f"/statements/{mine.id}/pdf").status_code == 200
    assert desk.open("zhang", f"/statements/{other.id}").status_code == 404
    assert desk.open("zhang", f"/statements/{other.id}/pdf").status_code == 404
    assert desk.fill("zhang", "/statements", {"period": "2026-05"}).status_code == 403


def test_the_list_is_filtered_by_month_and_manager(desk: Desk) -> None:
    _made(desk, "M1")
    _print(desk, "M2")
    assert len(_listed(desk, "/statements?period=2026-05")) == 2
    assert len(_listed(desk, "/statements?manager=M2")) == 1
    assert "没有符合条件的结算单" in desk.see("finance", "/statements?period=2026-04")


def _listed(desk: Desk, path: str) -> list[str]:
    return re.findall(r'<td class="lead"><a href="/statements/([^"]+)"', desk.open("finance", path).text)


def _made(desk: Desk, manager_id: str) -> Statement:
    desk.tell_fees()
    return _print(desk, manager_id)


def _store(desk: Desk) -> Store:
    store: Store = desk.client.app.state.store  # type: ignore[attr-defined]
    return store


def _print(desk: Desk, manager_id: str) -> Statement:
    with desk.database.writing() as session:
        snapshot = statements.fresh(session, manager_id, "2026-05", kind="preliminary", now=desk.now())
        assert snapshot is not None
        return statements.keep(session, _store(desk), snapshot, paper.render(snapshot))
