"""The books as finance reads them: entries, accounts, the trial balance, the months, the board."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from sqlalchemy import event
from sqlmodel import select

from ledger import fees, journal, plans, seals
from ledger.statements import fresh, keep
from tests.api.desk import Desk, words
from tests.desk import PLAN
from tests.desk import Desk as Books
from tests.ledger.firm import PDF
from tests.ledger.test_payees_vat import come_back, decide, paid


def test_the_journal_is_filtered_by_deal_manager_month_and_kind(desk: Desk) -> None:
    desk.tell_fees()
    everything = _entries(desk, "/entries")
    assert everything == sorted(everything, reverse=True)
    assert 0 < len(_entries(desk, "/entries?deal=D-2")) < len(everything)
    assert 0 < len(_entries(desk, "/entries?manager=M2")) < len(everything)
    assert 0 < len(_entries(desk, "/entries?period=2026-03")) < len(everything)
    assert len(_entries(desk, "/entries?kind=fee_received")) == 1
    assert "没有符合条件的凭证" in desk.see("finance", "/entries?deal=D-9")


def test_an_entry_shows_its_postings_its_cause_and_its_working(desk: Desk) -> None:
    desk.tell_fees()
    shown = desk.see("finance", f"/entries/{_last(desk, 'accrual')}")
    assert "6401 主营业务成本-佣金" in shown and "2202.01 应付账款-佣金 张三" in shown
    assert "产生原因 1" in shown and "YH-1" in shown
    assert "张三 · 需求挖掘" in shown and "佣金池" in shown and "¥25,000.00" in shown


def test_an_entry_of_no_deal_says_how_it_was_worked_out(desk: Desk, tmp_path: Path) -> None:
    """A cap on a manager's year, and a payee's VAT that was set right; and so does the statement."""
    desk.day = "2026-04-02"
    books = Books(desk.database, tmp_path / "files", date(2026, 3, 2), desk.users)
    capped = PLAN.replace("clawback:", 'caps: {per_manager_per_year: "400.00"}\nclawback:')
    drafted = books.do(lambda s: plans.draft(s, capped, **books.by("operator")).id)
    on = {"effective_on": date(2026, 1, 1), **books.by("second")}
    books.do(lambda s: plans.publish(s, drafted, **on))
    books.deal("D-1")
    books.reach("find")  # an award of 500.00
    shown = desk.see("finance", f"/entries/{_last(desk, 'year_cap')}")
    assert "计算过程" in shown and "张三" in shown and "¥400.00" in shown

    decide(books)
    first = paid(books, 60_000_00)
    paid(books, 50_000_00)
    books.today = date(2026, 4, 2)
    come_back(books, first)
    shown = desk.see("finance", f"/entries/{_last(desk, 'vat_corrected')}")
    assert "增值税更正" in shown and "2221.13" in shown
    assert "未超过100000.00，免征" in shown and "减已扣1092.57" in shown

    snapshot = books.do(lambda s: fresh(s, "M1", "2026-04", kind="preliminary", now=books.now))
    assert snapshot is not None
    kept = books.do(lambda s: keep(s, books.store, snapshot, PDF).id)
    assert "其他变动 1 增值税更正" in desk.see("finance", f"/statements/{kept}")


def test_an_entry_leads_to_deal_account_and_document_and_they_lead_back(desk: Desk) -> None:
    desk.tell_fees()
    entry = _last(desk, "accrual")
    page = desk.open("finance", f"/entries/{entry}").text
    account = next(link for link in re.findall(r'href="(/accounts/[^"]+)"', page) if "2202.01" in link)
    assert 'href="/deals/D-1"' in page
    assert f'href="/entries/{entry}"' in desk.open("finance", account.replace("&amp;", "&")).text
    document = re.findall(r'href="(/fees/ft_[^"]+)"', page)[0]
    assert f'href="/entries/{entry}"' in desk.open("finance", document).text


def test_a_reversal_and_what_it_reverses_lead_to_each_other(desk: Desk) -> None:
    desk.tell_fees()
    wrong = _last(desk, "fee_received")
    with desk.database.writing() as session:
        fact = journal.get(session, wrong).because[0]
        fees.correct(session, fact, reason="重复", by=desk.users["finance"], now=desk.now())
    right = _last(desk, "fee_refunded")
    assert f'href="/entries/{right}"' in desk.open("finance", f"/entries/{wrong}").text
    assert f'href="/entries/{wrong}"' in desk.open("finance", f"/entries/{right}").text


def test_finance_reverses_an_entry_with_its_reason_where_that_makes_sense(desk: Desk) -> None:
    desk.tell_fees()
    wrong = _last(desk, "fee_received")
    assert f'href="/entries/{wrong}/reverse"' in desk.open("finance", f"/entries/{wrong}").text
    assert "/reverse" not in desk.open("operator", f"/entries/{wrong}").text
    assert "/reverse" not in desk.open("finance", f"/entries/{_last(desk, 'accrual')}").text
    mended = desk.mend("finance", f"/entries/{wrong}/reverse", {"reason": ""})
    assert set(mended.errors) == {"reason"}
    led = desk.done("finance", f"/entries/{wrong}/reverse", {"reason": "重复登记"})
    assert led == f"/entries/{_last(desk, 'fee_refunded')}"
    assert "/reverse" not in desk.open("finance", f"/entries/{wrong}").text
    assert desk.fill("finance", f"/entries/{wrong}/reverse", {"reason": "再次"}).status_code == 409


def test_the_trial_balance_has_equal_sums_on_both_sides(desk: Desk) -> None:
    desk.tell_payout()
    page = desk.open("finance", "/trial-balance?period=2026-05").text
    total = re.search(r'<tr class="total">(.*?)</tr>', page, re.DOTALL)
    assert total is not None
    figures = re.findall(r'value="([0-9.]+)"', total[1])
    assert len(figures) == 6
    assert figures[0] == figures[1] and figures[2] == figures[3] and figures[4] == figures[5]
    assert "2202.03 应付账款-在途付款" in words(page)


def test_an_account_is_shown_owner_by_owner_and_movement_by_movement(desk: Desk) -> None:
    desk.tell_payout()
    assert "应付账款-佣金" in desk.see("finance", "/accounts")
    shown = desk.see("finance", "/accounts/2202.03")
    assert "FK-202605-001 贷 ¥4,500.00" in shown
    moved = desk.see("finance", "/accounts/2202.01/movements?owner=M1")
    assert "付款锁定" in moved and "需求 D-1" in moved and "贷 ¥450.00" in moved
    from_may = desk.see("finance", "/accounts/2202.01/movements?owner=M1&period=2026-05")
    assert "期初余额" in from_may and "2026-03-02" not in from_may


def test_an_account_of_nobody_goes_straight_to_its_movements(desk: Desk) -> None:
    desk.tell_fees()
    assert desk.open("finance", "/accounts/6401").headers["location"] == "/accounts/6401/movements"
    assert desk.open("finance", "/accounts/1234").status_code == 404


def test_managers_do_not_see_the_books(desk: Desk) -> None:
    desk.tell_fees()
    for path in ("/entries", "/entries/1", "/accounts", "/accounts/1122", "/trial-balance", "/periods"):
        assert desk.open("zhang", path).status_code == 403, path


def test_the_board_of_months_says_what_is_left_to_do(desk: Desk) -> None:
    desk.tell_payout()
    desk.day = "2026-06-02"
    shown = desk.see("finance", "/periods")
    assert re.search(r"2026-05 开放 \d+ 2 笔付款在途", shown)
    assert "/periods/2026-05/close" in desk.open("finance", "/periods").text
    assert "/close" not in desk.open("operator", "/periods").text


def test_closing_a_month_has_to_be_typed_and_asks_for_its_statements(desk: Desk) -> None:
    desk.tell_payout()
    desk.day = "2026-06-02"
    assert "2 笔付款共 4500.00 等待银行回执已超过 10 天" in desk.see("finance", "/periods/2026-05/close")
    assert set(desk.mend("finance", "/periods/2026-05/close", {"typed": "2026-04"}).errors) == {"typed"}
    assert "确认以下事项后 2026-05 才能结账" in words(
        desk.mend("finance", "/periods/2026-05/close", {"typed": "2026-05"}).html
    )
    seen = {"typed": "2026-05", "accept": "payments_in_transit", "confirmed": "yes"}
    desk.done("finance", "/periods/2026-05/close", seen)
    shown = desk.see("finance", "/periods")
    assert "2026-05 已结账" in shown and "finance 2026-06-02 10:00" in shown
    assert "正式结算单" in desk.see("finance", "/jobs")


def test_a_closed_month_is_reopened_by_two_people(desk: Desk) -> None:
    desk.tell_fees()
    desk.day = "2026-06-02"
    desk.done("finance", "/periods/2026-04/review")
    assert "复核中" in desk.see("finance", "/periods/2026-04")
    desk.done("finance", "/periods/2026-05/close", {"typed": "2026-05"})
    assert set(desk.mend("finance", "/periods/2026-04/reopenings").errors) == {"reason"}
    desk.done("finance", "/periods/2026-04/reopenings", {"reason": "一张发票漏记"})
    shown = desk.open("finance", "/periods/2026-04").text
    assert "须由申请人以外的人同意" in shown and 'value="agree"' not in shown
    agreed = re.findall(r'action="(/periods/2026-04/reopenings/ro_[^"]+)"', shown)[0]
    assert desk.fill("finance", agreed, {"do": "agree"}).status_code == 403
    assert "以下月份将一并打开：2026-05" in desk.see("operator", "/periods/2026-04")
    desk.done("operator", agreed, {"do": "agree"})
    assert "2026-05 已重开" in desk.see("finance", "/periods")
    assert "一张发票漏记" in desk.see("finance", "/periods/2026-04")


def test_a_month_that_is_not_over_or_closed_already_is_not_closed(desk: Desk) -> None:
    desk.tell_fees()
    assert desk.open("finance", "/periods/2026-05/close").status_code == 409
    assert desk.fill("finance", "/periods/2026-05/close", {"typed": "2026-05"}).status_code == 409
    desk.done("finance", "/periods/2026-04/close", {"typed": "2026-04"})
    assert desk.open("finance", "/periods/2026-03/close").status_code == 409
    assert desk.open("operator", "/periods/2026-04/close").status_code == 403


def test_lists_ask_as_many_queries_for_many_rows_as_for_few(desk: Desk) -> None:
    desk.tell_deals()
    desk.day = "2026-05-06"
    paths = ("/fees", "/entries", "/payouts", "/accounts/1122", "/accounts/1122/movements", "/periods")
    few = {path: _queries(desk, path) for path in paths}
    for number in range(4):
        desk.done(
            "finance",
            "/fees/new",
            {
                "kind": "fee_received",
                "number": f"N{number}",
                "on": f"2026-0{number + 2}-06",
                "total": "100",
                "deal-1": f"D-{1 + number % 2}",
                "do": "record",
            },
        )
    most = {path: _queries(desk, path) for path in paths}
    assert {path: count for path, count in most.items() if count > few[path] + 3} == {}


def _queries(desk: Desk, path: str) -> int:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(desk.database.engine, "before_cursor_execute", note)
    try:
        desk.see("finance", path)
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", note)
    return len(seen)


def _entries(desk: Desk, path: str) -> list[int]:
    page = desk.open("finance", path).text
    return [int(number) for number in re.findall(r'<td class="lead"><a href="/entries/(\d+)"', page)]


def _last(desk: Desk, kind: str) -> int:
    with desk.database.reading() as session:
        query = select(journal.Entry.id).where(journal.Entry.kind == kind)
        return session.exec(query.order_by(journal.Entry.id)).all()[-1]


def test_finance_begins_with_the_months_money_and_what_stands_open(desk: Desk) -> None:
    desk.tell_fees()
    shown = desk.see("finance", "/")
    assert "到账居间费 ¥25,000.00" in shown
    assert "佣金成本 ¥4,000.00" in shown  # of the 5,000.00 earned, two awards came in March
    assert "应付 ¥4,500.00 暂扣 ¥500.00" in shown
    assert "2026-04 已结束，尚未结账" in shown
    assert "YH-1" in shown


def test_an_account_is_read_as_of_a_day_and_as_known_at_a_block(desk: Desk) -> None:
    desk.tell_fees()
    block = seals.seal(desk.database, by="clock", now=desk.now())[-1].no
    desk.day = "2026-05-20"
    with desk.database.writing() as session:
        fees.record(
            session,
            "fee_received",
            on=date(2026, 5, 20),
            parts={"D-1": 10_000_00},
            ref="YH-9",
            by=desk.users["finance"],
            now=desk.now(),
        )
    now = desk.see("finance", "/accounts/1122")
    assert "¥15,000.00" in now and "¥15,000.00" in desk.see("finance", "/accounts/1122?on=2026-05-20")
    for asked in ("on=2026-05-19", f"block={block}"):
        assert "¥25,000.00" in desk.see("finance", f"/accounts/1122?{asked}")
        shown = desk.see("finance", f"/accounts/1122/movements?{asked}")
        assert "¥25,000.00" in shown and "¥15,000.00" not in shown
    for path in ("/accounts/1122", "/accounts"):
        assert 'id="f-block-error"' in desk.open("finance", f"{path}?block=999").text
    chart = {
        asked: desk.see("finance", f"/accounts?{asked}") for asked in ("", f"block={block}", "period=2026-04")
    }
    assert ["借 ¥25,000.00" in page for page in chart.values()] == [False, True, False]
    assert "借 ¥50,000.00" in chart["period=2026-04"] and "借 ¥15,000.00" in chart[""]


def test_the_ageing_page_ties_to_the_account_and_opens_its_lines(desk: Desk) -> None:
    desk.tell_fees()
    page = desk.open("finance", "/ageing?what=receivable&on=2026-05-20").text
    assert "¥25,000.00" in page and "/accounts/1122/movements?owner=" in page
    assert desk.open("finance", "/ageing.csv?what=held").content.startswith(b"\xef\xbb\xbf")
    assert "没有未结金额" in desk.see("finance", "/ageing?what=clawback")
    assert desk.open("zhang", "/ageing").status_code == 403
