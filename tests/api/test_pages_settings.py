"""Plans, users and jobs, at the desk of operations."""

from __future__ import annotations

import re

import pytest
from httpx import Response
from sqlmodel import select

from api.pages import jobs as page_of_jobs
from ledger import jobs, plans
from ledger.schedule import JOBS
from tests.api.desk import Desk, words
from tests.api.routes.office import PASSWORD, TIANJIN

NEWER = TIANJIN.replace('rate: "40%"', 'rate: "38%"')


def test_a_plan_is_told_in_plain_words_in_both_languages(desk: Desk) -> None:
    version = _version(desk)
    shown = desk.see("zhang", f"/plans/{version}")
    assert "佣金池为基数的 40%" in shown and "以到账居间费为基数" in shown
    assert "暂扣 10%，至“完成转化”核实后释放" in shown and "最多计提 ¥200,000.00" in shown
    assert "追回尚未支付的部分；定额奖励保留" in shown and "format: 1" in shown
    desk.lang = "en"
    shown = desk.see("zhang", f"/plans/{version}")
    assert "The pool is 40% of it." in shown and "10% of everything earned is held until Completion" in shown


@pytest.mark.parametrize("city", ["tianjin", "hefei", "hangzhou", "xian", "xian-stake", "zhuzhou"])
def test_every_shipped_plan_can_be_told(desk: Desk, city: str) -> None:
    from importlib.resources import files

    text = (files("ledger") / "cities" / f"{city}.yaml").read_text("utf-8")
    assert "通俗说明" in desk.see("operator", desk.done("operator", "/plans/new", {"text": text}))


def test_a_plan_that_is_wrong_comes_back_with_the_line_marked(desk: Desk) -> None:
    wrong = TIANJIN.replace('share: "15%"', 'share: "14%"').replace("\n", "\r\n")
    answer = desk.fill("operator", "/plans/new", {"text": wrong})
    assert answer.status_code == 422
    assert 'class="wrong-line"' in answer.text and "第 " in words(answer.text)
    assert "share: &#34;14%&#34;" in answer.text  # what was pasted is still there
    assert len(_versions(desk)) == 1


def test_a_draft_is_published_by_somebody_else_from_a_day_on(desk: Desk) -> None:
    draft = desk.done("operator", "/plans/new", {"text": NEWER})
    assert "须由他人发布" in desk.see("operator", draft)
    assert desk.fill("operator", f"{draft}/publish", {"effective_on": "2026-07-01"}).status_code == 403
    assert set(desk.mend("second", f"{draft}/publish", {"effective_on": "soon"}).errors) == {"effective_on"}
    desk.done("second", f"{draft}/publish", {"effective_on": "2026-07-01"})
    shown = desk.see("operator", draft)
    assert "已发布" in shown and "发布人 second" in shown and "生效日 2026-07-01" in shown
    assert "第 2 版 已发布 2026-07-01" in desk.see("operator", "/plans")


def test_only_operations_draft_plans(desk: Desk) -> None:
    assert "/plans/new" not in desk.open("finance", "/plans").text
    assert desk.open("finance", "/plans/new").status_code == 403
    assert desk.fill("zhang", "/plans/new", {"text": NEWER}).status_code == 403


FIRST = "what comes to be first"
ADDED = {
    "name": "王五",
    "phone": "139 0000 0009",
    "role": "finance",
    "manager": "",
    "password": FIRST,
}


def sign_in(desk: Desk, password: str, phone: str = "13900000009") -> Response:
    form = {"phone": phone, "password": password}
    return desk.client.post("/sign-in", data=form, headers={"Cookie": "lang=zh"}, follow_redirects=False)


def test_a_user_added_to_finance_signs_in_once_a_second_person_agreed(desk: Desk) -> None:
    assert desk.done("admin", "/users/new", ADDED) == "/users"
    assert "王五 财务 13900000009" in desk.see("admin", "/users")
    assert sign_in(desk, FIRST).status_code == 403
    added = re.search(r"/users/(us_\w+)/agree", desk.open("operator", "/users").text)
    assert added and "/agree" not in desk.open("admin", "/users").text
    assert desk.fill("admin", f"/users/{added[1]}/agree").status_code == 403
    desk.done("operator", f"/users/{added[1]}/agree")
    assert desk.fill("second", f"/users/{added[1]}/agree").status_code == 409
    assert sign_in(desk, FIRST).status_code == 303


