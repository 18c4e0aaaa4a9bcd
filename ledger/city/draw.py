"""Chance that falls the same on every machine.

Only `Random.random` and `Random.getrandbits` are asked, whose streams Python promises to keep, and
from there on only whole numbers, comparisons and one exact multiplication: nothing of the platform's
mathematical library, whose last digit differs from one system to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """One stream of chance, named by a seed and by what is drawn from it."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, what: str) -> None:
        self._random = Random(f"{seed}:{what}").random

    def below(self, count: int) -> int:
        """A whole number from 0 up to `count`, which is left out."""
        return int(self._random() * count)

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both counted; `least` where `most` lies below it."""
        return least + int(self._random() * (most - least + 1)) if most > least else least

    def chance(self, permille: int) -> bool:
        """True so many times in a thousand."""
        return self._random() * 1000 < permille

    def pick(self, among: Sequence[T]) -> T:
        """One of them, all alike."""
        return among[int(self._random() * len(among))]

    def leaning(self, count: int) -> int:
        """Below `count`, the small numbers more often: the first twice as often as the middle ones."""
        first = self._random()
        return int((first * first + first) / 2 * count)


def spread(among: Sequence[tuple[T, int]]) -> tuple[T, ...]:
    """Each item as often as the weight beside it says, for `Draw.pick`."""
    return tuple(item for item, weight in among for _ in range(weight))
