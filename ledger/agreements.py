"""Split agreements (分成协议): who takes part in a stage of a deal, and with what weight, before the money.

One who takes part proposes weights; everybody named accepts or refuses. A counter-proposal is a new
version. It is in force once all have accepted, and a milestone of the stage then uses it. Where somebody
refused, operations decide. What a version says, and each answer, is written once and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from ledger import accruals, audit, deals, facts, ids, participants, rights
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.states import AGREEMENT, advance
from ledger.db import Instant, Json, Row
from ledger.users import User

Answer = Literal["accepted", "refused"]
Kind = Literal["proposal", "decision"]
OPEN = ("proposed", "refused")  # somebody has yet to do something


class SplitAgreement(Row, table=True):
    """One version of the split of a stage. All but its state is what was proposed."""

    __tablename__ = "split_agreement"
    __table_args__ = (
        UniqueConstraint("deal_id", "stage", "version", name="uq_split_agreement"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    deal_id: str
    stage: str
    version: int
    weights: dict[str, str] = Field(sa_type=Json)  # by manager id
    note: str
    proposed_by: str
    proposed_at: datetime = Field(sa_type=Instant)
    kind: str  # proposal, or decision of operations
    state: str = Field(index=True)
    state_at: datetime = Field(sa_type=Instant)


class SplitAnswer(Row, table=True):
    """What one manager said to one version."""

    __tablename__ = "split_answer"
    __table_args__ = (
        UniqueConstraint("agreement_id", "manager_id", name="uq_split_answer"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    agreement_id: str
    manager_id: str = Field(index=True)
    answer: str
    reason: str
    answered_by: str
    answered_at: datetime = Field(sa_type=Instant)


def propose(
    session: Session,
    deal_id: str,
    *,
    stage: str,
    weights: Mapping[str, str],
    note: str = "",
    by: User,
    now: datetime,
) -> SplitAgreement:
    """Propose a split. Whoever proposes it and takes part has accepted it."""
    deal = deals.locked(session, deals.get(session, deal_id, by=by).id)
    rights.require(by, "agreement.propose", managers=deals.managers_of(session, deal_id))
    open_one = _open(session, deal_id, stage)
    if open_one is not None:
        raise Conflict(
            "agreement_open",
            "version {version} of this stage's split is not settled yet; answer or counter it",
            version=open_one.version,
        )
    return _made(session, deal, stage, weights, note, by=by, now=now)


def counter(
    session: Session,
    agreement_id: str,
    *,
    weights: Mapping[str, str],
    note: str = "",
    by: User,
    now: datetime,
) -> SplitAgreement:
    """Propose other weights instead: a new version, to be answered by all."""
    agreement, deal = _locked(session, agreement_id, by)
    rights.require(by, "agreement.propose", managers=deals.managers_of(session, deal.id))
    _step(agreement, "counter", now)
    return _made(session, deal, agreement.stage, weights, note, by=by, now=now)


def accept(session: Session, agreement_id: str, *, by: User, now: datetime) -> SplitAgreement:
    """Agree to a split one takes part in. With the last one it is in force."""
    return _answered(session, agreement_id, "accepted", "", by, now)


def refuse(session: Session, agreement_id: str, *, reason: str, by: User, now: datetime) -> SplitAgreement:
    """Disagree, with the reason. Unless somebody counters it, operations decide."""
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    return _answered(session, agreement_id, "refused", reason.strip()[:500], by, now)


def decide(
    session: Session,
    agreement_id: str,
    *,
    weights: Mapping[str, str],
    reason: str,
    by: User,
    now: datetime,
) -> SplitAgreement:
    """Operations settle a split that the participants do not: a new version, in force at once."""
    agreement, deal = _locked(session, agreement_id, by)
    concerned = {*agreement.weights, *weights}
    rights.require(by, "agreement.decide", managers=concerned, made_by=agreement.proposed_by)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    _step(agreement, "counter", now)
    return _made(session, deal, agreement.stage, weights, reason, by=by, now=now, kind="decision")


def ordain(
    session: Session,
    deal_id: str,
    *,
    stage: str,
    weights: Mapping[str, str],
    reason: str,
    by: User,
    now: datetime,
) -> SplitAgreement:
    """Operations settle a split that nobody proposed: a new version, in force at once."""
    deal = deals.locked(session, deal_id)
    rights.require(by, "agreement.decide", managers=weights)
    open_one = _open(session, deal_id, stage)
    if open_one is not None:
        _step(open_one, "counter", now)
    return _made(session, deal, stage, weights, reason, by=by, now=now, kind="decision")


def in_force(session: Session, deal_id: str, stage: str) -> SplitAgreement | None:
    """The split that a milestone of the stage uses."""
    query = select(SplitAgreement).where(
        SplitAgreement.deal_id == deal_id,
        SplitAgreement.stage == stage,
        SplitAgreement.state == "binding",
    )
    return session.exec(query).first()


def binding(session: Session, deal_id: str, stage: str, given: Mapping[str, str] | None) -> dict[str, str]:
    """The participants of a milestone: as agreed, or, where nothing is, as given.

    Conflict where something else is given than was agreed.
    """
    agreed = in_force(session, deal_id, stage)
    if agreed is None:
        participants.check(session, given or {})
        return participants.written(given or {})
    if given and not participants.same(given, agreed.weights):
        raise Conflict(
            "split_agreed",
            "the split of this stage is agreed, version {version}: {weights}; leave the weights out, or"
            " propose another split",
            version=agreed.version,
            weights=", ".join(f"{manager} {weight}" for manager, weight in agreed.weights.items()),
        )
    return dict(agreed.weights)


def check_settled(session: Session, deal_id: str, stage: str) -> None:
    """Conflict, while a refusal waits for operations to decide."""
    open_one = _open(session, deal_id, stage)
    if open_one is not None and open_one.state == "refused":
        raise Conflict(
            "split_disputed",
            "version {version} of this stage's split was refused; decide it first",
            version=open_one.version,
        )


def get(session: Session, agreement_id: str, *, by: User) -> SplitAgreement:
    """One version the user may see, or NotFound."""
    found = session.get(SplitAgreement, agreement_id)
    if found is None or not rights.allows(
        by, "agreement.see", managers=deals.managers_of(session, found.deal_id)
    ):
        raise NotFound("agreement_unknown", "there is no split agreement {id}", id=agreement_id)
    return found


def of_deal(session: Session, deal_id: str, *, by: User) -> list[SplitAgreement]:
    """Every version of every stage of a deal the user may see."""
    deals.get(session, deal_id, by=by)
    query = select(SplitAgreement).where(SplitAgreement.deal_id == deal_id)
    return list(session.exec(query.order_by(SplitAgreement.stage, col(SplitAgreement.version))))


def standing(session: Session, deal_id: str) -> list[SplitAgreement]:
    """Of each stage of a deal the version in force and the one somebody has yet to do something about."""
    query = select(SplitAgreement).where(
        SplitAgreement.deal_id == deal_id, col(SplitAgreement.state).in_(("binding", *OPEN))
    )
    return list(session.exec(query.order_by(SplitAgreement.stage, col(SplitAgreement.version))))


def listing(
    session: Session,
    *,
    by: User,
    deal_id: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[SplitAgreement]:
    """Versions the user may see, the latest proposed first, from before a cursor."""
    query = select(SplitAgreement).order_by(col(SplitAgreement.id).desc()).limit(limit)
    if mine := rights.reach(by, "agreement.see"):
        query = query.where(col(SplitAgreement.deal_id).in_(_deals_of(mine)))
    if deal_id:
        query = query.where(SplitAgreement.deal_id == deal_id)
    if state:
        query = query.where(SplitAgreement.state == state)
    if before:
        query = query.where(SplitAgreement.id < before)
    return list(session.exec(query))


def _deals_of(manager_id: str | None) -> SelectOfScalar[str]:
    return select(deals.DealManager.deal_id).where(deals.DealManager.manager_id == manager_id)


def answers(session: Session, agreement_ids: Iterable[str]) -> list[SplitAnswer]:
    """What was said to some versions, in the order it was said."""
    query = select(SplitAnswer).where(col(SplitAnswer.agreement_id).in_(list(agreement_ids)))
    return list(session.exec(query.order_by(col(SplitAnswer.answered_at), col(SplitAnswer.id))))


def awaiting(session: Session, manager_id: str) -> list[SplitAgreement]:
    """Proposals that a manager has yet to answer, the oldest first."""
    answered = select(SplitAnswer.agreement_id).where(SplitAnswer.manager_id == manager_id)
    query = select(SplitAgreement).where(
        SplitAgreement.state == "proposed",
        col(SplitAgreement.deal_id).in_(_deals_of(manager_id)),
        col(SplitAgreement.id).not_in(answered),
    )
    found = session.exec(query.order_by(col(SplitAgreement.proposed_at), SplitAgreement.id))
    return [one for one in found if manager_id in one.weights]


def disputed(session: Session, *, limit: int = 50) -> list[SplitAgreement]:
    """Refused splits that wait for operations, the oldest first."""
    query = select(SplitAgreement).where(SplitAgreement.state == "refused")
    return list(session.exec(query.order_by(col(SplitAgreement.state_at), SplitAgreement.id).limit(limit)))


# --- steps


def _made(
    session: Session,
    deal: deals.Deal,
    stage: str,
    weights: Mapping[str, str],
    note: str,
    *,
    by: User,
    now: datetime,
    kind: Kind = "proposal",
) -> SplitAgreement:
    """A new version; in force at once where nobody else has to answer it."""
    _check_stage(session, deal, stage)
    participants.check(session, weights)
    last = session.exec(
        select(func.max(SplitAgreement.version)).where(
            SplitAgreement.deal_id == deal.id, SplitAgreement.stage == stage
        )
    ).one()
    agreement = SplitAgreement(
        id=ids.new("ag"),
        deal_id=deal.id,
        stage=stage,
        version=(last or 0) + 1,
        weights=participants.written(weights),
        note=note.strip()[:500],
        proposed_by=by.id,
        proposed_at=now,
        kind=kind,
        state="proposed",
        state_at=now,
    )
    session.add(agreement)
    told = "agreement.decide" if kind == "decision" else "agreement.propose"
    audit.changed(session, by, told, agreement, now=now)
    session.flush()
    deals.involve(session, deal.id, weights)
    if by.manager_id is not None and by.manager_id in agreement.weights:
        _answer(session, agreement, by.manager_id, "accepted", "", by, now)
    if kind == "decision" or _all_accepted(session, agreement):
        _into_force(session, agreement, now)
    return agreement


def _check_stage(session: Session, deal: deals.Deal, stage: str) -> None:
    stages = [known.id for known in accruals.plan_of(session, deal).stages]
    if stage not in stages:
        raise Invalid(
            "stage_unknown",
            "the deal's plan has no stage “{stage}”; it has {stages}",
            stage=stage,
            stages=", ".join(stages),
        )
    rows = [fact for fact in facts.of_deal(session, deal.id) if fact.stage == stage]
    undone = max((fact.fact_on for fact in rows if fact.type == "milestone_withdrawn"), default=date.min)
    if any(fact.type == "milestone" and fact.fact_on > undone for fact in rows):
        raise Conflict(
            "stage_verified",
            "stage “{stage}” is verified and its split with it; log a milestone with other weights instead",
            stage=stage,
        )


def _answered(
    session: Session, agreement_id: str, answer: Answer, reason: str, by: User, now: datetime
) -> SplitAgreement:
    agreement, _ = _locked(session, agreement_id, by)
    rights.require(by, "agreement.answer", managers=agreement.weights)
    manager_id = by.manager_id or ""
    there = next((one for one in answers(session, [agreement.id]) if one.manager_id == manager_id), None)
    if there is not None and there.answer == answer:
        return agreement
    if there is not None:
        raise Conflict(
            "agreement_answered",
            "you have answered version {version} already; counter it to propose other weights",
            version=agreement.version,
        )
    step = "refuse" if answer == "refused" else "accept"
    state = advance(AGREEMENT, "split agreement", agreement.state, step)

    _answer(session, agreement, manager_id, answer, reason, by, now)
    agreement.state, agreement.state_at = state, now
    if _all_accepted(session, agreement):
        _into_force(session, agreement, now)
    return agreement


def _answer(
    session: Session,
    agreement: SplitAgreement,
    manager_id: str,
    answer: Answer,
    reason: str,
    by: User,
    now: datetime,
) -> None:
    given = SplitAnswer(
        id=ids.new("an"),
        agreement_id=agreement.id,
        manager_id=manager_id,
        answer=answer,
        reason=reason,
        answered_by=by.id,
        answered_at=now,
    )
    session.add(given)
    audit.note(session, by, "agreement.answer", agreement.id, after={"answer": answer}, now=now)
    session.flush()


def _all_accepted(session: Session, agreement: SplitAgreement) -> bool:
    said = {one.manager_id for one in answers(session, [agreement.id]) if one.answer == "accepted"}
    return said >= set(agreement.weights)


def _into_force(session: Session, agreement: SplitAgreement, now: datetime) -> None:
    """This version counts from now on, and the one before it no longer."""
    before = in_force(session, agreement.deal_id, agreement.stage)
    if before is not None:
        _step(before, "replace", now)
    _step(agreement, "agree", now)
    session.flush()


def _step(agreement: SplitAgreement, step: str, now: datetime) -> None:
    agreement.state = advance(AGREEMENT, "split agreement", agreement.state, step)
    agreement.state_at = now


def _open(session: Session, deal_id: str, stage: str) -> SplitAgreement | None:
    query = select(SplitAgreement).where(
        SplitAgreement.deal_id == deal_id,
        SplitAgreement.stage == stage,
        col(SplitAgreement.state).in_(OPEN),
    )
    return session.exec(query).first()


def _locked(session: Session, agreement_id: str, by: User) -> tuple[SplitAgreement, deals.Deal]:
    """The version, with its deal's row held, so that two answers cannot pass each other."""
    found = get(session, agreement_id, by=by)
    deal = deals.locked(session, found.deal_id)
    session.refresh(found)
    return found, deal
