"""Milestones (里程碑): a deal reached a stage. A manager logs it, operations verify it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from sqlmodel import Field, Session, col, select

from ledger import (
    accruals,
    agreements,
    audit,
    deals,
    facts,
    handovers,
    ids,
    managers,
    needs,
    rights,
    users,
)
from ledger.core import entry as core_entry
from ledger.core import facts as core
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import MILESTONE, advance
from ledger.db import Instant, Json, Row
from ledger.participants import same
from ledger.participants import weight as weight
from ledger.users import User


class Milestone(Row, table=True):
    """One claim that a deal reached a stage, with who took part. Verified, it is a fact."""

    __tablename__ = "milestone"

    id: str = Field(primary_key=True)
    deal_id: str = Field(index=True)
    stage: str
    reached_on: date
    participants: dict[str, str] = Field(sa_type=Json)  # weight by manager id
    note: str = ""
    state: str = Field(index=True)
    logged_by: str
    logged_at: datetime = Field(sa_type=Instant)
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = None  # why it was rejected or withdrawn
    fact_id: str | None = None
    agreement_id: str | None = None  # the split agreement its participants come from


def log(
    session: Session,
    *,
    deal_id: str,
    stage: str,
    reached_on: date,
    participants: Mapping[str, str] | None = None,
    note: str = "",
    submit: bool = True,
    by: User,
    now: datetime,
) -> Milestone:
    """Log a milestone, as a draft or straight to operations.

    Without participants they are those of the stage's split agreement.
    """
    deal = deals.get(session, deal_id, by=by)
    rights.require(by, "milestone.log", managers=deals.managers_of(session, deal_id))
    _known_stage(session, deal, stage)
    taking_part = agreements.binding(session, deal_id, stage, participants)
    handovers.check(session, deal_id, reached_on, taking_part)

    milestone = Milestone(
        id=ids.new("ms"),
        deal_id=deal_id,
        stage=stage,
        reached_on=needs.not_later(reached_on, now),
        participants=taking_part,
        note=note.strip(),
        state="submitted" if submit else "draft",
        logged_by=by.id,
        logged_at=now,
        submitted_at=now if submit else None,
    )
    session.add(milestone)
    audit.changed(session, by, "milestone.log", milestone, now=now)
    session.flush()
    deals.involve(session, deal_id, taking_part)
    return milestone


def log_first(session: Session, deal: deals.Deal, need: needs.Need, *, by: User, now: datetime) -> Milestone:
    """The stage a deal begins with, reached by finding its need: logged for whoever logged that.

    It is their claim, not that of who opens the deal, who may therefore verify it.
    """
    finder = users.get(session, need.logged_by)
    first = accruals.plan_of(session, deal).stages[0].id
    agreed = agreements.in_force(session, deal.id, first)  # a contested claim that was decided
    return log(
        session,
        deal_id=deal.id,
        stage=first,
        reached_on=need.found_on,
        participants={} if agreed else {need.manager_id or "": "1"},
        by=finder if finder.manager_id == need.manager_id else by,
        now=now,
    )


def _known_stage(session: Session, deal: deals.Deal, stage: str) -> None:
    stages = [known.id for known in accruals.plan_of(session, deal).stages]
    if stage not in stages:
        raise Invalid(
            "stage_unknown",
            "the deal's plan has no stage “{stage}”; it has {stages}",
            stage=stage,
            stages=", ".join(stages),
        )


def change(
    session: Session,
    milestone_id: str,
    *,
    reached_on: date,
    participants: Mapping[str, str] | None = None,
    note: str,
    by: User,
    now: datetime,
) -> Milestone:
    """Change a draft or a rejected milestone; it is a draft again."""
    milestone = _locked(session, milestone_id, by)
    rights.require(by, "milestone.log", managers=deals.managers_of(session, milestone.deal_id))
    taking_part = agreements.binding(session, milestone.deal_id, milestone.stage, participants)
    handovers.check(session, milestone.deal_id, reached_on, taking_part)
    milestone.state = advance(MILESTONE, "milestone", milestone.state, "change")

    milestone.reached_on, milestone.note = needs.not_later(reached_on, now), note.strip()
    milestone.participants = taking_part
    audit.changed(session, by, "milestone.change", milestone, now=now)
    deals.involve(session, milestone.deal_id, taking_part)
    return milestone


def submit(session: Session, milestone_id: str, *, by: User, now: datetime) -> Milestone:
    """Hand a draft to operations."""
    milestone = _locked(session, milestone_id, by)
    rights.require(by, "milestone.log", managers=deals.managers_of(session, milestone.deal_id))
    milestone.state = advance(MILESTONE, "milestone", milestone.state, "submit")

    milestone.submitted_at, milestone.reason = now, None
    audit.changed(session, by, "milestone.submit", milestone, now=now)
    return milestone


def verify(session: Session, milestone_id: str, *, by: User, now: datetime) -> Milestone:
    """Accept a milestone as true. What everyone earned on the deal is brought up to date."""
    milestone = _locked(session, milestone_id, by)
    _take_agreed(session, milestone)
    rights.require(by, "milestone.verify", managers=milestone.participants, made_by=milestone.logged_by)
    state = advance(MILESTONE, "milestone", milestone.state, "verify")
    deal = deals.locked(session, milestone.deal_id)
    handovers.check(session, deal.id, milestone.reached_on, milestone.participants)
    new = as_fact(session, milestone)

    fact = facts.record(session, deal.id, new, ref=milestone.id, by=by.id, now=now).fact
    milestone.state, milestone.decided_by, milestone.decided_at = state, by.id, now
    milestone.fact_id = fact.id
    audit.changed(session, by, "milestone.verify", milestone, now=now)
    accruals.settle(session, deal, now=now, because=[fact.id], by=by.id)
    return milestone


def _take_agreed(session: Session, milestone: Milestone) -> None:
    """The split in force now is the one that counts, also where it came after the milestone was logged."""
    agreements.check_settled(session, milestone.deal_id, milestone.stage)
    agreed = agreements.in_force(session, milestone.deal_id, milestone.stage)
    if agreed is not None:
        milestone.participants, milestone.agreement_id = dict(agreed.weights), agreed.id


def as_fact(
    session: Session, milestone: Milestone, participants: Mapping[str, str] | None = None
) -> core.Milestone:
    """The fact a milestone becomes, or would with others taking part.

    With everybody's grade on its day, the newest of that day.
    """
    taking_part = participants or milestone.participants
    undone = [
        fact.fact_on
        for fact in facts.of_deal(session, milestone.deal_id)
        if fact.type == "milestone_withdrawn" and fact.stage == milestone.stage
    ]
    if undone and milestone.reached_on <= max(undone):
        raise Conflict(
            "milestone_undone",
            "this stage was withdrawn as of {day}; a milestone of it counts only from the day after",
            day=max(undone),
        )
    grades = managers.grades_on(session, taking_part, milestone.reached_on)
    people = tuple(
        core.Participant(manager, Fraction(text), grades.get(manager))
        for manager, text in sorted(taking_part.items())
    )
    seq = facts.next_seq(session, milestone.deal_id)
    return core.Milestone(milestone.reached_on, milestone.stage, people, seq)


def preview(session: Session, milestone_id: str, *, by: User, now: datetime) -> Sequence[core_entry.Entry]:
    """The entries that verifying it now would post. Nothing is written."""
    rights.require(by, "books.see")
    milestone = get(session, milestone_id, by=by)
    advance(MILESTONE, "milestone", milestone.state, "verify")
    deal = deals.get(session, milestone.deal_id, by=by)
    return accruals.preview(session, deal, [as_fact(session, milestone)], now=now).entries


def reject(session: Session, milestone_id: str, *, reason: str, by: User, now: datetime) -> Milestone:
    """Send a milestone back to who logged it, with the reason."""
    milestone = _locked(session, milestone_id, by)
    rights.require(by, "milestone.verify", managers=milestone.participants, made_by=milestone.logged_by)
    milestone.state = advance(MILESTONE, "milestone", milestone.state, "reject")

    milestone.reason = _reason(reason)
    milestone.decided_by, milestone.decided_at = by.id, now
    audit.changed(session, by, "milestone.reject", milestone, now=now)
    return milestone


def withdraw(
    session: Session, milestone_id: str, *, reason: str, on: date, by: User, now: datetime
) -> Milestone:
    """A verified milestone turns out untrue. The fact stays; another takes it back from a day on."""
    milestone = _locked(session, milestone_id, by)
    rights.require(by, "milestone.withdraw", managers=milestone.participants)
    state = advance(MILESTONE, "milestone", milestone.state, "withdraw")
    deal = deals.locked(session, milestone.deal_id)
    if on < milestone.reached_on:
        raise Invalid(
            "withdrawn_before", "a milestone of {day} cannot be withdrawn before it", day=milestone.reached_on
        )

    new = core.MilestoneWithdrawn(needs.not_later(on, now), milestone.stage, facts.next_seq(session, deal.id))
    fact = facts.record(session, deal.id, new, by=by.id, now=now, note=_reason(reason)).fact
    for other in of_deal(session, deal.id):
        if other.state == "verified" and other.stage == milestone.stage and other.reached_on <= on:
            other.state, other.reason, other.decided_by, other.decided_at = state, reason, by.id, now
            audit.changed(session, by, "milestone.withdraw", other, now=now)
    accruals.settle(session, deal, now=now, because=[fact.id], by=by.id)
    return milestone


def share(
    session: Session,
    milestone_id: str,
    *,
    participants: Mapping[str, str] | None = None,
    reason: str,
    by: User,
    now: datetime,
) -> Milestone:
    """Other people, or other weights, took part in a verified milestone: a new fact of the same day.

    Without participants they are those of the stage's split agreement.
    """
    milestone = _locked(session, milestone_id, by)
    taking_part = agreements.binding(session, milestone.deal_id, milestone.stage, participants)
    rights.require(by, "milestone.share", managers={*milestone.participants, *taking_part})
    _check_counts(session, milestone)
    if same(taking_part, milestone.participants):
        raise Conflict("participants_same", "this is how it is shared already")
    why, deal = _reason(reason), deals.locked(session, milestone.deal_id)

    new = as_fact(session, milestone, taking_part)
    fact = facts.record(session, deal.id, new, corrects=milestone.fact_id, by=by.id, now=now, note=why).fact
    milestone.participants, milestone.fact_id = taking_part, fact.id
    milestone.decided_by, milestone.decided_at = by.id, now
    noted = audit.changed(session, by, "milestone.share", milestone, now=now)
    noted.after = {**noted.after, "reason": why}
    deals.involve(session, deal.id, taking_part)
    accruals.settle(session, deal, now=now, because=[fact.id], by=by.id)
    return milestone


def _check_counts(session: Session, milestone: Milestone) -> None:
    """Conflict, unless it is verified and the latest of its stage, which alone says who took part."""
    advance(MILESTONE, "milestone", milestone.state, "share")
    fact = facts.get(session, milestone.fact_id or "")
    of_stage = [
        one
        for one in facts.of_deal(session, milestone.deal_id)
        if one.type == "milestone" and one.stage == milestone.stage
    ]
    if max(of_stage, key=lambda one: (one.fact_on, one.seq)).id != fact.id:
        raise Conflict(
            "milestone_not_latest", "a later milestone of this stage says who took part; change that one"
        )


def _reason(text: str) -> str:
    if not text.strip():
        raise Invalid("reason_missing", "say why")
    return text.strip()[:500]


def _locked(session: Session, milestone_id: str, by: User) -> Milestone:
    """The milestone, with its deal's row held, so that two people cannot decide at once."""
    found = get(session, milestone_id, by=by)
    deals.locked(session, found.deal_id)
    session.refresh(found)
    return found


