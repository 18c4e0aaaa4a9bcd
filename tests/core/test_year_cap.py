"""The cap on a manager's year: what is above it is taken off, month by month, in any order of arrival."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.entry import COMMISSION_COST, PAYABLE, Entry, Posting, as_text, check
from ledger.core.workings import from_data, sentences
from ledger.core.year_cap import Books, Drawn, ManagerYear, draw, relief, touched

ABOUT = ManagerYear("M1", 2026, "p", "CNY")
TODAY = date(2026, 6, 30)


def drawn(accrued: dict[str, int], relieved: dict[str, int] | None = None, cap: int | None = 300) -> Drawn:
    return draw(ABOUT, cap, Books(accrued, relieved or {}, 0), today=TODAY, landing=lambda period: period)


def taken_off(found: Drawn) -> dict[str, int]:
    """Relief by the month it belongs to."""
    sums: dict[str, int] = defaultdict(int)
    for entry in found.entries:
        for posting in check(entry).postings:
            if posting.account == PAYABLE:
                sums[posting.origin] += posting.amount_minor
    return dict(sums)


def test_what_is_above_the_cap_is_taken_off_in_the_month_it_arose() -> None:
    found = drawn({"2026-01": 20_000, "2026-02": 20_000, "2026-04": 5_000}, cap=30_000)
    assert "\n".join(map(as_text, found.entries)) == (
        "2026-02-28 year_cap p/M1/2026/CNY#1\n"
        "  2202.01 payable:M1                         100.00 CNY\n"
        "  6401 commission_cost                      -100.00 CNY\n"
        "2026-04-30 year_cap p/M1/2026/CNY#2\n"
        "  2202.01 payable:M1                          50.00 CNY\n"
        "  6401 commission_cost                       -50.00 CNY"
    )


def test_relief_comes_back_when_an_accrual_is_taken_back() -> None:
    assert taken_off(drawn({"2026-01": 400, "2026-03": -150}, {"2026-01": 100})) == {"2026-03": -100}


def test_what_is_posted_already_is_not_posted_again() -> None:
    assert drawn({"2026-01": 400}, {"2026-01": 100}).entries == ()
    assert drawn({"2026-01": 300}).entries == ()


def test_without_a_cap_what_was_taken_off_comes_back() -> None:
    assert taken_off(drawn({"2026-01": 400}, {"2026-01": 100}, cap=None)) == {"2026-01": -100}


def test_a_closed_month_s_relief_lands_in_the_first_open_one_and_says_where_it_belongs() -> None:
    books = Books({"2025-12": 400}, {}, 3)
    [entry] = draw(ABOUT, 300, books, today=date(2026, 1, 9), landing=lambda _: "2026-01").entries
    assert (entry.period, entry.on, entry.source) == ("2026-01", date(2026, 1, 9), "p/M1/2026/CNY#4")
    assert {posting.origin for posting in entry.postings} == {"2025-12"}


def test_the_working_says_what_was_accrued_the_cap_and_what_is_above_it() -> None:
    [working] = drawn({"2026-01": 25_000, "2026-02": 20_000}, {"2026-02": 5_000}, cap=30_000).workings
    assert sentences(from_data(working["year_cap"][0]["because"]), "en", "CNY") == [
        "Accrued in 2026 up to 2026-02 under plan p: 450.00. Above the cap of 300.00 per manager and year"
        " it is 150.00, which is taken off.",
        "50.00 is in the books already, so 100.00 is posted.",
    ]


def test_only_what_is_earned_or_clawed_back_touches_a_year() -> None:
    def of(nature: str) -> Posting:
        return Posting(COMMISSION_COST, 5, manager_id=f"M-{nature}", nature=nature)  # type: ignore[arg-type]

    postings = tuple(of(nature) for nature in ("earned", "clawed_back", "adjusted"))
    entry = Entry("accrual", "D#1", TODAY, "2026-06", "CNY", postings)
    assert {one.manager_id for one in touched("p", [entry])} == {"M-earned", "M-clawed_back"}


months = st.integers(1, 6).map(lambda month: f"2026-{month:02d}")
accruals = st.lists(st.tuples(months, st.integers(-300, 500)), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(accruals, st.integers(0, 600), st.randoms())
def test_any_order_of_the_accruals_leaves_the_same_relief(
    moves: list[tuple[str, int]], cap: int, chance: st.DataObject
) -> None:
    shuffled = list(moves)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _settled(moves, cap) == _settled(shuffled, cap)


@settings(max_examples=100, deadline=None)
@given(accruals, st.integers(0, 600))
def test_after_relief_nobody_has_more_than_the_cap_at_the_end_of_any_month(
    moves: list[tuple[str, int]], cap: int
) -> None:
    relieved, sums = _settled(moves, cap), defaultdict(int, {})
    for month, amount in moves:
        sums[month] += amount
    accrued = left = 0
    for month in sorted({*sums, *relieved}):
        accrued += sums[month]
        left += sums[month] - relieved.get(month, 0)
        assert left == accrued - relief(accrued, cap) <= cap


def _settled(moves: list[tuple[str, int]], cap: int) -> dict[str, int]:
    """Relief by month after settling at each accrual in turn."""
    accrued: dict[str, int] = defaultdict(int)
    relieved: dict[str, int] = defaultdict(int)
    for month, amount in moves:
        accrued[month] += amount
        for origin, step in taken_off(drawn(accrued, relieved, cap)).items():
            relieved[origin] += step
        assert drawn(accrued, relieved, cap).entries == ()
    return {month: amount for month, amount in relieved.items() if amount}
