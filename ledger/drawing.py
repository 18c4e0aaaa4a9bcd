"""A settlement statement (结算单) drawn from the books at one moment, and checked: what does not tie is not
made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from ledger import (
    accounts,
    accruals,
    clock,
    config,
    earnings,
    managers,
    payout_steps,
    payouts,
    periods,
    seals,
    waits,
)
from ledger.core import period as months
from ledger.core import statement as paper
from ledger.core import waits as core_waits
from ledger.core import workings
from ledger.core.capitals import amount_cn
from ledger.core.entry import COMMISSION_COST, EXPECTED, HELD, PAYABLE
from ledger.core.sentences import grade_named
from ledger.core.target import Target, target
from ledger.core.waits import Wait
from ledger.earnings import Moved, Names
from ledger.journal import Entry, Posting

DISPUTE_DAYS = 15


def draw(
    session: Session,
    manager_id: str,
    period: str,
    *,
    kind: paper.Kind,
    currency: str,
    revision: int,
    replaces: str | None,
    now: datetime,
) -> paper.Snapshot:
    """The statement of a manager's month as the books have it at this moment, checked."""
    manager = managers.get(session, manager_id)
    moved = earnings.moved(session, manager_id, period, currency)
    pending = _pending_balances(session, manager_id, period, currency)
    unpaid = waits.at_the_end(session, manager_id, period, currency=currency, now=now)
    about = {m.posting.deal_id for m in moved} | {one[1] for one in pending} | {_deal(one) for one in unpaid}
    known_at = periods.closed_at(session, period)
    names = earnings.names(session, about, known_at=known_at)
    history = _months(session, manager_id, period, currency)
    lines, adjustments = earnings.lines(session, moved, names, period)
    releases = _releases(moved, names)
    steps = payout_steps.of(session, manager_id, period, currency)
    closing = -accounts.balance(session, PAYABLE, manager_id, currency, through=period)

    snapshot = paper.Snapshot(
        header=_header(session, manager, period, kind, currency, revision, replaces, now, names),
        bridge=_bridge(
            session, manager_id, period, currency, lines, adjustments, releases, steps, moved, closing
        ),
        lines=lines,
        adjustments=adjustments,
        releases=releases,
        further=_further(moved),
        payouts=steps,
        pending=(
            *_unpaid(unpaid, names, currency),
            *_pending(session, pending, names, period, currency, known_at, now),
        ),
        held_minor=-accounts.balance(session, HELD, manager_id, currency, through=period),
        expected_minor=accounts.balance(session, EXPECTED, manager_id, currency, through=period),
        year_to_date=_year(session, manager_id, period, currency, history),
        twelve_months=history,
        closing_words=amount_cn(closing, currency) if currency == "CNY" else "",
        dispute=_dispute(period),
    )
    return paper.check(snapshot)


def _pending_balances(
    session: Session, manager_id: str, period: str, currency: str
) -> list[tuple[str, str, str, int]]:
    """(account, deal, stage, amount) of what is held or expected at the end of the period."""
    query = (
        select(Posting.account, Posting.deal_id, Posting.stage, func.sum(Posting.amount_minor))
        .where(
            Posting.manager_id == manager_id,
            col(Posting.account).in_((HELD, EXPECTED)),
            Posting.currency == currency,
            Posting.period <= period,
        )
        .group_by(Posting.account, Posting.deal_id, Posting.stage)
        .having(func.sum(Posting.amount_minor) != 0)
        .order_by(Posting.account, Posting.deal_id, Posting.stage)
    )
    return [(account, deal, stage, int(amount)) for account, deal, stage, amount in session.exec(query)]


def _releases(moved: Sequence[Moved], names: Names) -> tuple[paper.Release, ...]:
    return tuple(
        paper.Release(
            on=one.entry.booked_on,
            deal_id=one.posting.deal_id,
            deal_title=names.title(one.posting.deal_id),
            stage=names.stage(one.posting.deal_id, one.posting.stage),
            amount_minor=one.posting.amount_minor,
            entry=str(one.entry.id),
            because=paper.Words(zh="达到释放条件", en="The condition for its release is met."),
        )
        for one in moved
        if one.entry.kind == "release" and one.posting.account == HELD
    )


