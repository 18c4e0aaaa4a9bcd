"""Cut-over (切换): opening balances of the system before this one, brought by one, signed off by another."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlmodel import Session

from api.doors import Books, By, Now, noun
from api.openapi import problems
from api.values import Answer, Body, Instant, PathId, PeriodName
from ledger import cutovers
from ledger.core.money import format_minor
from ledger.cutovers import Cutover

router = noun("cutovers")


class NewCutover(Body):
    """Balances at the end of a month. Import the deals in flight first, with what was paid on them."""

    period: PeriodName = Field(examples=["2026-09"])
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "CNY"
    text: Annotated[str, Field(max_length=4_000_000)] = Field(
        description="CSV: account,owner,debit,credit; all lines together sum to zero.",
        examples=["account,owner,debit,credit\n1002,基本户,100.00,\n2202.01,M1,,100.00\n"],
    )


class Signature(Body):
    """What was seen and is signed off."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BalanceAnswer(Answer):
    """One account of one owner; debit is positive."""

    account: str
    owner: str
    given: str
    booked: str = Field(description="What the deals in flight and other entries come to.")
    missing: str = Field(description="What the opening entry posts.")


class CutoverAnswer(Answer):
    """A cut-over against the books as they are now."""

    id: str
    period: str
    currency: str
    state: Literal["draft", "published"] = Field(description="published: signed off.")
    drafted_by: str
    drafted_at: Instant
    published_by: str | None
    published_at: Instant | None
    digest: str = Field(description="Over every balance, given and booked: what is signed.")
    balances: list[BalanceAnswer]

    @classmethod
    def of(cls, session: Session, made: Cutover) -> CutoverAnswer:
        """The cut-over as it is answered."""
        drawn = cutovers.draw(session, made)

        def text(minor: int) -> str:
            return format_minor(minor, made.currency)

        return cls(
            **made.model_dump(exclude={"content"}),
            digest=drawn.digest,
            balances=[
                BalanceAnswer(
                    account=one.account,
                    owner=one.owner,
                    given=text(one.given_minor),
                    booked=text(one.booked_minor),
                    missing=text(one.missing_minor),
                )
                for one in drawn.compared
            ],
        )


@router.get("")
def listing(session: Books, by: By) -> list[CutoverAnswer]:
    """Every cut-over, the latest first."""
    return [CutoverAnswer.of(session, one) for one in cutovers.listing(session, by=by)]


@router.post("", status_code=201, responses=problems(409))
def draft(body: NewCutover, session: Books, by: By, now: Now) -> CutoverAnswer:
    """Bring balances in. They are posted once somebody else signs them off."""
    return CutoverAnswer.of(session, cutovers.draft(session, **body.model_dump(), by=by, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> CutoverAnswer:
    """One cut-over, against the books as they are now."""
    return CutoverAnswer.of(session, cutovers.get(session, id, by=by))


@router.post("/{id}/sign", responses=problems(409))
def sign(id: PathId, body: Signature, session: Books, by: By, now: Now) -> CutoverAnswer:
    """Sign off what was seen; the opening entry is posted. Not by who brought the balances."""
    return CutoverAnswer.of(session, cutovers.sign(session, id, seen=body.digest, by=by, now=now))
