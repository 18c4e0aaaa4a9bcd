"""Settlement statements (结算单): drawn from the books at one moment, checked, printed, kept for ever.

A statement that does not tie to the ledger is not made. A later revision names the one before;
the bytes of both stay.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from ledger import (
    accounts,
    clock,
    deals,
    facts,
    ids,
    journal,
    managers,
    organisations,
    payouts,
    periods,
    plans,
    rights,
    seals,
)
from ledger.core import period as months
from ledger.core import statement as paper
from ledger.core import tax, workings
from ledger.core.capitals import amount_cn
from ledger.core.entry import COMMISSION_COST, EXPECTED, HELD, PAYABLE
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.plan import Plan
from ledger.core.sentences import grade_named
from ledger.db import Instant, Json, Row, fingerprint
from ledger.files import Store
from ledger.journal import Entry, Posting
from ledger.users import User

Kind = Literal["preliminary", "final"]
DISPUTE_DAYS = 15
PLATFORM = "技术经理人佣金平台"


class Statement(Row, table=True):
    """One revision of one manager's month in one currency: the snapshot and the PDF's hash."""

    __tablename__ = "statement"
    __table_args__ = (
        UniqueConstraint("manager_id", "period", "currency", "revision", name="uq_statement"),
        {"sqlite_strict": True},
    )

    id: str = Field(primary_key=True)
    number: str = Field(unique=True)
    manager_id: str = Field(index=True)
    period: str = Field(index=True)
    currency: str
    kind: str
    revision: int
    replaces: str | None = None
    closing_minor: int
    snapshot: dict[str, Any] = Field(sa_type=Json)
    content_sha256: str  # of what it says, whenever it was made
    pdf_sha256: str
    pdf_size: int
    made_at: datetime = Field(sa_type=Instant)


# --- drawing one from the books


@dataclass(frozen=True, slots=True)
class _Moved:
    """One posting of the manager in the period, with its entry."""

    posting: Posting
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Names:
    """What the ids on a statement are called."""

    deals: dict[str, deals.Deal]
    clients: dict[str, str]
    plans: dict[str, Plan]  # by deal

    def title(self, deal_id: str) -> str:
        deal = self.deals.get(deal_id)
        return deal.title if deal else ""

    def client(self, deal_id: str) -> str:
        deal = self.deals.get(deal_id)
        return self.clients.get(deal.client_id, "") if deal else ""

    def stage(self, deal_id: str, stage: str) -> paper.Words:
        known = self.plans[deal_id].stages if deal_id in self.plans else ()
        title = next((one.title for one in known if one.id == stage), None)
        return paper.Words(zh=title.zh, en=title.en) if title else paper.Words(zh=stage, en=stage)


def draw(
    session: Session,
    manager_id: str,
    period: str,
    *,
    kind: Kind,
    currency: str = "CNY",
    now: datetime,
) -> paper.Snapshot:
    """The statement of a manager's month as the books have it at this moment, checked."""
    manager = managers.get(session, manager_id)
    moved = _moved(session, manager_id, period, currency)
    pending = _pending_balances(session, manager_id, period, currency)
    names = _names(session, {m.posting.deal_id for m in moved} | {deal_id for _, deal_id, _, _ in pending})
    last = _last_revision(session, manager_id, period, currency)
    revision = last.revision + 1 if last else 1
    history = _months(session, manager_id, period, currency)
    said = _Explained(session)
    lines, adjustments = _lines(session, moved, names, said, period)
    releases = _releases(moved, names)
    steps = _payouts(session, manager_id, period, currency)
    closing = -accounts.balance(session, PAYABLE, manager_id, currency, through=period)

    snapshot = paper.Snapshot(
        header=_header(session, manager, period, kind, currency, revision, last, now, names),
        bridge=_bridge(
            session, manager_id, period, currency, lines, adjustments, releases, steps, moved, closing
        ),
        lines=lines,
        adjustments=adjustments,
        releases=releases,
        further=_further(moved),
        payouts=steps,
        pending=_pending(session, pending, names),
        held_minor=-accounts.balance(session, HELD, manager_id, currency, through=period),
        expected_minor=accounts.balance(session, EXPECTED, manager_id, currency, through=period),
        year_to_date=_year(session, manager_id, period, currency, history),
        twelve_months=history,
        closing_words=amount_cn(closing, currency) if currency == "CNY" else "",
        dispute=_dispute(period),
    )
    return paper.check(snapshot)


