"""A small firm with one of everything that is sealed, made by the real actions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from importlib.resources import files

from sqlmodel import Session

from ledger import (
    acknowledgements,
    agreements,
    approvals,
    bank_answers,
    bank_receipts,
    bank_returns,
    deals,
    disputes,
    evidence,
    fees,
    holds,
    identities,
    invoices,
    layouts,
    managers,
    milestones,
    needs,
    papers,
    passwords,
    payee_agreements,
    payouts,
    plan_moves,
    plans,
    policies,
    results,
    sending,
    settings,
    stand_ins,
    statements,
)
from ledger.bounces import Bounce
from ledger.claims import Claim
from ledger.core.policy import FIRST
from ledger.cutovers import Cutover
from ledger.db import Database
from ledger.files import Store
from ledger.handovers import Handover
from ledger.persons import Erasure, ErasureRequest, ErasureWithdrawal
from ledger.receipt_lines import BankReceiptPart
from ledger.reopenings import Reopening, ReopeningAnswer
from ledger.users import User
from tests.ledger import copies

TIANJIN = (files("ledger") / "cities" / "tianjin.yaml").read_text("utf-8")
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
PDF = b"%PDF-1.7 as good as printed"
DEAL = "D-1"
_PASSWORD = "a long password"
_HASHES: dict[str, str] = {}


@dataclass(frozen=True)
class Firm:
    """Its people, and where its files are."""

    store: Store
    manager: User
    operator: User
    second: User
    finance: User


def day(number: int) -> datetime:
    """Ten in the morning so many days after the beginning."""
    return NOW + timedelta(days=number)


def found(database: Database, store: Store) -> Firm:
    """People, a plan, a deal with its fee, two milestones, a payout that was paid, a statement.

    Of a fresh database: what stood in it is gone.
    """

    def firm() -> Firm:
        return built(database, store)

    return replace(copies.once(database, store.root, firm), store=store)


def built(database: Database, store: Store) -> Firm:
    """The same, action by action."""
    with database.writing() as session:
        firm = _people(session, store)
    with database.writing() as session:
        _plan(session, firm)
        _deal(session, firm)
        _move(session, firm)
        _agree(session, firm)
        _papers(session, firm)
        reach(session, firm, "need_discovery", day(1))
        receive(session, firm, 2_500_000, "YH-1", day(2))
        _govern(session, firm)
        _pay(session, firm)
    with database.writing() as session:
        stated = state(session, firm, day(5))
        _contest(session, firm, stated)
        acknowledgements.acknowledge(session, stated.id, by=firm.manager, now=day(5))
        drawn = papers.draw(session, "record_of_work", "M1", by=firm.finance, now=day(5))
        papers.keep(session, firm.store, drawn.report, PDF, manager_id="M1", by=firm.finance, now=day(5))
        _ask_to_reopen(session, firm)
        _erase(session, firm)
        _cut_over(session, firm)
    return firm


def _contest(session: Session, firm: Firm, kept: statements.Statement) -> None:
    """The manager contests the first line, and thinks better of it."""
    raised = disputes.raise_on(session, kept.id, 1, code="amount", by=firm.manager, now=day(5))
    disputes.withdraw(session, raised.id, by=firm.manager, now=day(5))


def _ask_to_reopen(session: Session, firm: Firm) -> None:
    """Whether February is reopened was asked, and refused."""
    asked = Reopening(id="ro_1", period="2026-02", reason="?", asked_by=firm.finance.id, asked_at=day(5))
    said = ReopeningAnswer(
        id="ra_1", reopening_id="ro_1", answer="refused", answered_by=firm.second.id, answered_at=day(5)
    )
    session.add_all([asked, said])


def _erase(session: Session, firm: Firm) -> None:
    """Somebody was there once, of whom nothing is left."""
    for request in ("eq_00", "eq_01"):
        by = firm.operator.id
        session.add(ErasureRequest(id=request, subject="M0", reason=request, asked_by=by, asked_at=day(5)))
    taken = ErasureWithdrawal(
        id="ew_00", request_id="eq_00", subject="M0", reason="?", withdrawn_by=by, withdrawn_at=day(5)
    )
    session.add_all([taken, Erasure(id="er_00", subject="M0", kept_until="", erased_at=day(5))])


def _cut_over(session: Session, firm: Firm) -> None:
    """Balances in a currency nobody has anything in, signed off."""
    made = Cutover(
        id="co_1",
        period="2026-01",
        currency="USD",
        content=[["1002", "基本户", 1], ["6001", "", -1]],
        state="draft",
        drafted_by=firm.finance.id,
        drafted_at=day(5),
    )
    session.add(made)
    session.flush()
    made.state, made.published_by, made.published_at = "published", firm.second.id, day(5)


def _people(session: Session, store: Store) -> Firm:
    managers.add(
        session, id="M1", name="张三", grade="senior", bank_name="工商银行", bank_account="62220001", now=NOW
    )
    roles = (("manager", "M1"), ("operator", None), ("operator", None), ("finance", None))
    added = []
    for number, (role, manager_id) in enumerate(roles, 1):
        added.append(
            User(
                id=f"us_{number}",
                phone=f"1380000000{number}",
                name=role,
                role=role,
                manager_id=manager_id,
                password_hash=_hash(),
                created_at=NOW,
            )
        )
    session.add_all(added)
    return Firm(store, *added)


def _hash() -> str:
    """Slow on purpose, so made once."""
    return _HASHES.setdefault(_PASSWORD, passwords.hashed(_PASSWORD))


def _plan(session: Session, firm: Firm) -> None:
    drafted = plans.draft(session, TIANJIN, by=firm.operator, now=NOW)
    plans.publish(session, drafted.id, effective_on=date(2026, 1, 1), by=firm.second, now=NOW)


def _move(session: Session, firm: Firm) -> None:
    """The deal follows a version that corrects a title."""
    text = TIANJIN.replace("en: Completion", "en: Completed")
    drafted = plans.draft(session, text, by=firm.operator, now=NOW)
    plans.publish(session, drafted.id, effective_on=date(2026, 3, 1), by=firm.second, now=NOW)
    plan_moves.move(session, DEAL, version_id=drafted.id, reason="a title", by=firm.operator, now=NOW)


def _deal(session: Session, firm: Firm) -> None:
    need = needs.log(
        session,
        title="低功耗眼动传感",
        client="优眼科技",
        found_on=date(2026, 3, 1),
        by=firm.manager,
        now=NOW,
    )
    result = results.log(session, title="眼动传感芯片", source="天津大学", by=firm.manager, now=NOW)
    results.pair(session, need.id, result.id, by=firm.manager, now=NOW)
    claimed = {"need_id": need.id, "rival_id": need.id, "why": "?", "state": "contested"}
    session.add(Claim(id="cl_1", contested_by=firm.manager.id, contested_at=NOW, **claimed))
    given = {"deal_id": DEAL, "from_manager_id": "M9", "to_manager_id": "M1", "from_on": date(2026, 3, 1)}
    session.add(Handover(id="ho_1", reason="离任", decided_by=firm.second.id, decided_at=NOW, **given))
    evidence.add(
        session,
        firm.store,
        need.id,
        name="需求表.txt",
        content="需求表".encode(),
        by=firm.manager,
        now=NOW,
    )
    deals.open_from(
        session,
        need,
        id=DEAL,
        plan_id="tianjin-platform-manager",
        expected_fee_minor=5_300_000,
        category="transfer",
        tax_rate=Fraction(6, 100),
        by=firm.operator,
        now=NOW,
    )


def _agree(session: Session, firm: Firm) -> None:
    """The manager has the sourcing for themselves, and nobody to ask."""
    agreements.propose(session, DEAL, stage="tech_sourcing", weights={"M1": "1"}, by=firm.manager, now=NOW)


def _papers(session: Session, firm: Firm) -> None:
    """A setting, a method of tax from later on, and two invoices of the manager: one counts."""
    settings.decide(
        session,
        settings.BREAK_MONTHS,
        value="2",
        from_on=date(2026, 1, 1),
        reason="答复",
        by=firm.finance,
        now=NOW,
    )
    managers.set_payment(
        session,
        "M1",
        bank_name="工商银行",
        bank_account="62220001",
        tax_method="per_payment",
        tax_from=date(2026, 1, 1),
        by=firm.operator,
        now=NOW,
    )
    identities.record(
        session, "M1", kind="resident_id", number="11010519491231002X", by=firm.operator, now=NOW
    )
    for number in ("FP-1", "FP-2"):
        invoice = invoices.add(
            session,
            firm.store,
            "M1",
            number=number,
            issued_on=date(2026, 3, 1),
            amount_minor=10_000_000,
            file_name="发票.pdf",
            content=number.encode(),
            by=firm.operator,
            now=NOW,
        )
    agreed = payee_agreements.add(
        session,
        firm.store,
        "M1",
        number="XY-1",
        signed_on=date(2026, 1, 1),
        from_on=date(2026, 1, 1),
        until_on=None,
        file_name="协议.pdf",
        content=b"agreed",
        by=firm.operator,
        now=NOW,
    )
    payee_agreements.end(
        session, agreed.id, last_on=date(2026, 12, 31), reason="到期", by=firm.operator, now=NOW
    )
    invoices.take_back(session, invoice.id, reason="作废", by=firm.operator, now=NOW)


def reach(session: Session, firm: Firm, stage: str, now: datetime) -> None:
    """The manager logs a milestone, operations verify it."""
    logged = milestones.log(
        session,
        deal_id=DEAL,
        stage=stage,
        reached_on=now.date(),
        participants={"M1": "1"},
        by=firm.manager,
        now=now,
    )
    milestones.verify(session, logged.id, by=firm.operator, now=now)


def receive(session: Session, firm: Firm, amount_minor: int, ref: str, now: datetime) -> None:
    """A part of the fee arrives."""
    fees.record(
        session, "fee_received", on=now.date(), parts={DEAL: amount_minor}, ref=ref, by=firm.finance, now=now
    )


def _govern(session: Session, firm: Firm) -> None:
    """Who approves payouts is written down, and something waited for a while."""
    drafted = policies.draft(session, FIRST, by=firm.operator, now=day(2))
    policies.publish(session, drafted.id, effective_on=day(2).date(), by=firm.second, now=day(2))
    stand_ins.put(
        session,
        for_user=firm.finance.id,
        by_user=firm.operator.id,
        from_on=day(20).date(),
        to_on=day(25).date(),
        reason="出差",
        by=firm.finance,
        now=day(2),
    )
    put = holds.put(
        session, manager_id="M1", reason="核对账户", until_on=day(9).date(), by=firm.operator, now=day(2)
    )
    holds.lift(session, put.id, reason="已核对", by=firm.second, now=day(3))


def _pay(session: Session, firm: Firm) -> None:
    made = payouts.make(session, value_on=day(4).date(), by=firm.operator, now=day(3))
    invoices.use(session, payouts.lines_of(session, made.id))
    approvals.approve(session, made.id, by=firm.second, now=day(3))
    sending.send(session, firm.store, made.id, by=firm.finance, now=day(3))
    own = layouts.shipped_text("simple").replace("layout: simple", "layout: own")
    layouts.add(session, own, by=firm.finance, now=day(3))
    bank_answers.confirm(session, made.id, value_on=day(4).date(), by=firm.finance, now=day(4))
    told = "用途,收款账号,金额,状态\n别人的,62229999,1.00,成功\n".encode()
    _list(session, firm)
    back = {"line_id": "pl_0", "came_back_on": day(4).date(), "reason": "销户"}
    session.add(Bounce(id="bo_1", recorded_by=firm.finance.id, recorded_at=day(4), **back))
    bank_returns.take(session, firm.store, told, name="回单.csv", layout="own", by=firm.finance, now=day(4))


def _list(session: Session, firm: Firm) -> None:
    """The bank's list of what came in: one line, that is no fee; and where another would have gone."""
    came = "交易流水号,交易日期,贷方发生额,对方户名,摘要\n7,2026-03-06,1.00,优眼科技,尾款\n".encode()
    kept = bank_receipts.take(
        session, firm.store, came, name="流水.csv", layout="simple", by=firm.finance, now=day(4)
    )
    (seen,) = bank_receipts.preview(session, kept.id, by=firm.finance, now=day(4)).seen
    bank_receipts.set_aside(session, seen.line.id, note="利息", by=firm.finance, now=day(4))
    given = {"line_id": seen.line.id, "deal_id": DEAL, "fact_id": "ft_1", "invoice_id": ""}
    session.add(BankReceiptPart(id="rp_1", amount_minor=1, **given))


def state(session: Session, firm: Firm, now: datetime) -> statements.Statement:
    """The manager's statement of the month, as it stands."""
    drawn = statements.draw(session, "M1", "2026-03", kind="preliminary", now=now)
    return statements.keep(session, firm.store, drawn, PDF)
