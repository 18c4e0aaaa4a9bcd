"""The payout policy (付款制度) in dated versions: drafted by one person, put in force by another."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Session, col, func, select

from ledger import audit, ids, rights
from ledger.clock import day_of
from ledger.core import policy as core
from ledger.core.errors import Forbidden, Invalid, NotFound
from ledger.core.policy import Policy
from ledger.core.states import POLICY, advance
from ledger.db import Instant, Json, Row
from ledger.users import User

APPROVERS = ("finance", "operator")  # the roles a policy may ask to approve


class PayoutPolicy(Row, table=True):
    """One version. The one in force on a day is the latest published that is effective by then."""

    __tablename__ = "payout_policy"

    id: str = Field(primary_key=True)
    version: int = Field(unique=True)
    state: str
    content: dict[str, Any] = Field(sa_type=Json)
    digest: str
    effective_on: date | None = None
    drafted_by: str
    drafted_at: datetime = Field(sa_type=Instant)
    published_by: str | None = None
    published_at: datetime | None = Field(default=None, sa_type=Instant)


def draft(session: Session, policy: Policy, *, by: User, now: datetime) -> PayoutPolicy:
    """A new version, not in force yet. The same as an open draft is that draft."""
    rights.require(by, "policy.edit")
    core.checked(policy, APPROVERS)
    same = select(PayoutPolicy).where(PayoutPolicy.state == "draft", PayoutPolicy.digest == policy.digest)
    known = session.exec(same).first()
    if known is not None:
        return known

    last = session.exec(select(func.max(PayoutPolicy.version))).one()
    version = PayoutPolicy(
        id=ids.new("pp"),
        version=(last or 0) + 1,
        state="draft",
        content=policy.to_data(),
        digest=policy.digest,
        drafted_by=by.id,
        drafted_at=now,
    )
    session.add(version)
    audit.changed(session, by, "policy.draft", version, now=now)
    session.flush()
    return version


def publish(
    session: Session, version_id: str, *, effective_on: date, by: User, now: datetime
) -> PayoutPolicy:
    """Put a draft in force from a day on, today or later. It takes somebody other than who drafted it."""
    rights.require(by, "policy.edit")
    version = get(session, version_id)
    if version.state == "published" and version.effective_on == effective_on:
        return version
    if by.id == version.drafted_by:
        raise Forbidden("policy_own", "a payout policy is put in force by somebody other than who drafted it")
    if effective_on < day_of(now):
        raise Invalid(
            "policy_in_past", "a policy is in force from today or later, not from {day}", day=effective_on
        )
    version.state = advance(POLICY, "policy", version.state, "publish")

    version.effective_on, version.published_by, version.published_at = effective_on, by.id, now
    audit.changed(session, by, "policy.publish", version, now=now)
    session.flush()
    return version


def get(session: Session, version_id: str) -> PayoutPolicy:
    """One version, or NotFound."""
    found = session.get(PayoutPolicy, version_id)
    if found is None:
        raise NotFound("policy_unknown", "there is no payout policy {id}", id=version_id)
    return found


def in_force(session: Session, day: date) -> Policy:
    """What holds on a day; before any policy was published, the first."""
    found = version_on(session, day)
    return core.from_data(found.content) if found else core.FIRST


def version_on(session: Session, day: date) -> PayoutPolicy | None:
    """The version in force on a day, if any was published."""
    query = select(PayoutPolicy).where(
        PayoutPolicy.state == "published", col(PayoutPolicy.effective_on) <= day
    )
    return session.exec(
        query.order_by(col(PayoutPolicy.effective_on).desc(), col(PayoutPolicy.version).desc())
    ).first()


def listing(session: Session, *, by: User) -> list[PayoutPolicy]:
    """Every version, the latest first."""
    rights.require(by, "policy.see")
    return list(session.exec(select(PayoutPolicy).order_by(col(PayoutPolicy.version).desc())))
