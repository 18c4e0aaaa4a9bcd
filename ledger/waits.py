"""Why not: all that a deal's stages, and what managers are owed, wait for, gathered from engine and books.

Every page, paper and answer that says why something is not earned or not paid asks here. A further
reason of the books is a further function below.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from ledger import accruals, deals, milestones, payables, plans, policies, rights, withholding, year_caps
from ledger.clock import day_of
from ledger.core import period as months
from ledger.core import waits as core
from ledger.core.errors import Conflict
from ledger.core.facts import DealFacts
from ledger.core.plan import Plan
from ledger.core.sentences import UNTIL_LIFTED
from ledger.core.target import Target, target
from ledger.core.waits import Wait, Why
from ledger.core.workings import Number, Step, both, named
from ledger.core.year_cap import ManagerYear
from ledger.deals import Deal
from ledger.holds import Hold
from ledger.milestones import Milestone
from ledger.payables import Due
from ledger.users import User

HOME = "CNY"
DEALS = 50  # of one manager, the latest opened: what older ones wait for is on their own pages


@dataclass(frozen=True, slots=True)
class OfDeal:
    """One deal of a manager, and what it waits for."""

    deal: Deal
    waits: list[Wait]


@dataclass(frozen=True, slots=True)
class OfManager:
    """Why a manager is not paid what is payable, whatever deals it is from; and each deal that waits."""

    payee: dict[str, list[Wait]]  # by currency, the home currency first
    deals: list[OfDeal]


def of_deal(session: Session, deal: Deal, goal: Target, *, by: User | None, now: datetime) -> list[Wait]:
    """What every stage of a deal waits for, and what is owed on it to those whom the user may see.

    Without a user, who asks is at the machine itself and sees everybody.
    """
    known = accruals.facts_of(session, deal)
    seen = {row.manager for row in goal.rows if _allows(by, "manager.see", row.manager)}
    due = {one.manager_id: one for one in payables.due(session, deal.currency, day=day_of(now), only=seen)}
    plan, told = goal.workings.rules.plan, _allows(by, "hold.see")
    return [
        *_of_stages(goal, known, milestones.of_deal(session, deal.id), seen),
        *(wait for one in due.values() for wait in _on(one, deal.id, told)),
        *_of_years(session, plan, seen, day_of(now).year),
        *_of_payees(
            session, [one for one in due.values() if _owed_on(one, deal.id)], day_of(now), deal.currency
        ),
    ]


def _allows(by: User | None, action: str, *managers: str) -> bool:
    return by is None or rights.allows(by, action, managers=managers)


def of_manager(session: Session, manager_id: str, *, by: User, now: datetime) -> OfManager:
    """What a manager and their deals wait for; deals that wait for nothing are left out."""
    rights.require(by, "manager.see", managers=[manager_id])
    mine = deals.listing(session, by=by, manager_id=manager_id, limit=DEALS)
    owed: dict[str, Due | None] = {}
    for currency in (HOME, *sorted({deal.currency for deal in mine} - {HOME})):
        found = payables.due(session, currency, day=day_of(now), only=[manager_id])
        owed[currency] = next(iter(found), None)
    return OfManager(
        _of_payee_in_all(session, manager_id, owed, now), _of_deals(session, manager_id, mine, owed, by, now)
    )


def _of_deals(
    session: Session,
    manager_id: str,
    mine: Sequence[Deal],
    owed: Mapping[str, Due | None],
    by: User,
    now: datetime,
) -> list[OfDeal]:
    read = plans.values_of(session, [deal.plan_version_id for deal in mine])
    facts = accruals.facts_of_each(session, mine)
    logged = milestones.of_deals(session, [deal.id for deal in mine])
    told = rights.allows(by, "hold.see")
    found = []
    for deal in mine:
        plan = read[deal.plan_version_id]
        goal = target(plan, facts[deal.id], day_of(now))
        waits = list(_of_stages(goal, facts[deal.id], logged.get(deal.id, []), {manager_id}))
        due = owed[deal.currency]
        waits += _on(due, deal.id, told) if due else []
        if waits:
            found.append(OfDeal(deal, waits))
    return found


def _of_payee_in_all(
    session: Session, manager_id: str, owed: Mapping[str, Due | None], now: datetime
) -> dict[str, list[Wait]]:
    found: dict[str, list[Wait]] = {currency: [] for currency in owed}
    for about, minor in sorted(year_caps.relieved(session, [manager_id]).items()):
        found.setdefault(about.currency, []).append(_relief(session, about, minor))
    for currency, due in owed.items():
        found[currency] += _of_payees(session, [due], day_of(now), currency) if due else []
    return found


# Of the stages: the engine's reasons, and how far their milestones have come


def _of_stages(
    goal: Target, known: DealFacts, logged: Sequence[Milestone], seen: Collection[str]
) -> Iterator[Wait]:
    for wait in core.of_target(goal, known.facts):
        if wait.why == "not_verified":
            yield wait._replace(step=_reported(goal, wait, logged))
        elif not wait.manager or wait.manager in seen:
            yield wait


def _reported(goal: Target, wait: Wait, logged: Sequence[Milestone]) -> Step:
    """What is known of a stage that is not verified: submitted, sent back, or nothing."""
    rules = goal.workings.rules
    stage = named(rules.plan.stages[rules.position[wait.stage]])
    last = next((one for one in reversed(logged) if one.stage == wait.stage), None)
    if last is not None and last.state == "submitted" and last.submitted_at:
        on = day_of(last.submitted_at).isoformat()
        return Step("why.submitted", {**stage, "on": on}, f"milestone {last.id}")
    if last is not None and last.state == "rejected":
        return Step("why.sent_back", {**stage, "note": last.reason or "–"}, f"milestone {last.id}")
    return wait.step


# Of the lines that are owed: holds and disputes


def _of_lines(due: Due, told: bool) -> Iterator[Wait]:
    for line in due.held:
        hold = next(one for one in due.holds if one.covers(due.manager_id, line))
        numbers: dict[str, Number] = {"deal": line.deal_id, "amount_minor": line.amount_minor}
        yield _held_by(hold, line.stage, due.manager_id, numbers, told)


def _on(due: Due, deal_id: str, told: bool) -> Iterator[Wait]:
    """The same of one deal."""
    return (wait for wait in _of_lines(due, told) if wait.step.numbers["deal"] == deal_id)


def _held_by(hold: Hold, stage: str, manager: str, numbers: Mapping[str, Number], told: bool) -> Wait:
    """A hold's reason is for those who may see holds; that somebody disagrees is the manager's own affair."""
    source = f"hold {hold.id}"
    if hold.kind == "dispute":
        step = Step("why.in_dispute", {**numbers, "on": day_of(hold.put_at).isoformat()}, source)
        return Wait("in_dispute", stage, manager, step)
    until = both("until", str(hold.until_on), str(hold.until_on))
    if hold.until_on is None:
        until = both("until", UNTIL_LIFTED.zh, UNTIL_LIFTED.en)
    if told:
        step = Step("why.on_hold_because", {**numbers, **until, "note": hold.reason}, source)
    else:
        step = Step("why.on_hold", {**numbers, **until}, source)
    return Wait("on_hold", stage, manager, step)


# Of a payee: what keeps everything back


def _owed_on(due: Due, deal_id: str) -> bool:
    return any(line.deal_id == deal_id for line in due.lines)


def _of_payees(session: Session, due: Sequence[Due], day: date, currency: str) -> list[Wait]:
    whole = _taken_whole(session, due, day, currency)
    return [wait for one in due for wait in _of_payee(session, one, day, whole)]


def _of_payee(session: Session, due: Due, day: date, whole: Collection[str]) -> list[Wait]:
    """The first thing that keeps a payee from being paid, as the preview of payouts finds it."""
    why = due.why_not or ("withheld_whole" if due.manager_id in whole else "next_payout")
    if why not in _OF_PAYEE or not due.lines:
        return []
    numbers: dict[str, Number] = {"payable_minor": due.payable_minor}
    source = f"manager {due.manager_id}"
    if why == "carried_forward":
        numbers["owed_minor"] = -due.payable_minor
    elif why == "below_minimum":
        numbers["minimum_minor"] = policies.in_force(session, day).minimum_minor
        source = "policy minimum"
    return [Wait(_OF_PAYEE[why], "", due.manager_id, Step(f"why.{why}", numbers, source))]


def _taken_whole(session: Session, due: Sequence[Due], day: date, currency: str) -> Collection[str]:
    """Those to whom VAT on what was paid before in the month would leave nothing."""
    gross = {one.manager_id: one.payable_minor for one in due if one.lines and one.why_not is None}
    if not gross or not withholding.vat_is_on(session, day):
        return ()
    try:
        taxed = withholding.on_payments(session, gross, day, currency=currency)
    except Conflict:  # a payment of a later day is made already: the preview of that day tells
        return ()
    return [who for who, one in taxed.items() if one.vat.vat_minor and one.net_minor <= 0]


_OF_PAYEE: Mapping[str, Why] = {
    "carried_forward": "carried_forward",
    "below_minimum": "below_minimum",
    "no_bank_account": "no_bank_account",
    "account_unconfirmed": "account_unconfirmed",
    "no_invoice": "no_invoice",
    "no_agreement": "no_agreement",
    "withheld_whole": "withheld_whole",
    "next_payout": "next_payout",
}


# Of a manager's year


def _of_years(session: Session, plan: Plan, seen: Collection[str], year: int) -> Iterator[Wait]:
    if plan.cap_per_year_minor is None:
        return
    for about, minor in sorted(year_caps.relieved(session, seen).items()):
        if (about.plan_id, about.year) == (plan.id, year):
            yield _relief(session, about, minor)


def _relief(session: Session, about: ManagerYear, relief_minor: int) -> Wait:
    numbers: dict[str, Number] = {
        "year": about.year,
        "plan": about.plan_id,
        "cap_minor": year_caps.cap_of(session, about) or 0,
        "relief_minor": relief_minor,
    }
    return Wait(
        "year_cap", "", about.manager_id, Step("why.year_cap", numbers, "plan caps.per_manager_per_year")
    )


# Of a statement's closing balance


def at_the_end(session: Session, manager_id: str, period: str, *, currency: str, now: datetime) -> list[Wait]:
    """Why what a month leaves payable is not paid: every fen of it, as things stood at its end.

    What is not known of that day any more, such as whether there was a bank account, is not said.
    """
    day = min(day_of(now), months.last_day(period))
    due = payables.at_the_end(session, manager_id, period, currency=currency, day=day)
    if due is None:
        return []
    found = list(_of_lines(due, told=False))
    return [*found, _left(session, due, day)] if due.lines else found


def _left(session: Session, due: Due, day: date) -> Wait:
    told = due.why_not in ("carried_forward", "below_minimum")
    known = _of_payee(session, due, day, ()) if told else []
    step = Step("why.unpaid", {"payable_minor": due.payable_minor}, f"manager {due.manager_id}")
    return known[0] if known else Wait("next_payout", "", due.manager_id, step)
