"""The JSON API, a file per noun. Each one's router is named in `ROUTERS`."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import (
    accounts,
    agreements,
    deals,
    disputes,
    entries,
    evidence,
    fees,
    holds,
    invoices,
    jobs,
    managers,
    milestones,
    needs,
    organisations,
    papers,
    payouts,
    periods,
    plans,
    policies,
    settings,
    statements,
    taxes,
    tokens,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    tokens.router,
    users.router,
    managers.router,
    organisations.router,
    plans.router,
    needs.router,
    deals.router,
    agreements.router,
    milestones.router,
    evidence.router,
    fees.router,
    payouts.router,
    holds.router,
    policies.router,
    invoices.router,
    settings.router,
    taxes.router,
    statements.router,
    disputes.router,
    papers.router,
    entries.router,
    accounts.router,
    periods.router,
    jobs.router,
)
