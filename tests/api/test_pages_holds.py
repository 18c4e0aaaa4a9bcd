"""Putting and lifting holds, and changing the payout policy, at a desk."""

from __future__ import annotations

from tests.api.desk import Desk

POLICY = {
    "minimum": "100.00",
    "from_1": "0",
    "approvers_1": "1",
    "roles_1": ["finance", "operator"],
    "from_2": "50,000.00",
    "approvers_2": "2",
    "roles_2": ["finance"],
    "limit_operator": "80000",
}


def test_a_deal_is_held_and_the_preview_says_so(desk: Desk) -> None:
    desk.tell_fees()
    desk.done("operator", "/holds/new", {"deal": "D-1", "reason": "客户投诉核实中", "until_on": "2026-05-31"})
    shown = desk.see("operator", "/payouts/new")
    assert "客户投诉核实中" in shown and "暂停付款" in shown
    assert "D-1" in desk.see("finance", "/holds?state=standing")


def test_a_hold_without_a_reason_or_of_nobody_comes_back(desk: Desk) -> None:
    mended = desk.mend("operator", "/holds/new", {"manager": "nobody", "until_on": "2026-03-31"})
    assert set(mended.errors) == {"reason"}
    mended = desk.mend(
        "operator", "/holds/new", {"manager": "nobody", "reason": "r", "until_on": "2026-03-31"}
    )
    assert set(mended.errors) == {"manager"}


def test_a_hold_is_lifted_with_a_reason(desk: Desk) -> None:
    desk.done("operator", "/holds/new", {"manager": "张三", "reason": "核对", "until_on": "2026-03-31"})
    page = desk.open("finance", "/holds").text
    path = page.split('href="/holds/hd_')[1].split('"')[0]
    assert set(desk.mend("finance", f"/holds/hd_{path}", {}).errors) == {"reason"}
    desk.done("finance", f"/holds/hd_{path}", {"reason": "已核对"})
    assert "已核对" in desk.see("operator", "/holds?state=ended")


def test_managers_see_neither_holds_nor_the_policy(desk: Desk) -> None:
    for path in ("/holds", "/holds/new", "/policies", "/policies/new"):
        assert desk.open("zhang", path).status_code == 403


def test_a_policy_takes_two_people(desk: Desk) -> None:
    desk.done("operator", "/policies/new", POLICY)
    page = desk.open("second", "/policies").text
    path = "/policies/pp_" + page.split('action="/policies/pp_')[1].split('"')[0]
    assert 'action="/policies/pp_' not in desk.open("operator", "/policies").text
    assert desk.fill("operator", path, {"effective_on": "2026-03-01"}).status_code == 403
    assert set(desk.mend("second", path, {"effective_on": "2026-02-01"}).errors) == {"effective_on"}
    desk.done("second", path, {"effective_on": "2026-03-01"})
    shown = desk.see("finance", "/policies")
    assert "50,000.00 起：财务中 2 人审批" in shown and "80,000.00" in shown


def test_a_policy_that_cannot_hold_comes_back(desk: Desk) -> None:
    falling = POLICY | {"from_2": "0"}
    assert set(desk.mend("operator", "/policies/new", falling).errors) == {"from_2"}
    many = POLICY | {"approvers_1": "99"}
    assert set(desk.mend("operator", "/policies/new", many).errors) == {"approvers_1"}
