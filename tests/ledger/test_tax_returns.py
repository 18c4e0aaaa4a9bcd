"""What goes to the tax office is what the books say was paid, and remitting it clears what was withheld."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ledger import audit, bank_answers, bounces, identities, managers, payouts, remittances, tax_returns
from ledger.core import tax, tax_return
from ledger.core.entry import WITHHELD_IIT
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.core.tax import Paid
from ledger.db import Database
from tests.desk import PLAN, Desk

RESIDENT = "11010519491231002X"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    made = Desk(database, tmp_path / "files").move_in(PLAN.replace(', award: "500.00"', ""))
    for payee, deal in (("M1", "D-1"), ("M2", "D-2")):
        made.deal(deal, expected=100_000_00)
        for stage in ("find", "sign", "done"):
            made.reach(stage, {payee: "1"}, deal=deal)
    return made


@contextmanager
def refused(kind: type[Refused], code: str) -> Iterator[None]:
    with pytest.raises(kind) as found:
        yield
    assert found.value.code == code


def taxed_as(desk: Desk, payee: str, method: str) -> None:
    desk.do(
        lambda session: managers.set_payment(
            session,
            payee,
            bank_name="工商银行",
            bank_account=f"622202020011223344{payee[1:]}",
            tax_method=method,
            **desk.by("operator"),
        )
    )


def paid(desk: Desk, day: str, amount_minor: int, payee: str = "M1") -> str:
    """So much is paid to a payee on a day: two and a half times the fee, at 40%."""
    desk.today = date.fromisoformat(day)
    desk.fee("fee_received", amount_minor * 5 // 2, f"{payee}-{day}", deal={"M1": "D-1", "M2": "D-2"}[payee])
    return desk.pay(only=[payee])


def known_to_the_tax_office(desk: Desk, payee: str = "M1", **given: Any) -> None:
    wanted = {"kind": "resident_id", "number": RESIDENT} | given
    desk.do(lambda session: identities.record(session, payee, **wanted, **desk.by("operator")))


def listed(desk: Desk, kind: tax_returns.Kind, span: str) -> list[dict[str, str]]:
    _, content = desk.do(lambda session: tax_returns.export(session, kind, span, "csv", **desk.by("finance")))
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


YEAR = (
    ("2026-06-15", 7000_00, ("7000.00", "1400.00", "5600.00", "5000.00", "600.00", "18.00", "0.00", "18.00")),
    (
        "2026-07-15",
        7500_00,
        ("7500.00", "1500.00", "11600.00", "10000.00", "1600.00", "48.00", "18.00", "30.00"),
    ),
    ("2026-10-15", 7200_00, ("7200.00", "1440.00", "5760.00", "5000.00", "760.00", "22.80", "0.00", "22.80")),
    (
        "2026-11-15",
        6000_00,
        ("6000.00", "1200.00", "10560.00", "10000.00", "560.00", "16.80", "22.80", "0.00"),
    ),
    (
        "2026-12-15",
        8000_00,
        ("8000.00", "1600.00", "16960.00", "15000.00", "1960.00", "58.80", "22.80", "36.00"),
    ),
)
COLUMNS = (
    "收入",
    "费用",
    "累计收入额",
    "累计减除费用",
    "累计应纳税所得额",
    "应纳税额",
    "已缴税额",
    "应补退税额",
)


def test_the_announcements_year_is_the_withholding_return_month_by_month(desk: Desk) -> None:
    taxed_as(desk, "M1", "platform_cumulative")
    known_to_the_tax_office(desk)
    for day, amount, _ in YEAR:
        paid(desk, day, amount)
    for day, _, expected in YEAR:
        (row,) = listed(desk, "withholding", day[:7])
        assert tuple(row[column] for column in COLUMNS) == expected
        assert (row["姓名"], row["身份证件号码"], row["纳税人识别号"]) == ("经理1", RESIDENT, RESIDENT)
        assert (row["所得项目"], row["税率/预扣率"], row["备注"]) == ("劳务报酬所得", "3%", "平台累计预扣")


@pytest.mark.parametrize(
    ("amounts", "expenses", "rate", "due"),
    [
        ((800_00,), "800.00", "20%", "0.00"),
        ((2000_00,), "800.00", "20%", "240.00"),
        ((600_00, 3000_00), "800.00", "20%", "560.00"),
        ((6000_00,), "1200.00", "20%", "960.00"),
        ((60_000_00,), "12000.00", "30%", "12400.00"),
    ],
)
def test_a_month_taxed_by_payment_stands_as_one(
    desk: Desk, amounts: tuple[int, ...], expenses: str, rate: str, due: str
) -> None:
    for day, amount in enumerate(amounts, 10):
        paid(desk, f"2026-03-{day}", amount)
    (row,) = listed(desk, "withholding", "2026-03")
    assert (row["费用"], row["税率/预扣率"], row["应补退税额"]) == (expenses, rate, due)
    assert row["累计收入额"] == ""


def test_the_return_the_books_and_yongjin_tax_give_the_same_figures(desk: Desk) -> None:
    taxed_as(desk, "M1", "platform_cumulative")
    for day, amount, _ in YEAR:
        paid(desk, day, amount)
    payments = [tax.Payment(date.fromisoformat(day), amount) for day, amount, _ in YEAR]
    told = {
        f"{one.on:%Y-%m}": one.withheld_minor for one in tax.withhold_all("platform_cumulative", payments)
    }
    with desk.database.reading() as session:
        returned = {
            month: sum(
                row.line.withheld_minor for row in tax_returns.rows(session, month, by=desk.people["finance"])
            )
            for month in told
        }
        booked = {one.period: one.withheld_minor for one in remittances.by_month(session, "CNY")}
    assert returned == told
    assert booked == {month: minor for month, minor in told.items() if minor}


def test_what_the_bank_sent_back_is_in_no_return_and_an_open_payment_is_told(desk: Desk) -> None:
    desk.today = date(2026, 3, 10)
    desk.fee("fee_received", 5000_00, "SK", deal="D-1")
    payout = desk.pay(confirm=False)
    with desk.database.reading() as session:
        assert tax_returns.on_the_way(session, "2026-03") == 1
    assert listed(desk, "withholding", "2026-03") == []

    def back(session: Any) -> None:
        lines = [line.id for line in payouts.lines_of(session, payout)]
        bank_answers.return_lines(session, payout, line_ids=lines, reason="账号有误", **desk.by("finance"))

    desk.do(back)
    with desk.database.reading() as session:
        assert tax_returns.on_the_way(session, "2026-03") == 0


def test_a_return_says_where_what_was_withheld_is_not_what_is_due() -> None:
    paid_ = [Paid(date(2026, 3, 1), 2000_00, 250_00)]
    line = tax_return.line("per_payment", paid_, "2026-03", lambda _: tax.DEFAULTS)
    assert (line.tax_minor, line.withheld_minor, line.off_minor) == (240_00, 250_00, 10_00)


@pytest.mark.parametrize("method", ["per_payment", "platform_cumulative"])
def test_too_much_income_tax_is_taken_off_later_payments_of_the_year_and_else_left_to_the_payee(
    desk: Desk, method: str
) -> None:
    """No method pays tax back within the year: the rest is for the payee's own return (汇算清缴)."""
    taxed_as(desk, "M1", method)
    first = paid(desk, "2026-03-05", 60_000_00)
    paid(desk, "2026-03-06", 60_000_00)
    desk.today = date(2026, 4, 2)

    def come_back(session: Any) -> None:
        (line,) = payouts.lines_of(session, first)
        bounces.record(session, first, {line.id: "退汇"}, on=desk.today, **desk.by("finance"))

    desk.do(come_back)
    withheld = -desk.balance(WITHHELD_IIT, "")
    with desk.database.reading() as session:
        (row,) = tax_returns.rows(session, "2026-03", by=desk.people["finance"])
    alone = tax.withhold(method, [], tax.Payment(date(2026, 3, 6), 60_000_00)).withheld_minor
    assert (row.line.withheld_minor, row.line.off_minor) == (withheld, withheld - alone)
    assert withheld > alone  # as the second of two it bore more, and that stays in the account for March

    again = desk.pay()  # the 60,000.00 that came back, in April
    with desk.database.reading() as session:
        (withheld_again,) = (line.tax_minor for line in payouts.lines_of(session, again))
    right = tax.withhold_all(
        method, [tax.Payment(date(2026, 3, 6), 60_000_00), tax.Payment(desk.today, 60_000_00)]
    )
    assert withheld_again == max(sum(one.withheld_minor for one in right) - withheld, 0)
    assert -desk.balance(WITHHELD_IIT, "") == max(sum(one.withheld_minor for one in right), withheld)
    assert desk.wrong() == []


