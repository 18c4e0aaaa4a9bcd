"""A plan changes safely: an editor that checks while one types, and the history replayed under both plans."""

from __future__ import annotations

import json

import pytest

from ledger import dispatch, jobs, plans
from ledger.config import Settings
from ledger.files import Store
from ledger.schedule import JOBS
from tests.api.front import Front, read
from tests.api.routes.office import TIANJIN


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.files)


PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def typed(front: Front, text: str) -> str:
    """What htmx puts beside the text while somebody types."""
    answer = front.page("operator", "POST", "/plans/check", data={"text": text})
    assert answer.status_code == 200
    return read(answer)


def test_a_draft_begins_with_a_plan_to_fill_in_which_is_in_order(front: Front) -> None:
    shown = front.look("operator", "/plans/new")
    assert "plan: my-plan" in shown and "nothing about it is odd" in shown
    assert "The pool is 40% of it." in shown
    for name in plans.EXAMPLES:
        assert "In plain words" in front.look("operator", f"/plans/new?example={name}")
    front.look("operator", "/plans/new?example=../users", 404)


def test_while_somebody_types_the_text_is_checked_and_nothing_is_kept(front: Front) -> None:
    falling = 'tiers: {mode: whole, brackets: [{from: "0", rate: "10%"}, {from: "1000000", rate: "5%"}]}'
    assert "One fen more earns less" in typed(front, TIANJIN.replace('rate: "40%"', falling, 1))
    wrong = typed(front, TIANJIN.replace('"40%"', '"140%"'))
    line = TIANJIN[: TIANJIN.index("rate:")].count("\n") + 1
    assert f"Line {line}: “rate” is more than 100%: 140%; write a rate from 0% to 100%" in wrong
    assert len(front.get("operator", "/plans")["items"]) == 1


def test_only_the_part_beside_the_text_is_sent_to_htmx(front: Front) -> None:
    answer = front.client.post(
        "/plans/check",
        data={"text": TIANJIN},
        headers=PARTIAL | {"Cookie": cookie(front, "operator")},
    )
    assert answer.status_code == 200 and "<html" not in answer.text and 'id="found"' in answer.text


def cookie(front: Front, who: str) -> str:
    return f"{front.cookie(who)}; lang=zh"


def test_in_chinese_the_wrong_line_is_marked_and_told_in_chinese(front: Front) -> None:
    answer = front.client.post(
        "/plans/new",
        data={"text": TIANJIN.replace('share: "25%"', 'share: "20%"')},
        headers={"Cookie": cookie(front, "operator"), "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 422
    assert "各阶段份额合计95%，不是100%；请改到合计100%；三分之一写作“1/3”" in answer.text
    assert answer.text.count('class="wrong-line"') == 1


def test_a_manager_neither_drafts_nor_compares(front: Front) -> None:
    assert front.page("zhang", "POST", "/plans/check", data={"text": TIANJIN}).status_code == 403
    version = front.get("zhang", "/plans")["items"][0]["id"]
    form = {"old": version, "to_on": "2026-03-05"}
    assert front.page("zhang", "POST", f"/plans/{version}/compare", data=form).status_code == 403


def test_two_plans_are_compared_on_history_by_a_job_with_a_bar_a_table_and_a_picture(
    front: Front, store: Store
) -> None:
    deal = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(deal)}/verify")
    front.day = "2026-03-05"
    front.fee(deal, "20000.00", "YH-1")
    old = front.get("operator", "/plans")["items"][0]["id"]
    new = front.post("operator", "/plans", {"text": TIANJIN.replace('"40%"', '"50%"')})["id"]
    assert "What would it have changed?" in front.look("operator", f"/plans/{new}")
    before = front.journal()

    path = front.fill("operator", f"/plans/{new}/compare", old=old, to_on="2026-03-31")
    assert "worked out under both plans" in front.look("finance", path)
    with front.database.reading() as session:
        ((job, subject),) = [(one.job, one.planned_for) for one in jobs.due(session, front.now())]
    done = dispatch.run(front.database, store, JOBS[job], subject)
    assert done is not None and (done.state, done.done, done.total) == ("done", 1, 1)

    shown = front.look("finance", path)
    assert "¥1,200.00" in shown and "¥1,500.00" in shown and "+¥300.00" in shown
    picture = front.page("operator", "GET", f"{path}/picture.svg")
    assert picture.headers["content-type"] == "image/svg+xml" and "张三" in picture.text
    whole = json.loads(front.page("operator", "GET", f"{path}/comparison.json").content)
    assert whole["totals"] == {"old": "1200.00", "new": "1500.00", "difference": "300.00"}
    assert whole == front.get("finance", f"/plans/comparisons/{path.rpartition('/')[2]}")
    assert front.page("operator", "GET", f"/jobs/{done.id}").headers["location"] == path
    assert front.journal() == before


def test_a_comparison_that_is_asked_for_over_the_api_is_followed_as_a_job(front: Front) -> None:
    old = front.get("operator", "/plans")["items"][0]["id"]
    new = front.post("operator", "/plans", {"text": TIANJIN.replace('"40%"', '"50%"')})["id"]
    asked = front.send("operator", "POST", f"/plans/{new}/compare", json={"old": old})
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    run = asked.json()["id"]
    assert front.refused("operator", "GET", f"/plans/comparisons/{run}") == (404, "comparison_not_done")
    assert front.refused("operator", "POST", f"/plans/{new}/compare", json={"old": new})[1] == "plans_same"
    assert front.refused("operator", "POST", "/jobs/compare_plans/run", json={})[0] == 404
