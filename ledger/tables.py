"""Every table, gathered for the migrations and for `verify`."""

from __future__ import annotations

from sqlmodel import SQLModel

from ledger import (
    agreements,
    approvals,
    audit,
    deals,
    evidence,
    facts,
    holds,
    idempotency,
    invoices,
    jobs,
    journal,
    managers,
    milestones,
    needs,
    organisations,
    papers,
    payments,
    payouts,
    periods,
    plan_moves,
    plans,
    policies,
    reopenings,
    seals,
    settings,
    statements,
    users,
)

__all__ = [
    "agreements",
    "approvals",
    "audit",
    "deals",
    "evidence",
    "facts",
    "holds",
    "idempotency",
    "invoices",
    "jobs",
    "journal",
    "managers",
    "metadata",
    "milestones",
    "needs",
    "organisations",
    "papers",
    "payments",
    "payouts",
    "periods",
    "plan_moves",
    "plans",
    "policies",
    "reopenings",
    "seals",
    "settings",
    "statements",
    "users",
]

metadata = SQLModel.metadata