# The entries of no deal that a statement spells out: the bridge's row, and what they are in English,
# with what is told of them in any language.
_FURTHER: dict[str, tuple[paper.FurtherRow, str, Callable[[Entry], str]]] = {
    "year_cap": ("year_cap", "Cap over the year", lambda one: one.source.split("/")[2]),
    "vat_corrected": ("vat_corrected", "VAT withheld, set right, of", lambda one: one.source.split("/")[1]),
    "left_owing": ("left_owing", "Owed on leaving:", lambda one: one.summary.partition("离任欠款 ")[2]),
    "opening": ("brought_in", "Brought in at the end of", lambda one: one.period),
}


def _further(moved: Sequence[Moved]) -> tuple[paper.Further, ...]:
    return tuple(
        paper.Further(
            row=_FURTHER[one.entry.kind][0],
            on=one.entry.booked_on,
            what=_what(one.entry),
            amount_minor=-one.posting.amount_minor,
            entry=str(one.entry.id),
        )
        for one in moved
        if one.entry.kind in _FURTHER and one.posting.account == PAYABLE
    )


def _what(entry: Entry) -> paper.Words:
    _, english, about = _FURTHER[entry.kind]
    undone = "Reversed: " if entry.reverses else ""
    return paper.Words(zh=entry.summary, en=f"{undone}{english} {about(entry)}")


def _bridge(
    session: Session,
    manager_id: str,
    period: str,
    currency: str,
    lines: Sequence[paper.Line],
    adjustments: Sequence[paper.Adjustment],
    releases: Sequence[paper.Release],
    steps: Sequence[paper.Payout],
    moved: Sequence[Moved],
    closing: int,
) -> paper.Bridge:
    """Rows from the entries of the month; opening and closing from the account itself."""

    def gross(nature: str) -> int:
        return sum(line.gross_minor for line in lines if line.nature == nature)

    def stepped(*what: paper.StepKind) -> int:
        return sum(payout.gross_minor for payout in steps if payout.took(*what))

    further = dict.fromkeys(paper.FURTHER, 0)
    for row in _further(moved):
        further[row.row] += row.amount_minor
    paid = [payout for payout in steps if payout.took("confirmed")]
    return paper.Bridge(
        opening_minor=-accounts.balance(
            session, PAYABLE, manager_id, currency, through=months.preceding(period)
        ),
        earned_minor=gross("earned"),
        adjustments_minor=gross("adjusted") + sum(item.difference_minor for item in adjustments),
        clawed_back_minor=gross("clawed_back"),
        year_cap_minor=further["year_cap"],
        held_minor=-sum(line.held_minor for line in lines) - sum(item.held_minor for item in adjustments),
        released_minor=sum(item.amount_minor for item in releases),
        in_approval_minor=stepped("sent") - stepped("made"),
        in_transit_minor=stepped("confirmed") - stepped("sent"),
        rejected_minor=stepped(*paper.CAME_BACK),
        paid_net_minor=-sum(payout.net_minor for payout in paid),
        paid_tax_minor=-sum(payout.tax_minor for payout in paid),
        paid_vat_minor=-sum(payout.vat_minor for payout in paid),
        vat_corrected_minor=further["vat_corrected"],
        paid_elsewhere_minor=-stepped("paid_elsewhere"),
        left_owing_minor=further["left_owing"],
        brought_in_minor=further["brought_in"],
        closing_minor=closing,
    )


_FEE_DUE = paper.Words(zh="待居间服务费到账", en="The fee being received")


_BY_HAND = paper.Words(zh="待释放", en="Its release")


