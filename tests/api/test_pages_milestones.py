"""Milestones: logged on a phone, verified at a desk with the evidence in view."""

from __future__ import annotations

from tests.api.front import Front, read
from tests.api.test_pages_deals import agreed
from tests.samples import picture

PHOTO = ("contract.jpg", picture("JPEG"), "image/jpeg")


def test_a_manager_logs_a_milestone_with_weights_note_and_photo(front: Front) -> None:
    deal = front.deal()
    form = front.page("zhang", "GET", f"/milestones/new?deal={deal}")
    assert 'value="张三 (M1)"' in form.text and 'value="need_discovery"' in form.text
    made = front.milestone(
        deal, weight1="60", who2="李四", weight2="40", note="Signed", files={"files": PHOTO}
    )
    shown = front.look("zhang", f"/milestones/{made}")
    assert "To be verified" in shown and "Signed" in shown and "contract.jpg" in shown
    assert "张三 M1 Senior 60 李四 M2 – 40" in shown
    assert "Eye-axis" in front.look("li", "/deals")  # who took part sees the deal from now on


def test_a_milestone_begins_with_its_deal(front: Front) -> None:
    deal = front.deal()
    assert deal in front.page("zhang", "GET", "/milestones/new").text
    assert deal not in front.page("li", "GET", "/milestones/new").text
    front.look("li", f"/milestones/new?deal={deal}", 404)
    front.fill("li", "/milestones", 404, deal=deal, stage="need_discovery")


def test_more_rows_for_people_keep_what_was_written(front: Front) -> None:
    fields = {"deal": front.deal(), "rows": "3", "who1": "M1", "weight1": "7", "note": "kept", "do": "more"}
    answer = front.page("zhang", "POST", "/milestones", data=fields)
    assert answer.status_code == 200
    assert 'name="who6"' in answer.text and 'value="7"' in answer.text and ">kept<" in answer.text


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(front: Front) -> None:
    fields = {
        "deal": front.deal(),
        "stage": "completion",
        "reached_on": "2026-03-02",
        "rows": "3",
        "who1": "Nobody",
        "weight1": "x",
        "who2": "M2",
        "weight2": "12345",
        "note": "kept",
    }
    answer = front.page("zhang", "POST", "/milestones", data=fields)
    assert answer.status_code == 422
    for name in ("reached_on", "who1", "weight1", "weight2"):
        assert f'id="f-{name}-error"' in answer.text
    assert 'value="completion" selected' in answer.text and ">kept<" in answer.text


def test_two_of_one_name_are_told_apart_by_id(front: Front) -> None:
    deal = front.deal()
    front.fill("operator", "/managers", name="张三", id="M9", tax_method="per_payment")
    fields = {"deal": deal, "stage": "completion", "reached_on": front.day, "rows": "3", "weight1": "1"}
    shown = front.fill("zhang", "/milestones", 422, **fields, who1="张三")
    assert "There are several managers called 张三: write the id, one of M1, M9" in shown
    twice = front.fill("zhang", "/milestones", 422, **fields, who1="M1", who2="张三 (M1)", weight2="1")
    assert "This person is listed twice." in twice


def test_who_verifies_sees_what_it_will_post_before_it_is_posted(front: Front) -> None:
    deal = front.deal()
    front.fee(deal, "20000.00", "YH-1")
    made = front.milestone(deal)
    shown = front.look("operator", f"/milestones/{made}")
    assert "张三 Need discovery +¥1,200.00 +¥120.00 +¥1,080.00 +¥1,800.00" in shown
    assert "6401 Commission cost" in shown
    assert "What verifying it will post" not in front.look("zhang", f"/milestones/{made}")
    assert [entry for entry in front.journal() if "accrual" in entry] == []
    front.fill("operator", f"/milestones/{made}/verify")
    assert "Payable now ¥1,080.00 Held ¥120.00" in front.look("zhang", "/")


