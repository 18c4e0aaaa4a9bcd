"""Chinese first, English whole, and no text outside the catalogue."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import nodes
from starlette.testclient import TestClient

from api import language
from api.rendering import TEMPLATES, environment

ROOT = TEMPLATES.parent
SCREENS = sorted(path for path in TEMPLATES.rglob("*.html") if not {"statements", "papers"} & {*path.parts})
WORDS = re.compile(r"^[A-Z][a-z]|[a-z] [a-z]")
CHINESE = re.compile(r"[\u3400-\u9fff]")
SPOKEN = {"alt", "aria-label", "aria-description", "placeholder", "title", "label"}
TRANSLATED = {"_", "gettext", "ngettext", "pgettext"}


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(TEMPLATES).as_posix() for path in paths]


def test_every_text_of_the_screens_has_its_chinese() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/translations", "--check", "api", "templates"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == "" and checked.returncode == 0, checked.stderr


def test_a_translation_has_the_places_of_its_text() -> None:
    with language.CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="zh")
    wrong = []
    for message in catalogue:
        if message.id and message.string:
            english = message.id if isinstance(message.id, str) else message.id[0]
            chinese = message.string if isinstance(message.string, str) else message.string[0]
            words = re.search("[a-z]", re.sub(r"\{.*?\}", "", chinese))
            if places(english) != places(chinese) or (words and not CHINESE.search(chinese)):
                wrong.append(english)
    assert wrong == []


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", names(SCREENS))
def test_a_template_has_no_text_outside_the_catalogue(name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert not CHINESE.search(re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL))
    assert [*strays_in_markup(source), *strays_in_expressions(source)] == []


def strays_in_markup(source: str) -> Iterator[str]:
    """Words between tags, and in attributes that are read out."""
    markup = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " ", source, flags=re.DOTALL)
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name in SPOKEN)

    Reader().feed(markup)
    return (text.strip() for text in found if re.search(r"[A-Za-z]", text))


def strays_in_expressions(source: str) -> Iterator[str]:
    """Literals that look like words for people and do not go through the catalogue."""
    tree = environment.parse(source)
    inside = {
        id(literal)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in TRANSLATED
        for literal in call.find_all(nodes.Const)
    }
    for literal in tree.find_all(nodes.Const):
        text = literal.value
        if isinstance(text, str) and id(literal) not in inside and WORDS.search(text):
            yield text


@pytest.mark.parametrize(
    ("source", "stray"),
    [
        ("<p>Hello {{ name }}</p>", "Hello"),
        ('<input placeholder="Phone">', "Phone"),
        ('{{ ui.note("It was saved") }}', "It was saved"),
    ],
)
def test_the_search_for_strays_finds_them(source: str, stray: str) -> None:
    assert stray in [*strays_in_markup(source), *strays_in_expressions(source)]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Earned", "已计提"),
        ("Held", "暂扣"),
        ("Payable", "应付"),
        ("In approval", "审批中"),
        ("Paid", "已付"),
        ("Clawed back", "已追回"),
        ("Disputed", "异议中"),
    ],
)
def test_the_words_for_money_are_the_same_everywhere(english: str, chinese: str) -> None:
    assert language.gettext(english) == chinese


def test_chinese_unless_english_was_asked_for_and_then_remembered(client: TestClient) -> None:
    assert 'lang="zh-CN"' in client.get("/try/page", headers={"Accept-Language": "en-US"}).text
    assert 'lang="en"' in client.get("/try/page?lang=en").text
    assert 'lang="en"' in client.get("/try/page").text
    assert 'lang="zh-CN"' in client.get("/try/page?lang=zh").text
    assert 'lang="zh-CN"' in client.get("/try/page?lang=fr").text


def test_programs_are_answered_in_english_unless_they_ask_for_chinese(client: TestClient) -> None:
    address = "/api/v1/try/refused/unknown"
    assert client.get(address).json()["detail"] == "There is no deal D-9"
    chinese = client.get(address, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert chinese.json()["detail"] == "没有项目 D-9"
