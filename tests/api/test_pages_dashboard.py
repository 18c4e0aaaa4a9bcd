"""The dashboard: pictures of the books whose tables tie to the books."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import openpyxl
import pytest

from ledger import accounts, dashboard
from ledger.core.entry import COMMISSION_COST, HELD
from ledger.dashboard import Span
from tests.api.desk import Desk, words

FOR_ALL = ("fees", "stages", "funnel", "held", "pools", "needs")


def _table(desk: Desk, who: str, address: str) -> list[list[str]]:
    answer = desk.open(who, address)
    assert answer.status_code == 200 and answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_each_picture_has_its_table_and_two_downloads(desk: Desk) -> None:
    desk.tell_payout()
    page = desk.open("finance", "/dashboard").text
    for name in FOR_ALL:
        assert f'id="{name}"' in page and f"/dashboard/{name}.csv" in page
        head, *rows = _table(desk, "finance", f"/dashboard/{name}.csv")
        book = openpyxl.load_workbook(io.BytesIO(desk.open("finance", f"/dashboard/{name}.xlsx").content))
        assert [cell.value for cell in book.active[1]] == head  # type: ignore[index]
        assert rows and {len(row) for row in rows} == {len(head)}
    assert "<script" not in page.split("</head>")[1] and "style=" not in page


def test_what_the_stages_earned_is_the_cost_in_the_books_and_comes_apart_without_rest(desk: Desk) -> None:
    desk.tell_payout()
    with desk.database.reading() as session:
        rows = dashboard.stages(session, Span(), by=desk.users["finance"])
        assert sum(row.figures[0] or 0 for row in rows) == accounts.total_of(session, COMMISSION_COST)
        assert sum(row.figures[3] or 0 for row in rows) == -accounts.total_of(session, HELD)
    assert all(row.figures[0] == sum(one or 0 for one in row.figures[1:]) for row in rows)
    assert [row.zh for row in rows] == ["需求挖掘", "技术寻源"]


def test_months_narrow_every_table(desk: Desk) -> None:
    desk.tell_fees()
    assert len(_table(desk, "finance", "/dashboard/fees.csv")) == 3
    assert _table(desk, "finance", "/dashboard/fees.csv?since=2026-05&through=2026-05")[1:] == [
        ["2026-05", "25000.00", _earned_in(desk, "2026-05")]
    ]
    assert "没有数据" in desk.see("finance", "/dashboard?since=2030-01")
    assert "f-since-error" in desk.open("finance", "/dashboard?since=soon").text


def _earned_in(desk: Desk, period: str) -> str:
    with desk.database.reading() as session:
        debit, credit = accounts.turnover(session, period, "CNY")[COMMISSION_COST]
    return f"{(debit - credit) // 100}.{(debit - credit) % 100:02d}"


def test_what_is_held_at_the_end_of_the_last_month_is_the_balance(desk: Desk) -> None:
    desk.tell_payout()
    with desk.database.reading() as session:
        assert dashboard.held(session, Span(), by=desk.users["finance"])[-1].figures[2] == -accounts.total_of(
            session, HELD
        )


def test_the_funnel_counts_deals_by_stage_and_the_days_between(desk: Desk) -> None:
    desk.tell_deals()
    rows = _table(desk, "operator", "/dashboard/funnel.csv")[1:]
    assert [row[:2] for row in rows[:4]] == [
        ["需求", "2"],
        ["项目", "2"],
        ["需求挖掘", "2"],
        ["技术寻源", "1"],
    ]
    assert [row[2] for row in rows[:4]] == ["", "0", "0", "0"]


def test_the_pool_of_a_deal_is_what_is_earned_and_what_is_left(desk: Desk) -> None:
    desk.tell_fees()
    with desk.database.reading() as session:
        rows = dashboard.pools(session, Span(), now=desk.now() + timedelta(days=1))
    assert rows[0].href == "/deals/D-1"
    assert all(pool == (earned or 0) + (left or 0) for pool, earned, left in (row.figures for row in rows))


def test_a_manager_sees_their_own_and_no_more(desk: Desk) -> None:
    desk.tell_fees()
    mine = _table(desk, "zhang", "/dashboard/stages.csv")[1:]
    everybodys = _table(desk, "finance", "/dashboard/stages.csv")[1:]
    assert 0 < float(mine[1][1]) < float(everybodys[1][1])
    assert "佣金池与成本" not in desk.see("zhang", "/dashboard")
    assert desk.open("zhang", "/dashboard/pools.csv").status_code == 404


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_picture_is_said_in_words_too(desk: Desk, language: str) -> None:
    desk.tell_fees()
    desk.lang = language
    page = desk.open("finance", "/dashboard").text
    assert re.search(r'role="img" aria-label="[^"]{4,}"', page)
    assert ("各阶段佣金" if language == "zh" else "Earned by stage") in words(page)


def test_who_may_not_see_the_books_sees_no_pictures_of_them(desk: Desk) -> None:
    desk.tell_fees()
    for address in ("/dashboard", "/dashboard/stages.csv"):
        assert desk.open("admin", address).status_code == 403
