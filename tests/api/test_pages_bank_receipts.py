"""Money in from the bank's own list, at the desk of finance."""

from __future__ import annotations

import re

from httpx import Response

from tests.api.desk import Desk, Mended, words

CAME = (
    "YH-20,2026-05-07,25000.00,优眼科技,FP-1尾款",
    "YH-21,2026-05-08,300.00,株洲硬质合金,D-2预付",
    "YH-22,2026-05-08,88.88,工商银行,利息",
    "YH-1,2026-05-06,25000.00,优眼科技,FP-1首付",
)


def test_a_list_is_looked_at_and_then_booked(desk: Desk) -> None:
    shown = _sent(desk, *CAME)
    page = desk.see("finance", shown)
    assert "入账 2 笔，合计 ¥25,300.00" in page
    assert "没有这个名称的客户" in page and "此前已知" in page  # YH-1 was recorded by hand
    assert "¥25,000.00" in page and "预收" in page
    before = desk.journal()
    digest = re.findall(r'name="digest" value="(\w+)"', desk.open("finance", shown).text)[0]
    assert desk.fill("finance", f"{shown}/book", {"digest": "0" * 64}).status_code == 409
    assert desk.journal() == before
    desk.done("finance", f"{shown}/book", {"digest": digest})
    page = desk.see("finance", shown)
    assert "已入账" in page and "待入账（预收）" in page
    booked = "\n".join(desk.journal())
    assert "fee_received:YH-20" in booked and "fee_received:YH-21" in booked
    assert _sent(desk, *CAME) == shown


def test_a_line_leads_to_its_receipt_and_back_and_an_invoice_says_what_is_open(desk: Desk) -> None:
    shown = _sent(desk, CAME[0])
    invoice = _invoice(desk)
    assert "未收金额 ¥25,000.00" in desk.see("finance", invoice)
    digest = re.findall(r'name="digest" value="(\w+)"', desk.open("finance", shown).text)[0]
    desk.done("finance", f"{shown}/book", {"digest": digest})
    assert "未收金额 ¥0.00" in desk.see("finance", invoice)
    html = desk.open("finance", shown).text
    receipt = re.findall(r'href="(/fees/ft_\w+)">收款单据', html)[0]
    assert invoice in html
    assert "/bank-receipts/lines/" in desk.open("finance", receipt).text


def test_a_person_splits_a_line_and_nothing_typed_is_lost(desk: Desk) -> None:
    shown = _sent(desk, "YH-30,2026-05-08,25100.00,优眼科技,居间费")
    line = _lines(desk, shown)[0]
    invoice = _invoice(desk).rpartition("/")[2]
    assert "没有这个金额的未收发票" in desk.see("finance", line)
    given = {f"invoice-{invoice}": "25000", "deal-1": "需求 D-2 (D-2)", "amount-1": "99.99", "rows": "1"}
    summed = desk.fill("finance", f"{line}/split", {**given, "do": "sum"})
    assert summed.status_code == 200 and "差额 ¥0.01" in words(summed.text)
    mended = desk.mend("finance", f"{line}/split", {**given, "do": "split"})
    assert "相差 0.01" in words(mended.html) and mended.kept("amount-1") == "99.99"
    wrong = {**given, "amount-1": "x", "deal-1": "D-99", "do": "split"}
    assert set(desk.mend("finance", f"{line}/split", wrong).errors) == {"amount-1", "deal-1"}
    desk.done("finance", f"{line}/split", {**given, "amount-1": "¥100.00", "do": "split"})
    page = desk.see("finance", line)
    assert "已入账" in page and "¥25,000.00" in page and "¥100.00" in page


def test_a_row_is_added_without_scripts(desk: Desk) -> None:
    line = _lines(desk, _sent(desk, "YH-30,2026-05-08,1.00,甲,无"))[0]
    answer = desk.fill("finance", f"{line}/split", {"rows": "1", "amount-1": "0.50", "do": "add"})
    assert answer.status_code == 200 and 'name="deal-2"' in answer.text and 'value="0.50"' in answer.text


def test_a_line_that_is_no_fee_is_set_aside_with_its_reason(desk: Desk) -> None:
    shown = _sent(desk, CAME[2])
    line = _lines(desk, shown)[0]
    assert set(desk.mend("finance", f"{line}/set-aside", {"note": " "}).errors) == {"note"}
    desk.done("finance", f"{line}/set-aside", {"note": "存款利息"})
    assert "存款利息" in desk.see("finance", shown)
    assert "利息" not in desk.see("finance", "/bank-receipts")


def test_what_cannot_be_read_is_said_beside_the_field(desk: Desk) -> None:
    desk.tell_fees()
    refused = _send(desk, "姓名,电话\n张三,1\n".encode())
    assert refused.status_code == 422 and "没有一行含有列名" in Mended(refused.text).errors["file"]
    assert _send(desk, b"").status_code == 422


def test_operations_see_receipts_and_do_not_book_them(desk: Desk) -> None:
    shown = _sent(desk, *CAME)
    assert 'name="file"' not in desk.open("operator", "/bank-receipts").text
    assert "/book" not in desk.open("operator", shown).text
    assert desk.fill("operator", f"{shown}/book", {"digest": ""}).status_code == 403
    assert desk.open("zhang", "/bank-receipts").status_code == 403


def test_the_pages_about_bank_receipts_are_complete_in_english(desk: Desk) -> None:
    shown = _sent(desk, *CAME)
    line = _lines(desk, shown)[0]
    desk.lang = "en"
    page = desk.see("finance", "/bank-receipts") + desk.see("finance", shown) + desk.see("finance", line)
    assert "Book 2 receipts, ¥25,300.00" in page and "Split it by hand" in page and "入账" not in page


def _sent(desk: Desk, *lines: str) -> str:
    """Where a list of these lines is shown."""
    if not desk.journal():
        desk.tell_fees()
        desk.day = "2026-05-09"
    answer = _send(desk, "\r\n".join(("交易流水号,交易日期,贷方发生额,对方户名,摘要", *lines)).encode("gbk"))
    assert answer.status_code == 303, words(answer.text)[:500]
    return str(answer.headers["location"])


def _send(desk: Desk, content: bytes) -> Response:
    return desk.client.post(
        "/bank-receipts",
        data={"layout": "simple", "bank_account": "基本户"},
        files={"file": ("流水.csv", content, "text/csv")},
        headers=desk._cookies("finance"),
        follow_redirects=False,
    )


def _lines(desk: Desk, shown: str) -> list[str]:
    found = re.findall(r'href="(/bank-receipts/lines/\w+)"', desk.open("finance", shown).text)
    return list(dict.fromkeys(found))


def _invoice(desk: Desk) -> str:
    return re.findall(r'href="(/fees/ft_\w+)"', desk.open("finance", "/fees?kind=fee_invoiced").text)[0]


def test_a_line_whose_amount_cannot_be_read_is_set_aside_and_not_split(desk: Desk) -> None:
    shown = _sent(desk, "YH-40,2026-05-08,abc,优眼科技,乱码")
    page = desk.see("finance", shown)
    assert "金额无法识别" in page and "搁置" in page and "手工拆分" not in page
    assert "通用批量付款表" in page
    assert "手工拆分" not in desk.see("finance", _lines(desk, shown)[0])
