"""Values as people read them, and the parts that pages are made of."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import FormData
from starlette.testclient import TestClient

from api import flash, labels, navigation
from api.forms import Form
from api.navigation import MENUS
from api.rendering import day, environment, instant, money, percent
from ledger.core import states
from ledger.core.money import parse_minor
from ledger.rights import ROLES


def drawn(source: str, **context: Any) -> str:
    return " ".join(environment.from_string(source).render(**context).split())


@pytest.mark.parametrize(
    ("amount_minor", "text"),
    [
        (0, "¥0.00"),
        (5, "¥0.05"),
        (123456789, "¥1,234,567.89"),
        (-100000, "−¥1,000.00"),
    ],
)
def test_money_has_its_sign_and_thousands(amount_minor: int, text: str) -> None:
    assert money(amount_minor) == text


def test_money_of_other_currencies_has_their_digits_and_code() -> None:
    assert money(1234567, "JPY") == "JPY\u00a01,234,567"
    assert money(1234567, "KWD", signed=True) == "+KWD\u00a01,234.567"


def test_money_on_a_page_carries_its_plain_number() -> None:
    shown = drawn("{{ ui.money(-140950) }}")
    assert shown == '<data class="money negative" value="-1409.50">−¥1,409.50</data>'


def test_days_and_instants_are_those_of_shanghai() -> None:
    late = datetime(2026, 9, 30, 16, 30, tzinfo=UTC)
    assert (day(late), instant(late)) == ("2026-10-01", "2026-10-01 00:30")
    assert day(date(2026, 1, 2)) == "2026-01-02"
    assert (day(None), instant(None)) == ("–", "–")


@pytest.mark.parametrize(
    ("rate", "text"),
    [(Fraction(2, 5), "40%"), (Fraction(1, 3), "33.33%"), (Fraction(1, 8), "12.5%"), (Fraction(1), "100%")],
)
def test_a_rate_is_a_percentage(rate: Fraction, text: str) -> None:
    assert percent(rate) == text


def test_every_state_a_thing_can_be_in_has_a_name() -> None:
    tables = (states.NEED, states.MILESTONE, states.PLAN, states.PAYOUT, states.PAYOUT_LINE)
    reached = {name for steps in tables for name in steps}
    reached |= {name for steps in tables for step in steps.values() for name in step.values()}
    assert {name for name in reached if labels.state(name).text == name} == set()


def test_every_role_has_a_name_and_a_menu() -> None:
    assert set(ROLES) <= set(labels.ROLES) and set(ROLES) <= set(MENUS)


def test_a_stage_bar_says_each_stage_and_its_state() -> None:
    stages = [{"title": "A", "state": "verified", "note": "¥1.00"}, {"title": "B", "state": "waiting"}]
    shown = drawn("{{ ui.stage_bar(stages) }}", stages=stages)
    assert '<li class="verified">' in shown and "已核实" in shown and "¥1.00" in shown
    assert '<li class="waiting">' in shown and "未到" in shown


def test_a_field_that_was_refused_keeps_its_text_and_says_why() -> None:
    form = Form(FormData({"fee": '1"2'}))
    assert form.parsed("fee", lambda text: parse_minor(text, "CNY")) is None
    shown = drawn('{{ ui.money_field(form, "fee", "F") }}', form=form)
    assert 'value="1&#34;2"' in shown and 'aria-invalid="true"' in shown
    assert 'aria-describedby="f-fee-error"' in shown and "不是金额" in shown


def test_a_field_that_must_be_filled_in_is_refused_when_empty() -> None:
    form = Form(FormData({"title": "  "}))
    assert form.required("title") == "" and not form.ok
    assert form.error("title") == "请填写此项。"


def test_what_people_wrote_is_never_markup() -> None:
    assert "<b>" not in drawn("{{ ui.note(text) }}{{ ui.chip(text) }}{{ ui.empty(text) }}", text="<b>x</b>")


def test_asking_before_it_counts_repeats_count_and_sum() -> None:
    template = environment.get_template("confirm.html")
    frame = {"viewer": None, "tabs": (), "menu": (), "path": "/", "message": None, "language_tag": "en"}
    shown = template.render(
        **frame,
        other_language={"href": "/", "tag": "en", "title": "English"},
        title="T",
        what="W",
        count=34,
        sum_minor=128045020,
        action="/go",
        fields=[("id", "PO-1")],
        confirm="C",
        back="/",
    )
    assert "34" in shown and "¥1,280,450.20" in shown
    assert 'name="id" value="PO-1"' in shown and 'name="confirmed" value="yes"' in shown


def test_a_message_is_shown_once_on_the_next_page(client: TestClient) -> None:
    shown = client.get("/try/done", follow_redirects=True)
    assert "没有项目 &lt;b&gt;" in shown.text
    assert "没有项目" not in client.get("/try/page").text


@pytest.mark.parametrize("cookie", ["x", "e30=", "WyJnb29kIiwiYnV5IG5vdyIse31d"])
def test_a_forged_message_is_not_shown(cookie: str) -> None:
    request = SimpleNamespace(cookies={flash.COOKIE: cookie})
    assert flash.take(request) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("role", navigation.TABS)
def test_a_phone_has_five_of_the_pages_of_the_menu_in_its_tab_bar(client: TestClient, role: str) -> None:
    offered = [item.href for group in navigation.menu(role) for item in group.items]
    tabs = [item.href for item in navigation.tabs(role)]
    assert len(tabs) == 5 and set(tabs) <= set(offered)
    assert 'class="tabs"' in client.get(f"/try/page?role={role}").text


def test_files_and_texts_of_a_form_arrive(client: TestClient) -> None:
    answer = client.post("/try/form", data={"title": " x "}, files={"files": ("a.pdf", b"1")})
    assert answer.json() == {"title": "x", "files": ["a.pdf"], "errors": {}}


def test_no_two_parts_call_a_macro_by_the_same_name() -> None:
    named = [
        name
        for part in (Path(__file__).resolve().parents[2] / "templates" / "parts").glob("*.html")
        for name in re.findall(r"{%-? macro (\w+)", part.read_text("utf-8"))
    ]
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize(
    "macro", ['field(form, "a", "A", ', 'money_field(form, "a", "A", ', 'text_area(form, "a", "A", ']
)
def test_a_field_keeps_the_further_attributes_it_is_given(macro: str) -> None:
    html = drawn(f'{{{{ ui.{macro}spellcheck="false", **{{"hx-post": "/x"}}) }}}}', form=Form(a="1"))
    assert 'spellcheck="false"' in html and 'hx-post="/x"' in html
