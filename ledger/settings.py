"""What the operator decides (设置), each from a day on: who set it, when and why is kept for ever.

A setting is never changed; a later row for the same or a later day takes its place. What counted on a
day is the row with the latest `from_on` up to it, and of equal ones the last that was set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Field, Session, col, select

from ledger import audit, ids, rights
from ledger.clock import day_of
from ledger.core.errors import Invalid
from ledger.db import Instant, Row
from ledger.users import User


class Setting(Row, table=True):
    """One decision of the operator."""

    __tablename__ = "setting"

    id: str = Field(primary_key=True)
    name: str = Field(index=True)
    from_on: date
    value: str
    reason: str
    set_by: str
    set_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Known:
    """A setting there is: what counts where nobody set it, and what it may be."""

    default: str
    allows: Callable[[str], bool]
    may_be: str  # in words, for who wrote something else


def _number(least: int, most: int) -> Known:
    def allows(text: str) -> bool:
        return text.isascii() and text.isdigit() and len(text) <= 4 and least <= int(text) <= most

    return Known(str(least), allows, f"{least}–{most}")


def _pattern(pattern: str, may_be: str) -> Known:
    return Known("", lambda text: re.fullmatch(pattern, text) is not None, may_be)


BREAK_MONTHS = "tax.break_months"
VAT, VAT_AT, VAT_SURCHARGES = "payee.vat", "payee.vat_at_threshold", "payee.vat_surcharges"
VAT_IN_INCOME = "payee.vat_in_income"
AGREEMENT_REQUIRED = "payee.agreement_required"
ESTIMATE = "period.estimate"
IN_TRANSIT_DAYS = "period.in_transit_days"
SECOND_FACTOR = "sign_in.second_factor"  # of operations, finance and administration
ANSWER_DAYS = "dispute.answer_days"
INVITATION_DAYS = "manager.invitation_days"
PAYDAY = "payout.payday"
MESSAGES_DAYS, NOTICES_DAYS = "retention.messages_days", "retention.notices_days"
PARTS_DAYS, ANSWERS_DAYS = "retention.parts_days", "retention.answers_days"
VOUCHERS_YEARS, OTHERS_YEARS = "retention.vouchers_years", "retention.others_years"
PAYER_NAME, PAYER_BANK = "payer.name", "payer.bank"
PAYER_ACCOUNT, PAYER_CNAPS = "payer.account", "payer.cnaps"

KNOWN: Mapping[str, Known] = {
    BREAK_MONTHS: _number(1, 11),
    VAT: Known("no", ("no", "yes").__contains__, "no, yes"),
    # “Up to 100,000 exempt” and “once reached, taxed” meet at 100,000.00 itself: the first counts.
    VAT_AT: Known("exempt", ("exempt", "taxed").__contains__, "exempt, taxed"),
    VAT_SURCHARGES: replace(_pattern(r"[0-9]{1,2}(\.[0-9]{1,2})?%", "0%–99.99%"), default="0%"),
    VAT_IN_INCOME: Known("no", ("no", "yes").__contains__, "no, yes"),
    AGREEMENT_REQUIRED: Known("no", ("no", "yes").__contains__, "no, yes"),
    SECOND_FACTOR: Known("no", ("no", "yes").__contains__, "no, yes"),
    # Ten days: a transfer that the bank has not answered by then is looked into before a month is closed.
    IN_TRANSIT_DAYS: replace(_number(0, 999), default="10"),
    ESTIMATE: Known("no", ("no", "yes").__contains__, "no, yes"),
    INVITATION_DAYS: replace(_number(1, 60), default="7"),
    # Fifteen days: no source says how long operations have; the payee reads on the page until when.
    ANSWER_DAYS: replace(_number(1, 365), default="15"),
    PAYDAY: replace(_number(1, 31), default="15"),  # of each month, or the next working day
    # What is no voucher and goes by itself (ledger.retention).
    MESSAGES_DAYS: replace(_number(7, 9999), default="90"),
    NOTICES_DAYS: replace(_number(30, 9999), default="400"),
    PARTS_DAYS: replace(_number(30, 9999), default="90"),
    ANSWERS_DAYS: replace(_number(30, 9999), default="400"),
    # Decree 79, from the end of the accounting year; longer than the law asks may be decided, shorter not.
    VOUCHERS_YEARS: _number(30, 99),
    OTHERS_YEARS: _number(10, 99),
    PAYER_NAME: _pattern(r"[^\x00-\x1f\x7f]{1,70}", "1–70 characters"),
    PAYER_BANK: _pattern(r"[^\x00-\x1f\x7f]{1,70}", "1–70 characters"),
    PAYER_ACCOUNT: _pattern(r"[0-9A-Za-z-]{5,34}", "5–34 digits"),
    PAYER_CNAPS: _pattern(r"[0-9]{12}", "12 digits"),
}


def decide(
    session: Session, name: str, *, value: str, from_on: date, reason: str, by: User, now: datetime
) -> Setting:
    """Let a value count from a day on, which may lie back as far as this year goes."""
    rights.require(by, "setting.decide")
    known = _known(name)
    if not known.allows(value):
        raise Invalid(
            "setting_value",
            "“{value}” cannot be set for {name}; it may be {values}",
            value=value[:40],
            name=name,
            values=known.may_be,
        )
    if from_on < date(day_of(now).year, 1, 1):
        raise Invalid(
            "setting_past", "a setting counts from a day of this year or later, not {day}", day=from_on
        )
    if not reason.strip():
        raise Invalid("reason_missing", "say why")

    decided = Setting(
        id=ids.new("se"),
        name=name,
        from_on=from_on,
        value=value,
        reason=reason.strip()[:500],
        set_by=by.id,
        set_at=now,
    )
    session.add(decided)
    audit.changed(session, by, "setting.decide", decided, now=now)
    session.flush()
    return decided


def on(session: Session, name: str, day: date) -> str:
    """What counts on a day."""
    return through(session, name)(day)


def through(session: Session, name: str) -> Callable[[date], str]:
    """What counts on any day, from one reading of the table."""
    known, rows = _known(name), [(row.from_on, row.value) for row in history(session, name)]
    return lambda day: next((value for from_on, value in rows if from_on <= day), known.default)


def names(*, by: User) -> list[str]:
    """Every setting there is."""
    rights.require(by, "setting.see")
    return list(KNOWN)


def history(session: Session, name: str) -> list[Setting]:
    """Every decision about a setting, what comes last in time first."""
    query = select(Setting).where(Setting.name == name)
    return list(session.exec(query.order_by(col(Setting.from_on).desc(), col(Setting.id).desc())))


def _known(name: str) -> Known:
    known = KNOWN.get(name)
    if known is None:
        raise Invalid(
            "setting_unknown",
            "there is no setting “{name}”; there are {names}",
            name=name[:40],
            names=", ".join(KNOWN),
        )
    return known
