"""Splits on the pages: proposed and answered on a phone, decided at a desk where they are refused."""

from __future__ import annotations

import pytest

from tests.api.front import Front


@pytest.fixture
def deal(front: Front) -> str:
    """A deal of 张三, to whom 李四's sign-in is somebody else so far."""
    return front.deal()


def proposed(front: Front, deal: str, who: str = "zhang", **fields: str) -> str:
    given = {
        "deal": deal,
        "stage": "tech_sourcing",
        "rows": "3",
        "who1": "张三 (M1)",
        "weight1": "60",
        "who2": "M2",
        "weight2": "40",
    } | fields
    return front.fill(who, "/agreements", **given).rpartition("/")[2]


def test_a_split_is_proposed_from_the_deal_and_accepted_by_the_other(front: Front, deal: str) -> None:
    assert f"/agreements/new?deal={deal}" in front.page("zhang", "GET", f"/deals/{deal}").text
    assert "Who takes part" in front.look("zhang", f"/agreements/new?deal={deal}")
    split = proposed(front, deal, note="As we said")
    assert "To be agreed" in front.look("zhang", f"/deals/{deal}")
    assert "Splits to answer 1 Tech sourcing" in front.look("li", "/")
    shown = front.look("li", f"/agreements/{split}")
    assert "张三 60 60% Accepted" in shown and "李四 40 40% Not answered yet" in shown
    assert "As we said" in shown and "Do you agree?" in shown
    assert "Do you agree?" not in front.look("zhang", f"/agreements/{split}")

    front.fill("li", f"/agreements/{split}/accept")
    assert "Splits to answer" not in front.look("li", "/")
    assert "Tech sourcing 张三 60, 李四 40 In force" in front.look("operator", f"/deals/{deal}")


def test_another_split_takes_the_place_of_the_first(front: Front, deal: str) -> None:
    first = proposed(front, deal)
    form = front.page("li", "GET", f"/agreements/{first}/counter").text
    assert 'value="张三 (M1)"' in form and 'value="40"' in form
    fields = {"rows": "3", "who1": "M1", "weight1": "1", "who2": "M2", "weight2": "1"}
    second = front.fill("li", f"/agreements/{first}/counter", **fields).rpartition("/")[2]
    shown = front.look("zhang", f"/agreements/{second}")
    assert "Versions 2" in shown and "Countered" in shown
    front.fill("zhang", f"/agreements/{second}/accept")
    assert "In force" in front.look("li", f"/agreements/{second}")


def test_a_refusal_is_in_the_inbox_until_operations_decide(front: Front, deal: str) -> None:
    split = proposed(front, deal)
    assert "Please fill this in" in front.fill("li", f"/agreements/{split}/refuse", 422, reason=" ")
    front.fill("li", f"/agreements/{split}/refuse", reason="Half of it was mine")
    front.day = "2026-03-04"
    inbox = front.look("operator", "/")
    assert "Splits to decide 1 oldest: 3 days" in inbox
    assert "张三 60, 李四 40 3 days Look" in inbox
    assert "Tech sourcing" in front.look("operator", "/agreements?state=refused")
    assert "李四 refused: Half of it was mine" in front.look("operator", f"/agreements/{split}/decide")

    fields = {"rows": "3", "who1": "M1", "weight1": "50", "who2": "M2", "weight2": "50"}
    assert "Please fill this in" in front.fill("operator", f"/agreements/{split}/decide", 422, **fields)
    made = front.fill("operator", f"/agreements/{split}/decide", **fields, note="As the minutes say")
    shown = front.look("li", made)
    assert "In force" in shown and "As the minutes say" in shown and "50%" in shown
    assert "Splits to decide 0" in front.look("operator", "/")


def test_a_milestone_of_an_agreed_stage_needs_no_people_and_takes_no_others(front: Front, deal: str) -> None:
    front.fill("li", f"/agreements/{proposed(front, deal)}/accept")
    form = front.look("zhang", f"/milestones/new?deal={deal}&stage=tech_sourcing")
    assert "The split of Tech sourcing is agreed: 张三 60, 李四 40" in form
    logged = front.milestone(deal, stage="tech_sourcing", who1="", weight1="")
    assert "张三 M1 Senior 60 李四 M2 – 40" in front.look("zhang", f"/milestones/{logged}")
    fields = {"deal": deal, "stage": "tech_sourcing", "reached_on": front.day, "rows": "3"}
    wrong = front.fill("zhang", "/milestones", 422, **fields, who1="M1", weight1="1")
    assert "The split of this stage is agreed" in wrong


def test_what_is_wrong_in_a_proposal_is_said_beside_its_field(front: Front, deal: str) -> None:
    proposed(front, deal)
    given = {"deal": deal, "rows": "3", "weight1": "1"}
    again = front.fill("zhang", "/agreements", 422, stage="tech_sourcing", who1="M1", **given)
    assert "is not settled yet" in again
    assert "Say who took part" in front.fill("zhang", "/agreements", 422, stage="completion", **given)
    more = front.page("zhang", "POST", "/agreements", data={**given, "do": "more"})
    assert more.status_code == 200 and 'name="who6"' in more.text


def test_who_has_nothing_to_do_with_it_neither_sees_nor_decides(front: Front, deal: str) -> None:
    made = proposed(front, deal, who2="", weight2="")
    front.look("li", f"/agreements/{made}", 404)
    front.look("zhang", f"/agreements/{made}/decide", 403)
    front.look("li", f"/agreements/new?deal={deal}", 404)
    front.look("finance", f"/agreements/new?deal={deal}", 403)
    assert "Tech sourcing" not in front.look("li", "/agreements")
