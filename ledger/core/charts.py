"""Pictures of figures as places in per cent: bars of parts, columns about a zero line, a line over them.

Pure geometry in whole numbers. A place is text such as `12.5`, of the width or height of the picture, so
that the same picture is drawn on a phone and on a wall; the page gives it colours and words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PERMILLE = 1000
GAP = 24  # of 100 parts of a column's place


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: which figure it is, where it begins and how long it is."""

    figure: int
    start: str
    length: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a row: its place from the left, its width, its top and its height."""

    figure: int
    left: str
    width: str
    top: str
    height: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns row by row, the zero line's height, the points of the line over them, the figure at the top."""

    columns: tuple[Column, ...]
    zero: str
    line: str
    top: int


def bars(rows: Sequence[Sequence[int]]) -> list[tuple[Part, ...]]:
    """A bar for each row, its figures laid end to end; the longest fills the width. Nothing below zero."""
    drawn = [[max(figure, 0) for figure in row] for row in rows]
    longest = max((sum(row) for row in drawn), default=0)
    return [_laid(row, longest) for row in drawn]


def _laid(row: Sequence[int], longest: int) -> tuple[Part, ...]:
    parts, before = [], 0
    for figure, length in enumerate(row):
        if length:
            parts.append(Part(figure, _of(before, longest), _of(length, longest)))
        before += length
    return tuple(parts)


def columns(rows: Sequence[Sequence[int]], line: Sequence[int] = ()) -> Columns:
    """Columns side by side in each row's place, up or down from one zero line; `line` has a point a row."""
    heights = [figure for row in rows for figure in row] + list(line)
    top, bottom = max([0, *heights]), min([0, *heights])
    span = top - bottom or 1
    return Columns(
        tuple(one for place, row in enumerate(rows) for one in _standing(place, len(rows), row, top, span)),
        _of(top, span),
        " ".join(
            f"{_permille(2 * place + 1, 2 * len(line))},{_permille(top - figure, span)}"
            for place, figure in enumerate(line)
        ),
        top,
    )


def _standing(place: int, places: int, row: Sequence[int], top: int, span: int) -> list[Column]:
    wide = (100 - GAP) * 10  # thousandths of the place
    each = wide // max(len(row), 1)
    return [
        Column(
            number,
            _of(place * 1000 + (1000 - wide) // 2 + number * each, places * 1000),
            _of(each, places * 1000),
            _of(top - max(figure, 0), span),
            _of(abs(figure), span),
        )
        for number, figure in enumerate(row)
        if figure
    ]


def _permille(part: int, whole: int) -> int:
    return (2 * part * PERMILLE + whole) // (2 * whole) if whole else 0


def _of(part: int, whole: int) -> str:
    """A part in per cent, to a tenth."""
    tenths = _permille(part, whole)
    return f"{tenths // 10}.{tenths % 10}"
