"""Deals (成果转化项目): opened from a need, under the plan version in force that day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from fractions import Fraction
from itertools import islice

from sqlalchemy import BigInteger, ColumnElement, and_, or_
from sqlmodel import Field, Session, col, func, select

from ledger import accruals, audit, db, facts, ids, managers, needs, organisations, plans, rights
from ledger.clock import day_of
from ledger.core import facts as core
from ledger.core.entry import HELD
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.journal import Posting
from ledger.needs import Need
from ledger.users import User


class Deal(Row, table=True):
    """One deal. Whether it is cancelled, and what was earned on it, is in its facts."""

    __tablename__ = "deal"

    id: str = Field(primary_key=True)
    title: str
    need_id: str | None = Field(default=None, unique=True)
    client_id: str = Field(index=True)
    source_id: str | None = None
    category: str | None = None
    mode: str | None = None
    currency: str
    expected_fee_minor: int | None = Field(default=None, sa_type=BigInteger)
    tax_rate: str | None = None
    plan_version_id: str = Field(index=True)
    opened_on: date
    opened_by: str
    opened_at: datetime = Field(sa_type=Instant)
    settled_no: int = 0

    def as_value(self) -> core.Deal:
        """The deal as the engine knows it."""
        return core.Deal(
            id=self.id,
            category=self.category,
            mode=self.mode,
            expected_fee_minor=self.expected_fee_minor,
            tax_rate=Fraction(self.tax_rate) if self.tax_rate else None,
            title=self.title,
            opened_on=self.opened_on,
        )


class DealManager(Row, table=True):
    """A manager who has something to do with a deal, and may therefore see it."""

    __tablename__ = "deal_manager"

    deal_id: str = Field(primary_key=True)
    manager_id: str = Field(primary_key=True, index=True)


def open_from(
    session: Session,
    need: needs.Need,
    *,
    plan_id: str,
    expected_fee_minor: int,
    source: str | None = None,
    category: str | None = None,
    mode: str | None = None,
    tax_rate: Fraction | None = None,
    id: str | None = None,
    title: str | None = None,
    by: User,
    now: datetime,
) -> Deal:
    """Open a deal from a need. It keeps the plan version in force today."""
    rights.require(by, "deal.open")
    deal_id = ids.given(id, "deal") if id else ids.new("dl")
    if session.get(Deal, deal_id) is not None:
        raise Conflict("deal_exists", "there is already a deal {id}", id=deal_id)
    if expected_fee_minor <= 0:
        raise Invalid("expected_fee", "the expected fee is above zero")
    version = plans.in_force(session, plan_id, day_of(now))
    needs.match(session, need)

    deal = Deal(
        id=deal_id,
        title=(title or need.title).strip(),
        need_id=need.id,
        client_id=need.client_id,
        source_id=organisations.named(session, source, now=now).id if source else None,
        category=category,
        mode=mode,
        currency=version.currency,
        expected_fee_minor=expected_fee_minor,
        tax_rate=str(tax_rate) if tax_rate is not None else None,
        plan_version_id=version.id,
        opened_on=day_of(now),
        opened_by=by.id,
        opened_at=now,
    )
    check_condition(deal, version)
    session.add(deal)
    audit.changed(session, by, "deal.open", deal, now=now)
    session.flush()
    involve(session, deal.id, [need.manager_id] if need.manager_id else [])
    return deal


def check_condition(deal: Deal, version: plans.PlanVersion) -> None:
    """Conflict, if the plan's `when` refuses the deal."""
    if not plans.is_for(version, deal.as_value()):
        raise Conflict(
            "plan_refuses_deal",
            "plan “{plan}” is not for this deal: {when}",
            plan=version.plan_id,
            when=plans.value(version).when,
        )


def involve(session: Session, deal_id: str, manager_ids: Iterable[str]) -> None:
    """These managers have to do with the deal from now on."""
    wanted = sorted(set(manager_ids))
    there = set(
        session.exec(
            select(DealManager.manager_id).where(
                DealManager.deal_id == deal_id, col(DealManager.manager_id).in_(wanted)
            )
        )
    )
    db.insert_rows(
        session, DealManager, [{"deal_id": deal_id, "manager_id": m} for m in wanted if m not in there]
    )


def managers_of(session: Session, deal_id: str) -> list[str]:
    """Who has to do with a deal."""
    query = select(DealManager.manager_id).where(DealManager.deal_id == deal_id)
    return list(session.exec(query.order_by(DealManager.manager_id)))