def _moved(session: Session, manager_id: str, period: str, currency: str) -> list[_Moved]:
    query = (
        select(Posting, Entry)
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .where(Posting.manager_id == manager_id, Posting.period == period, Posting.currency == currency)
        .order_by(col(Entry.booked_on), col(Entry.id), col(Posting.line))
    )
    return [_Moved(posting, entry) for posting, entry in session.exec(query)]


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


def _names(session: Session, deal_ids: Iterable[str]) -> _Names:
    found = {
        deal.id: deal
        for deal in session.exec(select(deals.Deal).where(col(deals.Deal.id).in_(sorted(set(deal_ids)))))
    }
    versions = {deal.plan_version_id for deal in found.values()}
    read = {version_id: plans.value(plans.get(session, version_id)) for version_id in sorted(versions)}
    clients = dict(
        session.exec(
            select(organisations.Organisation.id, organisations.Organisation.name).where(
                col(organisations.Organisation.id).in_({deal.client_id for deal in found.values()})
            )
        ).all()
    )
    return _Names(found, clients, {deal.id: read[deal.plan_version_id] for deal in found.values()})


class _Explained:
    """Sentences for the lines of an entry, from the working kept beside it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[int, dict[str, Any]] = {}

    def why(self, entry: Entry, origin: str, manager: str, stage: str) -> _Why:
        working = self._read.get(entry.id)
        if working is None:
            working = self._read[entry.id] = journal.working_of(self._session, entry.id) or {}
        for part in working.get("origins", []):
            if part["origin"] == origin:
                steps = part["because"].get(f"{manager}|{stage}", [])
                return _Why(part["basis_minor"], steps, entry.currency)
        return _Why(None, [], entry.currency)


@dataclass(frozen=True, slots=True)
class _Why:
    base_minor: int | None
    steps: list[Any]
    currency: str

    @property
    def words(self) -> paper.Words:
        read = workings.from_data(self.steps)
        return paper.Words(
            zh="".join(workings.sentences(read, "zh", self.currency)),
            en=" ".join(workings.sentences(read, "en", self.currency)),
        )

    def figure(self, name: str) -> str:
        """The first figure of that name in the working, or nothing."""
        return next((str(step["numbers"][name]) for step in self.steps if name in step["numbers"]), "")


Key = tuple[int, str, str, str, str]  # entry, deal, stage, origin, nature


def _lines(
    session: Session, moved: Sequence[_Moved], names: _Names, said: _Explained, period: str
) -> tuple[tuple[paper.Line, ...], tuple[paper.Adjustment, ...]]:
    gross: dict[Key, int] = defaultdict(int)
    held: dict[Key, int] = defaultdict(int)
    entries: dict[int, Entry] = {}
    for one in moved:
        if one.entry.kind != "accrual":
            continue
        p = one.posting
        key = (one.entry.id, p.deal_id, p.stage, p.origin, p.nature)
        entries[one.entry.id] = one.entry
        if p.account == COMMISSION_COST:
            gross[key] += p.amount_minor
        elif p.account == HELD:
            held[key] -= p.amount_minor
    lines, adjustments = [], []
    for key in sorted(gross.keys() | held.keys(), key=lambda k: (entries[k[0]].booked_on, k)):
        entry_id, _, stage, origin, nature = key
        why = said.why(entries[entry_id], origin, _manager(moved), stage)
        if origin < period and nature != "clawed_back":
            old = _old(session, _manager(moved), key, period)
            adjustments.append(_adjustment(entries[entry_id], key, old, gross[key], held[key], names, why))
        else:
            lines.append(_line(entries[entry_id], key, gross[key], held[key], names, why))
    return tuple(lines), tuple(adjustments)


def _manager(moved: Sequence[_Moved]) -> str:
    return moved[0].posting.manager_id


def _line(entry: Entry, key: Key, gross: int, held: int, names: _Names, why: _Why) -> paper.Line:
    _, deal_id, stage, _, nature = key
    return paper.Line(
        on=entry.booked_on,
        deal_id=deal_id,
        deal_title=names.title(deal_id),
        client=names.client(deal_id),
        stage=names.stage(deal_id, stage),
        nature=nature,  # type: ignore[arg-type]
        base_minor=why.base_minor,
        rate=why.figure("rate"),
        share=why.figure("share"),
        gross_minor=gross,
        held_minor=held,
        payable_minor=gross - held,
        entry=str(entry.id),
        because=why.words,
    )


def _adjustment(
    entry: Entry, key: Key, old: int, gross: int, held: int, names: _Names, why: _Why
) -> paper.Adjustment:
    _, deal_id, stage, origin, _ = key
    return paper.Adjustment(
        origin=origin,
        on=entry.booked_on,
        deal_id=deal_id,
        deal_title=names.title(deal_id),
        stage=names.stage(deal_id, stage),
        old_minor=old,
        new_minor=old + gross,
        difference_minor=gross,
        held_minor=held,
        entry=str(entry.id),
        reason=why.words,
    )


def _old(session: Session, manager_id: str, key: Key, period: str) -> int:
    """What was booked for that period before this entry."""
    entry_id, deal_id, stage, origin, nature = key
    query = select(func.coalesce(func.sum(Posting.amount_minor), 0)).where(
        Posting.account == COMMISSION_COST,
        Posting.deal_id == deal_id,
        Posting.manager_id == manager_id,
        Posting.stage == stage,
        Posting.origin == origin,
        Posting.nature == nature,
        (Posting.period < period) | ((Posting.period == period) & (Posting.entry_id < entry_id)),
    )
    return int(session.exec(query).one())


def _releases(moved: Sequence[_Moved], names: _Names) -> tuple[paper.Release, ...]:
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


def _further(moved: Sequence[_Moved]) -> tuple[paper.Further, ...]:
    rows = {"year_cap": "year_cap", "left_owing": "left_owing", "opening": "brought_in"}
    return tuple(
        paper.Further(
            row=rows[one.entry.kind],  # type: ignore[arg-type]
            on=one.entry.booked_on,
            what=paper.Words(zh=one.entry.summary),
            amount_minor=-one.posting.amount_minor,
            entry=str(one.entry.id),
        )
        for one in moved
        if one.entry.kind in rows and one.posting.account == PAYABLE
    )


def _payouts(session: Session, manager_id: str, period: str, currency: str) -> tuple[paper.Payout, ...]:
    found = []
    for payout, line in session.exec(
        select(payouts.Payout, payouts.PayoutLine)
        .join(payouts.PayoutLine, col(payouts.PayoutLine.payout_id) == payouts.Payout.id)
        .where(payouts.PayoutLine.manager_id == manager_id, payouts.Payout.currency == currency)
        .order_by(payouts.Payout.no)
    ):
        steps = _steps(session, payout, line, period)
        if steps:
            found.append(
                paper.Payout(
                    reference=f"{payout.no}/{line.id}",
                    gross_minor=line.gross_minor,
                    tax_minor=line.tax_minor,
                    net_minor=line.net_minor,
                    steps=tuple(steps),
                    tax_working=_tax_words(line),
                )
            )
    return (*found, *_paid_elsewhere(session, manager_id, period, currency))


def _tax_words(line: payouts.PayoutLine) -> tuple[paper.Words, ...]:
    read = tax.from_data(line.tax_working)
    both = zip(tax.sentences(read, "zh"), tax.sentences(read, "en"), strict=True)
    return tuple(paper.Words(zh=zh, en=en) for zh, en in both)


_STEPS: dict[str, paper.StepKind] = {
    "payout_made": "made",
    "payout_returned": "returned",
    "payout_confirmed": "confirmed",
}


def _steps(
    session: Session, payout: payouts.Payout, line: payouts.PayoutLine, period: str
) -> list[paper.Step]:
    booked = session.exec(
        select(Entry)
        .where(Entry.source == line.id, col(Entry.kind).in_(list(_STEPS)))
        .order_by(col(Entry.id))
    ).all()
    steps = [
        paper.Step(what=_STEPS[entry.kind], on=entry.booked_on) for entry in booked if entry.period == period
    ]
    if payout.sent_at is not None:
        sent = max(clock.day_of(payout.sent_at), booked[0].booked_on)
        if months.of(sent) == period:
            steps.append(paper.Step(what="sent", on=sent))
    order = ("made", "sent", "returned", "confirmed")
    return sorted(steps, key=lambda step: order.index(step.what))


def _paid_elsewhere(session: Session, manager_id: str, period: str, currency: str) -> list[paper.Payout]:
    rows = session.exec(
        select(Entry, Posting)
        .join(Posting, col(Posting.entry_id) == Entry.id)
        .where(
            Entry.kind == "paid_elsewhere",
            Posting.account == PAYABLE,
            Posting.owner == manager_id,
            Posting.period == period,
            Posting.currency == currency,
        )
        .order_by(col(Entry.id))
    )
    return [
        paper.Payout(
            reference=str(entry.id),
            gross_minor=posting.amount_minor,
            net_minor=posting.amount_minor,
            steps=(paper.Step(what="paid_elsewhere", on=entry.booked_on),),
        )
        for entry, posting in rows
    ]


def _bridge(
    session: Session,
    manager_id: str,
    period: str,
    currency: str,
    lines: Sequence[paper.Line],
    adjustments: Sequence[paper.Adjustment],
    releases: Sequence[paper.Release],
    steps: Sequence[paper.Payout],
    moved: Sequence[_Moved],
    closing: int,
) -> paper.Bridge:
    """Rows from the entries of the month; opening and closing from the account itself."""

    def gross(nature: str) -> int:
        return sum(line.gross_minor for line in lines if line.nature == nature)

    def stepped(what: paper.StepKind) -> int:
        return sum(payout.gross_minor for payout in steps if payout.took(what))

    further = {row.row: 0 for row in _further(moved)}
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
        year_cap_minor=further.get("year_cap", 0),
        held_minor=-sum(line.held_minor for line in lines) - sum(item.held_minor for item in adjustments),
        released_minor=sum(item.amount_minor for item in releases),
        in_approval_minor=stepped("sent") - stepped("made"),
        in_transit_minor=stepped("confirmed") - stepped("sent"),
        rejected_minor=stepped("returned"),
        paid_net_minor=-sum(payout.net_minor for payout in paid),
        paid_tax_minor=-sum(payout.tax_minor for payout in paid),
        paid_elsewhere_minor=-stepped("paid_elsewhere"),
        left_owing_minor=further.get("left_owing", 0),
        brought_in_minor=further.get("brought_in", 0),
        closing_minor=closing,
    )


_FEE_DUE = paper.Words(zh="待居间服务费到账", en="The fee being received")
_BY_HAND = paper.Words(zh="待释放", en="Its release")


def _pending(
    session: Session, balances: Sequence[tuple[str, str, str, int]], names: _Names
) -> tuple[paper.Pending, ...]:
    return tuple(
        paper.Pending(
            kind="held" if account == HELD else "expected",
            deal_id=deal_id,
            deal_title=names.title(deal_id),
            stage=names.stage(deal_id, stage),
            amount_minor=-amount if account == HELD else amount,
            **(_release(session, names, deal_id, stage) if account == HELD else {"waits_for": _FEE_DUE}),
        )
        for account, deal_id, stage, amount in balances
    )


def _release(session: Session, names: _Names, deal_id: str, stage: str) -> dict[str, Any]:
    """What a held amount waits for, and until when where that is known."""
    plan = names.plans.get(deal_id)
    holdback = plan.holdback if plan else None
    if holdback is None:
        return {"waits_for": _BY_HAND}
    if holdback.stage is not None:
        until = names.stage(deal_id, holdback.stage)
        return {"waits_for": paper.Words(zh=f"待{until.zh}核实", en=f"{until.en} being verified")}
    first = min(
        (
            fact.fact_on
            for fact in facts.of_deal(session, deal_id)
            if (fact.type, fact.stage) == ("milestone", stage)
        ),
        default=None,
    )
    days = holdback.days or 0
    return {
        "waits_for": paper.Words(zh=f"阶段完成后满{days}天", en=f"{days} days from the stage"),
        "expected_on": first + timedelta(days=days) if first else None,
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
    paid = session.exec(
        select(payouts.PayoutLine)
        .join(Entry, col(Entry.source) == payouts.PayoutLine.id)
        .where(
            payouts.PayoutLine.manager_id == manager_id,
            Entry.kind == "payout_confirmed",
            Entry.currency == currency,
            Entry.period >= f"{period[:4]}-01",
            Entry.period <= period,
        )
    ).all()
    return paper.YearToDate(
        earned_minor=sum(month.earned_minor for month in history if month.period[:4] == period[:4]),
        paid_gross_minor=sum(line.gross_minor for line in paid),
        tax_minor=sum(line.tax_minor for line in paid),
        net_minor=sum(line.net_minor for line in paid),
    )


_METHODS = {
    "per_payment": paper.Words(zh="按次预扣（劳务报酬）", en="per payment"),
    "platform_cumulative": paper.Words(zh="平台累计预扣", en="platform, cumulative"),
    "invoiced": paper.Words(zh="自行开票", en="invoiced"),
    "payroll": paper.Words(zh="并入工资", en="payroll"),
}


def _header(
    session: Session,
    manager: managers.Manager,
    period: str,
    kind: Kind,
    currency: str,
    revision: int,
    last: Statement | None,
    now: datetime,
    names: _Names,
) -> paper.Header:
    grade = managers.grades_on(session, [manager.id], months.last_day(period)).get(manager.id, "")
    read = [
        plans.get(session, version_id)
        for version_id in sorted({deal.plan_version_id for deal in names.deals.values()})
    ]
    return paper.Header(
        number=paper.number(period, manager.id, revision, currency),
        kind=kind,
        revision=revision,
        replaces=last.number if last else None,
        platform=PLATFORM,
        payee=paper.Payee(
            id=manager.id,
            name=manager.name,
            grade=grade_named(grade).zh if grade else "",
            account=masked(manager.bank_account),
            tax_method=_METHODS[manager.tax_method],
        ),
        period=period,
        currency=currency,
        made_at=now,
        data_as_of=now,
        plans=tuple(
            paper.Words(zh=f"{v.title_zh} v{v.version}", en=f"{v.title_en} v{v.version}") for v in read
        ),
        seal=_seal(session, manager.id, period, currency),
    )


def _seal(session: Session, manager_id: str, period: str, currency: str) -> paper.Seal | None:
    """The last block, if everything this statement is drawn from was sealed by then."""
    drawn_from = select(Posting.entry_id).where(
        Posting.manager_id == manager_id, Posting.period <= period, Posting.currency == currency
    )
    block = seals.latest(session)
    if block is None or seals.any_unsealed(session, drawn_from):
        return None
    return paper.Seal(block=block.no, sha256=block.sha256)


def masked(account: str | None) -> str:
    """The last four digits of a bank account."""
    return f"**** {account[-4:]}" if account and len(account) > 4 else ""


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


# --- making and keeping them


def _last_revision(session: Session, manager_id: str, period: str, currency: str) -> Statement | None:
    return session.exec(
        select(Statement)
        .where(
            Statement.manager_id == manager_id,
            Statement.period == period,
            Statement.currency == currency,
        )
        .order_by(col(Statement.revision).desc())
    ).first()


def wanted(session: Session, period: str) -> list[str]:
    """Every manager who gets a statement for the period: known by then, or with anything booked."""
    end = clock.end_of(months.last_day(period))
    known = set(session.exec(select(managers.Manager.id).where(managers.Manager.created_at <= end)))
    booked = set(
        session.exec(
            select(Posting.manager_id).where(Posting.manager_id != "", Posting.period <= period).distinct()
        )
    )
    return sorted(known | booked)


def fresh(
    session: Session, manager_id: str, period: str, *, kind: Kind, currency: str = "CNY", now: datetime
) -> paper.Snapshot | None:
    """The snapshot to print, or None: the last one of this kind says exactly the same."""
    is_open = periods.calendar(session).is_open(period)
    if kind == "preliminary" and not is_open:
        raise Conflict("period_closed", "{period} is closed; its statements are final", period=period)
    if kind == "final" and is_open:
        raise Conflict(
            "period_open",
            "{period} is still open; a final statement is made once it is closed",
            period=period,
        )
    snapshot = draw(session, manager_id, period, kind=kind, currency=currency, now=now)
    last = _last_revision(session, manager_id, period, currency)
    if last and last.kind == kind and last.content_sha256 == content_sha256(snapshot):
        return None
    return snapshot


def content_sha256(snapshot: paper.Snapshot) -> str:
    """The hash of what a statement says, leaving out when it was made, its number, address and block."""
    unsaid = {"made_at", "data_as_of", "number", "revision", "replaces", "verify_url"}
    said = snapshot.model_dump(mode="json", exclude={"header": unsaid})
    said["header"]["seal"] = None
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def keep(session: Session, store: Store, snapshot: paper.Snapshot, pdf: bytes) -> Statement:
    """Keep a printed statement for ever."""
    header = snapshot.header
    last = _last_revision(session, header.payee.id, header.period, header.currency)
    if (last.revision if last else 0) != header.revision - 1:
        raise Conflict(
            "statement_overtaken", "statement {number} was made by another run", number=header.number
        )
    kept = Statement(
        id=ids.new("st"),
        number=header.number,
        manager_id=header.payee.id,
        period=header.period,
        currency=header.currency,
        kind=header.kind,
        revision=header.revision,
        replaces=header.replaces,
        closing_minor=snapshot.bridge.closing_minor,
        snapshot=snapshot.model_dump(mode="json"),
        content_sha256=content_sha256(snapshot),
        pdf_sha256=store.put(pdf),
        pdf_size=len(pdf),
        made_at=header.made_at,
    )
    session.add(kept)
    session.flush()
    return kept


def get(session: Session, statement_id: str, *, by: User) -> Statement:
    """One statement the user may see, or NotFound."""
    found = session.get(Statement, statement_id)
    if found is None or not rights.allows(by, "statement.see", managers=[found.manager_id]):
        raise NotFound("statement_unknown", "there is no statement {id}", id=statement_id)
    return found


def numbered(session: Session, number: str) -> Statement:
    """One statement by its number, or NotFound."""
    found = session.exec(select(Statement).where(Statement.number == number)).first()
    if found is None:
        raise NotFound("statement_unknown", "there is no statement {id}", id=number)
    return found


def of_code(session: Session, number: str, code: str) -> Statement:
    """The statement a paper names by its number and its code, as typed; NotFound where one is wrong."""
    found = session.exec(select(Statement).where(Statement.number == number.strip())).first()
    typed = "".join(code.split()).replace("-", "").upper()
    if found is None or not hmac.compare_digest(paper.code(read(found)).encode(), typed.encode()):
        raise NotFound("paper_unknown", "no paper has this number and this code; compare both with the paper")
    return found


def of_file(session: Session, pdf: bytes) -> Statement | None:
    """The statement whose kept file is this one, to the byte."""
    return session.exec(select(Statement).where(Statement.pdf_sha256 == fingerprint(pdf))).first()


def is_latest(session: Session, statement: Statement) -> bool:
    """Whether no later revision replaces it."""
    last = _last_revision(session, statement.manager_id, statement.period, statement.currency)
    return last is None or last.revision == statement.revision


Books = Literal["agrees", "superseded", "differs", "unknown"]


def in_books(session: Session, snapshot: paper.Snapshot, pdf: bytes) -> Books:
    """Whether a statement is the one kept under its number, to the byte, and the ledger still says so.

    A later revision supersedes it: what it says was true when it was made.
    """
    header = snapshot.header
    kept = session.exec(select(Statement).where(Statement.number == header.number)).first()
    if kept is None:
        return "unknown"
    if fingerprint(pdf) != kept.pdf_sha256 or read(kept) != snapshot:
        return "differs"
    if not is_latest(session, kept):
        return "superseded"
    closing = -accounts.balance(session, PAYABLE, kept.manager_id, kept.currency, through=kept.period)
    return "differs" if kept.kind == "final" and closing != kept.closing_minor else "agrees"


def listing(
    session: Session,
    *,
    by: User,
    period: str | None = None,
    manager_id: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Statement]:
    """Statements the user may see, the latest first, from before a cursor."""
    query = select(Statement).order_by(col(Statement.id).desc()).limit(limit)
    if by.role == "manager":
        query = query.where(Statement.manager_id == by.manager_id)
    if manager_id:
        query = query.where(Statement.manager_id == manager_id)
    if period:
        query = query.where(Statement.period == period)
    if before:
        query = query.where(Statement.id < before)
    return list(session.exec(query))


def revisions(session: Session, kept: Statement) -> list[Statement]:
    """Every revision of a manager's month, the latest first."""
    query = select(Statement).where(
        Statement.manager_id == kept.manager_id,
        Statement.period == kept.period,
        Statement.currency == kept.currency,
    )
    return list(session.exec(query.order_by(col(Statement.revision).desc())))