def test_one_sent_back_says_why_and_can_be_mended(front: Front) -> None:
    made = front.milestone(front.deal())
    assert "Please fill this in" in front.fill("operator", f"/milestones/{made}/reject", 422, reason=" ")
    front.fill("operator", f"/milestones/{made}/reject", reason="The seal is missing")
    assert "The seal is missing" in front.look("zhang", "/")
    assert "Sent back: The seal is missing" in front.look("zhang", f"/milestones/{made}")

    form = front.page("zhang", "GET", f"/milestones/{made}/change")
    assert 'value="张三 (M1)"' in form.text
    fields = {"reached_on": front.day, "rows": "3", "who1": "张三 (M1)", "weight1": "2", "note": "Sealed"}
    front.fill("zhang", f"/milestones/{made}/change", **fields, files={"files": PHOTO})
    shown = front.look("operator", f"/milestones/{made}")
    assert "To be verified" in shown and "Sealed" in shown and "contract.jpg" in shown
    front.fill("operator", f"/milestones/{made}/verify")


def test_a_draft_waits_until_it_is_sent(front: Front) -> None:
    made = front.milestone(front.deal(), do="draft")
    assert "Milestones to verify 0" in front.look("operator", "/")
    assert "Send to operations" in front.look("zhang", f"/milestones/{made}")
    front.fill("zhang", f"/milestones/{made}/submit")
    assert "Milestones to verify 1" in front.look("operator", "/")


def test_who_logged_a_milestone_is_not_offered_to_verify_it(front: Front) -> None:
    made = front.milestone(front.deal(), "operator")
    shown = front.look("operator", f"/milestones/{made}")
    assert "somebody else verifies it" in shown and "Send back" not in shown
    front.fill("operator", f"/milestones/{made}/verify", 403)
    front.fill("second", f"/milestones/{made}/verify")


def test_managers_verify_nothing_and_see_only_their_own(front: Front) -> None:
    made = front.milestone(front.deal())
    front.fill("zhang", f"/milestones/{made}/verify", 403)
    for path in (f"/milestones/{made}", f"/milestones/{made}/change"):
        front.look("li", path, 404)
    assert "Need discovery" not in front.look("li", "/milestones")


def test_a_withdrawn_milestone_shows_what_is_taken_back(front: Front) -> None:
    deal = front.deal()
    made = front.milestone(deal)
    front.fill("operator", f"/milestones/{made}/verify")
    front.look("operator", f"/milestones/{made}/withdraw")
    shown = agreed(front, f"/milestones/{made}/withdraw", reason="Untrue", on=front.day)
    assert "−¥500.00" in shown
    assert "Withdrawn: Untrue" in front.look("zhang", f"/milestones/{made}")


def test_who_took_part_is_changed_after_it_was_seen_what_that_posts(front: Front) -> None:
    made = front.milestone(front.deal())
    front.fill("operator", f"/milestones/{made}/verify")
    path = f"/milestones/{made}/participants"
    assert path in front.page("second", "GET", f"/milestones/{made}").text
    people = {"who1": "M1", "weight1": "1", "who2": "M2", "weight2": "1", "reason": "Both found it"}
    shown = agreed(front, path, **people)
    assert "−¥227.27" in shown  # 500.00 at 120% to 100%
    told = front.look("second", f"/milestones/{made}")
    assert "M2" in told and "M1" in told


def test_verifying_twice_is_refused_in_words(front: Front) -> None:
    made = front.milestone(front.deal())
    front.fill("operator", f"/milestones/{made}/verify")
    again = front.page("second", "POST", f"/milestones/{made}/verify")
    assert again.status_code == 409 and "this milestone is verified" in read(again).lower()


def test_the_list_shows_a_state_and_goes_on_to_the_next(front: Front) -> None:
    deal = front.deal()
    first, second = front.milestone(deal), front.milestone(deal, stage="completion")
    assert first in front.page("operator", "GET", "/milestones?state=submitted").text
    assert first not in front.page("operator", "GET", "/milestones?state=verified").text
    assert f'href="/milestones/{second}"' in front.page("operator", "GET", f"/milestones/{first}").text
