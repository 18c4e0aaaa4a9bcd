"""What comes out for a manager and a stage, and for a stage that is not, or not wholly, earned."""

from __future__ import annotations

from typing import Literal, NamedTuple

Why = Literal["not_verified", "cancelled", "requires_not_verified", "no_basis", "cut_by_cap"]


class Row(NamedTuple):
    """One manager's standing in one stage, in minor units.

    `earned_minor = accrued_minor + clawed_minor + adjusted_minor = held_minor + payable_minor`
    """

    manager: str
    stage: str
    accrued_minor: int  # rules 1 to 6: before any clawback and adjustment, after the cap on the deal
    clawed_minor: int  # what a cancellation took: zero or less
    adjusted_minor: int
    earned_minor: int
    held_minor: int
    released: bool  # nothing is held any more, nor will be
    payable_minor: int  # before any payout


class Excluded(NamedTuple):
    """A stage whose part is not, or not wholly, earned, and the first reason why."""

    stage: str
    why: Why
