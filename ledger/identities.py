"""Who a payee is to the tax office (身份证件): the kind of document and its number, checked, never sealed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, Relationship, Session, col, select
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from ledger import audit, managers, persons, rights
from ledger.core.errors import Invalid, NotFound
from ledger.db import Instant, Row
from ledger.persons import PersonKey
from ledger.rights import Actor

KINDS = ("resident_id", "credit_code", "passport", "other")
NAMED_ZH = {
    "resident_id": "居民身份证",
    "credit_code": "统一社会信用代码",
    "passport": "护照",
    "other": "其他证件",
}
_OTHER = re.compile(r"[A-Z0-9()-]{4,30}")


class PayeeIdentity(Row, table=True):
    """One payee's document. It may be corrected; the trail has what was there only as a commitment."""

    __tablename__ = "payee_identity"

    manager_id: str = Field(primary_key=True)
    kind: str
    identity_number_kept: str = Field(sa_column=Column("identity_number", String, nullable=False))
    residence: str  # resident, or non_resident
    recorded_by: str
    recorded_at: datetime = Field(sa_type=Instant)
    key: PersonKey | None = Relationship(sa_relationship=persons.under_key("PayeeIdentity.manager_id"))

    @property
    def identity_number(self) -> str:
        """The number in clear; empty where nobody can read it any more."""
        return persons.in_clear(self, "identity_number", self.identity_number_kept) or ""


NUMBER = "payee_identity.identity_number"  # where a number stands


def record(
    session: Session,
    manager_id: str,
    *,
    kind: str,
    number: str,
    is_resident: bool = True,
    by: Actor,
    now: datetime,
) -> PayeeIdentity:
    """Keep a payee's document, or correct it."""
    rights.require(by, "identity.record", managers=[manager_id])
    managers.get(session, manager_id)
    checked = check(kind, number)
    kept = session.get(PayeeIdentity, manager_id) or PayeeIdentity(
        manager_id=manager_id, kind="", identity_number_kept="", residence="", recorded_by="", recorded_at=now
    )
    kept.kind = kind
    persons.keep(session, kept, manager_id, "identity_number", checked)
    persons.mark(session, manager_id, NUMBER, checked)
    kept.residence = "resident" if is_resident else "non_resident"
    kept.recorded_by, kept.recorded_at = by.id, now
    session.add(kept)
    audit.changed(session, by, "identity.record", kept, now=now)
    session.flush()
    return kept


def check(kind: str, number: str) -> str:
    """The number as it is kept, or Invalid: 18 characters with their check digit where the kind has one."""
    if kind not in KINDS:
        raise Invalid(
            "identity_kind",
            "“{kind}” is no kind of document; use one of: {kinds}",
            kind=kind[:40],
            kinds=", ".join(KINDS),
        )
    plain = "".join(number.split()).upper()
    try:
        if kind == "resident_id":
            return str(ric.validate(plain))
        if kind == "credit_code":
            return str(uscc.validate(plain))
    except ValidationError:
        raise Invalid(
            "identity_number",
            "this is no valid number: it has 18 characters and the last one has to fit the others",
        ) from None
    if not _OTHER.fullmatch(plain):
        raise Invalid("identity_other", "a document's number has 4 to 30 letters and digits")
    return plain


def masked(number: str) -> str:
    """The first and the last of a number: 1101**********0011."""
    return f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}" if len(number) > 10 else "****"


def get(session: Session, manager_id: str, *, by: Actor) -> PayeeIdentity:
    """One payee's document, of whom the user may see it; or NotFound."""
    found = session.get(PayeeIdentity, manager_id)
    if found is None or not rights.allows(by, "identity.see", managers=[manager_id]):
        raise NotFound("identity_unknown", "no document of manager {id} is on file", id=manager_id)
    return found


def of(session: Session, manager_ids: Iterable[str]) -> dict[str, PayeeIdentity]:
    """The documents of some payees."""
    wanted = sorted(set(manager_ids))
    found = session.exec(select(PayeeIdentity).where(col(PayeeIdentity.manager_id).in_(wanted)))
    return {one.manager_id: one for one in found}