def test_the_quarters_report_has_everybody_and_no_income_twice(desk: Desk) -> None:
    known_to_the_tax_office(desk)
    known_to_the_tax_office(desk, "M2", kind="credit_code", number="91110000600037341L")
    paid(desk, "2026-04-10", 2000_00)
    taxed_as(desk, "M2", "payroll")
    paid(desk, "2026-05-10", 3000_00, "M2")
    paid(desk, "2026-07-10", 1000_00)
    first, second = listed(desk, "platform", "2026Q2")
    assert [first[c] for c in ("姓名", "付款笔数", "收入总额", "本次报送收入")] == [
        "经理1",
        "1",
        "2000.00",
        "0.00",
    ]
    assert (second["身份证件类型"], second["其中：已扣缴或并入工资申报"]) == ("统一社会信用代码", "3000.00")
    (third,) = listed(desk, "platform", "2026Q3")
    assert third["收入总额"] == "1000.00"
    (wages,) = listed(desk, "wages", "2026-05")
    assert [wages[c] for c in ("人员编号", "并入工资的佣金")] == ["M2", "3000.00"]
    assert listed(desk, "wages", "2026-04") == []
    for span in ("2026-Q2", "2026Q5", "2026"):
        with refused(Invalid, "quarter_invalid"):
            listed(desk, "platform", span)


