"""Why not, as the books see it: what is on hold, in dispute, too little, capped or not yet decided."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger import accruals, deals, holds, milestones, needs, plans, policies, statements, waits
from ledger.core.policy import FIRST, Policy
from ledger.core.waits import Wait
from ledger.core.workings import render
from ledger.db import Database
from ledger.users import User
from tests.desk import PLAN, Desk

DAY = date(2026, 3, 9)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """One stage of D-1 shared 3:1 by M1 and M2, of a fee of 10,000.00."""
    desk = Desk(database, tmp_path / "files", DAY).move_in(
        PLAN.replace("holdback:", 'caps: {per_manager_per_year: "1000.00"}\nholdback:')
    )
    desk.deal()
    desk.reach("find", {"M1": "3", "M2": "1"})
    desk.fee("fee_received", 5_000_00, "YH-1")
    return desk


def manager(number: int) -> User:
    return User(
        id=f"us_m{number}",
        phone=f"1390000000{number}",
        name=f"经理{number}",
        role="manager",
        manager_id=f"M{number}",
        password_hash="-",
    )


def found(desk: Desk, by: User | None = None) -> list[Wait]:
    def read(session: Any) -> list[Wait]:
        deal = session.get_one(deals.Deal, "D-1")
        goal = accruals.target_of(session, deal, now=desk.now)
        return waits.of_deal(session, deal, goal, by=by, now=desk.now)

    with desk.database.reading() as session:
        return read(session)


def said(waits: list[Wait], *whys: str) -> list[tuple[str, str, str]]:
    """(stage, manager, words) of the reasons of some kinds."""
    return [(one.stage, one.manager, render(one.step, "en", "CNY")) for one in waits if one.why in whys]


def hold(desk: Desk, kind: str = "hand", **on: str) -> None:
    def write(session: Any) -> None:
        if kind == "dispute":
            holds.keep_back(session, reason="数额不对", **on, **desk.by("operator"))
        else:
            until = date(2026, 3, 20)
            holds.put(session, reason="核对合同", until_on=until, **on, **desk.by("operator"))

    desk.do(write)


def test_a_deal_says_what_every_stage_and_everybody_s_part_waits_for(desk: Desk) -> None:
    assert [(one.why, one.stage, one.manager) for one in found(desk)] == [
        ("held", "find", "M1"),
        ("held", "find", "M2"),
        ("not_verified", "sign", ""),
        ("not_verified", "done", ""),
        ("next_payout", "", "M1"),
        ("next_payout", "", "M2"),
    ]
    assert said(found(desk), "next_payout")[0] == ("", "M1", "540.00 is paid with the next payout.")


def test_a_manager_is_told_of_their_own_part_only(desk: Desk) -> None:
    assert {one.manager for one in found(desk, manager(2))} == {"", "M2"}


def test_a_stage_that_waits_for_somebody_s_decision_says_so(desk: Desk) -> None:
    desk.reach("sign", verify=False)
    sent_back = desk.reach("done", verify=False)
    desk.do(lambda session: milestones.reject(session, sent_back, reason="缺材料", **desk.by("second")))
    assert said(found(desk), "not_verified") == [
        ("sign", "", "Sign was reported on 2026-03-09 and waits to be verified."),
        ("done", "", "Done was sent back: 缺材料."),
    ]


def test_what_is_on_hold_says_until_when_and_its_reason_only_to_those_who_may_see_it(desk: Desk) -> None:
    hold(desk, manager_id="M1", deal_id="D-1", stage="find")
    assert said(found(desk), "on_hold") == [("find", "M1", "540.00 waits until 2026-03-20: 核对合同.")]
    assert said(found(desk, manager(1)), "on_hold") == [("find", "M1", "540.00 waits until 2026-03-20.")]
    assert said(found(desk, manager(2)), "on_hold") == []


def test_what_is_in_dispute_says_so(desk: Desk) -> None:
    hold(desk, "dispute", manager_id="M1", deal_id="D-1", stage="find")
    text = "540.00 is in dispute since 2026-03-09 and waits for its outcome."
    assert said(found(desk, manager(1)), "in_dispute", "on_hold") == [("find", "M1", text)]


def test_what_is_less_than_the_least_that_is_paid_says_both_figures(desk: Desk) -> None:
    def govern(session: Any) -> None:
        least = Policy(200_00, FIRST.bands, FIRST.limits)
        drafted = policies.draft(session, least, **desk.by("operator"))
        policies.publish(session, drafted.id, effective_on=DAY, **desk.by("second"))

    desk.do(govern)
    text = "180.00 is payable in all, less than the least that is paid, 200.00."
    assert said(found(desk), "below_minimum") == [("", "M2", text)]
    payee = desk.do(lambda session: waits.of_manager(session, "M2", by=manager(2), now=desk.now).payee)
    (of_payee,) = payee["CNY"]
    assert of_payee.to_data()["numbers"] == {"payable_minor": 180_00, "minimum_minor": 200_00}


def test_the_cap_on_a_year_says_what_it_took(desk: Desk) -> None:
    desk.fee("fee_received", 10_000_00, "YH-2")
    text = "The cap of 1000.00 per manager and year is reached in 2026: 800.00 is taken off."
    assert said(found(desk), "year_cap") == [("", "M1", text)]


def test_a_debt_that_is_carried_forward_says_so(desk: Desk) -> None:
    desk.pay()
    desk.fee("fee_refunded", 5_000_00, "TK-1")
    words = [text for _, _, text in said(found(desk), "carried_forward")]
    assert words == [
        "202.50 was taken back after it had been paid: what is earned next is set against it first.",
        "67.50 was taken back after it had been paid: what is earned next is set against it first.",
    ]


def test_on_a_manager_s_phone_every_deal_says_what_it_waits_for(desk: Desk) -> None:
    desk.deal("D-2")
    desk.reach("find", {"M2": "1"}, deal="D-2")
    mine = desk.do(lambda session: waits.of_manager(session, "M2", by=manager(2), now=desk.now).deals)
    words = {one.deal.id: [render(wait.step, "en", "CNY") for wait in one.waits] for one in mine}
    assert words["D-2"][0] == "Find waits for the fee: by 2026-03-09 0.00 was received and 0.00 given back."
    assert words["D-1"][0] == "20.00 of Find is held until Done is verified."


def test_what_is_owed_in_another_currency_says_so_in_that_currency(desk: Desk) -> None:
    def open_in_dollars(session: Any) -> None:
        text = PLAN.replace("plan: simple", "plan: dollars").replace("currency: CNY", "currency: USD")
        drafted = plans.draft(session, text, **desk.by("operator"))
        plans.publish(session, drafted.id, effective_on=date(2026, 1, 1), **desk.by("second"))
        need = needs.log(session, title="需求", client="企业", **desk.by("operator"))
        about: dict[str, Any] = {"id": "D-9", "plan_id": "dollars", "expected_fee_minor": 1_000_00}
        deals.open_from(session, need, **about, **desk.by("operator"))

    desk.do(open_in_dollars)
    desk.reach("find", {"M2": "1"}, deal="D-9")
    payee = desk.do(lambda session: waits.of_manager(session, "M2", by=manager(2), now=desk.now).payee)
    assert [one.step.numbers for one in payee["CNY"]] == [{"payable_minor": 180_00}]
    assert [one.step.numbers for one in payee["USD"]] == [{"payable_minor": 450_00}]


def test_a_statement_gives_a_reason_for_every_fen_that_it_leaves_unpaid(desk: Desk) -> None:
    desk.deal("D-2")
    desk.reach("find", {"M1": "1"}, deal="D-2")
    hold(desk, manager_id="M1", deal_id="D-1", stage="find")
    drawn = desk.do(
        lambda session: statements.draw(session, "M1", "2026-03", kind="preliminary", now=desk.now)
    )
    unpaid = [one for one in drawn.pending if one.kind == "payable"]
    assert [(one.deal_id, one.amount_minor, one.waits_for.en) for one in unpaid] == [
        ("D-1", 540_00, "540.00 waits until 2026-03-20."),
        ("", 350_00, "350.00 is payable and in no payout yet."),
    ]
    assert sum(one.amount_minor for one in unpaid) == drawn.bridge.closing_minor
    expected = {one.deal_id: one.waits_for.zh for one in drawn.pending if one.kind == "expected"}
    assert expected["D-2"] == "需求挖掘须待居间服务费到账：截至2026-03-09已收0.00，已退0.00。"
    assert expected["D-1"] == "待居间服务费到账"


def test_a_closed_month_says_what_it_waited_for_then(desk: Desk) -> None:
    hold(desk, manager_id="M1", deal_id="D-1", stage="find")
    desk.today = date(2026, 4, 5)
    (standing,) = desk.do(lambda session: holds.stood(session, date(2026, 3, 15)))
    assert desk.do(lambda session: holds.stood(session, date(2026, 3, 31))) == []
    desk.today = date(2026, 3, 16)
    desk.do(lambda session: holds.lift(session, standing.id, reason="已核对", **desk.by("second")))
    assert desk.do(lambda session: holds.stood(session, date(2026, 3, 15))) != []
    assert desk.do(lambda session: holds.stood(session, date(2026, 3, 16))) == []