def get(session: Session, milestone_id: str, *, by: User) -> Milestone:
    """One milestone the user may see, or NotFound."""
    found = session.get(Milestone, milestone_id)
    if found is None or not rights.allows(
        by, "milestone.see", managers=deals.managers_of(session, found.deal_id)
    ):
        raise NotFound("milestone_unknown", "there is no milestone {id}", id=milestone_id)
    return found


def of_deal(session: Session, deal_id: str) -> list[Milestone]:
    """Every milestone of a deal, by the day it was reached."""
    query = select(Milestone).where(Milestone.deal_id == deal_id)
    return list(session.exec(query.order_by(col(Milestone.reached_on), col(Milestone.id))))


def of_deals(session: Session, deal_ids: Iterable[str]) -> dict[str, list[Milestone]]:
    """The same of several deals."""
    found: dict[str, list[Milestone]] = defaultdict(list)
    query = select(Milestone).where(col(Milestone.deal_id).in_(sorted(set(deal_ids))))
    for one in session.exec(query.order_by(col(Milestone.reached_on), col(Milestone.id))):
        found[one.deal_id].append(one)
    return found


def listing(
    session: Session,
    *,
    by: User,
    state: str | None = None,
    deal_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Milestone]:
    """Milestones the user may see, the latest first, from before a cursor."""
    query = select(Milestone).order_by(col(Milestone.id).desc()).limit(limit)
    if mine := rights.reach(by, "milestone.see"):
        own = select(deals.DealManager.deal_id).where(deals.DealManager.manager_id == mine)
        query = query.where(col(Milestone.deal_id).in_(own))
    if state:
        query = query.where(Milestone.state == state)
    if deal_id:
        query = query.where(Milestone.deal_id == deal_id)
    if before:
        query = query.where(Milestone.id < before)
    return list(session.exec(query))


def waiting(session: Session, *, limit: int = 50) -> list[Milestone]:
    """Milestones that wait to be verified, the oldest first."""
    query = select(Milestone).where(Milestone.state == "submitted")
    return list(session.exec(query.order_by(col(Milestone.submitted_at), col(Milestone.id)).limit(limit)))


# Of several milestones of one stage, the one that says most is shown.
_TELLING = ("draft", "rejected", "submitted", "verified")


def progress(session: Session, deal_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """How far some deals have come: the state of each stage that has a milestone, by deal."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    query = select(Milestone.deal_id, Milestone.stage, Milestone.state).where(
        col(Milestone.deal_id).in_(sorted(set(deal_ids))), col(Milestone.state).in_(_TELLING)
    )
    for deal_id, stage, state in session.exec(query.distinct()):
        shown = found[deal_id].get(stage, "draft")
        found[deal_id][stage] = max(shown, state, key=_TELLING.index)
    return found