def _pending(
    session: Session,
    balances: Sequence[tuple[str, str, str, int]],
    names: Names,
    period: str,
    currency: str,
    known_at: datetime | None,
    now: datetime,
) -> tuple[paper.Pending, ...]:
    day = min(clock.day_of(now), months.last_day(period))
    goals = _goals(session, {deal_id for _, deal_id, _, _ in balances}, names, day, known_at)

    def waits_for(account: str, deal_id: str, stage: str) -> dict[str, Any]:
        goal = goals.get(deal_id)
        if account == HELD:
            return _release(names, goal, deal_id, stage)
        found = next(core_waits.at(core_waits.of_target(goal), stage), None) if goal else None
        return {"waits_for": _words(found, currency) if found else _FEE_DUE}

    return tuple(
        paper.Pending(
            kind="held" if account == HELD else "expected",
            deal_id=deal_id,
            deal_title=names.title(deal_id),
            stage=names.stage(deal_id, stage),
            amount_minor=-amount if account == HELD else amount,
            **waits_for(account, deal_id, stage),
        )
        for account, deal_id, stage, amount in sorted(
            balances, key=lambda one: (one[0], one[1], names.place(one[1], one[2]))
        )
    )


def _goals(
    session: Session, deal_ids: Iterable[str], names: Names, day: date, known_at: datetime | None
) -> dict[str, Target]:
    """What these deals had come to on a day, as was known at an instant."""
    found = [names.deals[deal_id] for deal_id in sorted(deal_ids) if deal_id in names.deals]
    known = accruals.facts_of_each(session, found, known_at=known_at)
    return {deal.id: target(names.plans[deal.id], known[deal.id], day) for deal in found}


def _unpaid(found: Sequence[Wait], names: Names, currency: str) -> Iterator[paper.Pending]:
    """The closing balance by why it is not paid."""
    for wait in found:
        yield paper.Pending(
            kind="payable",
            deal_id=_deal(wait),
            deal_title=names.title(_deal(wait)),
            stage=names.stage(_deal(wait), wait.stage),
            amount_minor=wait.amount_minor,
            waits_for=_words(wait, currency),
        )


def _deal(wait: Wait) -> str:
    """The deal a wait is about; empty for all that somebody is owed."""
    return str(wait.step.numbers.get("deal", ""))


def _words(wait: Wait, currency: str) -> paper.Words:
    return paper.Words(
        zh=workings.render(wait.step, "zh", currency), en=workings.render(wait.step, "en", currency)
    )


def _release(names: Names, goal: Target | None, deal_id: str, stage: str) -> dict[str, Any]:
    """What a held amount waits for, and until when where that is known."""
    holdback = goal.workings.rules.plan.holdback if goal else None
    if goal is None or holdback is None:
        return {"waits_for": _BY_HAND}
    if holdback.stage is not None:
        until = names.stage(deal_id, holdback.stage)
        return {"waits_for": paper.Words(zh=f"待{until.zh}核实", en=f"{until.en} being verified")}
    reached = goal.workings.reached[goal.workings.rules.position[stage]]
    days = holdback.days or 0
    return {
        "waits_for": paper.Words(zh=f"阶段完成后满{days}天", en=f"{days} days from the stage"),
        "expected_on": reached.since + timedelta(days=days) if reached else None,
    }


def _months(session: Session, manager_id: str, period: str, currency: str) -> tuple[paper.Month, ...]:
    first = months.following(f"{int(period[:4]) - 1:04d}{period[4:]}")
    sums: dict[str, int] = dict(
        session.exec(
            select(Posting.period, func.sum(Posting.amount_minor))
            .where(
                Posting.manager_id == manager_id,
                Posting.account == COMMISSION_COST,
                Posting.currency == currency,
                Posting.period >= first,
                Posting.period <= period,
            )
            .group_by(Posting.period)
        ).all()
    )
    return tuple(
        paper.Month(period=month, earned_minor=int(sums.get(month, 0)))
        for month in months.span(first, period)
    )


