"""Leaving on the pages: deals go to others, and debts are seen to."""

from __future__ import annotations

from ledger import deals
from tests.api.front import Front


def test_a_deal_is_handed_over_and_a_debt_is_settled(front: Front) -> None:
    deal = front.deal()
    page = "/managers/M1/hand-over"
    whole = {"from_on": front.day, "reason": "left", f"deal:{deal}": "M2"}
    assert "Choose who takes over" in front.fill("operator", page, 422, from_on=front.day, reason="left")
    front.fill("finance", page, 403, **whole)
    front.fill("operator", page, **whole)
    assert "None are left" in front.look("operator", "/managers/M1/leaving")
    assert "Eye-axis measuring" in front.look("finance", "/managers/M2/leaving")

    with front.database.writing() as session:
        deals.adjust(
            session,
            deal,
            manager_id="M1",
            stage="need_discovery",
            amount_minor=-100_00,
            reason="r",
            on=front.now().date(),
            by=front.users["finance"],
            now=front.now(),
        )
    assert "¥100.00" in front.look("finance", "/owings")
    front.fill("operator", "/owings/M1/leave", 403, reason="left")
    front.fill("finance", "/owings/M1/leave", reason="left")
    assert "the amount is more than nothing" in front.fill(
        "finance", "/owings/M1/write-off", 422, amount="100.01", reason="r"
    )
    front.fill("finance", "/owings/M1/repay", amount="40.00", on=front.day, reason="HK-1")
    front.fill("finance", "/owings/M1/write-off", amount="60.00", reason="gone")
    assert "Nobody owes anything" in front.look("finance", "/owings")
