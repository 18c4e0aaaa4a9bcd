"""What a row of the bank's answer comes to: a payment of ours, or a reason for a person."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest

from ledger.core import bank_answer
from ledger.core.bank_answer import Sent, Told
from ledger.core.bank_layout import Answer, read_layout
from ledger.core.errors import Invalid, InvalidFile

A, B, GONE = (f"pl_{letter * 26}" for letter in "abc")
DAY = date(2026, 3, 10)


def shipped(name: str) -> str:
    return (files("ledger") / "bank_layouts" / f"{name}.yaml").read_text("utf-8")


@pytest.fixture
def answer() -> Answer:
    read = read_layout(shipped("simple"), "simple.yaml").answer
    assert read is not None
    return read


def sent(line_id: str = A, **changed: object) -> Sent:
    known = {
        "id": line_id,
        "batch": "po_1",
        "account": "6222 0001",
        "net_minor": 123_450,
        "currency": "CNY",
        "state": "reserved",
        "is_sent": True,
        "value_on": DAY,
    }
    return Sent(**(known | changed))  # type: ignore[arg-type]


def told(row: int = 2, **changed: str) -> Told:
    said = {
        "reference": f"居间服务佣金 FK-1 {A}",
        "account": "62220001",
        "amount": "1,234.50",
        "result": "交易成功",
        "day": "2026-03-10 11:02:03",
    }
    return Told(row, **(said | changed))


@pytest.mark.parametrize(
    ("row", "payment", "outcome", "why"),
    [
        ({}, {}, "paid", ""),
        ({"amount": "￥1234.5"}, {}, "paid", ""),
        ({"account": "6222-0001"}, {}, "paid", ""),
        ({"reference": A.upper()}, {}, "paid", ""),
        ({"day": "20260310"}, {}, "paid", ""),
        ({"result": "退票", "reason": "账户已销户", "day": ""}, {}, "returned", ""),
        ({"reference": "佣金"}, {}, "unmatched", "no_reference"),
        ({"reference": f"{A} {B}"}, {}, "unmatched", "several_references"),
        ({"reference": GONE}, {}, "unmatched", "reference_unknown"),
        ({}, {"is_sent": False}, "unmatched", "reference_unknown"),
        ({"amount": "1,234.51"}, {}, "unmatched", "amount_differs"),
        ({"amount": "-1,234.50"}, {}, "unmatched", "amount_differs"),
        ({"amount": "1.2345e3"}, {}, "unmatched", "amount_unreadable"),
        ({"amount": "1234.500000001"}, {}, "unmatched", "amount_unreadable"),
        ({"account": "62220002"}, {}, "unmatched", "account_differs"),
        ({"account": ""}, {}, "unmatched", "account_differs"),
        ({"result": "处理中"}, {}, "unmatched", "result_unknown"),
        ({"day": "2026-02-30"}, {}, "unmatched", "day_unreadable"),
        ({"day": ""}, {}, "unmatched", "day_missing"),
        ({}, {"state": "paid"}, "known", ""),
        ({"day": "2026-03-11"}, {"state": "paid"}, "unmatched", "answered_otherwise"),
        ({"result": "失败"}, {"state": "paid"}, "unmatched", "answered_otherwise"),
        ({"result": "失败"}, {"state": "returned"}, "known", ""),
    ],
)
def test_a_row_is_a_payment_of_ours_or_goes_to_a_person(
    answer: Answer, row: dict[str, str], payment: dict[str, object], outcome: str, why: str
) -> None:
    (found,) = bank_answer.match(answer, [told(**row)], {A: sent(**payment)}, paid_on=None)
    assert (found.outcome, found.why) == (outcome, why)


def test_a_payment_told_of_twice_is_applied_once_and_two_answers_to_it_never(answer: Answer) -> None:
    twice = bank_answer.match(answer, [told(2), told(3)], {A: sent()}, paid_on=None)
    assert [one.outcome for one in twice] == ["paid", "known"]
    both = bank_answer.match(answer, [told(2), told(3, result="失败")], {A: sent()}, paid_on=None)
    assert [one.why for one in both] == ["file_contradicts", "file_contradicts"]


def test_the_order_of_rows_and_columns_does_not_matter(answer: Answer) -> None:
    head = ["用途", "金额", "收款账号", "交易状态", "交易日期"]
    rows = [["某银行"], head, [A, "1.00", "1", "成功", "20260310"], [B, "2.00", "2", "失败", ""]]
    turned = [rows[0], head[::-1], rows[3][::-1], rows[2][::-1]]
    payments = {A: sent(A, account="1", net_minor=100), B: sent(B, account="2", net_minor=200)}

    def outcome(given: list[list[str]]) -> set[tuple[str, str]]:
        read = bank_answer.read(answer, given)
        return {(one.line_id, one.outcome) for one in bank_answer.match(answer, read, payments, paid_on=None)}

    assert outcome(rows) == outcome(turned) == {(A, "paid"), (B, "returned")}


def test_a_file_without_the_columns_says_which(answer: Answer) -> None:
    with pytest.raises(Invalid) as refused:
        bank_answer.read(answer, [["用途", "金额", "状态"], [A, "1", "成功"]])
    assert "收款账号" in str(refused.value)


def test_a_row_of_totals_and_an_empty_row_are_no_answers(answer: Answer) -> None:
    rows = [["用途", "金额", "收款账号", "状态"], ["", "", "", ""], ["", "99.00", "", ""], [A]]
    assert [one.row for one in bank_answer.read(answer, rows)] == [4]


@pytest.mark.parametrize("name", ["simple", "corporate", "pain001"])
def test_the_shipped_layouts_can_be_read(name: str) -> None:
    assert read_layout(shipped(name), f"{name}.yaml").id == name


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("value: amount", "value: sum"), 12, "sum"),
        (("file: csv", "file: pdf"), 5, "pdf"),
        (("  - {title: 收款账号, value: account}\n", ""), 7, "account"),
        (("  paid: [交易成功, 处理成功, 成功, 已付款]\n", ""), 14, "paid"),
        (("encoding: utf-8-bom", "encoding: big5"), 6, "big5"),
        (("value: bank}", "value: bank, text: x}"), 11, "not both"),
    ],
)
def test_a_wrong_layout_names_the_line(change: tuple[str, str], line: int, said: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        read_layout(shipped("simple").replace(*change), "mine.yaml")
    assert str(refused.value).startswith(f"mine.yaml:{line}:") and said in str(refused.value)
