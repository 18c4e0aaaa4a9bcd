"""Needs: logging one, who sees it, and the deal that comes of it."""

from __future__ import annotations

from tests.api.front import Front
from tests.samples import picture

PICTURE = ("form.png", picture("PNG"), "image/jpeg")  # a browser may say what it likes


def test_a_manager_logs_a_need_with_its_photo(front: Front) -> None:
    need = front.need(detail="Within a week", files={"files": PICTURE})
    shown = front.look("zhang", f"/needs/{need}")
    assert "Eye-axis measuring" in shown and "Vision Ltd" in shown and "Within a week" in shown
    assert "form.png" in shown and "Found by 张三" in shown


def test_a_form_sent_incomplete_says_so_beside_the_field_and_keeps_the_rest(front: Front) -> None:
    sent = {"title": "Eye-axis", "client": "", "detail": "kept", "found_on": "2026-02-30"}
    answer = front.page("zhang", "POST", "/needs", data=sent)
    assert answer.status_code == 422
    assert 'id="f-client-error"' in answer.text and 'id="f-found_on-error"' in answer.text
    assert 'value="Eye-axis"' in answer.text and ">kept</textarea>" in answer.text
    assert "No needs here" in front.look("zhang", "/needs")


def test_a_need_is_not_found_in_the_future(front: Front) -> None:
    shown = front.fill("zhang", "/needs", 422, title="T", client="C", found_on="2026-03-02")
    assert "is in the future" in shown


def test_files_have_to_be_chosen_again_when_the_form_comes_back(front: Front) -> None:
    shown = front.fill(
        "zhang", "/needs", 422, title="", client="C", found_on="2026-03-01", files={"files": PICTURE}
    )
    assert "choose the files again" in shown


def test_a_manager_sees_only_their_own_needs(front: Front) -> None:
    need = front.need()
    front.look("li", f"/needs/{need}", 404)
    assert "Eye-axis" not in front.look("li", "/needs")
    assert "Eye-axis" in front.look("operator", "/needs?state=open")


def test_evidence_is_shown_to_who_may_see_its_subject_only(front: Front) -> None:
    need = front.need(files={"files": PICTURE})
    address = front.found(r'href="(/evidence/[^"]+)"', "zhang", f"/needs/{need}")
    shown = front.page("operator", "GET", address)
    assert shown.content == PICTURE[1] and shown.headers["content-type"] == "image/png"
    assert shown.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in shown.headers["content-security-policy"]
    front.look("li", address, 404)


def test_a_page_sent_as_evidence_is_never_shown_as_a_page(front: Front) -> None:
    need = front.need(files={"files": ("x.html", b"<script>alert(1)</script>", "text/html")})
    address = front.found(r'href="(/evidence/[^"]+)"', "zhang", f"/needs/{need}")
    shown = front.page("zhang", "GET", address)
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"].startswith("attachment")


def test_a_file_that_is_not_what_it_could_be_is_told_beside_the_field(front: Front) -> None:
    given = {"title": "T", "client": "C", "found_on": "2026-03-01"}
    wrong = ("form.png", b"MZ\x90\x00", "image/png")
    assert "is of no kind that can be checked" in front.fill(
        "zhang", "/needs", 422, files={"files": wrong}, **given
    )


def test_operations_log_a_need_for_the_manager_who_found_it(front: Front) -> None:
    need = front.need("operator", manager="李四 (M2)")
    assert "Found by 李四" in front.look("li", f"/needs/{need}")
    shown = front.fill(
        "operator", "/needs", 422, title="T", client="C", found_on="2026-03-01", manager="Nobody"
    )
    assert "There is no manager “Nobody”" in shown


def test_opening_a_deal_logs_its_first_stage_ready_to_verify(front: Front) -> None:
    need = front.need(files={"files": PICTURE})
    assert 'value="yes" checked' in front.page("operator", "GET", f"/needs/{need}/deal").text
    deal = front.deal(need=need, first="yes")
    milestone = front.found(r'href="(/milestones/ms_[^"]+)"', "operator", f"/deals/{deal}")
    shown = front.look("operator", milestone)
    assert "Need discovery" in shown and "With the need" in shown and "form.png" in shown
    assert "Logged by zhang" in shown  # the finder's claim: who opened the deal may verify it
    assert front.fill("operator", f"{milestone}/verify") == milestone


def test_a_deal_without_that_wish_has_no_milestone_yet(front: Front) -> None:
    assert "Milestones 0 None yet." in front.look("operator", f"/deals/{front.deal()}")


def test_a_plan_that_refuses_the_deal_says_so_beside_the_plan(front: Front) -> None:
    need = front.need()
    answer = front.page(
        "operator",
        "POST",
        f"/needs/{need}/deal",
        data={
            "title": "T",
            "plan": "tianjin-platform-manager",
            "expected_fee": "50000",
            "category": "service",
        },
    )
    assert answer.status_code == 422 and 'id="f-plan-error"' in answer.text
    assert "Looking for a match" in front.look("operator", f"/needs/{need}")


def test_a_need_has_one_deal(front: Front) -> None:
    need = front.need()
    deal = front.deal(need=need)
    assert front.page("operator", "GET", f"/needs/{need}/deal").headers["location"] == f"/deals/{deal}"
    assert deal in front.page("zhang", "GET", f"/needs/{need}").text


def test_managers_and_finance_open_no_deals(front: Front) -> None:
    need = front.need()
    front.look("zhang", f"/needs/{need}/deal", 403)
    front.fill("finance", f"/needs/{need}/deal", 403, title="T")
    front.fill("finance", "/needs", 403, title="T", client="C", found_on="2026-03-01")


def test_needs_from_a_list_are_logged_and_a_wrong_row_is_named(front: Front) -> None:
    wrong = {"files": {"file": ("needs.csv", "标题,单位,日期\n甲,乙,昨天\n".encode(), "text/csv")}}
    said = front.fill("operator", "/registers/needs", 422, **wrong)
    assert "Row 2" in said and "is no day" in said
    good = {"files": {"file": ("needs.csv", "标题,单位\n污水除磷,清源环保\n".encode(), "text/csv")}}
    assert "1 was logged; 0 were there already" in front.fill("operator", "/registers/needs", 200, **good)
    assert "0 were logged; 1 were there already" in front.fill("operator", "/registers/needs", 200, **good)
    assert "污水除磷" in front.look("operator", "/needs")
