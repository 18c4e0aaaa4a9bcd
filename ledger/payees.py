"""Managers as payees: what has to be on file before money goes to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session

from ledger import invoices, managers, payee_agreements


def lacking(session: Session, owed: Mapping[str, int], on: date, *, currency: str = "CNY") -> dict[str, str]:
    """Of payees and what they are owed: what is not on file that a payment on a day needs."""
    wanted = {manager_id: minor for manager_id, minor in owed.items() if minor > 0}
    methods = managers.tax_methods_on(session, wanted, on)
    invoiced = {one: minor for one, minor in wanted.items() if methods[one] == "invoiced"}
    lacks = dict.fromkeys(invoices.short(session, invoiced, currency=currency), "no_invoice")
    return lacks | dict.fromkeys(payee_agreements.without(session, wanted, on), "no_agreement")
