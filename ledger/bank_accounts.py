"""Payees' bank accounts (收款账户): their numbers checked, and a changed one confirmed by somebody else.

Whoever can change where money goes could send it to themselves. So nothing goes to a changed account before
a second person has confirmed it; the command line asks nobody, for whoever is at it holds the database.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session
from stdnum import luhn

from ledger import audit, db, managers, rights
from ledger.core.errors import Conflict, Invalid
from ledger.managers import Manager
from ledger.rights import Actor

_NUMBER = re.compile(r"[0-9]{6,30}")
_CNAPS = re.compile(r"[0-9]{12}")
_CARD = re.compile(r"62[0-9]{14,17}")  # a UnionPay card; accounts of companies have no check digit


def number(text: str) -> str:
    """An account's number as it is kept: without the spaces and dashes people put into it."""
    plain = re.sub(r"[\s-]", "", text)
    if not _NUMBER.fullmatch(plain):
        raise Invalid("account_number", "an account number has 6 to 30 digits, and nothing else")
    return plain


def cnaps(text: str) -> str:
    """The number of a bank's branch (联行号) as it is kept. There is no public list to look it up in."""
    plain = re.sub(r"[\s-]", "", text)
    if not _CNAPS.fullmatch(plain):
        raise Invalid("cnaps_number", "a bank's CNAPS number has 12 digits; leave it empty if you have none")
    return plain


def looks_wrong(account: str | None) -> bool:
    """Whether a card's last digit does not fit the others: worth a second look, and no more."""
    return bool(account and _CARD.fullmatch(account) and not luhn.is_valid(account))


def confirm(session: Session, manager_id: str, *, seen: datetime, by: Actor, now: datetime) -> Manager:
    """Somebody other than who changed it has made sure of an account; `seen` is the change they looked at."""
    rights.require_role(by, "account.confirm")
    db.lock(session, f"payee:{manager_id}")
    manager = managers.get(session, manager_id)
    rights.require(by, "account.confirm", managers=[manager_id], made_by=manager.account_changed_by)
    if not manager.account_waits:
        raise Conflict("account_settled", "the account of {name} waits for nobody", name=manager.name)
    if manager.account_changed_at != seen:
        raise Conflict(
            "account_changed_again",
            "the account of {name} was changed once more; look at it again",
            name=manager.name,
        )
    manager.account_confirmed_by = by.id
    audit.changed(session, by, "manager.confirm_account", manager, now=now)
    session.flush()
    return manager
