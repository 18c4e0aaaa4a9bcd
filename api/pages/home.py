"""The first page of each role: a manager's three numbers and deals, an operator's inbox, finance's board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Now
from api.explain import sentences
from api.language import N_
from api.middleware import YEAR_SECONDS
from api.pages import board, cards
from api.pages.doors import pages, see
from api.rendering import page
from ledger import (
    accounts,
    agreements,
    deals,
    disputes,
    inbox,
    milestones,
    needs,
    news,
    notices,
    organisations,
    plans,
    statements,
    waits,
)
from ledger.clock import day_of
from ledger.core.plan import Plan
from ledger.deals import Deal
from ledger.users import User

router = pages()

SHOWN = 6  # of each list on a home page
SEEN, APART = "seen", timedelta(minutes=30)


@router.get("/")
def home(request: Request, session: Books, by: By, now: Now) -> Response:
    """Where everybody starts."""
    if by.role == "manager":
        return _manager(request, session, by, now)
    if by.role == "operator":
        return _operator(request, session, by, now)
    if by.role == "administrator":
        return see("/users")
    return board.finance(request, session, by, now, piles=_piles(session, by))


def _manager(request: Request, session: Session, by: User, now: datetime) -> Response:
    seen = Seen.read(request.cookies.get(SEEN, ""), now)
    mine = deals.listing(session, by=by, limit=SHOWN)
    sent_back = milestones.listing(session, by=by, state="rejected", limit=SHOWN)
    response = page(
        request,
        "home/manager.html",
        news=news.since(session, seen.before, by=by),
        seen=seen,
        told=notices.unread(session, by=by),
        standing=accounts.standing(session, by.manager_id or ""),
        **_waits(session, by, now),
        cards=cards.of(session, mine),
        splits=cards.splits_of(session, agreements.awaiting(session, by.manager_id or "")),
        sent_back=cards.milestones_of(session, sent_back),
        disputes=cards.disputes_of(session, disputes.listing(session, by=by, state="open", limit=SHOWN)),
        needs=needs.listing(session, by=by, state="open", limit=SHOWN),
        statements=statements.listing(session, by=by, limit=3),
    )
    response.set_cookie(SEEN, seen.written, max_age=YEAR_SECONDS, secure=True, httponly=True, samesite="lax")
    return response


@dataclass(frozen=True, slots=True)
class Seen:
    """When this browser's person looked at home: this time, and the time before, half an hour apart."""

    before: datetime
    now: datetime

    @classmethod
    def read(cls, text: str, now: datetime) -> Seen:
        """From the cookie; who was never here is told of the last week."""
        before, _, last = text.partition(".")
        try:
            looked = [datetime.fromtimestamp(int(one), UTC) for one in (before, last)]
        except (ValueError, OverflowError, OSError):
            return cls(now - timedelta(days=7), now)
        return cls(looked[1], now) if now - looked[1] > APART else cls(looked[0], looked[1])

    @property
    def written(self) -> str:
        """As the cookie keeps it."""
        return f"{int(self.before.timestamp())}.{int(self.now.timestamp())}"


def _waits(session: Session, by: User, now: Now) -> dict[str, Any]:
    """Why a manager is not paid what is payable, and each deal that waits for something, in sentences."""
    found = waits.of_manager(session, by.manager_id or "", by=by, now=now)
    return {
        "unpaid": [
            said
            for currency, owed in found.payee.items()
            for said in sentences([wait.step for wait in owed], currency)
        ],
        "waiting": [
            (one.deal, sentences([wait.step for wait in one.waits], one.deal.currency)) for one in found.deals
        ],
    }


@router.get("/standing/waiting")
def waiting(request: Request, session: Books, by: By, now: Now) -> Response:
    """Why not: what each of a manager's deals waits for."""
    return page(
        request,
        "home/waiting.html",
        **_waits(session, by, now),
    )


PILES = {
    "milestones": (N_("Milestones to verify"), "/milestones?state=submitted"),
    "splits": (N_("Splits to decide"), "/agreements?state=refused"),
    "disputes": (N_("Disputes to decide"), "/disputes?state=open"),
    "claims": (N_("Claims to decide"), "/claims?state=contested"),
    "needs": (N_("Open needs"), "/needs?state=open"),
    "joining": (N_("New managers to confirm"), "/invitations"),
    "receipts": (N_("Bank receipts to book"), "/bank-receipts"),
    "payouts": (N_("Payouts to approve"), "/payouts"),
    "jobs": (N_("Failed jobs"), "/jobs"),
}


def _operator(request: Request, session: Session, by: User, now: Now) -> Response:
    piles = _piles(session, by)
    return page(
        request,
        "home/operator.html",
        told=notices.unread(session, by=by),
        piles=piles,
        counts={pile["what"]: pile["count"] for pile in piles},
        now=now,
        waiting=cards.milestones_of(session, milestones.waiting(session, limit=20)),
        splits=cards.splits_of(session, agreements.disputed(session, limit=10)),
        disputes=cards.disputes_of(session, disputes.waiting(session, limit=10)),
        today=day_of(now),
        needs=cards.needs_of(session, needs.listing(session, by=by, state="open", limit=10)),
    )


def _piles(session: Session, by: User) -> list[dict[str, Any]]:
    return [
        {
            "what": pile.what,
            "text": PILES[pile.what][0],
            "href": PILES[pile.what][1],
            "count": pile.count,
            "since": pile.since,
        }
        for pile in inbox.of(session, by=by)
    ]


@router.get("/standing/{what}")
def standing(request: Request, what: str, session: Books, by: By) -> Response:
    """The lines behind one of a manager's three numbers, by deal and stage."""
    lines = accounts.lines(session, by.manager_id or "", what)
    found = deals.by_id(session, [line.deal_id for line in lines])
    read = plans.values_of(session, [deal.plan_version_id for deal in found.values()])
    return page(
        request,
        "home/standing.html",
        what=what,
        parts=[
            (deal_id, sum_minor, sorted(of, key=_place(read, found.get(deal_id))))
            for deal_id, sum_minor, of in accounts.by_deal(lines)
        ],
        total_minor=accounts.total(lines),
        deals=found,
        plans=read,
        clients=organisations.names(session, [deal.client_id for deal in found.values()]),
    )


def _place(read: Mapping[str, Plan], deal: Deal | None) -> Callable[[accounts.Line], int]:
    """Where a line stands among those of its deal: as the plan has its stages, what is of none last."""
    order = [stage.id for stage in read[deal.plan_version_id].stages] if deal else []
    return lambda line: order.index(line.stage) if line.stage in order else len(order)