def add_manager(desk: Desk) -> None:
    """One who does not sign in yet."""
    desk.post("operator", "/managers", {"id": "M3", "name": "王五"})
    desk.done("admin", "/users/new", {**ADDED, "role": "manager", "manager": "M3"})


def test_a_technology_manager_is_added_by_one_person(desk: Desk) -> None:
    add_manager(desk)
    assert sign_in(desk, FIRST).status_code == 303


def test_who_was_given_a_password_chooses_their_own_before_anything_else(desk: Desk) -> None:
    add_manager(desk)
    cookie = sign_in(desk, FIRST).headers["set-cookie"].partition(";")[0]
    headers = {"Cookie": f"{cookie}; lang=zh"}
    for path in ("/", "/deals", "/account"):
        sent = desk.client.get(path, headers=headers, follow_redirects=False)
        assert sent.headers["location"] == "/account/password"
    told = desk.client.get("/api/v1/deals", headers=headers)
    assert (told.status_code, told.json()["code"]) == (403, "password_to_choose")
    form = {"old": FIRST, "new": "my very own one", "again": "my very own one"}
    chosen = desk.client.post("/account/password", data=form, headers=headers, follow_redirects=False)
    assert chosen.headers["location"] == "/"
    fresh = {"Cookie": chosen.headers["set-cookie"].partition(";")[0]}
    assert fresh["Cookie"] != cookie
    assert desk.client.get("/deals", headers=fresh, follow_redirects=False).status_code == 200
    assert desk.client.get("/deals", headers=headers, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"old": "not the one"}, "old"),
        ({"new": PASSWORD, "again": PASSWORD}, "new"),
        ({"new": "short", "again": "short"}, "new"),
        ({"again": "something else"}, "again"),
    ],
)
def test_a_wrong_choice_of_password_is_told_beside_it(desk: Desk, change: dict[str, str], field: str) -> None:
    form = {"old": PASSWORD, "new": "my very own one", "again": "my very own one", **change}
    mended = desk.mend("zhang", "/account/password", form)
    assert set(mended.errors) == {field}
    assert "my very own one" not in mended.html


def test_the_sessions_of_an_account_are_listed_and_ended(desk: Desk) -> None:
    desk.see("zhang", "/account")
    cookie = sign_in(desk, PASSWORD, phone=desk.users["zhang"].phone).headers["set-cookie"].partition(";")[0]
    (ended,) = re.findall(r"/account/sessions/(\w+)/end", desk.open("zhang", "/account").text)
    assert desk.fill("li", f"/account/sessions/{ended}/end").status_code == 404
    desk.done("zhang", f"/account/sessions/{ended}/end")
    there = desk.client.get("/account", headers={"Cookie": cookie}, follow_redirects=False)
    assert there.status_code == 303


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12"),
        ("phone", "13800000001"),
        ("password", "short"),
        ("manager", "M99"),
        ("name", " "),
        ("role", "king"),
    ],
)
def test_a_wrong_field_of_a_user_is_told_beside_it(desk: Desk, field: str, value: str) -> None:
    mended = desk.mend("admin", "/users/new", {**ADDED, field: value})
    assert set(mended.errors) == {field}
    assert mended.kept("name") == ("王五" if field != "name" else "")
    assert FIRST not in mended.html


def test_a_user_gets_a_new_password_by_two_people_and_is_signed_out(desk: Desk) -> None:
    desk.see("finance", "/fees")
    assert set(desk.mend("admin", "/users/us_finance/reset", {"password": "short"}).errors) == {"password"}
    desk.done("admin", "/users/us_finance/reset", {"password": "another long one"})
    assert desk.open("finance", "/fees").status_code == 303
    phone = desk.users["finance"].phone
    assert sign_in(desk, "another long one", phone=phone).status_code == 403
    desk.done("operator", "/users/us_finance/agree")
    assert sign_in(desk, "another long one", phone=phone).status_code == 303


def test_a_disabled_user_is_signed_out_and_nobody_disables_themselves(desk: Desk) -> None:
    assert "finance" in desk.see("admin", "/users/us_finance/disable")
    desk.done("admin", "/users/us_finance/disable", {"confirmed": "yes"})
    assert "已停用" in desk.see("admin", "/users")
    assert desk.open("finance", "/fees").status_code == 303
    for step in ("disable", "reset"):
        assert desk.fill("admin", f"/users/us_admin/{step}", {"password": FIRST}).status_code == 403


