"""Facts about deals, append-only: what the engine computes from. A wrong one is answered by another."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from ledger import ids
from ledger.core import facts as core
from ledger.core.errors import Conflict, NotFound
from ledger.db import Instant, Json, Row


class Fact(Row, table=True):
    """One fact about one deal. `ref` makes it the same fact when it arrives again."""

    __tablename__ = "fact"
    __table_args__ = (
        UniqueConstraint("deal_id", "ref", name="uq_fact_ref"),
        Index("ix_fact_type", "type", "fact_on"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    deal_id: str
    ref: str
    type: str
    fact_on: date
    seq: int
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    tax_minor: int | None = Field(default=None, sa_type=BigInteger)
    manager_id: str | None = None
    stage: str | None = None
    detail: dict[str, Any] = Field(sa_type=Json)
    document: str | None = Field(default=None, index=True)  # the receipt or other paper it is part of
    corrects: str | None = Field(default=None, unique=True)  # the fact it takes back
    recorded_at: datetime = Field(sa_type=Instant)
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact and whether it is new."""

    fact: Fact
    is_new: bool


_CONTENT = ("type", "fact_on", "seq", "amount_minor", "tax_minor", "manager_id", "stage", "detail")


def columns(value: core.Fact) -> dict[str, Any]:
    """A fact of the core as columns of the table."""
    row: dict[str, Any] = {
        "fact_on": value.on,
        "seq": getattr(value, "seq", 0),
        "amount_minor": getattr(value, "amount_minor", None),
        "tax_minor": getattr(value, "tax_minor", None),
        "manager_id": getattr(value, "manager", None),
        "stage": getattr(value, "stage", None),
        "detail": {},
    }
    match value:
        case core.Milestone():
            row["type"] = "milestone"
            row["detail"] = {
                "participants": [[p.manager, str(p.weight), p.grade] for p in value.participants]
            }
        case core.MilestoneWithdrawn():
            row["type"] = "milestone_withdrawn"
        case core.Stated():
            row["type"] = value.what
        case core.Fee():
            row |= {"type": value.kind, "detail": {} if value.year is None else {"year": value.year}}
        case core.Paid():
            row["type"] = "paid"
        case core.Cancelled():
            row |= {"type": "cancelled", "detail": {"reason": value.reason}}
        case core.GateFailed():
            row["type"] = "gate_failed"
        case core.Reinstated():
            row["type"] = "reinstated"
        case core.Adjustment():
            row |= {"type": "adjustment", "detail": {"reason": value.reason}}
    return row


def value(row: Fact) -> core.Fact:
    """A row of the table as the core knows it."""
    amount = row.amount_minor or 0
    match row.type:
        case "milestone":
            people = tuple(core.Participant(m, Fraction(w), g) for m, w, g in row.detail["participants"])
            return core.Milestone(row.fact_on, row.stage or "", people, row.seq)
        case "milestone_withdrawn":
            return core.MilestoneWithdrawn(row.fact_on, row.stage or "", row.seq)
        case "contract_amount" | "transaction_amount" | "net_income" | "stake_value":
            return core.Stated(row.fact_on, row.type, amount, row.seq)
        case "fee_invoiced" | "fee_credited" | "fee_received" | "fee_refunded":
            return core.Fee(row.fact_on, row.type, amount, row.tax_minor or 0, row.detail.get("year"))
        case "paid":
            return core.Paid(row.fact_on, row.manager_id or "", amount)
        case "cancelled":
            return core.Cancelled(row.fact_on, row.detail["reason"], row.seq)
        case "gate_failed":
            return core.GateFailed(row.fact_on, row.stage or "", row.seq)
        case "reinstated":
            return core.Reinstated(row.fact_on, row.seq)
        case "adjustment":
            return core.Adjustment(
                row.fact_on, row.manager_id or "", row.stage or "", amount, row.detail["reason"]
            )
    raise NotFound("fact_type_unknown", "there is no fact type {type}", type=row.type)


def record(
    session: Session,
    deal_id: str,
    new: core.Fact,
    *,
    by: str,
    now: datetime,
    ref: str | None = None,
    document: str | None = None,
    corrects: str | None = None,
    note: str = "",
) -> Recorded:
    """Keep one fact. The same `ref` with the same content is the same fact; other content: Conflict."""
    row = columns(new)
    if note:
        row["detail"] = {**row["detail"], "note": note}
    if ref is not None:
        there = session.exec(select(Fact).where(Fact.deal_id == deal_id, Fact.ref == ref)).first()
        if there is not None:
            return Recorded(same(there, row), is_new=False)
    fact_id = ids.new("ft")
    fact = Fact(
        id=fact_id,
        deal_id=deal_id,
        ref=ref or fact_id,
        document=document,
        corrects=corrects,
        recorded_at=now,
        recorded_by=by,
        **row,
    )
    session.add(fact)
    session.flush()
    return Recorded(fact, is_new=True)


def same(there: Fact, row: dict[str, Any]) -> Fact:
    """The fact that is there, if `row` says the same; else Conflict naming what differs."""
    for name in _CONTENT:
        if getattr(there, name) != row[name]:
            raise Conflict(
                "fact_exists",
                "“{ref}” of deal {deal} is already recorded with another {field}; correct it instead",
                ref=there.ref,
                deal=there.deal_id,
                field={"fact_on": "date", "amount_minor": "amount", "tax_minor": "tax"}.get(name, name),
            )
    return there


def refs(given: Sequence[tuple[str | None, core.Fact]]) -> list[str]:
    """A ref for every fact of one deal's file: its own, or its content and which time it occurs.

    Without a ref every item counts, yet the same file twice must be the same facts.
    """
    seen: dict[str, int] = defaultdict(int)
    names = []
    for ref, fact in given:
        if ref is None:
            content = json.dumps(columns(fact), default=str, sort_keys=True, ensure_ascii=False)
            name = hashlib.sha256(content.encode()).hexdigest()[:24]
            seen[name] += 1
            ref = f"~{name}.{seen[name]}"
        names.append(ref)
    return names


def of_deal(session: Session, deal_id: str) -> list[Fact]:
    """Every fact of a deal, by day, then as recorded."""
    query = select(Fact).where(Fact.deal_id == deal_id)
    return list(session.exec(query.order_by(col(Fact.fact_on), col(Fact.seq), col(Fact.id))))


def of_deals(session: Session, deal_ids: Iterable[str]) -> dict[str, list[Fact]]:
    """Every fact of some deals."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in session.exec(select(Fact).where(col(Fact.deal_id).in_(list(deal_ids)))):
        found[fact.deal_id].append(fact)
    return found


def next_seq(session: Session, deal_id: str) -> int:
    """A number above that of every fact of the deal, so that the newest of a day counts."""
    last = session.exec(select(func.max(Fact.seq)).where(Fact.deal_id == deal_id)).one()
    return (last or 0) + 1


def some(session: Session, fact_ids: Iterable[str]) -> list[Fact]:
    """Some facts, by day."""
    query = select(Fact).where(col(Fact.id).in_(list(fact_ids)))
    return list(session.exec(query.order_by(col(Fact.fact_on), col(Fact.id))))


def get(session: Session, fact_id: str) -> Fact:
    """One fact, or NotFound."""
    found = session.get(Fact, fact_id)
    if found is None:
        raise NotFound("fact_unknown", "there is no fact {id}", id=fact_id)
    return found
