"""Agreements of payees on file (收款协议): the express agreement on which pay before signing rests.

Civil Code art. 964: who did not bring the contract about may not ask for the fee, except as agreed. An
agreement is written once; that it ended is a row of its own. Where the operator has decided so, money
goes to nobody without one in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, select

from ledger import audit, files, ids, managers, needs, rights, settings, sniffing
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.files import Store
from ledger.users import User


class PayeeAgreement(Row, table=True):
    """One agreement with a payee, in force over some days, and the file that shows it."""

    __tablename__ = "payee_agreement"
    __table_args__ = (
        UniqueConstraint("manager_id", "number", name="uq_payee_agreement"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    manager_id: str = Field(index=True)
    number: str
    signed_on: date
    from_on: date
    until_on: date | None = None  # the last day; None: until it is ended
    file_name: str
    media_type: str
    sha256: str
    size: int
    added_by: str
    added_at: datetime = Field(sa_type=Instant)


class PayeeAgreementEnd(Row, table=True):
    """That an agreement ended before its last day, and why."""

    __tablename__ = "payee_agreement_end"

    id: str = Field(primary_key=True)
    agreement_id: str = Field(unique=True)
    last_on: date
    reason: str
    ended_by: str
    ended_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class OnFile:
    """An agreement and the last day it is in force; None where no day is set."""

    agreement: PayeeAgreement
    last_on: date | None

    def is_in_force(self, day: date) -> bool:
        """Whether it counts on a day."""
        return self.agreement.from_on <= day and (self.last_on is None or day <= self.last_on)


def add(
    session: Session,
    store: Store,
    manager_id: str,
    *,
    number: str,
    signed_on: date,
    from_on: date,
    until_on: date | None,
    file_name: str,
    content: bytes,
    by: User,
    now: datetime,
) -> PayeeAgreement:
    """Put an agreement on file. The same number again is refused."""
    managers.get(session, manager_id)
    rights.require(by, "payee_agreement.record", managers=[manager_id])
    written = number.strip()
    if not written or len(written) > 60 or not written.isprintable():
        raise Invalid("agreement_number", "an agreement has a number of 1 to 60 characters")
    needs.not_later(signed_on, now)
    if until_on is not None and until_on < from_on:
        raise Invalid(
            "agreement_days", "it ends on {until}, before it begins on {day}", until=until_on, day=from_on
        )
    files.check(file_name, content)
    same = select(PayeeAgreement).where(
        PayeeAgreement.manager_id == manager_id, PayeeAgreement.number == written
    )
    if session.exec(same).first() is not None:
        raise Conflict("agreement_known", "agreement {number} is on file already", number=written)

    agreement = PayeeAgreement(
        id=ids.new("pa"),
        manager_id=manager_id,
        number=written,
        signed_on=signed_on,
        from_on=from_on,
        until_on=until_on,
        file_name=files.plain_name(file_name),
        media_type=sniffing.media_type(file_name, content),
        sha256=store.put(content),
        size=len(content),
        added_by=by.id,
        added_at=now,
    )
    session.add(agreement)
    audit.changed(session, by, "payee_agreement.add", agreement, now=now)
    session.flush()
    return agreement


def end(
    session: Session, agreement_id: str, *, last_on: date, reason: str, by: User, now: datetime
) -> PayeeAgreement:
    """It ends on a day: what is paid later needs another."""
    agreement = get(session, agreement_id, by=by)
    rights.require(by, "payee_agreement.record", managers=[agreement.manager_id])
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    there = select(PayeeAgreementEnd).where(PayeeAgreementEnd.agreement_id == agreement.id)
    if session.exec(there).first() is not None:
        raise Conflict("agreement_ended", "agreement {number} has ended already", number=agreement.number)
    ended = PayeeAgreementEnd(
        id=ids.new("pe"),
        agreement_id=agreement.id,
        last_on=last_on,
        reason=reason.strip()[:500],
        ended_by=by.id,
        ended_at=now,
    )
    session.add(ended)
    audit.changed(session, by, "payee_agreement.end", ended, now=now)
    session.flush()
    return agreement


def get(session: Session, agreement_id: str, *, by: User) -> PayeeAgreement:
    """One agreement the user may see, or NotFound."""
    found = session.get(PayeeAgreement, agreement_id)
    if found is None or not rights.allows(by, "payee_agreement.see", managers=[found.manager_id]):
        raise NotFound("payee_agreement_unknown", "there is no agreement {id}", id=agreement_id)
    return found


def on_file(session: Session, manager_id: str, *, by: User) -> list[OnFile]:
    """A payee's agreements, the latest first."""
    rights.require(by, "payee_agreement.see", managers=[manager_id])
    return _on_file(session, [manager_id])


def without(session: Session, manager_ids: Iterable[str], day: date) -> set[str]:
    """Of payees those who have none in force on a day, where the operator has decided that one is needed."""
    wanted = set(manager_ids)
    if not wanted or settings.on(session, settings.AGREEMENT_REQUIRED, day) != "yes":
        return set()
    return wanted - {one.agreement.manager_id for one in _on_file(session, wanted) if one.is_in_force(day)}


def _on_file(session: Session, manager_ids: Iterable[str]) -> list[OnFile]:
    query = (
        select(PayeeAgreement, PayeeAgreementEnd)
        .join(PayeeAgreementEnd, col(PayeeAgreementEnd.agreement_id) == PayeeAgreement.id, isouter=True)
        .where(col(PayeeAgreement.manager_id).in_(sorted(set(manager_ids))))
        .order_by(col(PayeeAgreement.id).desc())
    )
    return [OnFile(one, _last(one, ended)) for one, ended in session.exec(query)]


def _last(agreement: PayeeAgreement, ended: PayeeAgreementEnd | None) -> date | None:
    """Ending one brings its last day forward, never back."""
    days = [agreement.until_on, ended.last_on if ended else None]
    return min((day for day in days if day is not None), default=None)
