"""Who may do what: one table, used by actions, pages, API and jobs alike.

A condition narrows a right: `ANY` thing, only one's `OWN` (the manager takes part in it), or only
`OTHERS` (neither made by the user nor theirs to earn from; of users: not themselves). An administrator
governs who may sign in, and has no part in the money.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol

from ledger.core.errors import Forbidden

Role = Literal["manager", "operator", "finance", "administrator"]
Condition = Literal["any", "own", "others"]
ROLES: tuple[Role, ...] = ("manager", "operator", "finance", "administrator")

RIGHTS: Mapping[str, Mapping[Role, Condition]] = {
    "need.log": {"manager": "any", "operator": "any"},
    "need.see": {"manager": "own", "operator": "any", "finance": "any"},
    "deal.see": {"manager": "own", "operator": "any", "finance": "any"},
    "deal.open": {"operator": "any"},
    "deal.cancel": {"operator": "any"},
    "deal.move": {"operator": "others"},
    "deal.hand_over": {"operator": "others"},
    "deal.adjust": {"operator": "others", "finance": "others"},
    "milestone.log": {"manager": "own", "operator": "any"},
    "milestone.see": {"manager": "own", "operator": "any", "finance": "any"},
    "milestone.verify": {"operator": "others"},
    "milestone.withdraw": {"operator": "others"},
    "milestone.share": {"operator": "others"},
    "agreement.see": {"manager": "own", "operator": "any", "finance": "any"},
    "agreement.propose": {"manager": "own", "operator": "any"},
    "agreement.answer": {"manager": "own"},
    "agreement.decide": {"operator": "others"},
    "fee.record": {"finance": "any"},
    "fee.see": {"operator": "any", "finance": "any"},
    "manager.see": {"manager": "own", "operator": "any", "finance": "any"},
    "manager.edit": {"operator": "any"},
    "manager.invite": {"operator": "any"},
    "account.confirm": {"operator": "others", "finance": "others"},
    "manager.reveal": {"manager": "own", "operator": "any", "finance": "any"},
    "person.copy": {"manager": "own", "operator": "any", "administrator": "any"},
    "person.erase": {"manager": "own", "operator": "any", "administrator": "any"},
    "person.shared": {"operator": "any", "finance": "any"},
    "organisation.see": {"manager": "own", "operator": "any", "finance": "any"},
    "organisation.edit": {"operator": "any", "finance": "any"},
    "plan.see": {"manager": "any", "operator": "any", "finance": "any"},
    "plan.edit": {"operator": "any"},
    "plan.compare": {"operator": "any", "finance": "any"},
    "hold.see": {"operator": "any", "finance": "any"},
    "hold.put": {"operator": "others", "finance": "others"},
    "result.see": {"manager": "any", "operator": "any", "finance": "any"},
    "result.log": {"manager": "any", "operator": "any"},
    "pairing.log": {"manager": "own", "operator": "any"},
    "claim.see": {"manager": "own", "operator": "any", "finance": "any"},
    "claim.contest": {"manager": "own"},
    "claim.decide": {"operator": "others"},
    "dispute.see": {"manager": "own", "operator": "any", "finance": "any"},
    "dispute.raise": {"manager": "own", "operator": "others"},
    "dispute.decide": {"operator": "others"},
    "policy.see": {"operator": "any", "finance": "any"},
    "policy.edit": {"operator": "any", "finance": "any"},
    "stand_in.edit": {"operator": "any", "finance": "any"},
    "payout.see": {"operator": "any", "finance": "any"},
    "payout.make": {"operator": "any", "finance": "any"},
    "payout.approve": {"operator": "others", "finance": "others"},
    "payout.send": {"finance": "any", "operator": "any"},
    "bank_layout.edit": {"finance": "any"},
    "payout.confirm": {"finance": "any"},
    "invoice.record": {"manager": "own", "operator": "any", "finance": "any"},
    "invoice.see": {"manager": "own", "operator": "any", "finance": "any"},
    "invoice.take_back": {"operator": "any", "finance": "any"},
    "payee_agreement.record": {"operator": "any"},
    "payee_agreement.see": {"manager": "own", "operator": "any", "finance": "any"},
    "owing.see": {"manager": "own", "operator": "any", "finance": "any"},
    "owing.settle": {"finance": "others"},
    "identity.record": {"manager": "own", "operator": "any"},
    "identity.see": {"manager": "own", "operator": "any", "finance": "any"},
    "tax.see": {"finance": "any"},
    "tax.remit": {"finance": "any"},
    "setting.decide": {"finance": "any"},
    "setting.see": {"operator": "any", "finance": "any"},
    "statement.see": {"manager": "own", "operator": "any", "finance": "any"},
    "statement.acknowledge": {"manager": "own"},
    "statement.make": {"finance": "any", "operator": "any"},
    "books.see": {"finance": "any", "operator": "any"},
    "cutover.edit": {"finance": "any"},
    "cutover.sign": {"finance": "others", "operator": "others"},
    "entry.reverse": {"finance": "any"},
    "period.close": {"finance": "any"},
    "period.reopen": {"finance": "any"},
    "period.agree_reopening": {"finance": "others", "operator": "others"},
    "webhook.see": {"operator": "any", "finance": "any", "administrator": "any"},
    "webhook.make": {"operator": "any", "finance": "any"},
    "webhook.end": {"operator": "any", "finance": "any", "administrator": "any"},
    "job.see": {"operator": "any", "finance": "any"},
    "job.run": {"operator": "any", "finance": "any"},
    "user.see": {"operator": "any", "finance": "any", "administrator": "any"},
    "user.edit": {"administrator": "others"},
    "user.agree": {"operator": "others", "finance": "others", "administrator": "others"},
    "audit.see": {"operator": "any", "finance": "any", "administrator": "any"},
}


class Actor(Protocol):
    """Somebody signed in."""

    id: str
    role: str
    manager_id: str | None


def allows(who: Actor, action: str, *, managers: Collection[str] = (), made_by: str | None = None) -> bool:
    """Whether `who` may do `action` on a thing that concerns `managers` and was made by `made_by`."""
    condition = RIGHTS[action].get(who.role)  # type: ignore[call-overload]
    if condition == "own":
        return who.manager_id is not None and who.manager_id in managers
    if condition == "others":
        return who.id != made_by and (who.manager_id is None or who.manager_id not in managers)
    return bool(condition == "any")


def reach(who: Actor, action: str) -> str | None:
    """Whose things `who` finds in a list: everybody's (None), or those of one manager. Else Forbidden."""
    condition = RIGHTS[action].get(who.role)  # type: ignore[call-overload]
    if condition == "own" and who.manager_id is not None:
        return who.manager_id
    if condition != "any":
        raise _not_allowed(who, action)
    return None


def require(who: Actor, action: str, *, managers: Collection[str] = (), made_by: str | None = None) -> None:
    """Forbidden, unless `who` may."""
    if allows(who, action, managers=managers, made_by=made_by):
        return
    if allows(who, action) or RIGHTS[action].get(who.role) == "others":  # type: ignore[call-overload]
        raise Forbidden(
            "not_your_own", "{action} needs somebody else: you made this or earn from it", action=action
        )
    raise _not_allowed(who, action)


def require_role(who: Actor, action: str) -> None:
    """Forbidden, where the role may do it on nothing: asked before a thing is looked up, whose being there
    is nobody's business who could do nothing with it."""
    if who.role not in RIGHTS[action]:
        raise _not_allowed(who, action)


def _not_allowed(who: Actor, action: str) -> Forbidden:
    return Forbidden(
        "not_allowed", "your role ({role}) does not allow {action}", role=who.role, action=action
    )
