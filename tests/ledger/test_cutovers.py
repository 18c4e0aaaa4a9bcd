"""Cut-over: what another system had is brought in once, signed off by a second person, and sums to zero."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import audit, cutovers, deals, imports, journal, reversals
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.core.facts_file import read_lines
from ledger.db import Database
from tests.desk import Desk

HEAD = "account,owner,debit,credit\n"
# A deal in flight of which 10,000.00 came in; 1,600.00 earned, 160.00 held, 500.00 paid already.
EVENTS = (
    {"on": "2025-11-12", "type": "milestone", "stage": "sign", "managers": {"M1": 1}},
    {"on": "2025-11-20", "type": "fee_invoiced", "amount": "12000.00", "ref": "FP-1"},
    {"on": "2025-12-03", "type": "fee_received", "amount": "10000.00", "ref": "YH-1"},
    {"on": "2025-12-20", "type": "paid", "manager": "M1", "amount": "500.00", "ref": "XJ-1"},
)
# What the system before this one had at the end of 2025, other business of the year included.
BALANCES = (
    HEAD
    + """\
1002,基本户,90000.00,
1122,优眼科技,2000.00,
2202.01,M1,,940.00
2202.01,M2,,77.70
2202.02,M1,,160.00
2221.12,,,22.30
6001,,,100000.00
6401,,9200.00,
"""
)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    desk = Desk(database, tmp_path / "files", today=date(2026, 1, 5)).move_in()
    known = {"id": "D-1", "expected_fee": "100000.00", "client": "优眼科技", "opened_on": "2026-01-01"}
    line = {"format": 1, "deal": known, "managers": [{"id": "M1"}], "events": list(EVENTS)}
    read = read_lines([json.dumps(line)], "facts", "CNY")
    assert imports.load(database, read, plan_id="simple", now=desk.now).refused == []
    return desk


def brought(desk: Desk, text: str = BALANCES, **more: Any) -> str:
    given = {"period": "2025-12", **more}
    return desk.do(lambda s: cutovers.draft(s, text=text, **given, **desk.by("finance")).id)


def digest(desk: Desk, made: str) -> str:
    with desk.database.reading() as session:
        return cutovers.draw(session, cutovers.get(session, made, by=desk.people["third"])).digest


def sign(desk: Desk, made: str, who: str = "third", seen: str = "") -> None:
    seen = seen or digest(desk, made)
    desk.do(lambda s: cutovers.sign(s, made, seen=seen, **desk.by(who)))


def test_deals_in_flight_and_the_opening_entry_together_are_the_balances_given(desk: Desk) -> None:
    before = desk.balances()
    made = brought(desk)
    assert desk.balances() == before  # nothing is posted until it is signed off
    sign(desk, made)
    assert desk.entries("opening") == [
        f"2025-12-31 opening {made}\n"
        "  1002 bank:基本户                            80500.00 CNY\n"
        "  2202.01 payable:M2                         -77.70 CNY\n"
        "  2221.12 withheld_iit                       -22.30 CNY\n"
        "  6001 fee_revenue                        -88000.00 CNY\n"
        "  6401 commission_cost                      7600.00 CNY"
    ]
    held = {key: amount for key, amount in desk.balances().items() if key[0] < "9"}
    assert sum(held.values()) == 0
    assert held[("1002", "基本户")] == 90_000_00 and held[("2202.01", "M1")] == -940_00
    assert desk.settle() == 0 and desk.wrong() == []
    with desk.database.reading() as session:
        noted = [one.action for one in audit.listing(session, actions=["cutover"])]
    assert noted == ["cutover.sign", "cutover.draft"]


def test_what_was_brought_in_is_paid_like_anything_else(desk: Desk) -> None:
    sign(desk, brought(desk))
    desk.pay()
    assert desk.balance("2202.01", "M2") == desk.balance("2202.01", "M1") == 0
    assert desk.wrong() == []


def test_who_brought_the_balances_does_not_sign_them_off(desk: Desk) -> None:
    made = brought(desk)
    with pytest.raises(Forbidden):
        sign(desk, made, who="finance")
    with pytest.raises(Forbidden):
        desk.do(lambda s: cutovers.draft(s, period="2025-12", text=BALANCES, **desk.by("operator")))
    sign(desk, made, who="operator")


def test_balances_are_signed_off_once_unless_that_was_reversed(desk: Desk) -> None:
    first, second = brought(desk), brought(desk)
    sign(desk, first)
    for action in (lambda: sign(desk, second), lambda: brought(desk)):
        with pytest.raises(Conflict, match="signed off"):
            action()
    with desk.database.reading() as session:
        posted = journal.find(session, "opening", first)
        assert posted is not None
        entry_id = posted.id
    desk.do(lambda s: reversals.reverse(s, entry_id, reason="wrong bank", **desk.by("finance")))
    sign(desk, second)
    assert desk.balance("1002", "基本户") == 90_000_00
    assert desk.wrong() == []


def test_nothing_else_is_signed_off_than_was_seen(desk: Desk) -> None:
    made = brought(desk)
    seen = digest(desk, made)
    desk.fee("fee_received", 1_00, "YH-2", on=date(2025, 12, 31))
    with pytest.raises(Conflict, match="moved"):
        sign(desk, made, seen=seen)
    assert desk.entries("opening") == []


def test_what_only_deals_can_clear_has_to_come_from_deals(desk: Desk) -> None:
    made = brought(
        desk, BALANCES.replace("优眼科技,2000.00", "优眼科技,2500.00").replace("90000.00", "89500.00")
    )
    with pytest.raises(Conflict, match=r"1122 of .* is 2500.00 and the deals in flight come to 2000.00"):
        sign(desk, made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BALANCES.replace("90000.00", "90000.01"), "off by 0.01"),
        (HEAD, "off by 0.00"),
        ("account,debit\n1002,1\n", "balances:1: the columns are others"),
        (HEAD + "9001,M1,1.00,\n", "balances:2: account “9001” has no opening balance"),
        (HEAD + "2202.03,po_1,1.00,\n", "account “2202.03” has no opening balance"),
        (HEAD + "2202.01,,1.00,\n", "kept once per manager"),
        (HEAD + "6001,M1,1.00,\n", "kept once per none"),
        (HEAD + "6001,,1.00,1.00\n", "a line has a debit or a credit"),
        (HEAD + "6001,,,\n", "a line has a debit or a credit"),
        (HEAD + "6001,,-1.00,\n", "below zero"),
        (HEAD + "6001,,1e3,\n", "balances:2: "),
        (HEAD + "6001,,NaN,\n", "balances:2: "),
        (HEAD + "6001,,1.005,\n", "balances:2: "),
        (HEAD + "6001,,1.00,\n6001,,1.00,\n", "balances:3: 6001 is there twice"),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_wrong_file_is_refused_with_its_line(desk: Desk, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said.replace(".", r"\.")):
        brought(desk, text)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_unknown_people_months_that_are_not_over_and_closed_ones_are_refused(desk: Desk) -> None:
    with pytest.raises(NotFound):
        brought(desk, HEAD + "2202.01,M9,1.00,\n6001,,,1.00\n")
    with pytest.raises(Invalid, match="not over"):
        brought(desk, period="2026-01")
    made = brought(desk)
    desk.close("2025-12", accept=["milestones_undecided"])
    with pytest.raises(Conflict, match="closed"):
        sign(desk, made)
    assert desk.do(lambda s: deals.settle_all(s, ["D-1"], now=desk.now)) == 0
