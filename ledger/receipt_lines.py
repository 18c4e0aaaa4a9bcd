"""What a bank's list says came in, line by line, and to which invoices each line was given."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from ledger import vault
from ledger.core import bank_receipt
from ledger.db import Instant, Row


class BankReceipt(Row, table=True):
    """One file of an account's list (银行流水)."""

    __tablename__ = "bank_receipt"

    id: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    file_name: str
    layout: str
    bank_account: str
    lines: int  # that brought money in
    imported_by: str
    imported_at: datetime = Field(sa_type=Instant)


class BankReceiptLine(Row, table=True):
    """One line of it that brought money in. What it says never changes; what became of it does."""

    __tablename__ = "bank_receipt_line"
    __table_args__ = (
        Index("ix_bank_receipt_line_file", "file_id", "row"),
        Index("ix_bank_receipt_line_state", "state"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    file_id: str
    row: int
    reference: str = Field(index=True)
    day: date | None = None
    amount: str
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    payer: str
    account: str = Field(sa_type=vault.Encrypted("bank_receipt_line.account"))
    remark: str
    state: str
    document_id: str = Field(default="", index=True)  # the receipt it was booked as: its first fact
    taken_at: datetime = Field(sa_type=Instant)
    done_by: str | None = None
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    done_note: str | None = None

    def as_value(self) -> bank_receipt.Line:
        """The line as the core knows it."""
        return bank_receipt.Line(
            row=self.row,
            reference=self.reference,
            day=self.day,
            amount=self.amount,
            amount_minor=self.amount_minor,
            payer=self.payer,
            account=self.account,
            remark=self.remark,
        )


class BankReceiptPart(Row, table=True):
    """So much of a line went to a deal (the fact), for an invoice of it or, with none, in advance."""

    __tablename__ = "bank_receipt_part"

    id: str = Field(primary_key=True)
    line_id: str = Field(index=True)
    deal_id: str = Field(index=True)
    fact_id: str = Field(index=True)
    invoice_id: str
    amount_minor: int = Field(sa_type=BigInteger)
