"""VAT of payees: nothing up to the threshold, all of the month once it is reached."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from ledger.core import tax, vat
from ledger.core.errors import Invalid

DAY = date(2026, 3, 10)
ON = vat.Settings(is_withheld=True)


# gross, of a month of just the threshold exempt, and of one where it is taxed: what is owed
@pytest.mark.parametrize(
    ("gross", "exempt_at", "taxed_at"),
    [
        (99_999_99, 0, 0),
        (100_000_00, 0, 990_10),  # 100,000.00 / 1.01 × 1% = 990.0990…
        (100_000_01, 990_10, 990_10),
        (101_000_00, 1_000_00, 1_000_00),
        (202_000_00, 2_000_00, 2_000_00),
    ],
)
def test_the_whole_month_is_taxed_once_the_threshold_is_reached(
    gross: int, exempt_at: int, taxed_at: int
) -> None:
    assert vat.due(gross, DAY, ON).vat_minor == exempt_at
    assert vat.due(gross, DAY, vat.Settings(True, taxed_at=True)).vat_minor == taxed_at
    assert vat.due(gross, DAY, vat.OFF) == vat.Due()


def test_surcharges_are_a_rate_on_the_vat_rounded_once() -> None:
    owed = vat.due(100_000_01, DAY, vat.Settings(True, surcharge_rate=Fraction(6, 100)))
    assert (owed.vat_minor, owed.surcharge_minor, owed.total_minor) == (990_10, 59_41, 1_049_51)


def test_the_payment_that_reaches_it_bears_the_tax_of_the_month_and_later_ones_their_own() -> None:
    first = vat.held(60_000_00, 0, 0, DAY, ON)
    second = vat.held(50_000_00, 60_000_00, first.vat_minor, DAY, ON)
    third = vat.held(10_100_00, 110_000_00, first.vat_minor + second.vat_minor, DAY, ON)
    assert (first.vat_minor, second.vat_minor, third.vat_minor) == (0, 1_089_11, 100_00)
    assert first.vat_minor + second.vat_minor + third.vat_minor == vat.due(120_100_00, DAY, ON).total_minor


def test_what_was_borne_too_much_comes_back_with_the_next_payment_of_the_month() -> None:
    """The first of two payments came back: the second bore the tax of both."""
    again = vat.held(10_000_00, 50_000_00, 1_089_11, DAY, ON)
    assert again.vat_minor == -1_089_11


@pytest.mark.parametrize(
    ("turnover", "withheld", "booked", "off"),
    [
        (50_000_00, 1_089_11, 1_089_11, -1_089_11),  # exempt now: all of it goes back
        (50_000_00, 1_089_11, 0, 0),  # but nothing of it is in the books yet
        (50_000_00, 1_089_11, 1_000_00, -1_000_00),
        (50_000_00, 1_089_11, -5_00, 0),
        (120_000_00, 594_06, 594_06, 594_06),  # 1,188.12 is due: too little was borne
        (120_000_00, 1_188_12, 1_188_12, 0),
        (0, -1_089_11, -1_089_11, 1_089_11),  # given back, and what had borne it came back since
        (0, 0, 0, 0),
    ],
)
def test_a_month_of_which_a_payment_came_back(turnover: int, withheld: int, booked: int, off: int) -> None:
    held = vat.off(turnover, withheld, booked, DAY, ON)
    assert held.vat_minor == off
    assert bool(held.because) == bool(off)
    if booked == withheld:
        assert withheld + off == vat.due(turnover, DAY, ON).total_minor


def test_the_working_says_why_in_both_languages() -> None:
    held = vat.held(50_000_00, 60_000_00, 0, DAY, ON)
    assert tax.sentences(held.because, "zh") == [
        "增值税：2026-03收入合计110000.00，达到100000.00，全额计税："
        "110000.00÷(1+1%)×1%＝1089.11；附加税费按0%计0.00。",
        "当月应扣1089.11，减已扣0.00，本次代扣1089.11。",
    ]
    assert "so all of it is taxed" in tax.sentences(held.because, "en")[0]
    assert held.because[0].source
    assert tax.sentences(vat.held(1_00, 0, 0, DAY, ON).because, "en") == [
        "VAT: 1.00 in 2026-03 does not go beyond 100000.00: exempt."
    ]
    assert vat.held(1_00, 0, 0, DAY, vat.OFF).because == ()
    assert tax.sentences(vat.off(50_000_00, 1_089_11, 1_089_11, DAY, ON).because, "zh") == [
        "增值税：2026-03收入合计50000.00，未超过100000.00，免征。",
        "当月应扣0.00，减已扣1089.11，差-1089.11：为负的退回应付佣金，为正的从应付佣金中补扣。",
    ]


def test_before_there_is_a_rule_the_method_is_refused() -> None:
    with pytest.raises(Invalid, match="no rule"):
        vat.due(1, date(2025, 9, 30), ON)
