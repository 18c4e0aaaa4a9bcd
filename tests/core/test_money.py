"""Reading, writing, rounding and sharing out money."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moneyed import Money

from ledger.core.errors import Invalid
from ledger.core.money import (
    coprime,
    digits,
    format_minor,
    format_rate,
    from_money,
    parse_minor,
    parse_rate,
    round_half_away,
    round_ratio,
    split,
    to_money,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = st.integers(0, 60)
WEIGHTS = st.lists(SMALL, min_size=1, max_size=6).filter(any)
FOUR_DIGITS = st.builds(
    lambda figures, power: Fraction(figures) * Fraction(10) ** power, st.integers(0, 9999), st.integers(-2, 0)
)
FINE_WEIGHTS = st.lists(FOUR_DIGITS, min_size=1, max_size=5).filter(any)
TOTALS = st.integers(-(10**12), 10**12)


# -- reading and writing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1409.50", "CNY", 140950),
        ("1409.5", "CNY", 140950),
        ("0", "CNY", 0),
        ("-0.01", "CNY", -1),
        (5000, "CNY", 500000),
        ("1409", "JPY", 1409),
        ("0.001", "KWD", 1),
        ("999999999999999.99", "CNY", 99999999999999999),
    ],
)
def test_an_amount_is_read_to_the_minor_unit(text: str | int, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "+1", "--1", "1.", ".5", "1,000.00", "１２", "1．5", "NaN", "inf", "-Infinity",
     "1e3", "1e400", "1E5", "0x10", "1_000", "¥1", "1.2.3", "٣", "1.00000000001", "0.00000000001",
     "1234567890123456", "9" * 10_000, 1.5, 1409.0, float("nan"), True, None, Decimal("1.50"), 10**15, b"1"],
)  # fmt: skip
def test_what_is_no_plain_amount_is_refused(text: object) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_minor(text, "CNY")  # type: ignore[arg-type]
    assert refusal.value.code == "amount_invalid"
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(("text", "currency"), [("1.005", "CNY"), ("1.500", "CNY"), ("1.0", "JPY")])
def test_more_digits_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_minor(text, currency)
    assert refusal.value.code == "amount_too_fine"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(140950, "CNY", "1409.50"), (5, "CNY", "0.05"), (-5, "CNY", "-0.05"), (0, "CNY", "0.00"),
     (-123, "JPY", "-123"), (1, "KWD", "0.001")],
)  # fmt: skip
def test_an_amount_is_written_with_all_its_digits(minor: int, currency: str, text: str) -> None:
    assert format_minor(minor, currency) == text


@given(st.integers(-(10**17) + 1, 10**17 - 1), st.sampled_from(["CNY", "KWD", "CLF"]))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert parse_minor(format_minor(minor // 100, currency), currency) == minor // 100
    assert from_money(to_money(minor // 100, currency)) == minor // 100


def test_money_finer_than_its_currency_is_refused() -> None:
    assert from_money(Money("19.99", "CNY")) == 1999
    with pytest.raises(Invalid):
        from_money(Money("0.125", "CNY"))


@pytest.mark.parametrize("currency", ["", "cny", "RMB", "XYZ", "C" * 10_000])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(Invalid) as refusal:
        digits(currency)
    assert refusal.value.code == "currency_unknown"


# -- rounding and rates -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "whole"),
    [("5/2", 3), ("-5/2", -3), ("1/2", 1), ("-1/2", -1), ("12/5", 2), ("-12/5", -2), ("7", 7)],
)
def test_halves_are_rounded_away_from_zero(value: str, whole: int) -> None:
    assert round_half_away(Fraction(value)) == whole
    assert round_ratio(10 * Fraction(value).numerator, 10 * Fraction(value).denominator) == whole


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("40%", "2/5"),
        ("12.5%", "1/8"),
        ("1/3", "1/3"),
        ("0%", "0"),
        ("100.00%", "1"),
        ("120%", "6/5"),
        ("0/7", "0"),
    ],
)
def test_a_rate_is_exact(text: str, rate: str) -> None:
    assert parse_rate(text) == Fraction(rate)


@pytest.mark.parametrize(
    "text",
    ["", "%", "40 %", " 40%", "-5%", "+5%", "1e2%", "NaN%", "nan", "inf", "4０%", "40％", "1/0", "-1/3",
    "1/3%",     "1/-3", "1.5/2", "40%\n", "1,5%", "9" * 5000 + "%", "1/" + "9" * 5000, "0.0000000001%",
     0.4, 1, True, None],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_rate(text)  # type: ignore[arg-type]
    assert refusal.value.code == "rate_invalid"
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(
    ("text", "meant"), [("0.4", '"40%"'), ("40", '"40%"'), ("0.125", '"12.5%"'), ("1", '"100%"')]
)
def test_a_forgotten_percent_sign_is_named(text: str, meant: str) -> None:
    with pytest.raises(Invalid, match=f"write {meant}"):
        parse_rate(text)


@given(st.fractions(0, 3, max_denominator=10_000))
def test_a_written_rate_is_read_back(rate: Fraction) -> None:
    assert parse_rate(format_rate(rate)) == rate


# -- the split law ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, (6, 6, 2), (5, 4, 1)),  # largest remainder: 4, 4, 2, and then 5, 5, 1 for 11
        (11, (6, 6, 2), (5, 5, 1)),
        (15, (80, 8, 12), (12, 1, 2)),  # numscript: 13, 1, 1
        (1001, (1, 1), (501, 500)),
        (2, (1, 1, 3, 1), (1, 0, 1, 0)),
        (10, (0, Fraction(1, 3), Fraction(2, 3)), (0, 3, 7)),  # numscript: 1, 3, 6
        (0, (1, 2), (0, 0)),
        (645 * 30 // 100, (30,), (193,)),
        (100, (1, 1, 1), (34, 33, 33)),
        (-100, (336, 336, 328), tuple(-part for part in split(100, (336, 336, 328)))),
    ],
)  # fmt: skip
def test_known_splits(total: int, weights: tuple[int | Fraction, ...], parts: tuple[int, ...]) -> None:
    assert split(total, weights) == parts


def plainly(weights: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The quota method as its authors tell it: what everyone has after 0, 1, 2, ... units."""
    whole, given_so_far, step = sum(weights), [0] * len(weights), 0
    while True:
        yield tuple(given_so_far)
        step += 1
        open_to = [i for i, weight in enumerate(weights) if given_so_far[i] * whole < weight * step]
        given_so_far[max(open_to, key=lambda i: (Fraction(weights[i], given_so_far[i] + 1), -i))] += 1


