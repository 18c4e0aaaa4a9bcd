"""Who leaves hands open deals to others: what was earned stays, what comes names the other one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import agreements, leavings, owings
from ledger.core.entry import PAYABLE
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.db import Database
from tests.desk import PLAN, Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    made = Desk(database, tmp_path / "files").move_in(PLAN)
    made.deal("D-1")
    made.reach("find")
    return made


def give(desk: Desk, who: str = "operator", **other: Any) -> str:
    given = {"from_manager": "M1", "to_manager": "M2", "from_on": desk.today, "reason": "离职"} | other
    return str(desk.do(lambda s: leavings.hand_over(s, "D-1", **given, **desk.by(who)).id))


def refused(kind: type[Refused], action: Any, *given: Any, **more: Any) -> str:
    with pytest.raises(kind) as found:
        action(*given, **more)
    return found.value.code


def test_a_deal_is_handed_over_and_what_was_earned_stays(desk: Desk) -> None:
    desk.fee("fee_received", 50_000_00, "SK-1")
    before = desk.balance(PAYABLE, "M1")
    ahead = desk.do(
        lambda s: (
            agreements.ordain(
                s, "D-1", stage="sign", weights={"M1": "60", "M2": "40"}, reason="商定", **desk.by("operator")
            ).stage
        )
    )
    assert [one.id for one in leaving(desk, "M1").deals] == ["D-1"]
    give(desk)
    assert leaving(desk, "M1").deals == [] and [one.id for one in leaving(desk, "M2").deals] == ["D-1"]
    agreed = desk.do(lambda s: dict(agreements.in_force(s, "D-1", ahead).weights))  # type: ignore[union-attr]
    assert agreed == {"M2": "100"}
    assert before == desk.balance(PAYABLE, "M1") < 0
    assert refused(Conflict, desk.reach, "sign", {"M1": "1"}) == "split_agreed"
    desk.reach("sign", {"M2": "100"})
    assert desk.balance(PAYABLE, "M1") == before and desk.balance(PAYABLE, "M2") < 0
    assert desk.settle() == 0 and desk.wrong() == []


def test_a_milestone_of_before_names_who_was_there_and_one_of_after_does_not(desk: Desk) -> None:
    give(desk)
    assert refused(Conflict, desk.reach, "sign", {"M1": "1"}) == "deal_handed_over"
    give(desk, from_manager="M2", to_manager="M1", from_on=date(2026, 1, 5))  # and back
    desk.reach("sign", {"M1": "1"})


def test_what_cannot_be_handed_over(desk: Desk) -> None:
    assert refused(Invalid, give, desk, to_manager="M1") == "handover_same"
    assert refused(Invalid, give, desk, reason=" ") == "reason_missing"
    assert refused(Conflict, give, desk, from_manager="M2", to_manager="M1") == "handover_nothing"
    assert refused(Forbidden, give, desk, who="finance") == "not_allowed"
    give(desk)
    assert refused(Conflict, give, desk) == "handover_nothing"


def test_everybody_against_whom_something_stands_is_listed(desk: Desk) -> None:
    from ledger import deals

    desk.fee("fee_received", 50_000_00, "SK-1")
    desk.pay()
    desk.do(lambda s: deals.cancel(s, "D-1", reason="fraud", on=desk.today, **desk.by("operator")))
    (one,) = desk.do(lambda s: owings.listing(s, by=desk.people["finance"]))
    assert (one.manager_id, one.owed_minor) == ("M1", 0) and one.against_minor > 0
    desk.do(lambda s: owings.leave(s, "M1", reason="离职", **desk.by("finance")))
    (left,) = desk.do(lambda s: owings.listing(s, by=desk.people["finance"]))
    assert (left.owed_minor, left.against_minor) == (one.against_minor, 0)


def leaving(desk: Desk, manager_id: str) -> leavings.Leaving:
    return desk.do(lambda s: leavings.of(s, manager_id, by=desk.people["operator"]))
