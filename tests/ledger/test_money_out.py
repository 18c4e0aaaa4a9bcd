"""What an accountant would try with receipts, refunds, cancellations and payouts, on both engines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from ledger import (
    accounts,
    approvals,
    bank_answers,
    deals,
    fees,
    imports,
    managers,
    payouts,
    plans,
    sending,
    users,
    verification,
)
from ledger.core import entry
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.core.facts_file import read_lines
from ledger.db import Database
from ledger.facts import Fact
from ledger.files import Store

ROOT = Path(__file__).resolve().parents[2]
PLAN = re.sub(r"(?m)^when:.*\n", "", (ROOT / "ledger/cities/tianjin.yaml").read_text("utf-8"))


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


class World:
    """A deal of 106,000 (VAT 6,000) with three stages verified, and the people to work on it."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database, self.store = database, store
        self.maker, self.other, self.finance = database.run(self._people)

    def _people(self, session: Session) -> tuple[users.User, users.User, users.User]:
        def user(phone: str, role: str) -> users.User:
            return users.add(
                session,
                phone=phone,
                name=role,
                role=role,
                password="long enough to guess",
                now=at("2026-01-01"),
            )

        people = (
            user("13900000001", "operator"),
            user("13900000002", "operator"),
            user("13900000003", "finance"),
        )
        drafted = plans.draft(session, PLAN, by=people[0], now=at("2026-01-01"))
        plans.publish(session, drafted.id, effective_on=date(2020, 1, 1), by=people[1], now=at("2026-01-01"))
        return people

    def load(self, now: str, *events: dict[str, Any], deal: str = "D1") -> imports.Report:
        known = {"id": deal, "category": "transfer", "tax_rate": "6%", "expected_fee": "106000.00"}
        line = {"format": 1, "deal": known, "managers": [{"id": "M1"}], "events": list(events)}
        report = imports.load(
            self.database,
            read_lines([json.dumps(line)], "facts", "CNY"),
            plan_id="tianjin-platform-manager",
            now=at(now),
        )
        if not report.refused:
            self.do(managers.set_payment, "M1", bank_name="b", bank_account="6222", tax_method="per_payment")
        return report

    def do(self, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.database.run(lambda session: action(session, *args, **kwargs))

    def sent(self, now: str) -> payouts.Payout:
        made = self.do(payouts.make, value_on=at(now).date(), by=self.maker, now=at(now))
        self.do(approvals.approve, made.id, by=self.other, now=at(now))
        self.do(sending.send, self.store, made.id, by=self.finance, now=at(now))
        return made  # type: ignore[no-any-return]

    def lines(self, payout: payouts.Payout) -> list[str]:
        return self.do(lambda session: [line.id for line in payouts.lines_of(session, payout.id)])  # type: ignore[no-any-return]

    def balance(self, account: str, owner: str = "M1") -> int:
        with self.database.reading() as session:
            return accounts.balance(session, account, owner, "CNY")

    def differences(self, now: str) -> list[verification.Difference]:
        with self.database.reading() as session:
            return verification.verify(session, self.store, now=at(now)).differences


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, Store(tmp_path / "files"))


def reached(on: str, stage: str) -> dict[str, Any]:
    return {"on": on, "type": "milestone", "stage": stage, "managers": {"M1": 1}, "ref": f"LC-{stage}"}


def money(on: str, kind: str, amount: str, ref: str, **more: str) -> dict[str, Any]:
    return {"on": on, "type": kind, "amount": amount, "ref": ref, **more}


SIGNED = (
    reached("2026-03-02", "need_discovery"),
    reached("2026-03-03", "tech_sourcing"),
    reached("2026-03-10", "contract_signing"),
)
PAID_IN = (
    money("2026-03-12", "fee_invoiced", "106000.00", "FP1"),
    money("2026-03-20", "fee_received", "106000.00", "SK1"),
)


@pytest.mark.parametrize("back", ["returned by the bank", "voided"])
def test_money_that_comes_back_is_not_owed_on_a_dead_deal(world: World, back: str) -> None:
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    if back == "voided":
        made = world.do(payouts.make, value_on=date(2026, 4, 2), by=world.maker, now=at("2026-04-02"))
    else:
        made = world.sent("2026-04-02")
    world.do(deals.cancel, "D1", reason="other", on=date(2026, 4, 3), by=world.maker, now=at("2026-04-03"))
    if back == "voided":
        world.do(payouts.void, made.id, reason="dead", by=world.maker, now=at("2026-04-04"))
    else:
        world.do(
            bank_answers.return_lines,
            made.id,
            line_ids=world.lines(made),
            reason="no such account",
            by=world.finance,
            now=at("2026-04-04"),
        )
    assert world.balance(entry.PAYABLE) == -500_00  # the award of the first stage is kept
    assert world.differences("2026-04-04") == []


def test_a_debt_netted_against_a_payment_is_not_taken_twice(world: World) -> None:
    correction = {"on": "2026-03-25", "type": "adjustment", "manager": "M1", "stage": "need_discovery"}
    world.load(
        "2026-04-01", *SIGNED, *PAID_IN, {**correction, "amount": "-3000.00", "reason": "x", "ref": "T"}
    )
    first = world.sent("2026-04-02")
    world.do(
        bank_answers.confirm, first.id, value_on=date(2026, 4, 2), by=world.finance, now=at("2026-04-02")
    )
    world.do(deals.cancel, "D1", reason="other", on=date(2026, 4, 3), by=world.maker, now=at("2026-04-03"))
    owing = world.balance(entry.PAYABLE)
    assert owing > 0
    world.load("2026-04-10", *SIGNED, *PAID_IN, deal="D2")
    world.sent("2026-04-11")
    world.do(deals.settle_all, ["D1", "D2"], now=at("2026-04-12"))
    assert world.balance(entry.PAYABLE) == 0
    assert world.differences("2026-04-12") == []


