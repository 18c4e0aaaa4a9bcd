"""The payout policy (付款制度) as a value: the least that is paid, who approves how much, a day's limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ledger.core.errors import Invalid

MOST_APPROVERS = 5


@dataclass(frozen=True, slots=True)
class Band:
    """Batches from an amount on: how many people approve, and of which roles."""

    from_minor: int
    approvers: int
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Bands rise from zero, each half-open. A role without a limit may approve any amount in a day."""

    minimum_minor: int
    bands: tuple[Band, ...]
    limits: Mapping[str, int]  # by role: what one person may approve in a day, added up

    def band(self, gross_minor: int) -> Band:
        """The band a batch of this amount falls in."""
        return next(band for band in reversed(self.bands) if band.from_minor <= gross_minor)

    def to_data(self) -> dict[str, Any]:
        """The policy as it is kept; the guards read `limits`."""
        return {
            "minimum_minor": self.minimum_minor,
            "bands": [[band.from_minor, band.approvers, list(band.roles)] for band in self.bands],
            "limits": dict(sorted(self.limits.items())),
        }

    @property
    def digest(self) -> str:
        """SHA-256 over everything it says."""
        text = json.dumps(self.to_data(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def from_data(data: Mapping[str, Any]) -> Policy:
    """A policy from how it is kept."""
    bands = tuple(Band(start, approvers, tuple(roles)) for start, approvers, roles in data["bands"])
    return Policy(data["minimum_minor"], bands, dict(data["limits"]))


def checked(policy: Policy, roles: Collection[str]) -> Policy:
    """The policy itself, or Invalid naming what is wrong with it first."""
    if policy.minimum_minor < 0:
        raise Invalid("policy_minimum", "the least that is paid cannot be below zero")
    _check_bands(policy.bands)
    for band in policy.bands:
        if not 1 <= band.approvers <= MOST_APPROVERS:
            raise Invalid(
                "policy_approvers", "a band takes 1 to {most} people to approve", most=MOST_APPROVERS
            )
        if not band.roles or set(band.roles) - set(roles):
            raise Invalid(
                "policy_roles",
                "a band names who approves: one or more of {roles}",
                roles=", ".join(sorted(roles)),
            )
    for role, most in policy.limits.items():
        if role not in roles or most < 0:
            raise Invalid("policy_limit", "a limit of a day is an amount for one of the roles that approve")
    return policy


def _check_bands(bands: Sequence[Band]) -> None:
    if not bands or bands[0].from_minor != 0:
        raise Invalid("policy_first_band", "the first band begins at 0, so that every batch falls in one")
    if any(after.from_minor <= before.from_minor for before, after in pairwise(bands)):
        raise Invalid("policy_bands_rise", "each band begins above the one before")


# What holds until a policy is published: one person other than the maker, as it always was.
FIRST = Policy(0, (Band(0, 1, ("finance", "operator")),), {})
