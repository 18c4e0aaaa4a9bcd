"""The bank's pages: layouts, answers sent in as files, the list for a person, the reconciliation."""

from __future__ import annotations

import io

import openpyxl
from httpx import Response

from ledger import layouts, payouts
from ledger.core.money import format_minor
from tests.api.desk import Desk, words

PAYER = {"name": "平台公司", "account": "1903020109022100000", "cnaps": "102552000013", "reason": "开户"}


def test_a_batch_is_sent_in_the_layout_that_was_chosen(desk: Desk) -> None:
    made = _approved(desk)
    refused = desk.mend("finance", f"/payouts/{made}/send", {"layout": "corporate"})
    assert "付款户名" in words(refused.html)
    desk.done("finance", "/bank-layouts/payer", PAYER)
    desk.done("finance", f"/payouts/{made}/send", {"layout": "corporate"})
    file = desk.open("finance", f"/payouts/{made}/file")
    assert file.headers["content-disposition"].endswith('.xlsx"')
    assert openpyxl.load_workbook(io.BytesIO(file.content)).active["B2"].value == PAYER["account"]


def test_an_answer_is_applied_and_what_does_not_match_waits(desk: Desk) -> None:
    made = _sent(desk)
    first, second = _lines(desk, made)
    content = _file(_row(first), _row(second, amount="0.01"))
    sent = _send_in(desk, content)
    assert sent.status_code == 303
    shown = desk.see("finance", sent.headers["location"])
    assert "已付 1" in shown and "金额与付款不一致" in shown and first.bank_account not in shown
    assert "2026-05-19" in desk.see("finance", f"/payouts/{made}")
    listed = desk.open("finance", "/bank-returns").text
    assert "待人工处理" in words(listed)
    row = listed.partition("/rows/")[2].partition('"')[0]
    path = f"{sent.headers['location']}/rows/{row}"
    assert desk.fill("finance", path, {"note": ""}).status_code == 422
    desk.done("finance", path, {"note": "电话核实，银行更正"})
    assert "电话核实" in desk.see("finance", sent.headers["location"])
    again = _send_in(desk, content)
    assert again.headers["location"] == sent.headers["location"]


def test_a_file_that_cannot_be_read_is_said_beside_the_field(desk: Desk) -> None:
    _sent(desk)
    refused = _send_in(desk, "姓名,电话\n张三,1\n".encode())
    assert refused.status_code == 422 and "没有一行含有列名" in words(refused.text)
    assert _send_in(desk, b"").status_code == 422


def test_operations_see_answers_and_do_not_import_them(desk: Desk) -> None:
    made = _sent(desk)
    assert 'name="file"' not in desk.open("operator", "/bank-returns").text
    assert _send_in(desk, _file(_row(_lines(desk, made)[0])), "operator").status_code == 403
    assert desk.open("zhang", "/bank-returns").status_code == 403
    assert desk.open("zhang", "/reconciliation").status_code == 403


def test_a_layout_of_ones_own_begins_with_a_shipped_one(desk: Desk) -> None:
    assert "收款户名" in desk.open("finance", "/bank-layouts?from=simple").text
    own = layouts.shipped_text("simple").replace("layout: simple", "layout: mine")
    wrong = desk.mend("finance", "/bank-layouts", {"text": own.replace("file: csv", "file: doc")})
    assert "ayout.yaml:5" in wrong.errors["text"]
    desk.done("finance", "/bank-layouts", {"text": own})
    assert "mine" in desk.see("operator", "/bank-layouts")
    assert desk.fill("operator", "/bank-layouts", {"text": own}).status_code == 403


def test_the_reconciliation_ties_or_lists_what_differs(desk: Desk) -> None:
    made = _sent(desk)
    first, second = _lines(desk, made)
    _send_in(desk, _file(_row(first)))
    shown = desk.see("finance", "/reconciliation?period=2026-05")
    assert "存在差异" in shown and "尚无正式结算单" in shown
    path = f"/payouts/{made}/bank"
    day = {"value_on": "2026-05-19", "confirmed": "yes"}
    desk.done("finance", path, {"do": "some", "line": second.id, **day})
    shown = desk.see("finance", "/reconciliation?period=2026-05")
    assert "人工确认，没有银行回单" in shown and second.payee_name in shown
    book = desk.open("finance", "/reconciliation/2026-05.xlsx")
    sheets = openpyxl.load_workbook(io.BytesIO(book.content)).sheetnames
    assert sheets == ["对账 2026-05", "差异", "付款单"]


def test_the_banks_pages_are_complete_in_english(desk: Desk) -> None:
    made = _sent(desk)
    _send_in(desk, _file(_row(_lines(desk, made)[0], amount="1")))
    desk.lang = "en"
    shown = desk.see("finance", "/bank-returns") + desk.see("finance", "/reconciliation?period=2026-05")
    assert "For a person" in shown and "In transit, by the books" in shown and "银行" not in shown


def _approved(desk: Desk) -> str:
    made = desk.tell_payout()
    desk.done("second", f"/payouts/{made.id}/approve", {"digest": made.digest})
    desk.day = "2026-05-19"
    return made.id


def _sent(desk: Desk) -> str:
    made = _approved(desk)
    desk.done("finance", f"/payouts/{made}/send")
    return made


def _lines(desk: Desk, payout_id: str) -> list[payouts.PayoutLine]:
    with desk.database.reading() as session:
        lines = payouts.lines_of(session, payout_id)
        session.expunge_all()
    return lines


def _row(line: payouts.PayoutLine, amount: str = "") -> str:
    net = amount or format_minor(line.net_minor, "CNY")
    return f"{line.id},{line.bank_account},{net},成功,2026-05-19"


def _file(*rows: str) -> bytes:
    return "\r\n".join(("用途,收款账号,金额,状态,日期", *rows)).encode("gbk")


def _send_in(desk: Desk, content: bytes, who: str = "finance") -> Response:
    return desk.client.post(
        "/bank-returns",
        data={"layout": "simple"},
        files={"file": ("回单.csv", content, "text/csv")},
        headers=desk._cookies(who),
        follow_redirects=False,
    )


def test_a_damaged_file_is_refused_in_the_readers_own_language(desk: Desk) -> None:
    made = _sent(desk)
    first, _ = _lines(desk, made)
    refused = _send_in(desk, _file(_row(first), '"' + _row(first)))
    assert refused.status_code == 422
    assert "第 3 行无法读取：引号缺失或多余；请重新导出文件" in refused.text
    assert "unexpected end of data" not in refused.text


def test_a_payment_that_came_back_after_it_was_paid_is_ticked_and_payable_again(desk: Desk) -> None:
    made = _sent(desk)
    first, _ = _lines(desk, made)
    paid = {"do": "all", "value_on": "2026-05-19", "confirmed": "yes"}
    desk.done("finance", f"/payouts/{made}/bank", paid)
    assert "登记退汇" in desk.see("finance", f"/payouts/{made}")
    assert "登记退汇" not in desk.see("operator", f"/payouts/{made}")
    path = f"/payouts/{made}/bounce"
    assert set(desk.mend("finance", path, {}).errors) == {"back_on", "why"}
    told = {"line": first.id, "back_on": "2026-05-18", "why": "账户已销户"}
    assert "back_on" in desk.mend("finance", path, told).errors
    desk.done("finance", path, {**told, "back_on": "2026-05-19"})
    shown = desk.see("finance", f"/payouts/{made}")
    assert "付款后退汇" in shown and "账户已销户" in shown and "其中退汇 1 笔" in shown
    assert [line.state for line in _lines(desk, made)] == ["bounced", "paid"]
