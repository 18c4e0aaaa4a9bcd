"""The hashes of seals: one form for every value, and nothing can be changed without changing them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import seal
from ledger.core.errors import Invalid
from ledger.core.seal import GENESIS, Block, Member

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MEMBERS = [Member("entry", "2", "aa"), Member("entry", "10", "bb"), Member("fact", "ft_1", "cc")]
BLOCK = Block(1, GENESIS, NOON, "clock", {"entry": "10"}, 3, seal.members_sha256(MEMBERS))

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    """As Python tells values apart, which takes 1 and True for the same."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else (type(value), value)


@settings(max_examples=100)
@given(values)
def test_a_value_can_be_read_back_from_its_form(value: object) -> None:
    """So two values that differ never share a form."""
    assert plain(json.loads(seal.canonical(value))) == plain(value)


def test_the_form_is_fixed() -> None:
    value = {"b": [1, True, None, "é\n"], "a": NOON, "c": date(2026, 3, 2)}
    said = '{"a":"2026-03-02T12:00:00.000000Z","b":[1,true,null,"é\\n"],"c":"2026-03-02"}'
    assert seal.canonical(value) == said.encode()


def test_one_instant_has_one_form_wherever_it_was_read() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert seal.canonical(shanghai) == seal.canonical(NOON)


@pytest.mark.parametrize("value", [0.5, float("nan"), {1: "a"}, b"bytes", {"a": [1.0]}, object()])
def test_what_has_more_than_one_form_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        seal.canonical(value)


def test_a_row_is_its_kind_its_id_and_its_content() -> None:
    known = {
        seal.row_sha256("fact", "1", {"a": "x"}),
        seal.row_sha256("entry", "1", {"a": "x"}),
        seal.row_sha256("fact", "2", {"a": "x"}),
        seal.row_sha256("fact", "1", {"a": "y"}),
        seal.row_sha256("fact", "1", {"a": None}),
    }
    assert len(known) == 5


def test_members_are_hashed_in_order_and_as_they_are_cut() -> None:
    one, other = Member("a", "bc", "d"), Member("ab", "c", "d")
    known = {seal.members_sha256(some) for some in ([], [one], [other], [one, other], [other, one])}
    assert len(known) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"no": 2},
        {"previous": "1" * 64},
        {"made_at": NOON + timedelta(microseconds=1)},
        {"made_by": "another"},
        {"through": {"entry": "11"}},
        {"count": 4},
        {"members_sha256": "0" * 64},
    ],
)
def test_everything_a_block_says_is_in_its_head(change: dict[str, Any]) -> None:
    assert replace(BLOCK, **change).head != BLOCK.head


def test_a_known_head_stays_what_it_is() -> None:
    """Heads that were published must hold for ever: this text may not change."""
    assert BLOCK.head == "7064caadc84ac64d3ba1b3cc25585dbdf6454d0fb2e2b4a6105c487cb796cc54"


def test_numbers_stand_in_order_of_size_and_other_ids_by_code_points() -> None:
    assert sorted(reversed(MEMBERS), key=lambda member: member.order) == MEMBERS


def test_the_highest_id_of_every_kind_is_carried_on() -> None:
    assert seal.through({"entry": "9", "plan": "pv_1"}, MEMBERS) == {
        "entry": "10",
        "fact": "ft_1",
        "plan": "pv_1",
    }