def locked(session: Session, deal_id: str) -> Deal:
    """One deal, held until the transaction ends: tiers and caps span all of it."""
    accruals.begin(session)
    found = session.exec(
        select(Deal).where(Deal.id == deal_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("deal_unknown", "there is no deal {id}", id=deal_id)
    return found


def get(session: Session, deal_id: str, *, by: User) -> Deal:
    """One deal the user may see, or NotFound."""
    found = session.get(Deal, deal_id)
    if found is None or not rights.allows(by, "deal.see", managers=managers_of(session, deal_id)):
        raise NotFound("deal_unknown", "there is no deal {id}", id=deal_id)
    return found


def listing(
    session: Session,
    *,
    by: User,
    text: str = "",
    manager_id: str | None = None,
    client_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Deal]:
    """Deals the user may see, the latest opened first, from before one; those a text or somebody is in."""
    query = select(Deal).order_by(col(Deal.opened_on).desc(), col(Deal.id).desc()).limit(limit)
    if text:
        query = query.where(_holds(text))
    if manager_id:
        theirs = select(DealManager.deal_id).where(DealManager.manager_id == manager_id)
        query = query.where(col(Deal.id).in_(theirs))
    if client_id:
        query = query.where(Deal.client_id == client_id)
    if mine := rights.reach(by, "deal.see"):
        own = select(DealManager.deal_id).where(DealManager.manager_id == mine)
        query = query.where(col(Deal.id).in_(own))
    if before:
        query = query.where(_opened_before(before))
    return list(session.exec(query))


def clients_of(session: Session, by: User) -> frozenset[str]:
    """The organisations of a manager's own needs and deals; of anybody else none are their own."""
    if by.manager_id is None:
        return frozenset()
    mine = select(DealManager.deal_id).where(DealManager.manager_id == by.manager_id)
    of_deals = session.exec(select(Deal.client_id).where(col(Deal.id).in_(mine)))
    of_needs = session.exec(select(Need.client_id).where(Need.manager_id == by.manager_id))
    return frozenset(of_deals) | frozenset(of_needs)


def _opened_before(deal_id: str) -> ColumnElement[bool]:
    """Whether a deal comes after that one in the list: ids may be anything, days tell."""
    day = select(col(Deal.opened_on)).where(Deal.id == deal_id).scalar_subquery()
    return or_(col(Deal.opened_on) < day, and_(col(Deal.opened_on) == day, col(Deal.id) < deal_id))


def _holds(text: str) -> ColumnElement[bool]:
    """Whether a deal's title, its client's name or its id is, or holds, a text."""
    clients = select(organisations.Organisation.id).where(
        col(organisations.Organisation.name).contains(text, autoescape=True)
    )
    return or_(
        col(Deal.title).contains(text, autoescape=True),
        col(Deal.client_id).in_(clients),
        col(Deal.id) == text,
    )


def by_id(session: Session, deal_ids: Iterable[str]) -> dict[str, Deal]:
    """Some deals, whoever asks."""
    wanted = sorted(set(deal_ids))
    if not wanted:
        return {}
    return {deal.id: deal for deal in session.exec(select(Deal).where(col(Deal.id).in_(wanted)))}


def held_until_a_day(session: Session) -> list[str]:
    """Deals of which something is held that a day releases by itself, in order."""
    versions = [one.id for one in plans.listing(session) if plans.holds_for_days(one)]
    held = (
        select(Posting.deal_id)
        .where(Posting.account == HELD)
        .group_by(Posting.deal_id)
        .having(func.sum(Posting.amount_minor) != 0)
    )
    query = select(Deal.id).where(col(Deal.plan_version_id).in_(versions), col(Deal.id).in_(held))
    return sorted(session.exec(query)) if versions else []


def ids_of_all(session: Session) -> list[str]:
    """Every deal's id, in order."""
    return list(session.exec(select(Deal.id).order_by(Deal.id)))


def of_ids(session: Session, deal_ids: Iterable[str]) -> Iterator[Deal]:
    """The deals of many ids, in order, some hundred at a time: no database takes them all in one query."""
    wanted = iter(sorted(set(deal_ids)))
    while some := list(islice(wanted, 500)):
        yield from session.exec(select(Deal).where(col(Deal.id).in_(some)).order_by(Deal.id)).all()


def every(session: Session) -> Iterator[Deal]:
    """All deals by id, a page at a time; each page is forgotten when the next is read."""
    after = ""
    while page := session.exec(select(Deal).where(Deal.id > after).order_by(Deal.id).limit(1000)).all():
        after = page[-1].id
        yield from page
        session.expunge_all()


def of_need(session: Session, need_id: str) -> Deal | None:
    """The deal that was opened from a need."""
    return session.exec(select(Deal).where(Deal.need_id == need_id)).first()


def cancelled_among(session: Session, deal_ids: Iterable[str]) -> set[str]:
    """Which of some deals are cancelled as things stand."""
    ended: dict[str, str] = {}
    query = (
        select(facts.Fact.deal_id, facts.Fact.type)
        .where(
            col(facts.Fact.deal_id).in_(sorted(set(deal_ids))),
            col(facts.Fact.type).in_(("cancelled", "gate_failed", "reinstated")),
        )
        .order_by(col(facts.Fact.fact_on), col(facts.Fact.seq))
    )
    ended.update(session.exec(query).all())
    return {deal_id for deal_id, last in ended.items() if last != "reinstated"}


def settle_all(session: Session, deal_ids: Iterable[str], *, now: datetime) -> int:
    """Settle several deals, locked in one order. How many entries it took."""
    held = [locked(session, deal_id) for deal_id in sorted(set(deal_ids))]
    return len(accruals.settle_many(session, [(deal, ()) for deal in held], now=now))


def record(
    session: Session,
    deal: Deal,
    new: core.Fact,
    *,
    ref: str | None = None,
    by: User,
    now: datetime,
    note: str = "",
) -> facts.Fact:
    """A fact about the whole deal, and the books brought up to date."""
    fact = facts.record(session, deal.id, new, ref=ref, by=by.id, now=now, note=note).fact
    told = {"fact": fact.id, "on": fact.fact_on.isoformat(), "amount_minor": fact.amount_minor}
    audit.note(session, by, f"deal.{fact.type}", deal.id, after=told | fact.detail, now=now)
    accruals.settle(session, deal, now=now, because=[fact.id], by=by.id)
    return fact


def state_amount(
    session: Session,
    deal_id: str,
    *,
    what: core.Statement,
    amount_minor: int,
    on: date,
    by: User,
    now: datetime,
) -> facts.Fact:
    """The contract's amount, its transaction part or the net income, as known from a day on."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.open")
    if amount_minor < 0:
        raise Invalid("amount_below_zero", "the {what} of a deal is not below zero", what=what)
    seq = facts.next_seq(session, deal_id)
    return record(
        session, deal, core.Stated(needs.not_later(on, now), what, amount_minor, seq), by=by, now=now
    )


def expect(session: Session, deal_id: str, *, expected_fee_minor: int, by: User, now: datetime) -> Deal:
    """The fee the deal is now expected to bring; what its stages may still earn follows."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.open")
    if expected_fee_minor <= 0:
        raise Invalid("expected_fee", "the expected fee is above zero")
    deal.expected_fee_minor = expected_fee_minor
    audit.changed(session, by, "deal.expect", deal, now=now)
    accruals.settle(session, deal, now=now, by=by.id)
    return deal


def cancel(session: Session, deal_id: str, *, reason: str, on: date, by: User, now: datetime) -> facts.Fact:
    """The deal died. What that takes back is in the plan, by reason."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.cancel")
    if is_cancelled(session, deal_id):
        raise Conflict("deal_cancelled", "deal {id} is cancelled already", id=deal_id)
    seq = facts.next_seq(session, deal_id)
    return record(session, deal, core.Cancelled(needs.not_later(on, now), reason, seq), by=by, now=now)


def fail_gate(session: Session, deal_id: str, *, stage: str, on: date, by: User, now: datetime) -> facts.Fact:
    """A gate was not passed: the deal ends, and the plan's `gate_failed` says what stays."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.cancel")
    gates = [known.id for known in accruals.plan_of(session, deal).stages if known.gate]
    if stage not in gates:
        raise Invalid(
            "stage_no_gate",
            "stage “{stage}” of the deal's plan is no gate; its gates are: {gates}",
            stage=stage,
            gates=", ".join(gates) or "-",
        )
    if is_cancelled(session, deal_id):
        raise Conflict("deal_cancelled", "deal {id} is cancelled already", id=deal_id)
    seq = facts.next_seq(session, deal_id)
    return record(session, deal, core.GateFailed(needs.not_later(on, now), stage, seq), by=by, now=now)


def reinstate(session: Session, deal_id: str, *, on: date, by: User, now: datetime) -> facts.Fact:
    """The deal lives after all; its cancellations up to now no longer count."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.cancel")
    if not is_cancelled(session, deal_id):
        raise Conflict("deal_alive", "deal {id} is not cancelled", id=deal_id)
    seq = facts.next_seq(session, deal_id)
    return record(session, deal, core.Reinstated(needs.not_later(on, now), seq), by=by, now=now)


def adjust(
    session: Session,
    deal_id: str,
    *,
    manager_id: str,
    stage: str,
    amount_minor: int,
    reason: str,
    on: date,
    ref: str | None = None,
    by: User,
    now: datetime,
) -> facts.Fact:
    """An amount by hand, with its reason; `ref` is what it comes of, a dispute's id."""
    deal = locked(session, deal_id)
    rights.require(by, "deal.adjust", managers=[manager_id])
    managers.get(session, manager_id)
    if not reason.strip():
        raise Invalid("reason_missing", "an adjustment needs its reason")
    if amount_minor == 0:
        raise Invalid("amount_zero", "an adjustment is not zero")
    new = core.Adjustment(needs.not_later(on, now), manager_id, stage, amount_minor, reason.strip())
    fact = record(session, deal, new, ref=ref, by=by, now=now)
    involve(session, deal_id, [manager_id])
    return fact


def is_cancelled(session: Session, deal_id: str) -> bool:
    """Whether the deal is cancelled as things stand."""
    ends = [
        f for f in facts.of_deal(session, deal_id) if f.type in ("cancelled", "gate_failed", "reinstated")
    ]
    return bool(ends) and max(ends, key=lambda f: (f.fact_on, f.seq)).type != "reinstated"
