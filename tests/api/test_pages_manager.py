"""A manager's home: what is new since last time, and what a deal would bring."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from api.pages.home import Seen
from tests.api.desk import Desk


def test_home_tells_what_is_new_and_each_line_opens_something(desk: Desk) -> None:
    desk.tell_fees()
    shown = desk.see("zhang", "/")
    assert "以来的变化" in shown and "计提" in shown and "需求 D-1" in shown
    page = desk.open("zhang", "/").text
    news = page[page.index("以来的变化") :].split("</section>")[0]
    links = re.findall(r'<a class="line" href="([^"]+)"', news)
    assert links and {desk.open("zhang", link).status_code for link in links} == {200}


def test_others_news_are_not_told(desk: Desk) -> None:
    desk.tell_deals()
    assert "需求 D-2" not in desk.see("li", "/").split("以来的变化")[-1].split("我的")[0]


def test_last_time_is_the_visit_before_and_looking_twice_is_one_visit() -> None:
    def at(minute: int) -> datetime:
        return datetime(2026, 11, 25, 9, minute, tzinfo=UTC)

    first = Seen.read("", at(0))
    again = Seen.read(first.written, at(10))
    later = Seen.read(again.written, at(45))
    assert again.before == first.before and again.now == first.now
    assert later.before == first.now
    assert Seen.read("nonsense.9999999999999999", at(0)).now == at(0)


def test_the_estimator_says_what_a_deal_would_bring_and_why(desk: Desk) -> None:
    asked = "/estimate?plan=tianjin-platform-manager&fee=53000.00&tax=6&part-completion=50"
    shown = desk.see("zhang", asked)
    assert "我可得 ¥17,727.27" in shown and "佣金池 ¥20,000.00" in shown
    assert "11分之6" in shown  # a senior for half a stage, against 100%
    assert "我可得" not in desk.see("zhang", "/estimate")


def test_the_estimator_says_what_it_cannot_read(desk: Desk) -> None:
    page = desk.open("zhang", "/estimate?plan=tianjin-platform-manager&fee=viel&part-completion=101").text
    assert 'id="f-fee-error"' in page and 'id="f-part-completion-error"' in page
