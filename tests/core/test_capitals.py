"""Amounts in words: the official examples, and a reader that turns words back into figures."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.core.capitals import MOST_MINOR, amount_cn
from ledger.core.errors import Invalid
from ledger.core.money import parse_minor

OFFICIAL = {
    "1409.50": "人民币壹仟肆佰零玖元伍角",
    "6007.14": "人民币陆仟零柒元壹角肆分",
    "1680.32": "人民币壹仟陆佰捌拾元零叁角贰分",
    "325.04": "人民币叁佰贰拾伍元零肆分",
    "107000.53": "人民币壹拾万柒仟元零伍角叁分",
}
OURS = {
    "0": "人民币零元整",
    "0.01": "人民币壹分",
    "0.10": "人民币壹角",
    "0.53": "人民币伍角叁分",
    "1": "人民币壹元整",
    "10": "人民币壹拾元整",
    "10.05": "人民币壹拾元零伍分",
    "10.50": "人民币壹拾元零伍角",
    "11.50": "人民币壹拾壹元伍角",
    "100": "人民币壹佰元整",
    "110": "人民币壹佰壹拾元整",
    "1001": "人民币壹仟零壹元整",
    "1010": "人民币壹仟零壹拾元整",
    "10000": "人民币壹万元整",
    "10001": "人民币壹万零壹元整",
    "10010": "人民币壹万零壹拾元整",
    "100000": "人民币壹拾万元整",
    "1000100": "人民币壹佰万零壹佰元整",
    "1050000": "人民币壹佰零伍万元整",
    "100000000": "人民币壹亿元整",
    "100007000": "人民币壹亿零柒仟元整",
    "107000000": "人民币壹亿零柒佰万元整",
    "170000000": "人民币壹亿柒仟万元整",
    "1001010100": "人民币壹拾亿零壹佰零壹万零壹佰元整",
    "39400000000": "人民币叁佰玖拾肆亿元整",
    "1000000000000": "人民币壹万亿元整",
    "1000100010000.01": "人民币壹万零壹亿零壹万元零壹分",
    "999999999999999.99": "人民币玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    "-1409.50": "人民币负壹仟肆佰零玖元伍角",
    "-0.01": "人民币负壹分",
}


@pytest.mark.parametrize(("amount", "words"), OFFICIAL.items())
def test_the_official_examples(amount: str, words: str) -> None:
    assert amount_cn(parse_minor(amount, "CNY")) == words


@pytest.mark.parametrize(("amount", "words"), OURS.items())
def test_what_the_rule_leaves_open_is_written_one_way(amount: str, words: str) -> None:
    assert amount_cn(parse_minor(amount, "CNY")) == words


def read_back(words: str) -> int:
    """Minor units from the words, not knowing how they were made."""
    words = words.removeprefix("人民币")
    sign = -1 if words.startswith("负") else 1
    minor = wan = yi = section = figure = 0
    for word in words.removeprefix("负").removesuffix("整"):
        if word in "零壹贰叁肆伍陆柒捌玖":
            figure = "零壹贰叁肆伍陆柒捌玖".index(word)
        elif word in "拾佰仟":
            section, figure = section + figure * 10 ** (1 + "拾佰仟".index(word)), 0
        elif word == "万":
            wan, section, figure = (section + figure) * 10**4, 0, 0
        elif word == "亿":
            yi, wan, section, figure = (wan + section + figure) * 10**8, 0, 0, 0
        elif word == "元":
            minor, figure = (yi + wan + section + figure) * 100, 0
        else:
            minor, figure = minor + figure * {"角": 10, "分": 1}[word], 0
    return sign * minor


@settings(max_examples=200)
@given(st.integers(1 - MOST_MINOR, MOST_MINOR - 1) | st.integers(-(10**9), 10**9))
@example(10**16)
def test_words_say_the_amount_and_never_零_twice(minor: int) -> None:
    words = amount_cn(minor)
    assert read_back(words) == minor
    assert "零零" not in words
    assert words.endswith("整") == (minor % 100 == 0)


def test_other_currencies_and_absurd_amounts_are_refused() -> None:
    with pytest.raises(Invalid, match="only CNY"):
        amount_cn(100, "USD")
    with pytest.raises(Invalid, match="too large"):
        amount_cn(MOST_MINOR)
