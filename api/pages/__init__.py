"""Pages for people, a file per noun. Each one's router is named in `ROUTERS`."""

from __future__ import annotations

from fastapi import APIRouter

from api.pages import (
    accounts,
    agreements,
    archive,
    changes,
    deals,
    entries,
    fees,
    holds,
    home,
    jobs,
    managers,
    milestones,
    needs,
    organisations,
    payouts,
    periods,
    plan_moves,
    plans,
    policies,
    sign_in,
    statements,
    uploads,
    users,
    verify,
)

ROUTERS: tuple[APIRouter, ...] = (
    sign_in.router,
    home.router,
    needs.router,
    deals.router,
    changes.router,
    plan_moves.router,
    agreements.router,
    milestones.router,
    managers.router,
    organisations.router,
    uploads.router,
    fees.router,
    payouts.router,
    holds.router,
    policies.router,
    verify.router,
    entries.router,
    accounts.router,
    periods.router,
    statements.router,
    plans.router,
    users.router,
    jobs.router,
    archive.router,
)
