"""Evidence: the files that show a need, a milestone or a dispute to be true, known by their hash."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, deals, disputes, files, ids, milestones, needs, rights, sniffing
from ledger.core.errors import Invalid, NotFound
from ledger.db import Instant, Row
from ledger.files import Store
from ledger.users import User

MOST = 50  # files beside one thing


class Evidence(Row, table=True):
    """One file beside one need, milestone or dispute (`subject_id`)."""

    __tablename__ = "evidence"

    id: str = Field(primary_key=True)
    subject_id: str = Field(index=True)
    name: str
    media_type: str
    sha256: str
    size: int
    added_by: str
    added_at: datetime = Field(sa_type=Instant)


def add(
    session: Session,
    store: Store,
    subject_id: str,
    *,
    name: str,
    content: bytes,
    by: User,
    now: datetime,
) -> Evidence:
    """Keep a file as evidence of what the user may log, or contest. What kind it is, its bytes tell."""
    require(session, subject_id, by=by)
    files.check(name, content)
    if len(of(session, subject_id)) >= MOST:
        raise Invalid("evidence_many", "at most {count} files are kept beside one thing", count=MOST)
    kept = Evidence(
        id=ids.new("ev"),
        subject_id=subject_id,
        name=files.plain_name(name),
        media_type=sniffing.media_type(name, content),
        sha256=store.put(content),
        size=len(content),
        added_by=by.id,
        added_at=now,
    )
    session.add(kept)
    told = {"evidence": kept.id, "sha256": kept.sha256}  # not its name, which may say whose it is
    audit.note(session, by, "evidence.add", subject_id, after=told, now=now)
    session.flush()
    return kept


_RIGHT = {"need": "need.log", "milestone": "milestone.log", "dispute": "dispute.raise"}


def require(session: Session, subject_id: str, *, by: User) -> None:
    """Forbidden, unless the user may log or contest the subject; NotFound where they may not see it."""
    rights.require(by, _RIGHT[kind(subject_id)], managers=_managers(session, subject_id, by=by))


def kind(subject_id: str) -> str:
    """What evidence is kept beside: a need, a milestone or a dispute."""
    return {"ms": "milestone", "ds": "dispute"}.get(subject_id.partition("_")[0], "need")


def _managers(session: Session, subject_id: str, *, by: User) -> list[str]:
    """Whose the subject is, if the user may see it; else NotFound."""
    if kind(subject_id) == "dispute":
        return [disputes.get(session, subject_id, by=by).manager_id]
    if kind(subject_id) == "milestone":
        return deals.managers_of(session, milestones.get(session, subject_id, by=by).deal_id)
    return [needs.get(session, subject_id, by=by).manager_id or ""]


def of(session: Session, subject_id: str) -> list[Evidence]:
    """The evidence of a subject, as it was added."""
    query = select(Evidence).where(Evidence.subject_id == subject_id).order_by(col(Evidence.id))
    return list(session.exec(query))


def get(session: Session, evidence_id: str, *, by: User) -> Evidence:
    """One piece of evidence of something the user may see, or NotFound."""
    found = session.get(Evidence, evidence_id)
    try:
        if found is not None:
            _managers(session, found.subject_id, by=by)
            return found
    except NotFound:
        pass
    raise NotFound("evidence_unknown", "there is no evidence {id}", id=evidence_id)
