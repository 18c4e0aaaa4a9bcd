"""Who leaves owing: the debt is moved, repaid and given up, and everything ties."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import deals, owings, reversals
from ledger.core.entry import PAYABLE, RECOVERABLE, WRITTEN_OFF
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.db import Database
from tests.desk import PLAN, Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """M1 was paid, and then the deal turned out to be a fraud."""
    made = Desk(database, tmp_path / "files").move_in(PLAN)
    made.deal("D-1")
    made.reach("find")
    made.fee("fee_received", 50_000_00, "SK-1")
    made.pay()
    made.do(lambda s: deals.cancel(s, "D-1", reason="fraud", on=date(2026, 1, 5), **made.by("operator")))
    return made


def act(desk: Desk, step: Any, who: str = "finance", **given: Any) -> Any:
    return desk.do(lambda session: step(session, "M1", **given, **desk.by(who)).id)


def refused(kind: type[Refused], desk: Desk, step: Any, **given: Any) -> str:
    with pytest.raises(kind) as found:
        act(desk, step, **given)
    return found.value.code


def test_a_debt_is_moved_repaid_and_given_up(desk: Desk) -> None:
    debt = desk.balance(PAYABLE, "M1")
    assert debt > 0
    act(desk, owings.leave, reason="离职")
    assert (desk.balance(PAYABLE, "M1"), desk.balance(RECOVERABLE, "M1")) == (0, debt)
    assert refused(Conflict, desk, owings.leave, reason="离职") == "owes_nothing"
    first = act(desk, owings.repay, amount_minor=1_000_00, on=desk.today, ref="SK-9")
    assert act(desk, owings.repay, amount_minor=1_000_00, on=desk.today, ref="SK-9") == first
    act(desk, owings.write_off, amount_minor=debt - 1_000_00, reason="无法追回")
    assert desk.balance(RECOVERABLE, "M1") == 0
    assert desk.balance(WRITTEN_OFF, "") == debt - 1_000_00
    assert desk.settle() == 0
    assert desk.wrong() == []


def test_a_debt_that_was_repaid_in_part_is_not_taken_back_before_the_payment_is(desk: Desk) -> None:
    debt = desk.balance(PAYABLE, "M1")
    left = act(desk, owings.leave, reason="离职")
    repaid = act(desk, owings.repay, amount_minor=1_000_00, on=desk.today, ref="SK-9")

    def taken_back(entry_id: int) -> None:
        desk.do(lambda s: reversals.reverse(s, entry_id, reason="记错", **desk.by("finance")))

    with pytest.raises(Conflict) as found:
        taken_back(left)
    assert found.value.code == "owing_settled_since"
    assert desk.balance(RECOVERABLE, "M1") == debt - 1_000_00
    taken_back(repaid)
    taken_back(left)
    assert (desk.balance(PAYABLE, "M1"), desk.balance(RECOVERABLE, "M1")) == (debt, 0)
    assert desk.wrong() == []


def test_what_cannot_be(desk: Desk) -> None:
    assert refused(Invalid, desk, owings.leave, reason=" ") == "reason_missing"
    assert refused(Forbidden, desk, owings.leave, reason="r", who="operator") == "not_allowed"
    act(desk, owings.leave, reason="离职")
    for amount in (0, -1, desk.balance(RECOVERABLE, "M1") + 1):
        assert refused(Conflict, desk, owings.write_off, amount_minor=amount, reason="r") == "owing_amount"