def _year(
    session: Session, manager_id: str, period: str, currency: str, history: Sequence[paper.Month]
) -> paper.YearToDate:
    def lines(kind: str) -> Sequence[payouts.PayoutLine]:
        return session.exec(_lines_booked(manager_id, kind, period, currency)).all()

    paid, back = lines("payout_confirmed"), lines("payout_bounced")
    had, gone = payouts.sum_of(paid), payouts.sum_of(back)
    # VAT given back was in what was paid before: it is less VAT, and not paid again
    again = sum(line.vat_back_minor for line in paid) - sum(line.vat_back_minor for line in back)
    return paper.YearToDate(
        earned_minor=sum(month.earned_minor for month in history if month.period[:4] == period[:4]),
        paid_gross_minor=had.gross_minor - gone.gross_minor - again,
        tax_minor=had.tax_minor - gone.tax_minor,
        vat_minor=had.vat_minor - gone.vat_minor - again,
        net_minor=had.net_minor - gone.net_minor,
    )


def _lines_booked(
    manager_id: str, kind: str, period: str, currency: str
) -> SelectOfScalar[payouts.PayoutLine]:
    """A manager's payments of which an entry of a kind was booked in the year up to a month."""
    return (
        select(payouts.PayoutLine)
        .join(Entry, col(Entry.source) == payouts.PayoutLine.id)
        .where(
            payouts.PayoutLine.manager_id == manager_id,
            Entry.kind == kind,
            Entry.currency == currency,
            Entry.period >= f"{period[:4]}-01",
            Entry.period <= period,
        )
    )


METHODS = {
    "per_payment": paper.Words(zh="按次预扣（劳务报酬）", en="per payment"),
    "platform_cumulative": paper.Words(zh="平台累计预扣", en="platform, cumulative"),
    "invoiced": paper.Words(zh="自行开票", en="invoiced"),
    "payroll": paper.Words(zh="并入工资", en="payroll"),
}


def _header(
    session: Session,
    manager: managers.Manager,
    period: str,
    kind: paper.Kind,
    currency: str,
    revision: int,
    replaces: str | None,
    now: datetime,
    names: Names,
) -> paper.Header:
    grade = managers.grades_on(session, [manager.id], months.last_day(period)).get(manager.id, "")
    return paper.Header(
        number=paper.number(period, manager.id, revision, currency),
        kind=kind,
        revision=revision,
        replaces=replaces,
        platform=config.from_environment().platform,
        payee=paper.Payee(
            id=manager.id,
            name=manager.name,
            grade=grade_named(grade).zh if grade else "",
            account=_account(manager),
            tax_method=METHODS[
                managers.tax_methods_on(session, [manager.id], months.last_day(period))[manager.id]
            ],
        ),
        period=period,
        currency=currency,
        made_at=now,
        data_as_of=now,
        plans=tuple(
            paper.Words(zh=f"{v.title_zh} v{v.version}", en=f"{v.title_en} v{v.version}")
            for v in names.versions
        ),
        seal=_seal(session, manager.id, period, currency),
    )


def _account(manager: managers.Manager) -> str:
    """The account as a paper shows it: the bank, and the last digits."""
    masked = managers.masked(manager.bank_account)
    return f"{manager.bank_name} {masked}" if masked and manager.bank_name else masked


def _seal(session: Session, manager_id: str, period: str, currency: str) -> paper.Seal | None:
    """The last block, if everything this statement is drawn from was sealed by then."""
    drawn_from = select(Posting.entry_id).where(
        Posting.manager_id == manager_id, Posting.period <= period, Posting.currency == currency
    )
    block = seals.latest(session)
    if block is None or seals.any_unsealed(session, drawn_from):
        return None
    return paper.Seal(block=block.no, sha256=block.sha256)


def _dispute(period: str) -> paper.Dispute:
    until = months.last_day(period) + timedelta(days=DISPUTE_DAYS + 10)
    return paper.Dispute(
        until_on=until,
        how=paper.Words(
            zh="如对任何一行有异议，请登录平台在该行提出，或书面告知运营人员，写明单号、行次、应为金额及理由。",
            en="To contest a line, raise it on that line in the platform or write to operations, naming the "
            "statement, the line, the amount you expect and why.",
        ),
    )
