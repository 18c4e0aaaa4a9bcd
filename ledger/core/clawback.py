"""Rule 8: what the end of a deal takes back, and what everybody keeps."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.core.earning import Line, filled
from ledger.core.facts import Ending
from ledger.core.known import Known
from ledger.core.money import split
from ledger.core.reached import Reached
from ledger.core.rules import Rules


def paid_by_manager(known: Known) -> dict[str, int]:
    paid: dict[str, int] = {}
    for payment in known.payments:
        paid[payment.manager] = paid.get(payment.manager, 0) + payment.amount_minor
    return paid


def clawed_back(
    rules: Rules,
    reached: Sequence[Reached | None],
    lines: Sequence[Line],
    accrued: tuple[int, ...],
    cancelled: Ending,
    paid: dict[str, int],
) -> tuple[int, ...]:
    """What each line keeps of what it accrued."""
    clawback = rules.plan.on_cancel(cancelled.reason)
    if clawback.take == "none":
        return accrued
    kept = (0,) * len(lines)
    if clawback.take == "unpaid":
        kept = filled(lines, accrued, {manager: max(0, paid.get(manager, 0)) for _, manager, _ in lines})
    if clawback.keep_awards:
        floors = map(min, award_parts(rules, reached), accrued)
        kept = tuple(map(max, kept, floors))
    return kept


def award_parts(rules: Rules, reached: Sequence[Reached | None]) -> list[int]:
    """Each line's part of its stage's award, by the same split as the earning."""
    parts: list[int] = []
    for stage, verified in zip(rules.plan.stages, reached, strict=True):
        if verified:
            parts += split(0 if verified.too_late else stage.award_minor, verified.weights)
    return parts
