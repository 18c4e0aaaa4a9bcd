"""Money in from the bank's own list: read, matched, looked at, booked once; the rest is split by a person."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ledger import bank_receipts, fees, layouts, open_invoices
from ledger.bank_receipts import Preview, Seen
from ledger.core.bank_receipt import Part
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Database
from ledger.receipt_lines import BankReceipt
from tests.desk import Desk

TITLES = "交易流水号,交易日期,借方发生额,贷方发生额,对方户名,对方账号,摘要"
CLIENT = "优眼科技（天津）有限公司"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """D-1 and D-2 of one client, invoiced with 600.00 and 400.00; D-3 of another, not invoiced yet."""
    made = Desk(database, tmp_path / "files").move_in()
    made.deal("D-1", client=CLIENT)
    made.deal("D-2", client=CLIENT)
    made.deal("D-3")
    made.reach("find")
    made.today = date(2026, 2, 2)
    made.fee("fee_invoiced", 600_00, "FP-1")
    made.fee("fee_invoiced", 400_00, "FP-2", deal="D-2")
    made.today = date(2026, 2, 10)
    return made


def row(number: str, amount: str, remark: str = "", payer: str = CLIENT, day: str = "2026-02-03") -> str:
    return f"{number},{day},,{amount},{payer},1203000012345678,{remark}"


def csv_file(*rows: str, encoding: str = "gbk") -> bytes:
    return "\r\n".join((TITLES, *rows, "")).encode(encoding)


def take(desk: Desk, content: bytes, who: str = "finance", **more: Any) -> BankReceipt:
    given: dict[str, Any] = {"name": "流水.csv", "layout": "simple", **more}
    return desk.do(lambda session: bank_receipts.take(session, desk.store, content, **given, **desk.by(who)))


def preview(desk: Desk, kept: BankReceipt) -> Preview:
    return desk.do(lambda session: bank_receipts.preview(session, kept.id, **desk.by("finance")))


def outcomes(desk: Desk, kept: BankReceipt) -> list[str]:
    return [one.match.why if one.match and one.match.why else one.outcome for one in preview(desk, kept).seen]


def book(desk: Desk, kept: BankReceipt, seen: str = "") -> Preview:
    digest = seen or preview(desk, kept).digest
    return desk.do(lambda session: bank_receipts.book(session, kept.id, seen=digest, **desk.by("finance")))


def split(desk: Desk, line: Seen, *parts: Part) -> None:
    desk.do(lambda session: bank_receipts.split(session, line.line.id, parts, **desk.by("finance")))


def open_of(desk: Desk, *deal_ids: str) -> dict[str, int]:
    """By number, what is open."""
    with desk.database.reading() as session:
        found = open_invoices.of_deals(session, {one: _deal(session, one) for one in deal_ids})
        return {one.number: one.open_minor for one in found}


def _deal(session: Any, deal_id: str) -> Any:
    from ledger.deals import Deal

    return session.get_one(Deal, deal_id)


def xlsx_file(*rows: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for one in (TITLES, *rows):
        book.active.append(one.split(","))
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("shape", ["utf-8", "utf-8-sig", "gbk", "xlsx"])
def test_one_line_pays_several_deals_and_several_invoices(desk: Desk, shape: str) -> None:
    one = row("9001", '"1,000.00"' if shape != "xlsx" else "1000.00", "FP-1 FP-2 居间服务费")
    kept = take(desk, xlsx_file(one) if shape == "xlsx" else csv_file(one, encoding=shape))
    before = desk.entries()
    assert outcomes(desk, kept) == ["matched"] and desk.entries() == before  # looking books nothing
    book(desk, kept)
    (entry,) = desk.entries("fee_received")
    assert entry == (
        "2026-02-03 fee_received fee_received:9001\n"
        "  1002 bank:基本户                              600.00 CNY\n"
        "  1122 receivable:优眼科技（天津）有限公司              -600.00 CNY\n"
        "  1002 bank:基本户                              400.00 CNY\n"
        "  1122 receivable:优眼科技（天津）有限公司              -400.00 CNY"
    )
    assert outcomes(desk, kept) == ["booked"]
    assert open_of(desk, "D-1", "D-2") == {"FP-1": 0, "FP-2": 0}
    assert desk.settle() == 0 and desk.wrong() == []


def test_a_receipt_before_its_invoice_is_an_advance(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "300.00", "D-3 预付", "企业 D-3")))
    assert outcomes(desk, kept) == ["advance"]
    book(desk, kept)
    assert desk.balance("2203", _client(desk, "企业 D-3")) == -300_00
    desk.fee("fee_invoiced", 500_00, "FP-3", deal="D-3")
    assert desk.balance("2203", _client(desk, "企业 D-3")) == 0
    assert open_of(desk, "D-3") == {"FP-3": 200_00}


def test_a_file_imported_twice_changes_nothing_nor_do_its_lines_in_another_file(desk: Desk) -> None:
    content = csv_file(row("9001", "600.00", "FP-1"))
    kept = take(desk, content)
    book(desk, kept)
    before = desk.everything()
    assert take(desk, content).id == kept.id
    assert desk.everything() == before
    again = take(desk, csv_file(row("9001", "600.00", "FP-1"), row("9002", "400.00")))
    assert outcomes(desk, again) == ["known", "matched"]
    book(desk, again)
    assert len(desk.entries("fee_received")) == 2
    with pytest.raises(Conflict, match="nothing to book"):
        book(desk, again)


def test_what_was_recorded_by_hand_is_not_booked_again(desk: Desk) -> None:
    desk.fee("fee_received", 600_00, "9001", on=date(2026, 2, 3))
    desk.fee("fee_received", 100_00, "YH-7", deal="D-2", on=date(2026, 2, 4))
    same = row("9001", "600.00", "FP-1")
    other = row("9002", "100.00", "FP-2", day="2026-02-04")
    kept = take(desk, csv_file(same, other, row("9001", "5.00", "FP-2")))
    assert outcomes(desk, kept) == ["known", "recorded_by_hand", "matched"]


def test_an_invoice_recorded_later_is_found(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "500.00", "FP-3", "企业 D-3")))
    assert outcomes(desk, kept) == ["nothing_open"]
    desk.fee("fee_invoiced", 500_00, "FP-3", deal="D-3")
    assert outcomes(desk, kept) == ["matched"]


def test_only_what_was_seen_is_booked(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "600.00", "FP-1")))
    seen = preview(desk, kept).digest
    desk.fee("fee_received", 200_00, "YH-1")
    before = desk.everything()
    with pytest.raises(Conflict, match="has changed since you looked"):
        book(desk, kept, seen)
    assert desk.everything() == before


def test_a_person_splits_to_the_fen(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "1000.01")))
    (line,) = preview(desk, kept).seen
    assert outcomes(desk, kept) == ["none_fits"]
    first, second = (fact.id for fact in _invoices(desk))
    with pytest.raises(Invalid, match="is left over"):
        split(desk, line, Part("D-1", 600_00, first), Part("D-2", 400_00, second))
    with pytest.raises(Conflict, match="of invoice FP-1 only"):
        split(desk, line, Part("D-1", 600_01, first), Part("D-2", 400_00, second))
    with pytest.raises(NotFound):
        split(desk, line, Part("D-2", 1000_01, first))
    with pytest.raises(Invalid, match="above zero"):
        split(desk, line, Part("D-1", 1000_02, first), Part("D-2", -1))
    split(desk, line, Part("D-1", 600_00, first), Part("D-2", 400_00, second), Part("D-3", 1))
    assert outcomes(desk, kept) == ["booked"]
    assert open_of(desk, "D-1", "D-2") == {"FP-1": 0, "FP-2": 0}
    assert desk.balance("2203", _client(desk, "企业 D-3")) == -1
    with pytest.raises(Conflict, match="booked already"):
        split(desk, line, Part("D-3", 1000_01))
    assert desk.settle() == 0 and desk.wrong() == []


def test_a_wrong_split_is_taken_back_and_made_anew(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "600.00", "FP-1")))
    book(desk, kept)
    (line,) = preview(desk, kept).seen
    desk.do(lambda session: fees.correct(session, line.line.document_id, reason="记错", **desk.by("finance")))
    assert open_of(desk, "D-1") == {"FP-1": 600_00}
    assert outcomes(desk, kept) == ["taken_back"]
    split(desk, line, Part("D-2", 600_00))
    assert [one.splitlines()[0] for one in desk.entries("fee_received")] == [
        "2026-02-03 fee_received fee_received:9001",
        "2026-02-03 fee_received fee_received:9001/2",
    ]
    assert outcomes(desk, kept) == ["booked"] and desk.wrong() == []


def test_a_line_that_is_no_fee_is_set_aside_and_can_be_taken_up_again(desk: Desk) -> None:
    kept = take(desk, csv_file(row("9001", "12.34", "存款利息", "工商银行")))
    (line,) = preview(desk, kept).seen

    def aside(note: str) -> None:
        desk.do(
            lambda session: bank_receipts.set_aside(session, line.line.id, note=note, **desk.by("finance"))
        )

    with pytest.raises(Invalid):
        aside(" ")
    aside("利息收入")
    assert outcomes(desk, kept) == ["set_aside"] and not desk.do(_waiting(desk))
    with pytest.raises(Conflict):
        aside("again")
    split(desk, line, Part("D-1", 12_34))
    assert outcomes(desk, kept) == ["booked"]


def test_a_receipt_of_a_closed_month_lands_in_the_open_one(desk: Desk) -> None:
    desk.close("2026-01")
    kept = take(desk, csv_file(row("9001", "600.00", "FP-1", day="2026-01-30")))
    book(desk, kept)
    (entry,) = desk.entries("fee_received")
    assert entry.startswith("2026-02-01 fee_received fee_received:9001")
    assert desk.wrong() == []


def test_a_wrong_encoding_is_recognised_and_said(desk: Desk) -> None:
    own = layouts.shipped_text("simple").replace("layout: simple", "layout: gbk-bank")
    own = own.replace("receipts:\n", "receipts:\n  encoding: gbk\n")
    desk.do(lambda session: layouts.add(session, own, **desk.by("finance")))
    with pytest.raises(Invalid) as refused:
        take(desk, csv_file(row("1", "1.00"), encoding="utf-8"), layout="gbk-bank")
    assert refused.value.code == "sheet_encoding"
    assert "UTF-8" in str(refused.value) and "GBK" in str(refused.value)
    take(desk, csv_file(row("1", "1.00")), layout="gbk-bank")
    opened_wrongly = csv_file(row("1", "2.00"), encoding="utf-8").decode("gb18030", "ignore").encode()
    for content, code in (
        (opened_wrongly, "sheet_misread"),
        ("姓名,电话\r\n张三,1\r\n".encode(), "sheet_columns"),
        (csv_file("1,2026-02-03,5.00,,甲,1,付款"), "receipts_none"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "sheet_old"),
    ):
        with pytest.raises(Invalid) as refused:
            take(desk, content)
        assert refused.value.code == code
    with pytest.raises(Invalid, match="does not say how"):
        take(desk, csv_file(row("1", "3.00")), layout="pain001")


def test_a_list_with_both_ways_in_one_column_has_a_layout_of_its_own(desk: Desk) -> None:
    titles = "交易时间,交易流水号,借贷标志,交易金额,对方单位名称,用途"
    rows = f"2026-02-03 10:01:02,9001,贷,600.00,{CLIENT},FP-1\r\n2026-02-03,9002,借,5.00,房东,房租\r\n"
    kept = take(desk, f"{titles}\r\n{rows}".encode(), layout="corporate")
    assert kept.lines == 1 and outcomes(desk, kept) == ["matched"]


def test_only_finance_brings_receipts_in(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        take(desk, csv_file(row("1", "1.00")), who="operator")


def _waiting(desk: Desk) -> Any:
    return lambda session: bank_receipts.waiting(session, **desk.by("finance"))


def _client(desk: Desk, name: str) -> str:
    from ledger import organisations

    return desk.do(lambda session: organisations.ids_of(session, [name])[name])


def _invoices(desk: Desk) -> list[Any]:
    found = desk.do(lambda session: fees.listing(session, by=desk.people["finance"]))
    return sorted((one for one in found if one.type == "fee_invoiced"), key=lambda one: one.id)
