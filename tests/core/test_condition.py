"""Conditions in plans: comparisons of what is known of a deal, nothing more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import condition
from ledger.core.errors import Invalid
from ledger.core.facts import Deal

DEAL = Deal("D-1", "transfer", expected_fee_minor=5_000_000, client="优眼科技", opened_on=date(2026, 3, 2))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("deal.category in ['transfer', 'license']", True),
        ("deal.category == 'license'", False),
        ("deal.mode == null && !(deal.category != 'transfer')", True),
        ("deal.expected_fee_minor >= 5000000", True),
        ("deal.opened_on >= '2026-03-02' && deal.opened_on < '2026-04-01'", True),
        ("deal.client.startsWith('优眼') && deal.id.size() == 3", True),
        ("deal.mode == null ? true : deal.mode.contains('x')", True),
        ("true", True),
    ],
)
def test_a_condition_compares_what_is_known_of_a_deal(text: str, holds: bool) -> None:
    assert condition.allows(text, DEAL) is holds


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "mismatched input"),
        ("deal.category ==", "at character 17"),
        ("category == 'a'", "there is no “category” in a condition, only deal"),
        ("deal.categry == 'a'", "there is no deal.categry; a deal has id, category"),
        ("deal.category", "it is not true or false"),
        ("deal.expected_fee_minor * 2 > 1", "“*” is not allowed"),
        ("deal.id.matches('(a+)+')", "“matches” is not allowed"),
        ("now() > 1", "“now” is not allowed"),
        ("[1, 2].all(x, x > 0)", "there is no “x” in a condition"),
        ("[1, 2].all(deal, deal > 0)", "“not_strictly_false” is not allowed"),
        ("[1, 2].map(deal, deal) == [1, 2]", "“+” is not allowed"),
        (" || ".join(["true"] * 200), "it is longer than 1000 characters"),
        ("(" * 300 + "true" + ")" * 300, "the condition cannot be used"),
    ],
)
def test_more_than_a_comparison_is_refused_when_the_plan_is_read(text: str, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        condition.compile(text)
    assert caught.value.code == "condition_invalid"
    assert what in str(caught.value)


def test_a_condition_that_cannot_be_decided_for_a_deal_says_so() -> None:
    with pytest.raises(Invalid, match=r"cannot be decided for deal D-1: .*; ask first whether") as caught:
        condition.allows("deal.mode.startsWith('x')", DEAL)
    assert caught.value.code == "condition_undecided"


TOKENS = "deal .category .mode [ ] ( ) , ? : ! && || == < in 'a' 1 -1 2u 1.5 null true has size all map + *"


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(TOKENS.split()), max_size=20).map(" ".join)))
def test_any_text_is_a_condition_or_one_refusal(text: str) -> None:
    try:
        assert condition.allows(text, DEAL) in (True, False)
    except Invalid as refused:
        assert refused.code in ("condition_invalid", "condition_undecided")
