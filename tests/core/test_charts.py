"""Pictures in per cent: bars end to end, columns about a zero line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.core import charts

FIGURES = st.lists(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=2), max_size=30)


def test_bars_lie_end_to_end_and_the_longest_fills_the_width() -> None:
    assert charts.bars([(30, 10), (0, 20), (0, 0)]) == [
        (charts.Part(0, "0.0", "75.0"), charts.Part(1, "75.0", "25.0")),
        (charts.Part(1, "0.0", "50.0"),),
        (),
    ]


def test_what_is_below_zero_is_no_bar() -> None:
    assert charts.bars([(-5, 10)]) == [(charts.Part(1, "0.0", "100.0"),)]


def test_columns_stand_on_the_zero_line_and_hang_below_it() -> None:
    drawn = charts.columns([(30,), (-10,)], line=[30, 20])
    assert drawn.zero == "75.0"
    assert [(one.top, one.height) for one in drawn.columns] == [("0.0", "75.0"), ("75.0", "25.0")]
    assert drawn.line == "250,0 750,250"


def test_no_figures_are_no_picture() -> None:
    assert charts.bars([]) == [] and charts.columns([]).columns == ()


@given(FIGURES)
def test_nothing_is_drawn_outside_the_picture(rows: list[list[int]]) -> None:
    for bar in charts.bars(rows):
        assert all(float(part.start) + float(part.length) <= 100.2 for part in bar)
    for one in charts.columns(rows).columns:
        assert float(one.left) >= 0 and float(one.left) + float(one.width) <= 100.2
        assert float(one.top) >= 0 and float(one.top) + float(one.height) <= 100.2
