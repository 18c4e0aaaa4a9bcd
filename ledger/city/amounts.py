"""Contract amounts: log-normal, and adding up to a total exactly, without ever holding them all.

The bell curve is counted, not computed: how many of 1,024 fair coins fall heads is normal with a
deviation of 16, and a table made in exact decimals turns the count into a size. The same stream is
drawn twice, once to learn its sum and once to scale it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from functools import cache
from random import Random

COINS = 1024
DEVIATION = 16  # of the number of heads: the root of a quarter of the coins
SPREAD = Decimal("1.8")  # the log-normal's sigma: a mean five times the median
UNIT = 10**9  # a size at the middle of the curve, in whole steps
BETWEEN = 10  # bits that place a size between two counts

LEAST_MINOR = 1_000_000  # nobody registers a technology contract of less than ten thousand yuan
GRAINS = (1_000_000, 100_000, 10_000, 1_000, 100)  # the round steps people agree on, coarse to fine
EXACT_PERMILLE = 200  # contracts whose amount is not round


@cache
def _sizes() -> tuple[int, ...]:
    """The size that belongs to each count of heads: e to the power of its deviations times SPREAD."""
    exact = Context(prec=40)
    powers = (SPREAD * (count - COINS // 2) / DEVIATION for count in range(COINS + 2))
    return tuple(int(exact.exp(power) * UNIT) + 1 for power in powers)


def sizes(seed: int, count: int) -> Iterator[int]:
    """`count` log-normal sizes of no unit, each at least 1; the same for the same seed."""
    bits = Random(f"{seed}:amounts").getrandbits
    table = _sizes()
    for _ in range(count):
        coins = bits(COINS + BETWEEN)
        heads, place = (coins >> BETWEEN).bit_count(), coins & ((1 << BETWEEN) - 1)
        low = table[heads]
        yield low + ((table[heads + 1] - low) * place >> BETWEEN)


def amounts(seed: int, count: int, total_minor: int) -> Iterator[int]:
    """`count` contract amounts in minor units, each above zero, that add up to `total_minor`.

    What rounding one amount down leaves over goes to the next, and the last takes the rest.
    """
    least_minor = min(LEAST_MINOR, total_minor // count // 10) or 1
    free_minor = total_minor - least_minor * count
    whole = sum(sizes(seed, count))
    odd = Random(f"{seed}:odd").random
    reached = given_minor = 0
    for left, size in zip(range(count - 1, -1, -1), sizes(seed, count), strict=True):
        reached += size
        due_minor = free_minor * reached // whole - given_minor
        if left and odd() * 1000 >= EXACT_PERMILLE:
            due_minor -= due_minor % _grain(due_minor)
        given_minor += due_minor
        yield least_minor + due_minor


def _grain(amount_minor: int) -> int:
    """The coarsest round step that leaves an amount at least three digits."""
    return next((grain for grain in GRAINS if amount_minor >= 100 * grain), 1)
