"""The payout policy (付款制度): the least that is paid, who approves how much, the limits of a day."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.doors import Books, By, Now, noun
from api.values import Amount, Answer, Body, Day, Instant, PathId
from ledger import policies
from ledger.core.money import format_minor, parse_minor
from ledger.core.policy import MOST_APPROVERS, Band, Policy, from_data
from ledger.policies import PayoutPolicy

router = noun("policies")

Approver = Literal["finance", "operator"]
CNY = "CNY"


class BandBody(Body):
    """Batches from an amount on."""

    from_amount: Amount = Field(examples=["0.00"])
    approvers: Annotated[int, Field(ge=1, le=MOST_APPROVERS, description="How many people approve.")]
    roles: Annotated[list[Approver], Field(min_length=1, max_length=2)]


class NewPolicy(Body):
    """A whole policy. It is a draft until somebody else publishes it."""

    minimum: Amount = Field(default="0.00", description="Who is owed less waits for the next run.")
    bands: Annotated[list[BandBody], Field(min_length=1, max_length=10)]
    daily_limits: dict[Approver, Amount] = Field(
        default={}, description="By role: what one person may approve in a day, added up."
    )

    def value(self) -> Policy:
        """The policy as a value."""
        bands = tuple(
            Band(parse_minor(band.from_amount, CNY), band.approvers, tuple(sorted(set(band.roles))))
            for band in self.bands
        )
        limits = {str(role): parse_minor(amount, CNY) for role, amount in self.daily_limits.items()}
        return Policy(parse_minor(self.minimum, CNY), bands, limits)


class Publication(Body):
    """From which day on."""

    effective_on: Day


class BandAnswer(Answer):
    """Batches from an amount on."""

    from_amount: str
    approvers: int
    roles: list[str]


class PolicyAnswer(Answer):
    """One version of the policy."""

    id: str
    version: int
    state: Literal["draft", "published"]
    minimum: str
    bands: list[BandAnswer]
    daily_limits: dict[str, str]
    effective_on: Day | None
    drafted_by: str
    drafted_at: Instant
    published_by: str | None
    published_at: Instant | None

    @classmethod
    def of(cls, version: PayoutPolicy) -> PolicyAnswer:
        """One version as it is answered."""
        policy = from_data(version.content)
        return cls(
            **version.model_dump(exclude={"content", "digest"}),
            minimum=format_minor(policy.minimum_minor, CNY),
            bands=[
                BandAnswer(
                    from_amount=format_minor(band.from_minor, CNY),
                    approvers=band.approvers,
                    roles=list(band.roles),
                )
                for band in policy.bands
            ],
            daily_limits={role: format_minor(most, CNY) for role, most in policy.limits.items()},
        )


@router.get("")
def listing(session: Books, by: By) -> list[PolicyAnswer]:
    """Every version, the latest first."""
    return [PolicyAnswer.of(version) for version in policies.listing(session, by=by)]


@router.post("", status_code=201)
def draft(body: NewPolicy, session: Books, by: By, now: Now) -> PolicyAnswer:
    """Draft a version."""
    return PolicyAnswer.of(policies.draft(session, body.value(), by=by, now=now))


@router.post("/{id}/publish")
def publish(id: PathId, body: Publication, session: Books, by: By, now: Now) -> PolicyAnswer:
    """Put somebody else's draft in force from a day on."""
    return PolicyAnswer.of(policies.publish(session, id, effective_on=body.effective_on, by=by, now=now))
