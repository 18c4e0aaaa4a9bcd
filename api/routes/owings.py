"""Owing (离任欠款): what somebody who left owes, repaid or given up."""

from __future__ import annotations

from sqlmodel import Session

from api.doors import Books, By, Now, noun
from api.values import Amount, Answer, Body, Day, PathId, Reason, Reference
from ledger import owings
from ledger.core.money import format_minor, parse_minor
from ledger.users import User

router = noun("owings")


class Leaving(Body):
    """Why they leave owing."""

    reason: Reason


class Repayment(Body):
    """What came back. The same reference again is the same payment."""

    amount: Amount
    on: Day
    ref: Reference


class WritingOff(Body):
    """What is given up, and why."""

    amount: Amount
    reason: Reason


class OwingAnswer(Answer):
    """What a manager who left owes now, in CNY."""

    manager_id: str
    owed: Amount


class StandingAnswer(Answer):
    """What stands against a manager, in CNY: a debt, and what is set against the next earnings."""

    manager_id: str
    owed: Amount
    against: Amount


def _owed(session: Session, id: str, by: User) -> OwingAnswer:
    return OwingAnswer(manager_id=id, owed=format_minor(owings.of(session, id, by=by), "CNY"))


@router.get("")
def listing(session: Books, by: By) -> list[StandingAnswer]:
    """Everybody against whom something stands."""
    return [
        StandingAnswer(
            manager_id=one.manager_id,
            owed=format_minor(one.owed_minor, "CNY"),
            against=format_minor(one.against_minor, "CNY"),
        )
        for one in owings.listing(session, by=by)
    ]


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> OwingAnswer:
    """What one owes."""
    return _owed(session, id, by)


@router.post("/{id}/leave")
def leave(id: PathId, body: Leaving, session: Books, by: By, now: Now) -> OwingAnswer:
    """They leave owing: what stands against them becomes a debt of its own."""
    owings.leave(session, id, reason=body.reason, by=by, now=now)
    return _owed(session, id, by)


@router.post("/{id}/repay")
def repay(id: PathId, body: Repayment, session: Books, by: By, now: Now) -> OwingAnswer:
    """They paid some of it back."""
    amount = parse_minor(body.amount, "CNY")
    owings.repay(session, id, amount_minor=amount, on=body.on, ref=body.ref, by=by, now=now)
    return _owed(session, id, by)


@router.post("/{id}/write-off")
def write_off(id: PathId, body: WritingOff, session: Books, by: By, now: Now) -> OwingAnswer:
    """Some of it is given up."""
    amount = parse_minor(body.amount, "CNY")
    owings.write_off(session, id, amount_minor=amount, reason=body.reason, by=by, now=now)
    return _owed(session, id, by)
