"""What may be paid of what is payable: debts netted within a deal, then holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.core.payable import Line, divided, netted, total

AMOUNTS = st.lists(st.integers(-(10**9), 10**9), max_size=6)


def of_deal(*amounts: int, deal: str = "D") -> list[Line]:
    return [Line(deal, f"s{number}", amount) for number, amount in enumerate(amounts)]


@given(AMOUNTS)
def test_a_deals_lines_keep_their_sum_and_get_one_sign(amounts: list[int]) -> None:
    kept = netted(of_deal(*amounts))
    assert total(kept) == sum(amounts)
    assert len({line.amount_minor > 0 for line in kept}) <= 1
    given = {line.stage: line.amount_minor for line in of_deal(*amounts)}
    assert all(abs(line.amount_minor) <= abs(given[line.stage]) for line in kept)


def test_what_was_paid_without_a_stage_is_taken_from_the_stages() -> None:
    lines = [Line("D", "", -100), Line("D", "a", 60), Line("D", "b", 70)]
    assert netted(lines) == [Line("D", "b", 30)]


def test_nothing_is_left_of_a_deal_that_was_paid() -> None:
    assert netted([Line("D", "", -130), Line("D", "a", 60), Line("D", "b", 70)]) == []


@given(AMOUNTS, AMOUNTS, st.sets(st.integers(0, 5)))
def test_a_hold_keeps_back_no_debt_and_loses_nothing(
    first: list[int], second: list[int], stages: set[int]
) -> None:
    lines = {"D1": of_deal(*first, deal="D1"), "D2": of_deal(*second, deal="D2")}
    free, held = divided(lines, lambda line: line.stage in {f"s{number}" for number in stages})
    assert total(free) + total(held) == sum(first) + sum(second)
    assert all(line.amount_minor > 0 for line in held)
