"""Handing a deal over (移交): who leaves gives an open deal to somebody else from a day on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Day, Id, Instant, Reason
from ledger import deals, handovers, leavings
from ledger.handovers import Handover

router = noun("handovers")


class NewHandover(Body):
    """Whose place on a deal is whose, from which day on, and why."""

    deal_id: Id
    from_manager: Id
    to_manager: Id
    from_on: Day
    reason: Reason


class HandoverAnswer(Answer):
    """One handover."""

    id: str
    deal_id: str
    from_manager_id: str
    to_manager_id: str
    from_on: Day
    reason: str
    decided_by: str
    decided_at: Instant

    @classmethod
    def of(cls, given: Handover) -> HandoverAnswer:
        """The handover as it is answered."""
        return cls.model_validate(given)


@router.get("")
def listing(
    session: Books, by: By, deal: Annotated[Id, Query(description="Of which deal.")]
) -> list[HandoverAnswer]:
    """The handovers of a deal, in order."""
    found = handovers.of_deal(session, deals.get(session, deal, by=by).id)
    return [HandoverAnswer.of(one) for one in found]


@router.post("", status_code=201)
def hand_over(body: NewHandover, session: Books, by: By, now: Now) -> HandoverAnswer:
    """Hand a deal over. What was earned stays with who earned it."""
    return HandoverAnswer.of(leavings.hand_over(session, **body.model_dump(), by=by, now=now))
