"""Money in, at the desk of finance."""

from __future__ import annotations

from tests.api.desk import Desk, words

RECEIPT = {
    "kind": "fee_received",
    "rows": "2",
    "number": "YH-9",
    "on": "2026-05-06",
    "total": "¥1,000.00",
    "deal-1": "需求 D-1 (D-1)",
    "amount-1": "600",
    "deal-2": "D-2",
    "amount-2": "",
    "do": "record",
}


def test_one_receipt_over_two_deals_is_one_document_and_one_entry(desk: Desk) -> None:
    desk.tell_deals()
    desk.day = "2026-05-06"
    shown = desk.see("finance", desk.done("finance", "/fees/new", RECEIPT))
    assert "收款 YH-9" in shown and "¥1,000.00" in shown and "项目 2" in shown
    assert "¥600.00" in shown and "¥400.00" in shown  # what was left went to the row left empty
    assert "1002 银行存款 基本户" in shown and "1122 应收账款 株洲硬质合金" in shown


def test_the_same_document_again_adds_nothing(desk: Desk) -> None:
    desk.tell_deals()
    desk.day = "2026-05-06"
    first = desk.done("finance", "/fees/new", RECEIPT)
    before = desk.journal()
    desk.day = "2026-05-07"
    assert desk.done("finance", "/fees/new", RECEIPT) == first
    assert desk.journal() == before


def test_parts_that_do_not_come_to_the_total_are_refused_and_nothing_typed_is_lost(desk: Desk) -> None:
    desk.tell_deals()
    desk.day = "2026-05-06"
    before = desk.journal()
    mended = desk.mend("finance", "/fees/new", {**RECEIPT, "amount-2": "300"})
    assert mended.errors == {"total": "各项目合计 900.00，单据总额 1000.00，相差 100.00"}
    assert (mended.kept("deal-1"), mended.kept("amount-2")) == ("需求 D-1 (D-1)", "300")
    assert "差额 ¥100.00" in words(mended.html)
    assert desk.journal() == before


def test_every_wrong_field_says_so_beside_itself(desk: Desk) -> None:
    desk.tell_deals()
    wrong = {**RECEIPT, "number": "", "on": "2026-02-30", "total": "many", "deal-1": "D-8", "deal-2": "D-9"}
    mended = desk.mend("finance", "/fees/new", wrong)
    assert set(mended.errors) == {"number", "on", "total", "deal-1", "deal-2"}
    assert mended.kept("on") == "2026-02-30" and mended.kept("amount-1") == "600"


def test_a_deal_stands_in_one_row_only(desk: Desk) -> None:
    desk.tell_deals()
    assert set(desk.mend("finance", "/fees/new", {**RECEIPT, "deal-2": "D-1"}).errors) == {"deal-2"}


def test_a_row_is_added_without_scripts_and_without_losing_what_is_typed(desk: Desk) -> None:
    desk.tell_deals()
    answer = desk.fill("finance", "/fees/new", {**RECEIPT, "rows": "1", "do": "add"})
    assert answer.status_code == 200
    assert (
        'name="deal-2"' in answer.text
        and 'value="YH-9"' in answer.text
        and 'name="rows" value="2"' in answer.text
    )


def test_a_document_of_the_future_is_refused_beside_its_date(desk: Desk) -> None:
    desk.tell_deals()
    assert set(desk.mend("finance", "/fees/new", {**RECEIPT, "on": "2026-06-01"}).errors) == {"on"}


def test_taking_a_document_back_posts_its_mirror_and_links_both(desk: Desk) -> None:
    desk.tell_fees()
    received = next(path for path in _links(desk, "/fees") if "收款 YH-1" in desk.see("finance", path))
    assert set(desk.mend("finance", f"{received}/correct", {"reason": " "}).errors) == {"reason"}
    taken = desk.done("finance", f"{received}/correct", {"reason": "记错了项目"})
    assert "原因：记错了项目" in desk.see("finance", taken)
    assert "已被冲销" in desk.see("finance", received)
    assert desk.open("finance", taken).text.count(received) >= 1
    assert desk.open("finance", f"{received}").text.count(f"{received}/correct") == 0
    assert desk.fill("finance", f"{received}/correct", {"reason": "again"}).status_code == 409


def test_the_list_is_filtered_by_kind_period_and_number(desk: Desk) -> None:
    desk.tell_fees()
    assert len(_links(desk, "/fees")) == 2
    assert len(_links(desk, "/fees?kind=fee_invoiced")) == 1
    assert len(_links(desk, "/fees?period=2026-05")) == 1
    assert len(_links(desk, "/fees?number=YH-1")) == 1
    assert "没有符合条件的单据" in desk.see("finance", "/fees?number=YH-2")


def test_receivables_are_listed_by_client_with_advances_beside(desk: Desk) -> None:
    desk.tell_fees()
    desk.done("finance", "/fees/new", {**RECEIPT, "rows": "1", "deal-1": "D-2", "amount-1": ""})
    shown = desk.see("finance", "/fees/receivables")
    assert "优眼科技 ¥25,000.00 ¥0.00" in shown
    assert "株洲硬质合金 ¥0.00 ¥1,000.00" in shown


def test_operations_see_fees_and_only_finance_records_them(desk: Desk) -> None:
    desk.tell_fees()
    assert "/fees/new" not in desk.open("operator", "/fees").text
    assert desk.open("operator", "/fees/new").status_code == 403
    assert desk.fill("operator", "/fees/new", RECEIPT).status_code == 403
    assert desk.open("zhang", "/fees").status_code == 403
    assert desk.open("", "/fees").headers["location"].startswith("/sign-in")


def test_the_pages_about_fees_are_complete_in_english(desk: Desk) -> None:
    desk.tell_fees()
    desk.lang = "en"
    shown = desk.see("finance", "/fees") + desk.see("finance", "/fees/new?kind=fee_invoiced")
    assert "Fee received YH-1" in shown and "Record an invoice" in shown and "登记" not in shown


def _links(desk: Desk, path: str) -> list[str]:
    text = desk.open("finance", path).text
    return sorted({part.split('"')[0] for part in text.split('href="')[1:] if part.startswith("/fees/ft_")})
