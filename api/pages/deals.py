"""Deals: the list, and one deal with all that is known of it."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Now
from api.pages import allocations, cards, changes, lists
from api.pages.doors import pages
from api.rendering import page
from api.routes.evidence import download
from ledger import (
    accruals,
    agreements,
    clock,
    deals,
    facts,
    journal,
    managers,
    milestones,
    needs,
    organisations,
    plan_moves,
    plans,
    rights,
    users,
)
from ledger.allocations import facts_text, plan_text
from ledger.deals import Deal
from ledger.facts import Fact
from ledger.users import User

router = pages()


@router.get("/deals")
def listing(request: Request, session: Books, by: By, q: str = "", before: str | None = None) -> Response:
    """Deals the viewer may see, the latest first; at a desk a table, a manager's as cards."""
    found = deals.listing(session, by=by, text=q.strip(), before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "deals/list.html",
        block="found",
        cards=cards.of(session, rows),
        older=older,
        q=q.strip(),
    )


@router.get("/deals/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """One deal: stages, who earned what and why, and what happened."""
    deal = deals.get(session, id, by=by)
    standing = allocations.of(session, deal, by=by, now=now)
    known = _visible(facts.of_deal(session, id), by)
    return page(
        request,
        "deals/deal.html",
        card=cards.of(session, [deal])[0],
        standing=standing,
        version=plans.get(session, deal.plan_version_id),
        recompute=_recompute(id, now),
        moves=_moves(session, id),
        source=organisations.names(session, [deal.source_id]).get(deal.source_id, "")
        if deal.source_id
        else "",
        need=session.get(needs.Need, deal.need_id) if deal.need_id else None,
        milestones=cards.milestones_of(session, milestones.of_deal(session, id)),
        splits=_splits(session, deal),
        facts=known,
        people=_people(session, known, deal),
        stages={stage.id: stage.mark.title for stage in standing.stages},
        entries=journal.of_deal(session, id) if rights.allows(by, "books.see") else None,
        may=_may(by),
        gates=changes.gates_of(session, deal),
    )


def _recompute(deal_id: str, now: Now) -> str:
    """The command that works the deal's amounts out again."""
    files = f"--plan plan-{deal_id}.yaml --facts facts-{deal_id}.yaml"
    return f"yongjin simulate {files} --as-of {clock.day_of(now)}"


@router.get("/deals/{id}/facts.yaml")
def facts_file(id: str, session: Books, by: By) -> Response:
    """What happened to the deal, for `yongjin simulate`; to a manager others are told by their order."""
    text = facts_text(session, id, by=by)
    return download(text.encode(), f"facts-{id}.yaml", "application/yaml")


@router.get("/deals/{id}/plan.yaml")
def plan_file(id: str, session: Books, by: By) -> Response:
    """The plan that the deal keeps, as it was written."""
    text = plan_text(session, id, by=by)
    return download(text.encode(), f"plan-{id}.yaml", "application/yaml")


def _moves(session: Session, deal_id: str) -> list[tuple[plan_moves.PlanMove, plans.PlanVersion, str]]:
    """Each move of the deal to another version, the version it left, and who moved it."""
    found = plan_moves.of_deal(session, deal_id)
    names = users.names(session, [one.moved_by for one in found])
    return [(one, plans.get(session, one.from_version_id), names.get(one.moved_by, "")) for one in found]


def _splits(session: Session, deal: Deal) -> list[cards.SplitCard]:
    """The splits in force or asked about, in order of the plan's stages."""
    order = [stage.id for stage in accruals.plan_of(session, deal).stages]
    found = agreements.standing(session, deal.id)
    found.sort(key=lambda one: order.index(one.stage) if one.stage in order else len(order))
    return cards.splits_of(session, found)


# What a manager sees of what happened to a deal; fees are for those who may see fees.
SEEN_BY_ALL = (
    "milestone",
    "milestone_withdrawn",
    "contract_amount",
    "transaction_amount",
    "net_income",
    "stake_value",
    "cancelled",
    "gate_failed",
    "reinstated",
)


def _visible(known: list[Fact], by: User) -> list[Fact]:
    if rights.allows(by, "fee.see"):
        return known
    own = [fact for fact in known if fact.type == "adjustment" and fact.manager_id == by.manager_id]
    return [fact for fact in known if fact.type in SEEN_BY_ALL or fact in own]


def _people(session: Session, known: list[Fact], deal: Deal) -> dict[str, str]:
    """Names of the users who recorded the facts and of the managers in them."""
    took_part = [one[0] for fact in known for one in fact.detail.get("participants", [])]
    named = managers.names(session, [*took_part, *(fact.manager_id for fact in known if fact.manager_id)])
    return named | users.names(session, [*(fact.recorded_by for fact in known), deal.opened_by])


def _may(by: User) -> dict[str, bool]:
    wanted = {
        "log": "milestone.log",
        "split": "agreement.propose",
        "state": "deal.open",
        "cancel": "deal.cancel",
        "adjust": "deal.adjust",
        "move": "deal.move",
    }
    return {
        name: rights.allows(by, right, managers=[by.manager_id or ""]) or rights.allows(by, right)
        for name, right in wanted.items()
    }
