"""The month-end estimate: commission on what is invoiced and not received, taken back on the next first."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger import reopenings, settings
from ledger.db import Database
from tests.desk import Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """10,600.00 invoiced with 6% VAT in January, 5,300.00 of it received; a second deal is paid up."""
    desk = Desk(database, tmp_path / "files").move_in()
    desk.deal("D-1")
    desk.deal("D-2")
    desk.today = date(2026, 1, 12)
    desk.reach("sign", {"M1": "2", "M2": "1"})
    desk.reach("sign", deal="D-2")
    desk.today = date(2026, 1, 20)
    desk.fee("fee_invoiced", 10_600_00, "FP-1", tax_minor=600_00)
    desk.fee("fee_received", 5_300_00, "YH-1", tax_minor=300_00)
    desk.fee("fee_invoiced", 1_000_00, "FP-2", deal="D-2")
    desk.fee("fee_received", 1_000_00, "YH-2", deal="D-2")
    return desk


def choose(desk: Desk, value: str = "yes", on: date = date(2026, 1, 1)) -> None:
    given = {"value": value, "from_on": on, "reason": "the auditors ask for it"}
    desk.do(lambda s: settings.decide(s, settings.ESTIMATE, **given, **desk.by("finance")))


# 5,000.00 are outstanding without VAT: a pool of 2,000.00, of which `sign` has 800.00.
ESTIMATE = (
    "2026-01-31 estimate 2026-01/CNY#1\n"
    "  6401.09 estimated_cost                     800.00 CNY\n"
    "  2202.09 estimated                         -800.00 CNY"
)
BACK = (
    "2026-02-01 estimate ~2026-01/CNY#1\n"
    "  6401.09 estimated_cost                    -800.00 CNY\n"
    "  2202.09 estimated                          800.00 CNY"
)


def test_a_close_posts_the_estimate_and_what_takes_it_back(desk: Desk) -> None:
    choose(desk)
    before = desk.balances()
    desk.today = date(2026, 2, 3)
    desk.close("2026-01")
    assert desk.entries("estimate") == [ESTIMATE, BACK]
    assert desk.balances() == before  # nothing of it stays
    assert desk.settle() == 0 and desk.wrong() == []
    # and the money that comes in the next month is earned once
    desk.fee("fee_received", 5_300_00, "YH-3", tax_minor=300_00)
    assert desk.balance("6401", "") == 2 * 800_00 + 160_00
    desk.today = date(2026, 3, 2)
    desk.close("2026-02")
    assert len(desk.entries("estimate")) == 2
    assert desk.wrong() == []


def test_nothing_is_estimated_unless_finance_chose_it_by_the_end_of_the_month(desk: Desk) -> None:
    choose(desk, on=date(2026, 2, 1))
    desk.today = date(2026, 2, 3)
    desk.close("2026-01")
    assert desk.entries("estimate") == []
    desk.today = date(2026, 3, 2)
    desk.close("2026-02")
    assert [text.splitlines()[0] for text in desk.entries("estimate")] == [
        "2026-02-28 estimate 2026-02/CNY#1",
        "2026-03-01 estimate ~2026-02/CNY#1",
    ]


def test_a_reopened_month_is_brought_to_what_is_right_then(desk: Desk) -> None:
    choose(desk)
    desk.today = date(2026, 2, 3)
    desk.close("2026-01")
    asked = desk.do(lambda s: reopenings.ask(s, "2026-01", reason="a receipt", **desk.by("finance")).id)
    desk.do(lambda s: reopenings.agree(s, asked, **desk.by("third")))
    desk.fee("fee_received", 2_650_00, "YH-4", tax_minor=150_00, on=date(2026, 1, 30))
    desk.close("2026-01")
    assert desk.entries("estimate")[2:] == [
        "2026-01-31 estimate 2026-01/CNY#2\n"
        "  6401.09 estimated_cost                    -400.00 CNY\n"
        "  2202.09 estimated                          400.00 CNY",
        "2026-02-01 estimate ~2026-01/CNY#2\n"
        "  6401.09 estimated_cost                     400.00 CNY\n"
        "  2202.09 estimated                         -400.00 CNY",
    ]
    assert desk.wrong() == []
