"""Plans (佣金方案) in versions: written as a file, published by a second person, never edited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from importlib import resources

from sqlalchemy import ColumnElement, and_
from sqlmodel import Field, Session, col, func, select

from ledger import audit, ids, rights
from ledger.core import condition
from ledger.core.errors import Conflict, Forbidden, NotFound
from ledger.core.facts import Deal
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan
from ledger.core.states import PLAN, advance
from ledger.db import Instant, Row, fingerprint
from ledger.users import User


class PlanVersion(Row, table=True):
    """One version of a plan, kept as the text it was written in."""

    __tablename__ = "plan_version"

    id: str = Field(primary_key=True)
    plan_id: str = Field(index=True)
    version: int
    state: str
    text: str
    digest: str
    title_zh: str
    title_en: str
    currency: str
    effective_on: date | None = None
    drafted_by: str
    drafted_at: datetime = Field(sa_type=Instant)
    published_by: str | None = None
    published_at: datetime | None = Field(default=None, sa_type=Instant)


@lru_cache(maxsize=256)
def _read(text: str, name: str) -> Plan:
    return read_plan(text, name)


def value(version: PlanVersion) -> Plan:
    """The plan as the engine knows it."""
    return _read(version.text, f"{version.plan_id}@{version.version}")


def holds_for_days(version: PlanVersion) -> bool:
    """Whether a day releases by itself what the plan holds."""
    holdback = value(version).holdback
    return holdback is not None and holdback.days is not None


def draft(session: Session, text: str, *, name: str = "plan.yaml", by: User, now: datetime) -> PlanVersion:
    """A new version, checked but not in force. The same text again is the same version."""
    rights.require(by, "plan.edit")
    plan = read_plan(text, name)
    digest = fingerprint(text.encode())
    same = session.exec(
        select(PlanVersion).where(PlanVersion.plan_id == plan.id, PlanVersion.digest == digest)
    ).first()
    if same is not None:
        return same
    last = session.exec(select(func.max(PlanVersion.version)).where(PlanVersion.plan_id == plan.id)).one()

    version = PlanVersion(
        id=ids.new("pv"),
        plan_id=plan.id,
        version=(last or 0) + 1,
        state="draft",
        text=text,
        digest=digest,
        title_zh=plan.title.zh,
        title_en=plan.title.en,
        currency=plan.currency,
        drafted_by=by.id,
        drafted_at=now,
    )
    session.add(version)
    audit.changed(session, by, "plan.draft", version, now=now)
    session.flush()
    return version


# What a draft can begin with: a plan to fill in, and those of the four cities.
EXAMPLES = ("template", "tianjin", "hefei", "hangzhou", "xian", "xian-stake")


def example(name: str) -> str:
    """The text of one of them, or NotFound."""
    if name not in EXAMPLES:
        raise NotFound("example_unknown", "there is no example {name}", name=name)
    path = "plan_template.yaml" if name == "template" else f"cities/{name}.yaml"
    return resources.files("ledger").joinpath(path).read_text("utf-8")


def publish(session: Session, version_id: str, *, effective_on: date, by: User, now: datetime) -> PlanVersion:
    """Put a draft in force from a day on. Whoever drafted it cannot publish it."""
    rights.require(by, "plan.edit")
    version = get(session, version_id)
    if version.state == "published":
        return version
    if by.id == version.drafted_by:
        raise Forbidden("plan_own", "a plan is published by somebody other than who drafted it")
    version.state = advance(PLAN, "plan", version.state, "publish")
    version.effective_on, version.published_by, version.published_at = effective_on, by.id, now
    audit.changed(session, by, "plan.publish", version, now=now)
    session.flush()
    return version


def retire(session: Session, version_id: str, *, by: User, now: datetime) -> PlanVersion:
    """No new deals under a version. Those that keep it go on with it."""
    rights.require(by, "plan.edit")
    version = get(session, version_id)
    if version.state == "retired":
        return version
    version.state = advance(PLAN, "plan", version.state, "retire")
    audit.changed(session, by, "plan.retire", version, now=now)
    session.flush()
    return version


def is_for(version: PlanVersion, deal: Deal) -> bool:
    """Whether the plan's `when` allows the deal."""
    when = value(version).when
    return when is None or condition.allows(when, deal)


def get(session: Session, version_id: str) -> PlanVersion:
    """One version, or NotFound."""
    found = session.get(PlanVersion, version_id)
    if found is None:
        raise NotFound("plan_unknown", "there is no plan version {id}", id=version_id)
    return found


def versions(session: Session, plan_id: str) -> list[PlanVersion]:
    """Every version of one plan, the first first."""
    query = select(PlanVersion).where(PlanVersion.plan_id == plan_id)
    return list(session.exec(query.order_by(col(PlanVersion.version))))


def in_force(session: Session, plan_id: str, day: date) -> PlanVersion:
    """The version of a plan in force on a day: the latest one effective by then.

    Where that one is retired, none is: an older one does not come back.
    """
    return among(versions(session, plan_id), plan_id, day)


def among(known: Iterable[PlanVersion], plan_id: str, day: date) -> PlanVersion:
    """The same, of versions that were read already."""
    effective = [
        (one.effective_on, one.version, one)
        for one in known
        if one.state in ("published", "retired") and one.effective_on is not None and one.effective_on <= day
    ]
    if not effective:
        raise Conflict(
            "plan_not_in_force",
            "no version of plan “{plan}” is in force on {day}; publish one first",
            plan=plan_id,
            day=day,
        )
    found = max(effective)[-1]
    if found.state == "retired":
        raise Conflict(
            "plan_retired",
            "plan “{plan}” is retired and takes no new deals; choose another, or publish a new version",
            plan=plan_id,
        )
    return found


def _effective(day: date) -> ColumnElement[bool]:
    """Whether a version was published to be in force by a day, retired or not."""
    return and_(col(PlanVersion.state).in_(("published", "retired")), col(PlanVersion.effective_on) <= day)


def listing(session: Session) -> list[PlanVersion]:
    """Every version, by plan, the latest first."""
    return list(
        session.exec(select(PlanVersion).order_by(col(PlanVersion.plan_id), col(PlanVersion.version).desc()))
    )


def values_of(session: Session, version_ids: Iterable[str]) -> dict[str, Plan]:
    """Plans by the id of their version."""
    wanted = sorted(set(version_ids))
    if not wanted:
        return {}
    rows = session.exec(select(PlanVersion).where(col(PlanVersion.id).in_(wanted)))
    return {row.id: value(row) for row in rows}


def page(session: Session, *, before: str | None = None, limit: int = 50) -> list[PlanVersion]:
    """Versions, the latest drafted first, from before a cursor."""
    query = select(PlanVersion).order_by(col(PlanVersion.id).desc()).limit(limit)
    if before:
        query = query.where(PlanVersion.id < before)
    return list(session.exec(query))


def offered(session: Session, day: date) -> list[PlanVersion]:
    """The version in force on a day of every plan that has one, by plan."""
    query = (
        select(PlanVersion)
        .where(_effective(day))
        .order_by(col(PlanVersion.plan_id), col(PlanVersion.effective_on), col(PlanVersion.version))
    )
    latest = {row.plan_id: row for row in session.exec(query)}
    return [row for row in latest.values() if row.state == "published"]
