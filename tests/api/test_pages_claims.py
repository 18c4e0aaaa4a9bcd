"""Results on their pages, needs that may be the same, and a contested claim decided at the desk."""

from __future__ import annotations

from tests.api.front import Front

FILE = {"files": ("a.txt", b"a", "text/plain")}


def result(front: Front, who: str = "zhang", **fields: str) -> str:
    given = {
        "title": "Eye-axis measuring sensor",
        "source": "Tianjin University",
        "found_on": front.day,
    } | fields
    return front.fill(who, "/results", **given)


def test_a_result_shows_its_needs_and_who_brought_them_together(front: Front) -> None:
    need = front.need()
    assert "Please fill this in" in front.fill(
        "zhang", "/results", 422, title="", source="x", found_on=front.day
    )
    made = result(front)
    shown = front.look("zhang", made)
    assert "Needs that may look for it 1" in shown and "Eye-axis measuring" in shown
    assert "No open need that you see is like it." in front.look("li", made)
    front.fill("zhang", f"{made}/pair", need=need, note="We met")
    assert "already" in front.fill("zhang", f"{made}/pair", 422, need=need)
    page = front.look("operator", f"/needs/{need}")
    assert "Brought together Eye-axis measuring sensor 张三" in page and "We met" in page
    assert "张三" in front.look("operator", made)
    sourcing = front.milestone(front.deal(need=need), stage="tech_sourcing")
    shown = front.look("operator", f"/milestones/{sourcing}")
    assert "Brought together Eye-axis measuring sensor 张三" in shown
    assert "Eye-axis measuring sensor" in front.look("finance", "/results?q=sensor")


def test_operations_name_who_brought_them_together(front: Front) -> None:
    need, made = front.need(), result(front)
    assert "Please fill this in" in front.fill("operator", f"{made}/pair", 422, need=need)
    front.fill("operator", f"{made}/pair", need=need, manager="张三")


def test_a_claim_is_contested_from_ones_own_need_and_decided(front: Front) -> None:
    first = front.need()
    second = front.need("li", title="Measuring the eye axis", client="Vision Ltd")
    front.page("zhang", "POST", f"/needs/{first}/evidence", files=FILE)
    page = front.look("li", f"/needs/{second}")
    assert "May be the same need 1" in page and "by the rule the claim is theirs" in page
    assert "张三" not in page and "/needs/" + first not in front.page("li", "GET", f"/needs/{second}").text
    assert "the claim is here" in front.look("zhang", f"/needs/{first}")

    front.fill("li", f"/needs/{second}/contest", need=first, why="I met them first")
    assert "/claims/cl_" not in front.page("li", "GET", f"/needs/{second}").text  # no evidence yet
    front.page("li", "POST", f"/needs/{second}/evidence", files=FILE)
    front.fill("li", f"/needs/{second}/contest", need=first, why="I met them first")
    front.day = "2026-03-03"
    assert "Claims to decide 1 oldest: 2 days" in front.look("operator", "/")
    claim = front.found(r'href="(/claims/cl_[^"]+)"', "operator", "/claims?state=contested")
    shown = front.look("operator", claim)
    assert "I met them first" in shown and "First with evidence" in shown
    given = {"weight-M1": "60", "weight-M2": "40"}
    assert "Please fill this in" in front.fill("operator", f"{claim}/decide", 422, **given, reason="")
    front.fill("operator", f"{claim}/decide", **given, reason="As the minutes say")
    assert "张三 60, 李四 40" in front.look("li", claim)
    deal = front.deal(need=first)
    assert "张三 60, 李四 40 In force" in front.look("operator", f"/deals/{deal}")