def test_the_workbook_has_the_same_cells_and_says_whose_document_is_missing(desk: Desk) -> None:
    paid(desk, "2026-04-10", 2000_00)
    name, content = desk.do(
        lambda session: tax_returns.export(session, "withholding", "2026-04", "xlsx", **desk.by("finance"))
    )
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None and name == "个人所得税扣缴申报表-2026-04.xlsx"
    head = [cell.value for cell in sheet[1]]
    told = dict(zip(head, [cell.value for cell in sheet[2]], strict=True))
    assert (told["姓名"], told["收入"], told["应补退税额"]) == ("经理1", 2000, 240)
    assert "缺身份证件：经理1" in [row[0].value for row in sheet.iter_rows()]
    with desk.database.reading() as session:
        (noted,) = audit.listing(session, actions=["tax.export"])
        assert (noted.subject, noted.after) == ("2026-04", {"kind": "withholding", "format": "xlsx"})


def test_remitting_clears_what_was_withheld_once_and_never_more(desk: Desk) -> None:
    paid(desk, "2026-03-10", 2000_00)
    paid(desk, "2026-04-10", 3000_00)
    desk.today = date(2026, 4, 14)

    def remit(amount: int, ref: str = "SP-1", period: str = "2026-03", who: str = "finance") -> Any:
        return desk.do(
            lambda session: (
                remittances.remit(
                    session, period, amount_minor=amount, on=desk.today, ref=ref, **desk.by(who)
                ).id
            )
        )

    with refused(Conflict, "tax_not_withheld"):
        remit(240_01)
    with refused(Invalid, "amount_not_positive"):
        remit(0)
    with refused(Forbidden, "not_allowed"):
        remit(240_00, who="operator")
    assert remit(240_00) == remit(240_00)
    with refused(Conflict, "entry_exists"):
        remit(1_00)
    with refused(Conflict, "tax_not_withheld"):
        remit(1, ref="SP-2")
    assert desk.entries("tax_remitted") == [
        "2026-04-14 tax_remitted 2026-03/SP-1\n"
        "  2221.12 withheld_iit                       240.00 CNY  of 2026-03\n"
        "  1002 bank:基本户                             -240.00 CNY"
    ]
    with desk.database.reading() as session:
        months = remittances.standing(session, by=desk.people["finance"])
        told = [(one.period, one.withheld_minor, one.open_minor) for one in months]
        assert told == [("2026-04", 440_00, 440_00), ("2026-03", 240_00, 0)]
    assert desk.balance(WITHHELD_IIT, "") == -440_00
    assert desk.wrong() == []


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        ("resident_id", "110105194912310021", "identity_number"),
        ("credit_code", "91110000600037341A", "identity_number"),
        ("passport", "<>", "identity_other"),
        ("card", "1", "identity_kind"),
    ],
)
def test_a_number_that_cannot_be_is_refused(kind: str, number: str, code: str) -> None:
    with refused(Invalid, code):
        identities.check(kind, number)


def test_a_document_is_not_told_in_the_trail(desk: Desk) -> None:
    known_to_the_tax_office(desk, number=" 11010519491231002x ")
    with desk.database.reading() as session:
        assert identities.of(session, ["M1"])["M1"].identity_number == RESIDENT
        (noted,) = audit.listing(session, actions=["identity.record"])
        assert list(noted.after["identity_number"]) == ["commitment"]
    assert identities.masked(RESIDENT) == "1101**********002X"