def test_only_administrators_change_users(desk: Desk) -> None:
    for who in ("operator", "finance", "zhang"):
        for path in ("/users/new", "/users/us_zhang/reset", "/users/us_zhang/disable"):
            assert desk.open(who, path).status_code == 403
            assert desk.fill(who, path, ADDED).status_code == 403
    assert desk.open("zhang", "/users").status_code == 403


def test_a_token_is_made_shown_once_and_revoked_on_the_page(desk: Desk) -> None:
    assert set(desk.mend("finance", "/account/tokens", {"name": "n", "days": "0"}).errors) == {"days"}
    made = desk.fill("finance", "/account/tokens", {"name": "总账", "may": "read", "days": "30"})
    token = re.search(r"yjt_[\w-]+", made.text)
    assert token and token[0] not in desk.open("finance", "/account").text
    headers = {"Authorization": f"Bearer {token[0]}"}
    assert desk.client.get("/api/v1/fees", headers=headers).status_code == 200
    revoke = re.search(r"/account/tokens/\w+/revoke", made.text)
    assert revoke and desk.fill("zhang", revoke[0]).status_code == 404
    desk.done("finance", revoke[0])
    assert desk.client.get("/api/v1/fees", headers=headers).status_code == 401


def test_the_trail_is_searched_and_hides_what_is_personal(desk: Desk) -> None:
    desk.done("admin", "/users/new", ADDED)
    shown = desk.see("finance", "/audit?actor=admin&action=user")
    assert "user.add" in shown and "testclient" in shown and "•••" in shown
    assert "王五" not in shown and "13900000009" not in shown
    assert "添加用户" in shown and "添加用户" in desk.see("finance", "/audit?action=用户")
    assert "user.add" not in desk.see("finance", "/audit?actor=zhang")
    assert desk.open("finance", "/audit?day=soon").status_code == 422
    assert desk.open("zhang", "/audit").status_code == 403


def test_a_job_is_run_by_hand_and_its_page_looks_again_while_it_works(desk: Desk) -> None:
    where = desk.done("operator", "/jobs", {"job": "verify_books"})
    page = desk.open("operator", where).text
    assert 'hx-trigger="every 2s"' in page and "<noscript><meta" in page
    part = desk.client.get(
        where, headers={**desk._cookies("operator"), "HX-Request": "true", "HX-Request-Type": "partial"}
    ).text
    assert part.strip().startswith("<div") and "账簿核验" not in part


def test_a_failed_job_says_why_and_offers_another_run(desk: Desk) -> None:
    where = desk.done("operator", "/jobs", {"job": "preliminary_statements", "period": "2026-05"})
    with desk.database.writing() as session:
        run = session.exec(select(jobs.JobRun)).one()
        run.state, run.error, run.done, run.total = "failed", "Traceback:\nValueError: 打印机没有纸", 3, 10
    shown = desk.see("operator", where)
    assert (
        "失败" in shown and "ValueError: 打印机没有纸" in shown and "3 / 10" in shown and "重新运行" in shown
    )
    assert desk.done("operator", "/jobs", {"job": "preliminary_statements", "period": "2026-05"}) == where
    assert "hx-trigger" in desk.open("operator", where).text


def test_a_job_about_a_month_needs_the_month(desk: Desk) -> None:
    assert set(desk.mend("operator", "/jobs", {"job": "final_statements"}).errors) == {"period"}
    assert desk.fill("operator", "/jobs", {"job": "sing"}).status_code == 404
    assert desk.open("zhang", "/jobs").status_code == 403


def _versions(desk: Desk) -> list[str]:
    with desk.database.reading() as session:
        return [one.id for one in plans.listing(session)]


def _version(desk: Desk) -> str:
    return _versions(desk)[0]


def test_every_job_and_every_figure_it_leaves_has_a_name_in_words(desk: Desk) -> None:
    assert set(page_of_jobs.TITLES) == set(JOBS)
    where = desk.done("operator", "/jobs", {"job": "seal"})
    with desk.database.writing() as session:
        run = session.exec(select(jobs.JobRun)).one()
        run.state, run.result = "done", {"rows": 38, "head": "8" * 64}
    shown = desk.see("operator", where)
    assert "封存账簿" in shown and "封存行数 38" in shown and "8" * 13 not in shown
