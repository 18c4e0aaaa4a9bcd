"""What can be paid of what is payable: within a deal debts are netted first, then holds keep lines back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """What is payable for one stage of one deal; minor units, negative where more was taken back."""

    deal_id: str
    stage: str
    amount_minor: int


def netted(of_deal: Iterable[Line]) -> list[Line]:
    """One deal's lines with one sign: what is negative is taken from what is positive, in order.

    A debt on one stage is paid out of the others, and what was paid without a stage counts first.
    """
    lines = sorted((line for line in of_deal if line.amount_minor), key=lambda line: line.stage)
    total = sum(line.amount_minor for line in lines)
    sign = 1 if total > 0 else -1
    left = abs(total)
    kept = []
    for line in reversed(lines):  # so that the first are the ones used up
        part = min(left, max(0, line.amount_minor * sign))
        left -= part
        if part:
            kept.append(Line(line.deal_id, line.stage, part * sign))
    return kept[::-1]


def divided(
    by_deal: Mapping[str, Iterable[Line]], is_held: Callable[[Line], bool]
) -> tuple[list[Line], list[Line]]:
    """(what may be paid, what is held), over all deals of one payee.

    A hold keeps money back, never a debt: what is negative is netted, held or not.
    """
    lines = [line for deal_id in sorted(by_deal) for line in netted(by_deal[deal_id])]
    held = [line for line in lines if line.amount_minor > 0 and is_held(line)]
    return [line for line in lines if line not in held], held


def total(lines: Iterable[Line]) -> int:
    """What some lines come to."""
    return sum(line.amount_minor for line in lines)
