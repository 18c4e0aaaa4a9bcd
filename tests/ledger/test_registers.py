"""Needs and results from a list: every row or none, once, and with what may go with each."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pytest

from ledger import needs, registers, results
from ledger.core.errors import Forbidden, Invalid
from ledger.db import Database
from tests.desk import Desk

NEEDS = """标题,企业,说明,日期,技术经理人
低功耗眼动传感,优眼科技,,2026-01-02,经理1
污水除磷,清源环保,需要小试,,
"""


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path / "files").move_in()


def take(desk: Desk, kind: registers.Kind, content: bytes, who: str = "operator") -> registers.Taken:
    return desk.do(lambda s: registers.take(s, kind, content, **desk.by(who)))


def workbook(*rows: tuple[str, ...]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(list(row))
    book.save(out)
    return out.getvalue()


def test_a_list_is_logged_once_and_each_row_shows_its_likely_match(desk: Desk) -> None:
    offered = workbook(("成果", "单位"), ("低功耗眼动传感芯片", "天津大学"))
    assert len(take(desk, "results", offered).added) == 1
    taken = take(desk, "needs", NEEDS.encode("gbk"))
    matches = {one.title: match.title if match else None for one, match in taken.added}
    assert matches == {"低功耗眼动传感": "低功耗眼动传感芯片", "污水除磷": None}
    by_title = {one.title: one for one in desk.do(lambda s: needs.listing(s, by=desk.people["operator"]))}
    first = by_title["低功耗眼动传感"]
    assert (first.manager_id, first.found_on.isoformat()) == ("M1", "2026-01-02")
    again = take(desk, "needs", NEEDS.encode())
    assert (again.added, again.known) == ([], 2)

    wrong = NEEDS + "第三个,某公司,,昨天,\n"
    other = "标题,单位\n甲,乙\n丙,\n"
    for kind, text, said in (
        ("needs", wrong, "row 4"),
        ("results", other, "row 3"),
        ("needs", "姓名,电话\n张三,1\n", "names the columns"),
        ("needs", NEEDS.replace("经理1", "没有此人"), "row 2"),
    ):
        content = text.replace("低功耗眼动传感,", "另一种需求,").encode()
        with pytest.raises(Invalid) as refused:
            take(desk, kind, content)  # type: ignore[arg-type]
        assert said in str(refused.value)
    with pytest.raises(Forbidden):
        take(desk, "needs", NEEDS.encode(), who="finance")
    people = desk.people["operator"]
    assert len(desk.do(lambda s: needs.listing(s, by=people))) == 2  # nothing of a wrong list is kept
    assert len(desk.do(lambda s: results.listing(s, by=people))) == 1
