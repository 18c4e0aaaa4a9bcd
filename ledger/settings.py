"""Settings (设置) that finance may change while the program runs; what nobody changed has its default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, Session, select

from ledger import audit, rights
from ledger.core.errors import Invalid, NotFound
from ledger.db import Instant, Row
from ledger.users import User


class Setting(Row, table=True):
    """One setting that is not as it came."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True)
    value: str
    changed_by: str
    changed_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Known:
    """What a setting is before anybody changes it, and what it may be."""

    default: str
    allows: Callable[[str], bool]
    may_be: str  # in words, for who wrote something else


def _days(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


KNOWN: Mapping[str, Known] = {
    # Ten days: a transfer that the bank has not answered by then is looked into before a month is closed.
    "in_transit_days": Known("10", _days, "a whole number of days, 0 to 999"),
}


def values(session: Session) -> dict[str, str]:
    """Every setting as it is now."""
    changed = dict(session.exec(select(Setting.name, Setting.value)).all())
    return {name: changed.get(name, known.default) for name, known in KNOWN.items()}


def value(session: Session, name: str) -> str:
    """One setting as it is now, or NotFound."""
    known = _known(name)
    changed = session.get(Setting, name)
    return changed.value if changed else known.default


def in_transit_days(session: Session) -> int:
    """After how many days without the bank's answer a payment is told of at close."""
    return int(value(session, "in_transit_days"))


def change(session: Session, name: str, wanted: str, *, by: User | None, now: datetime) -> Setting:
    """Have a setting another way from now on. `by` is None on the command line."""
    if by is not None:
        rights.require(by, "setting.change")
    known, wanted = _known(name), wanted.strip()
    if not known.allows(wanted):
        raise Invalid(
            "setting_invalid",
            "{setting} is {may_be}; not “{value}”",
            setting=name,
            may_be=known.may_be,
            value=wanted,
        )
    kept = session.get(Setting, name) or Setting(name=name, value="", changed_by="", changed_at=now)
    before = kept.value or known.default
    kept.value, kept.changed_by, kept.changed_at = wanted, by.id if by else audit.COMMAND_LINE, now
    session.add(kept)
    audit.note(
        session, by, "setting.change", name, before={"value": before}, after={"value": wanted}, now=now
    )
    return kept


def _known(name: str) -> Known:
    if name not in KNOWN:
        raise NotFound(
            "setting_unknown",
            "there is no setting {setting}; there are {known}",
            setting=name,
            known=", ".join(KNOWN),
        )
    return KNOWN[name]