@settings(max_examples=60, deadline=None)
@given(WEIGHTS)
def test_every_split_is_the_one_reached_unit_by_unit(weights: list[int]) -> None:
    rounds = min(2 * sum(weights), 150)
    for total, parts in enumerate(islice(plainly(tuple(weights)), rounds)):
        assert split(total, weights) == parts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 1, 2, 3, 30, 199, 200, 201, 333]), min_size=2, max_size=9).filter(any))
def test_so_is_it_where_tiny_weights_stand_beside_great_ones(weights: list[int]) -> None:
    for total, parts in enumerate(islice(plainly(coprime(weights)), min(sum(coprime(weights)), 400))):
        assert split(total, weights) == parts


@settings(max_examples=100, deadline=None)
@given(TOTALS, FINE_WEIGHTS)
def test_a_split_adds_up_within_one_of_each_share_and_mirrors(total: int, weights: list[Fraction]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total) * weight / sum(weights)) < 1
        assert weight or part == 0
    assert split(-total, weights) == tuple(-part for part in parts)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**12), st.integers(1, 3), FINE_WEIGHTS)
def test_no_part_falls_when_the_total_grows(total: int, more: int, weights: list[Fraction]) -> None:
    before, after = split(total, weights), split(total + more, weights)
    assert all(old <= new for old, new in zip(before, after, strict=True))


def test_only_the_proportions_count() -> None:
    assert coprime((60, 40)) == (3, 2)
    assert coprime((Fraction(1, 2), Fraction(1, 3), 0)) == (3, 2, 0)
    assert split(7, (Fraction(6, 10), Fraction(4, 10))) == split(7, (3, 2))


def test_a_large_sum_of_weights_is_no_burden() -> None:
    weights = [Fraction(figures) * Fraction(9973, 10_000) + figures % 7 for figures in range(9001, 9031)]
    assert sum(coprime(weights)) > 10**8
    for total in range(10**9, 10**9 + 20):
        before, after = split(total, weights), split(total + 1, weights)
        assert sum(before) == total
        assert sorted(new - old for old, new in zip(before, after, strict=True)) == [0] * 29 + [1]


def test_weights_too_far_apart_are_refused() -> None:
    assert split(10**8, (1, 10**8 - 1)) == (1, 10**8 - 1)
    with pytest.raises(Invalid, match="leave it out"):
        split(10**9, (Fraction(1, 10**9), 1))


@pytest.mark.parametrize("weights", [(), (0,), (0, 0), (-1, 2), (1.0, 1), (True, 1), (float("nan"), 1)])
def test_weights_that_cannot_share_are_refused(weights: tuple[int, ...]) -> None:
    coprime((1, 1))  # an equal, exact weight seen before does not let a float in
    with pytest.raises(Invalid):
        split(10, weights)
