"""What a payout is kept as: the batch (付款单) and its lines, a payment to one manager each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, String
from sqlmodel import Field, Relationship

from ledger import persons
from ledger.db import Instant, Json, Row
from ledger.persons import PersonKey

GIVEN_BACK = ("returned", "taken_out", "bounced")  # states of a line whose money is payable again


class Payout(Row, table=True):
    """One batch, with one planned value date: its month is the tax's."""

    __tablename__ = "payout"

    id: str = Field(primary_key=True)
    no: str = Field(unique=True)
    currency: str
    value_on: date
    state: str = Field(index=True)
    digest: str
    made_by: str
    made_at: datetime = Field(sa_type=Instant)
    sent_by: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    file_sha256: str | None = None
    file_layout: str = ""  # by which bank layout it was written
    voided_reason: str | None = None


class PayoutLine(Row, table=True):
    """What one manager gets of a batch; to which account, as it stood when the batch was made."""

    __tablename__ = "payout_line"
    __table_args__ = (Index("ix_payout_line_manager", "manager_id", "value_on"), {"sqlite_strict": True})

    id: str = Field(primary_key=True)
    payout_id: str = Field(index=True)
    manager_id: str
    payee_name: str
    bank_name: str
    bank_account_kept: str = Field(sa_column=Column("bank_account", String, nullable=False))
    bank_cnaps: str = ""
    gross_minor: int = Field(sa_type=BigInteger)
    tax_minor: int = Field(sa_type=BigInteger)
    vat_minor: int = Field(default=0, sa_type=BigInteger)  # with its surcharges; below zero: what others bear
    vat_back_minor: int = Field(default=0, sa_type=BigInteger)  # in the gross: VAT of before, given back
    net_minor: int = Field(sa_type=BigInteger)
    tax_method: str
    tax_working: list[Any] = Field(sa_type=Json)
    value_on: date
    state: str
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = None
    key: PersonKey | None = Relationship(sa_relationship=persons.under_key("PayoutLine.manager_id"))

    @property
    def bank_account(self) -> str:
        """The account in clear, for the bank; empty once the payee was erased."""
        return persons.in_clear(self, "bank_account", self.bank_account_kept) or ""
