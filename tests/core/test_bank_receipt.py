"""What a bank's line is about: by reference, payer and amount, to the fen, and otherwise nobody guesses."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.core import bank_receipt
from ledger.core.bank_layout import Receipts
from ledger.core.bank_receipt import Applied, Books, Known, Line, Open, Part
from ledger.core.facts import Fee, FeeKind

TODAY = date(2026, 5, 20)
CLIENTS = {"甲公司": "C1", "乙公司(天津)": "C2"}
BOOKS = Books(
    clients=CLIENTS,
    deals={"D-1": "C1", "D-2": "C1", "D-3": "C2", "D-4": "C2"},
    invoices=(
        Open("f1", "FP-1", "D-1", "C1", date(2026, 5, 1), 60_000),
        Open("f2", "FP-2", "D-2", "C1", date(2026, 5, 2), 40_000),
        Open("f3", "FP-3", "D-3", "C2", date(2026, 5, 3), 50_000),
        Open("f4", "FP-4", "D-3", "C2", date(2026, 5, 4), 0),
    ),
    references={"OLD": (date(2026, 5, 6), 100)},
    by_hand=frozenset({("C1", date(2026, 5, 7), 60_000)}),
)


def line(amount: int | None, remark: str = "", payer: str = "甲公司", **more: object) -> Line:
    given: dict[str, object] = {"row": 2, "reference": "L-1", "day": date(2026, 5, 6), "account": ""} | more
    return Line(amount=str(amount), amount_minor=amount, payer=payer, remark=remark, **given)  # type: ignore[arg-type]


def told(*lines: Line) -> list[tuple[str, str, tuple[Part, ...]]]:
    return [(one.outcome, one.why, one.parts) for one in bank_receipt.match(lines, BOOKS, today=TODAY)]


F1, F2, F3 = (Part("D-1", 60_000, "f1"), Part("D-2", 40_000, "f2"), Part("D-3", 50_000, "f3"))
F2_IN_PART, F4 = Part("D-2", 30_000, "f2"), Part("D-4", 7_000)

CASES = {
    "named and whole": (line(60_000, "付居间费 fp-1"), "matched", "", (F1,)),
    "named and in part": (line(10_000, "FP-1首付"), "matched", "", (Part("D-1", 10_000, "f1"),)),
    "two named, whole": (line(100_000, "FP-1、FP-2"), "matched", "", (F1, F2)),
    "two named, less": (line(90_000, "FP-1 FP-2"), "unmatched", "amount_below", (F1, F2_IN_PART)),
    "named, more than open": (line(60_001, "FP-1"), "unmatched", "amount_above", (F1,)),
    "named by another payer": (line(60_000, "FP-1", "乙公司（天津）"), "unmatched", "payer_differs", (F1,)),
    "named by a stranger": (line(60_000, "FP-1", "丙公司"), "unmatched", "payer_unknown", (F1,)),
    "named and paid already": (line(1_000, "FP-4", "乙公司（天津）"), "unmatched", "invoice_paid", ()),
    "a deal named, invoiced": (line(50_000, "D-3", "乙公司（天津）"), "matched", "", (F3,)),
    "a deal named, not invoiced": (line(7_000, "d-4", "乙公司（天津）"), "advance", "", (F4,)),
    "one invoice of this amount": (line(40_000, "居间服务费"), "matched", "", (F2,)),
    "all that is open": (line(100_000), "matched", "", (F1, F2)),
    "no invoice of this amount": (line(12_345), "unmatched", "none_fits", ()),
    "a stranger": (line(40_000, payer="丙公司"), "unmatched", "payer_unknown", ()),
    "nothing open": (line(1, payer="乙公司（天津）", remark="FP-4"), "unmatched", "invoice_paid", ()),
    "known": (line(100, reference="OLD"), "known", "", ()),
    "known, and another amount": (line(101, reference="OLD"), "unmatched", "recorded_otherwise", ()),
    "recorded by hand": (line(60_000, "FP-1", day=date(2026, 5, 7)), "unmatched", "recorded_by_hand", (F1,)),
    "no amount": (line(None, "FP-1"), "unmatched", "amount_unreadable", ()),
    "no day": (line(1, day=None), "unmatched", "day_unreadable", ()),
    "tomorrow": (line(1, day=date(2026, 5, 21)), "unmatched", "day_in_future", ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_line_comes_to_what_it_says_and_nothing_is_guessed(case: str) -> None:
    given, *expected = CASES[case]
    assert told(given) == [tuple(expected)]


def test_what_one_line_pays_is_open_to_no_later_one() -> None:
    first, second = told(line(60_000, "FP-1"), line(60_000, "FP-1", reference="L-2"))
    assert first[0] == "matched" and second[:2] == ("unmatched", "invoice_paid")


def test_two_invoices_of_the_same_amount_are_for_a_person() -> None:
    twins = tuple(Open(f"f{no}", f"FP-{no}", f"D-{no}", "C1", TODAY, 10) for no in (1, 2))
    books = Books(CLIENTS, {}, twins, {}, frozenset())
    (found,) = bank_receipt.match([line(10)], books, today=TODAY)
    assert (found.outcome, found.why) == ("unmatched", "several_fit")


def fact(name: str, kind: FeeKind, amount: int, day: int, corrects: str = "") -> Known:
    return Known(name, Fee(date(2026, 5, day), kind, amount), corrects)


OPEN = {
    "nothing came": ([], [], {"a": 100, "b": 50}),
    "the oldest first": ([fact("r", "fee_received", 120, 5)], [], {"a": 0, "b": 30}),
    "as it was given": ([fact("r", "fee_received", 50, 5)], [Applied("r", "b", 50)], {"a": 100, "b": 0}),
    "given, and the rest": ([fact("r", "fee_received", 60, 5)], [Applied("r", "b", 50)], {"a": 90, "b": 0}),
    "more than is open": ([fact("r", "fee_received", 500, 5)], [], {"a": 0, "b": 0}),
    "refunded": (
        [fact("r", "fee_received", 50, 5), fact("x", "fee_refunded", 20, 6)],
        [Applied("r", "b", 50)],
        {"a": 100, "b": 20},
    ),
    "credited": ([fact("c", "fee_credited", 100, 5)], [], {"a": 0, "b": 50}),
    "the invoice taken back": ([fact("c", "fee_credited", 100, 5, "a")], [], {"b": 50}),
    "the receipt taken back": (
        [fact("r", "fee_received", 50, 5), fact("x", "fee_refunded", 50, 6, "r")],
        [Applied("r", "b", 50)],
        {"a": 100, "b": 50},
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_is_open_of_an_invoice(case: str) -> None:
    facts, applied, expected = OPEN[case]
    invoices = [fact("a", "fee_invoiced", 100, 1), fact("b", "fee_invoiced", 50, 2)]
    assert bank_receipt.open_of([*facts, *invoices], applied) == expected


COLUMNS = {"reference": ("流水号",), "day": ("日期",), "payer": ("户名",), "remark": ("摘要", "附言")}


def test_only_what_came_in_is_read_and_sums_below_the_list_are_not() -> None:
    receipts = Receipts(COLUMNS | {"amount": ("贷方",)})
    rows = [
        ["某银行对账单"],
        ["流水号", "日期", "借方", "贷方", "户名", "摘要", "附言"],
        ["1", "2026-05-06", "", "1,000.00", "甲公司", "转账", "FP-1"],
        ["2", "20260506", "500.00", "", "工资", "工资", ""],
        ["3", "2026-05-06", "", "0.00", "甲公司", "", ""],
        ["合计", "", "500.00", "1,000.00", "", "", ""],
    ]
    (found,) = bank_receipt.read(receipts, rows, currency="CNY")
    assert (found.row, found.reference, found.amount_minor) == (3, "1", 100_000)
    assert found.remark == "转账 FP-1"


def test_a_column_with_both_ways_is_told_by_its_direction() -> None:
    columns = COLUMNS | {"amount": ("金额",), "direction": ("借贷",)}
    receipts = Receipts(columns, incoming=("贷",))
    rows = [
        ["流水号", "日期", "金额", "借贷", "户名", "摘要"],
        ["1", "2026-05-06", "10.00", "借", "甲公司", ""],
        ["2", "2026-05-06", "20.00", "贷", "甲公司", ""],
    ]
    assert [one.reference for one in bank_receipt.read(receipts, rows, currency="CNY")] == ["2"]


def test_lines_without_a_number_and_lines_of_one_number_stay_apart() -> None:
    receipts = Receipts(COLUMNS | {"amount": ("贷方",)})
    same = ["2026-05-06", "10.00", "甲公司", ""]
    rows = [
        ["流水号", "日期", "贷方", "户名", "摘要"],
        *(["", *same], ["", *same], ["7", *same], ["7", *same], ["7", "2026-05-06", "11.00", "甲公司", ""]),
    ]
    read = [one.reference for one in bank_receipt.read(receipts, rows, currency="CNY")]
    assert read[1] == f"{read[0]}.2" and read[2:] == ["7", "7", "7.2"]
    again = [one.reference for one in bank_receipt.read(receipts, rows, currency="CNY")]
    assert again == read