@dataclass(frozen=True, slots=True)
class Checked:
    """What holds of a kept statement: the file is whole, its sums tie and are those it was made with, and
    the books close the month at the same amount (only asked of the latest revision)."""

    file: bool
    sums: bool
    books: bool | None


def checked(session: Session, store: Store, kept: Statement) -> Checked:
    """Look at a kept statement again."""
    is_latest = revisions(session, kept)[0].id == kept.id
    closing = -accounts.balance(session, PAYABLE, kept.manager_id, kept.currency, through=kept.period)
    return Checked(
        file=_is_there(store, kept),
        sums=_still_ties(kept),
        books=closing == kept.closing_minor if is_latest else None,
    )


def _is_there(store: Store, kept: Statement) -> bool:
    try:
        return len(store.get(kept.pdf_sha256)) == kept.pdf_size
    except NotFound:
        return False


def _still_ties(kept: Statement) -> bool:
    try:
        return content_sha256(paper.check(read(kept))) == kept.content_sha256
    except Invalid:
        return False


def latest_of(session: Session, period: str) -> list[Statement]:
    """The latest revision of every statement of a period, by manager."""
    query = select(Statement).where(Statement.period == period).order_by(col(Statement.revision))
    latest = {(kept.manager_id, kept.currency): kept for kept in session.exec(query)}
    return [latest[key] for key in sorted(latest)]


def read(statement: Statement) -> paper.Snapshot:
    """The snapshot of a kept statement."""
    return paper.from_json(json.dumps(statement.snapshot))
