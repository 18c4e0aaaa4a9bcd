"""Workings as sentences on a page: in the language at hand, amounts as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from api import codes
from api.language import current
from api.rendering import money
from ledger.core import workings
from ledger.core.workings import Step


def sentences(steps: Iterable[Step], currency: str) -> list[str]:
    """Every step as a sentence."""
    return [workings.render(_in_words(step), current(), currency, show=money) for step in steps]


def _in_words(step: Step) -> Step:
    """The step with the codes among its places said in words; a hand-written reason stays as it is."""
    numbers = dict(step.numbers)
    if "reason" in numbers and step.rule != "adjusted":
        numbers["reason"] = codes.title("reason", str(numbers["reason"]))
    for place in ("grade_zh", "grade_en"):
        if numbers.get(place) in codes.GRADES:
            numbers[place] = codes.title("grade", str(numbers[place]))
    return Step(step.rule, numbers, step.source)