def test_one_receipt_counts_once_whether_imported_or_entered(world: World) -> None:
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    for ref in ("SK1", " SK1 "):
        world.do(
            fees.record,
            "fee_received",
            on=date(2026, 3, 20),
            parts={"D1": 106_000_00},
            ref=ref,
            by=world.finance,
            now=at("2026-04-01"),
        )
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == 106_000_00
    assert world.differences("2026-04-01") == []


def test_a_receipt_of_which_a_part_is_there_is_refused_whole(world: World) -> None:
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    world.load("2026-04-01", *SIGNED, deal="D2")
    with pytest.raises(Conflict) as refused:
        world.do(
            fees.record,
            "fee_received",
            on=date(2026, 3, 20),
            parts={"D1": 106_000_00, "D2": 1_00},
            ref="SK1",
            by=world.finance,
            now=at("2026-04-01"),
        )
    assert refused.value.code == "document_in_part"
    assert world.balance(entry.BANK, fees.BASIC_ACCOUNT) == 106_000_00


def test_no_more_vat_is_given_back_than_there_was(world: World) -> None:
    """What is left would be larger without it, and earn more."""
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    earned = world.balance(entry.COMMISSION_COST, "")
    with pytest.raises(Conflict) as refused:
        world.do(
            fees.record,
            "fee_refunded",
            on=date(2026, 3, 25),
            parts={"D1": 50_000_00},
            ref="TK1",
            tax_minor=50_000_00,
            by=world.finance,
            now=at("2026-04-01"),
        )
    assert refused.value.code == "vat_below_zero"
    assert world.balance(entry.COMMISSION_COST, "") == earned > 0


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((money("2026-12-12", "fee_received", "100.00", "SK1"),), "2026-12-12 is in the future"),
        (
            (
                money("2026-03-12", "fee_received", "100.00", "S"),
                money("2026-03-13", "fee_refunded", "100.01", "T"),
            ),
            "gives back more than it had (fee_refunded)",
        ),
        ((money("2026-03-13", "fee_credited", "0.01", "T"),), "gives back more than it had (fee_credited)"),
        (
            (
                money("2026-03-12", "fee_invoiced", "106.00", "S", tax="6.00"),
                money("2026-03-13", "fee_credited", "53.00", "T", tax="53.00"),
            ),
            "gives back more VAT than it had (fee_credited)",
        ),
        (
            (
                {"on": "2026-03-12", "type": "paid", "manager": "M1", "amount": "5.00", "ref": "P"},
                {"on": "2026-03-13", "type": "paid", "manager": "M1", "amount": "-5.01", "ref": "Q"},
            ),
            "more came back from M1 than they were paid",
        ),
    ],
)
def test_an_import_refuses_what_the_pages_refuse(
    world: World, events: tuple[dict[str, Any], ...], said: str
) -> None:
    report = world.load("2026-04-01", *SIGNED, *events)
    assert report.entries == 0
    assert [said in line for line in report.refused] == [True]


def test_the_bank_cannot_have_paid_before_the_batch_was_made(world: World) -> None:
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    made = world.sent("2026-04-10")
    with pytest.raises(Invalid) as refused:
        world.do(
            bank_answers.confirm, made.id, value_on=date(2026, 4, 2), by=world.finance, now=at("2026-04-11")
        )
    assert refused.value.code == "paid_before_made"


def test_a_receipt_corrected_after_the_payout_leaves_a_debt_and_no_second_correction(world: World) -> None:
    world.load("2026-04-01", *SIGNED, *PAID_IN)
    paid = world.sent("2026-04-02")
    world.do(bank_answers.confirm, paid.id, value_on=date(2026, 4, 2), by=world.finance, now=at("2026-04-02"))
    receipt = world.do(lambda session: session.exec(select(Fact.id).where(Fact.type == "fee_received")).one())
    world.do(fees.correct, receipt, reason="another client's", by=world.finance, now=at("2026-04-03"))
    assert world.balance(entry.PAYABLE) == 26_550_00
    with pytest.raises(Conflict):
        world.do(fees.correct, receipt, reason="again", by=world.finance, now=at("2026-04-03"))
    with pytest.raises(Conflict):
        world.do(payouts.make, value_on=date(2026, 4, 4), by=world.maker, now=at("2026-04-04"))
    assert world.differences("2026-04-04") == []


def test_an_adjustment_is_for_somebody_there_is(world: World) -> None:
    """Else nobody could be paid: the batch would not know whom it pays."""
    world.load("2026-04-01", *SIGNED)
    about = {"stage": "tech_sourcing", "amount_minor": 100, "reason": "x", "on": date(2026, 4, 1)}
    with pytest.raises(NotFound) as refused:
        world.do(deals.adjust, "D1", manager_id="M9", **about, by=world.maker, now=at("2026-04-01"))
    assert refused.value.code == "manager_unknown"
