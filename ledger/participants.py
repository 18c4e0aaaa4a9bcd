"""Who takes part in a stage, and with what weight: what milestones say and split agreements settle."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from sqlmodel import Session

from ledger import managers
from ledger.core.errors import Invalid, NotFound
from ledger.core.money import coprime


def check(session: Session, participants: Mapping[str, str]) -> None:
    """Invalid or NotFound, unless these are known managers and somebody has a weight."""
    if not participants:
        raise Invalid("participants_missing", "say who took part")
    weights = [weight(text) for text in participants.values()]
    if not any(weights):
        raise Invalid("participants_weightless", "somebody needs a weight above zero")
    known = managers.names(session, participants)
    for manager in participants:
        if manager not in known:
            raise NotFound("manager_unknown", "there is no manager {id}", id=manager)


def weight(text: str) -> Fraction:
    """A participant's weight: a number of at most four significant digits, not below zero."""
    digits = text.strip().replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()) or len(digits.strip("0")) > 4 or len(digits) > 12:
        raise Invalid(
            "weight_invalid",
            "“{weight}” is not a weight; write a number such as 60, of at most four digits",
            weight=text,
        )
    return Fraction(text.strip())


def written(participants: Mapping[str, str]) -> dict[str, str]:
    """Weights as text by manager, in order of their ids."""
    return {manager: str(weight).strip() for manager, weight in sorted(participants.items())}


def moved(weights: Mapping[str, str], leaver: str, heir: str) -> dict[str, str]:
    """The same split with one manager's weight added to another's."""
    kept = {manager: text for manager, text in weights.items() if manager not in (leaver, heir)}
    both = sum(Decimal(weights.get(manager, "0")) for manager in (leaver, heir))
    return written(kept | {heir: f"{both:f}"})


def same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two say the same split: 60 to 40 is 3 to 2."""
    if sorted(one) != sorted(other):
        return False
    both = [coprime([weight(texts[manager]) for manager in sorted(one)]) for texts in (one, other)]
    return both[0] == both[1]
