"""Any history of the books, by the real actions: after every step the eight invariants hold.

1. conservation: every entry sums to zero, and so does everything about one manager
2. the parts make sense: nobody earns less than nothing by a plan, no more is held than was earned,
   no client's advance and no payment on its way is below zero, nor is a fee, or a month's tax;
   no invoice pays for more than its amount
3. derived identity: the books of every deal say what its facts say; settling posts nothing
4. no overdraft: what is paid was payable, and did not wait for anything
5. what is held is accounted for: what is due and what waits make the account
6. an action that is refused changes nothing
7. earned = held + payable + paid - clawed back, each told by another part of the product; VAT that was set
   right is in what is payable and was not earned
8. a closed month stays as it was, whatever comes after: its entries, and at the end its statements

And at the end every deal, taken out and put into other books beside quite another deal, has earned the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlmodel import select

from ledger import (
    accruals,
    approvals,
    bank_answers,
    bounces,
    closing,
    deals,
    disputes,
    fees,
    holds,
    invoices,
    managers,
    milestones,
    payables,
    payouts,
    periods,
    plan_moves,
    plans,
    remittances,
    reopenings,
    seals,
    sending,
    settings,
    statements,
    year_caps,
)
from ledger.benches import postgres
from ledger.core import period
from ledger.core.entry import (
    ADVANCES,
    COMMISSION_COST,
    EXPECTED,
    HELD,
    IN_TRANSIT,
    PAYABLE,
    WITHHELD_IIT,
    WITHHELD_VAT,
)
from ledger.core.errors import Refused
from ledger.core.facts import DealFacts, Paid
from ledger.core.facts_writer import write_facts
from ledger.core.target import Target
from ledger.core.year_cap import ManagerYear
from ledger.db import Database
from tests.crowd import Clerk, at_this_moment
from tests.desk import PLAN, Desk
from tests.ledger.firm import PDF
from tests.ledger.test_snapshots import known, told
from tests.samples import pdf

BY_DAYS = PLAN.replace("release: {stage: done}", "release: {days: 30}")
CAPPED = PLAN.replace(
    "clawback:", 'caps: {per_manager_per_deal: "9000.00", per_manager_per_year: "12000.00"}\nclawback:'
)
RICHER = PLAN.replace('rate: "40%"', 'rate: "50%"')
GATED = PLAN.replace('share: "40%", award', 'share: "40%", gate: true, award')
STAGES = ("find", "sign", "done")
WEIGHTS = ({"M1": "1"}, {"M1": "2", "M2": "1"}, {"M2": "1", "M1": "0"})
KINDS = ("fee_invoiced", "fee_received", "fee_received", "fee_credited", "fee_refunded")
amounts = st.sampled_from((1, 333, 10_000_00, 9_999_99, 47_123_45))
much = st.one_of(amounts, st.sampled_from((60_000_00, 120_000_00)))  # VAT begins at 100,000.00
stages, participants = st.sampled_from(STAGES), st.sampled_from(WEIGHTS)
back = st.integers(0, 40)  # so many days ago
INVOICE = pdf()
payees = st.sampled_from(("M1", "M2"))


class History(RuleBasedStateMachine):
    """What may happen in an office; `fresh` gives it an empty database."""

    some_deals = Bundle("deals")
    logged = Bundle("milestones")
    documents = Bundle("documents")
    batches = Bundle("batches")
    put_holds = Bundle("holds")
    versions = Bundle("versions")
    on_file = Bundle("invoices")
    contested = Bundle("disputes")

    def __init__(self, fresh: Callable[[], Database], folder: Path) -> None:
        super().__init__()
        self.fresh = fresh
        self.desk = Desk(fresh(), folder)
        self.count = 0
        self.closed: dict[str, Closed] = {}

    def does(self, action: Callable[[Any], Any]) -> Any:
        """What an action returns; None where it is refused, and then nothing is changed."""
        before = self.desk.everything()
        try:
            return self.desk.do(action)
        except Refused:
            assert self.desk.everything() == before
            return None

    def by(self, who: str) -> dict[str, Any]:
        return self.desk.by(who)

    def ago(self, days: int) -> date:
        return max(self.desk.today - timedelta(days=days), date(2026, 1, 1))

    @initialize(target=some_deals, plan=st.sampled_from((PLAN, BY_DAYS, CAPPED, GATED)))
    def begin(self, plan: str) -> Any:
        self.desk.move_in(plan)
        return multiple(self.desk.deal("D-1"), self.desk.deal("D-2", expected=5_000_00))

    # --- facts

    @rule(
        target=logged, deal=some_deals, stage=st.sampled_from(STAGES), who=st.sampled_from(WEIGHTS), ago=back
    )
    def reach(self, deal: str, stage: str, who: dict[str, str], ago: int) -> Any:
        def write(session: Any) -> str:
            about = {"stage": stage, "reached_on": self.ago(ago), "participants": who}
            new = milestones.log(session, deal_id=deal, **about, **self.by("operator"))
            return milestones.verify(session, new.id, **self.by("second")).id

        return self.made(self.does(write))

    @rule(milestone=logged, ago=back)
    def withdraw(self, milestone: str, ago: int) -> None:
        about = {"reason": "误", "on": self.ago(ago), **self.by("second")}
        self.does(lambda s: milestones.withdraw(s, milestone, **about))

    @rule(
        target=documents,
        deal=some_deals,
        kind=st.sampled_from(KINDS),
        amount=amounts,
        tax=st.sampled_from((0, 0, 6)),
        ago=back,
    )
    def fee(self, deal: str, kind: Any, amount: int, tax: int, ago: int) -> Any:
        self.count += 1
        given = {"ref": f"YH-{self.count}", "parts": {deal: amount}, "tax_minor": amount * tax // 106}
        made = self.does(lambda s: fees.record(s, kind, on=self.ago(ago), **given, **self.by("finance")))
        return self.made(made and made[0].id)

    @rule(target=documents, amount=amounts, ago=back)
    def shared_receipt(self, amount: int, ago: int) -> Any:
        self.count += 1
        given = {"ref": f"YH-{self.count}", "parts": {"D-1": amount, "D-2": 2 * amount}}
        made = self.does(
            lambda s: fees.record(s, "fee_received", on=self.ago(ago), **given, **self.by("finance"))
        )
        return self.made(made and made[0].id)

    @rule(document=documents)
    def correct(self, document: str) -> None:
        self.does(lambda s: fees.correct(s, document, reason="误", **self.by("finance")))

    @rule(deal=some_deals, amount=amounts)
    def expect(self, deal: str, amount: int) -> None:
        self.does(lambda s: deals.expect(s, deal, expected_fee_minor=amount, **self.by("operator")))

    @rule(deal=some_deals, reason=st.sampled_from(("default", "no_fault", "fraud")), ago=back)
    def cancel(self, deal: str, reason: str, ago: int) -> None:
        self.does(lambda s: deals.cancel(s, deal, reason=reason, on=self.ago(ago), **self.by("operator")))

    @rule(deal=some_deals, ago=back)
    def reinstate(self, deal: str, ago: int) -> None:
        self.does(lambda s: deals.reinstate(s, deal, on=self.ago(ago), **self.by("operator")))

    @rule(deal=some_deals, who=st.sampled_from(("M1", "M2")), amount=much, less=st.booleans(), ago=back)
    def adjust(self, deal: str, who: str, amount: int, less: bool, ago: int) -> None:
        about = {"manager_id": who, "stage": "find", "amount_minor": -amount if less else amount}
        about |= {"reason": "补差", "on": self.ago(ago), **self.by("operator")}
        self.does(lambda s: deals.adjust(s, deal, **about))

    @rule(target=versions, plan=st.sampled_from((RICHER, BY_DAYS)))
    def publish(self, plan: str) -> Any:
        """Another version of the plan, for deals to be moved to."""

        def write(session: Any) -> str:
            drafted = plans.draft(session, plan, **self.by("operator"))
            plans.publish(session, drafted.id, effective_on=self.desk.today, **self.by("second"))
            return drafted.id

        return self.made(self.does(write))

    @rule(deal=some_deals, version=versions)
    def move(self, deal: str, version: str) -> None:
        about = {"version_id": version, "reason": "补充协议", **self.by("second")}
        self.does(lambda s: plan_moves.move(s, deal, **about))

    # --- contested lines

    @rule(target=contested, who=payees, no=st.integers(1, 3), more=st.sampled_from((None, 5_00, -5_00)))
    def contest(self, who: str, no: int, more: int | None) -> Any:
        """The month is stated to somebody, and a line of it is not what they expected."""
        month = period.of(self.desk.today)

        def write(session: Any) -> str:
            drawn = statements.draw(session, who, month, kind="preliminary", now=self.desk.now)
            kept = statements.keep(session, self.desk.store, drawn, PDF)
            stated = disputes.line(kept, no).amount_minor
            expected = None if more is None else stated + more
            about = {"code": "amount", "expected_minor": expected, **self.by("second")}
            return disputes.raise_on(session, kept.id, no, **about).id

        return self.made(self.does(write))

    @rule(dispute=contested, answer=st.sampled_from(("accept", "in part", "refuse", "withdraw")))
    def answer(self, dispute: str, answer: str) -> None:
        self.does(lambda s: disputes.take(s, dispute, **self.by("operator")))
        match answer:
            case "accept":
                self.does(lambda s: disputes.accept(s, dispute, **self.by("operator")))
            case "in part":
                about = {"amount_minor": 2_00, "note": "部分", **self.by("operator")}
                self.does(lambda s: disputes.accept_in_part(s, dispute, **about))
            case "refuse":
                self.does(lambda s: disputes.refuse(s, dispute, note="无误", **self.by("operator")))
            case _:
                self.does(lambda s: disputes.withdraw(s, dispute, **self.by("second")))

    # --- money out

    @rule(target=batches, only=st.sampled_from((None, ["M1"])), later=st.integers(0, 20))
    def make(self, only: list[str] | None, later: int) -> Any:
        day = self.desk.today + timedelta(days=later)
        made = self.does(lambda s: payouts.make(s, value_on=day, only=only, **self.by("operator")).id)
        if made is not None:
            self.paid_was_payable(made)
        return self.made(made)

    def paid_was_payable(self, payout_id: str) -> None:
        """4: nobody is paid more than they had, nor anything that waits."""
        taken = text(
            "SELECT p.deal_id, p.stage FROM posting p JOIN entry e ON e.id = p.entry_id"
            f" WHERE e.kind = 'payout_made' AND e.source = :line AND p.account = '{PAYABLE}'"
            " AND p.amount_minor > 0"
        )
        balances = self.desk.balances()
        with self.desk.database.reading() as session:
            waiting = holds.standing(session, self.desk.today)
            for line in payouts.lines_of(session, payout_id):
                assert balances.get((PAYABLE, line.manager_id), 0) <= 0
                assert line.gross_minor == line.net_minor + line.tax_minor + line.vat_minor
                assert line.gross_minor > 0 and line.net_minor > 0
                for deal, stage in session.execute(taken, {"line": line.id}):
                    assert not any(_covers(hold, line.manager_id, deal, stage) for hold in waiting)

    @rule(batch=batches)
    def send(self, batch: str) -> None:
        self.does(lambda s: approvals.approve(s, batch, **self.by("second")))
        self.does(lambda s: sending.send(s, self.desk.store, batch, **self.by("finance")))

    @rule(batch=batches, ago=st.integers(0, 5))
    def confirm(self, batch: str, ago: int) -> None:
        day = self.desk.today - timedelta(days=ago)
        self.does(lambda s: bank_answers.confirm(s, batch, value_on=day, **self.by("finance")))

    @rule(batch=batches)
    def answer_one_by_one(self, batch: str) -> None:
        """The bank paid one line and sent the other back."""
        with self.desk.database.reading() as session:
            lines = [line.id for line in payouts.lines_of(session, batch)]
        about = {"value_on": self.desk.today, "line_ids": lines[:1], **self.by("finance")}
        self.does(lambda s: bank_answers.confirm(s, batch, **about))
        about = {"line_ids": lines[1:] or lines, "reason": "退票", **self.by("finance")}
        self.does(lambda s: bank_answers.return_lines(s, batch, **about))

    @rule(batch=batches, line=st.integers(0, 1), ago=st.integers(0, 5))
    def come_back(self, batch: str, line: int, ago: int) -> None:
        """The bank gives back what it had paid, or says so of what it never did."""
        with self.desk.database.reading() as session:
            lines = [one.id for one in payouts.lines_of(session, batch)]
        reasons, on = {lines[line % len(lines)]: "退汇"}, self.desk.today - timedelta(days=ago)
        self.does(lambda s: bounces.record(s, batch, reasons, on=on, **self.by("finance")))

    @rule(batch=consumes(batches))
    def void(self, batch: str) -> None:
        self.does(lambda s: payouts.void(s, batch, reason="误", **self.by("operator")))

    @rule(
        target=put_holds,
        on=st.sampled_from(
            (
                {"manager_id": "M1"},
                {"deal_id": "D-1"},
                {"manager_id": "M1", "deal_id": "D-1"},
                {"manager_id": "M1", "deal_id": "D-1", "stage": "find"},
            )
        ),
    )
    def hold(self, on: dict[str, str]) -> Any:
        about = {"reason": "核对", "until_on": self.desk.today + timedelta(days=30), **self.by("operator")}
        return self.made(self.does(lambda s: holds.put(s, **on, **about).id))

    @rule(target=on_file, who=payees, amount=amounts)
    def file_invoice(self, who: str, amount: int) -> Any:
        self.count += 1
        about = {"number": f"FP-{self.count}", "issued_on": self.desk.today, "amount_minor": amount}
        about |= {"file_name": "a.pdf", "content": INVOICE, **self.by("finance")}
        return self.made(self.does(lambda s: invoices.add(s, self.desk.store, who, **about).id))

    @rule(invoice=on_file)
    def take_invoice_back(self, invoice: str) -> None:
        self.does(lambda s: invoices.take_back(s, invoice, reason="误", **self.by("finance")))

    @rule(who=payees, method=st.sampled_from(("invoiced", "per_payment", "platform_cumulative", "payroll")))
    def tax_by(self, who: str, method: str) -> None:
        """Whoever invoices is paid against invoices on file only; the tax is that of the day."""

        def write(session: Any) -> None:
            kept = managers.get(session, who)
            about = {"bank_name": kept.bank_name, "bank_account": kept.bank_account, "tax_method": method}
            managers.set_payment(session, who, **about, **self.by("operator"))

        self.does(write)

    @rule(
        decided=st.sampled_from(
            (
                (settings.VAT, "yes"),
                (settings.VAT, "yes"),
                (settings.VAT, "no"),
                (settings.VAT_AT, "taxed"),
                (settings.VAT_SURCHARGES, "12%"),
                (settings.VAT_IN_INCOME, "yes"),
            )
        ),
        from_january=st.booleans(),
    )
    def decide_vat(self, decided: tuple[str, str], from_january: bool) -> None:
        """Whether payees' VAT is withheld, and how: from today on, or since the year began."""
        name, value = decided
        day = self.desk.today.replace(month=1, day=1) if from_january else self.desk.today
        about = {"value": value, "from_on": day, "reason": "核定", **self.by("finance")}
        self.does(lambda s: settings.decide(s, name, **about))

    @rule(
        months=st.integers(0, 2), amount=st.sampled_from((None, 1)), of=st.sampled_from(("iit", "iit", "vat"))
    )
    def remit(self, months: int, amount: int | None, of: Any) -> None:
        """A month's tax goes to the tax office: all of what is open, or a fen."""
        month = self.month_before(months)
        self.count += 1

        def write(session: Any) -> None:
            found = {one.period: one.open_minor for one in remittances.by_month(session, "CNY", of)}
            about = {"amount_minor": amount or found.get(month, 0), "on": self.desk.today, "of": of}
            remittances.remit(session, month, ref=f"WS-{self.count}", **about, **self.by("finance"))

        self.does(write)

    @rule(hold=consumes(put_holds))
    def lift(self, hold: str) -> None:
        self.does(lambda s: holds.lift(s, hold, reason="已核", **self.by("operator")))

    # --- time

    @rule(days=st.integers(1, 45))
    def turn_the_calendar(self, days: int) -> None:
        self.desk.today += timedelta(days=days)
        self.does(lambda s: closing.settle_due(s, now=self.desk.now))

    @rule(months=st.integers(1, 3))
    def close(self, months: int) -> None:
        month = self.month_before(months)
        with self.desk.database.reading() as session:
            try:
                found = closing.look(session, month, **self.by("finance"))
            except Refused:
                return
        assert [one.code for one in found if one.blocks] == []
        seen = [one.code for one in found]
        if self.does(lambda s: closing.close(s, month, accept=seen, **self.by("finance"))) is not None:
            self.closed[month] = Closed(self.entries_through(month), self.statements_of(month))

    @rule(months=st.integers(1, 2), back=st.booleans())
    def review(self, months: int, back: bool) -> None:
        month = self.month_before(months)
        self.does(lambda s: closing.review(s, month, **self.by("finance")))
        if back:
            self.does(lambda s: closing.resume(s, month, **self.by("finance")))

    @rule(value=st.sampled_from(("yes", "yes", "no")))
    def estimate(self, value: str) -> None:
        """Whether the next closes post an estimate of what is invoiced and not received."""
        about = {"value": value, "from_on": date(self.desk.today.year, 1, 1), "reason": "审计"}
        self.does(lambda s: settings.decide(s, settings.ESTIMATE, **about, **self.by("finance")))

    def month_before(self, months: int) -> str:
        month = period.of(self.desk.today)
        for _ in range(months):
            month = period.preceding(month)
        return month

    @rule()
    def reopen(self) -> None:
        month = period.preceding(period.of(self.desk.today))
        asked = self.does(lambda s: reopenings.ask(s, month, reason="误", **self.by("finance")).id)
        if asked is not None:
            self.does(lambda s: reopenings.agree(s, asked, **self.by("third")))
            with self.desk.database.reading() as session:
                calendar = periods.calendar(session)
            self.closed = {name: kept for name, kept in self.closed.items() if not calendar.is_open(name)}

    def made(self, new: Any) -> Any:
        """Into a bundle, if there is something."""
        return multiple() if new is None else new

    # --- what always holds

    @invariant()
    def conservation(self) -> None:
        assert (
            self.found("SELECT entry_id FROM posting GROUP BY entry_id HAVING sum(amount_minor) <> 0") == []
        )
        off = "SELECT manager_id FROM posting WHERE manager_id <> '' AND account NOT LIKE '900%' "
        assert self.found(f"{off} GROUP BY manager_id HAVING sum(amount_minor) <> 0") == []

    @invariant()
    def parts_make_sense(self) -> None:
        below = (
            "SELECT owner, account, sum(amount_minor) FROM posting WHERE account IN"
            f" ('{ADVANCES}', '{IN_TRANSIT}') GROUP BY owner, account HAVING sum(amount_minor) > 0"
        )
        assert self.found(below) == []
        given_back = " OR ".join(
            f"sum(CASE type WHEN '{had}' THEN amount_minor WHEN '{back}' THEN -amount_minor END) < 0"
            for had, back in (("fee_invoiced", "fee_credited"), ("fee_received", "fee_refunded"))
        )
        assert self.found(f"SELECT deal_id FROM fact GROUP BY deal_id HAVING {given_back}") == []
        withheld = (
            "SELECT coalesce(nullif(p.origin, ''), p.period) FROM posting p JOIN entry e ON e.id = p.entry_id"
            f" WHERE p.account = '{WITHHELD_IIT}' AND e.kind <> 'tax_remitted'"
            " GROUP BY 1 HAVING sum(p.amount_minor) > 0"
        )
        assert self.found(withheld) == []
        used = (
            "SELECT i.id FROM payee_invoice i JOIN invoice_use u ON u.invoice_id = i.id"
            " JOIN payout_line l ON l.id = u.line_id WHERE l.state IN ('reserved', 'paid')"
            " GROUP BY i.id, i.amount_minor HAVING sum(u.amount_minor) > i.amount_minor"
        )
        assert self.found(used) == []
        reserved = (
            "SELECT l.payout_id FROM payout_line l GROUP BY l.payout_id HAVING"
            " sum(CASE WHEN l.state = 'reserved' THEN l.gross_minor ELSE 0 END) <> -("
            f"SELECT sum(p.amount_minor) FROM posting p WHERE p.account = '{IN_TRANSIT}'"
            " AND p.owner = l.payout_id)"
        )
        assert self.found(reserved) == []

    @invariant()
    def derived_identity(self) -> None:
        if self.desk.people:
            assert at_this_moment(self.desk) == []

    @invariant()
    def held_is_accounted_for(self) -> None:
        if not self.desk.people:
            return
        balances = self.desk.balances()
        with self.desk.database.reading() as session:
            due = payables.preview(session, **self.by("finance"))
            every = session.exec(select(deals.Deal)).all()
            goals = [accruals.target_of(session, deal, now=self.desk.now) for deal in every]
            relief = year_caps.relieved(session, ["M1", "M2"])
        for one in due:
            assert one.payable_minor + one.held_minor == -balances.get((PAYABLE, one.manager_id), 0)
        told = {one.manager_id for one in due}
        assert told >= {owner for account, owner in balances if account == PAYABLE}
        kept: dict[str, int] = {}
        for goal in goals:
            for row in goal.rows:
                assert row.accrued_minor >= 0 >= row.clawed_minor
                assert 0 <= row.held_minor <= row.accrued_minor + row.clawed_minor, row
                kept[row.manager] = kept.get(row.manager, 0) + row.held_minor
        assert {who: amount for who, amount in kept.items() if amount} == {
            owner: -amount for (account, owner), amount in balances.items() if account == HELD
        }
        paid = (
            "SELECT manager_id, sum(gross_minor) FROM payout_line"
            " WHERE state IN ('reserved', 'paid') GROUP BY manager_id"
        )
        given_back = (
            "SELECT p.manager_id, sum(p.amount_minor) FROM posting p JOIN entry e ON e.id = p.entry_id"
            f" WHERE e.kind = 'vat_corrected' AND p.account = '{WITHHELD_VAT}' GROUP BY p.manager_id"
        )
        not_earned = dict(self.found(given_back))
        self.earned_is_somewhere(goals, relief, balances, dict(self.found(paid)), not_earned)

    def earned_is_somewhere(
        self,
        goals: Sequence[Target],
        relief: dict[ManagerYear, int],
        balances: dict[tuple[str, str], int],
        paid: dict[str, Any],
        not_earned: dict[str, Any],
    ) -> None:
        """7: the engine says what was earned and taken back, the accounts what is held and payable, and
        the lines of payouts what was paid. What a cap takes off a year was not earned."""
        for who in ("M1", "M2"):
            rows = [row for goal in goals for row in goal.rows if row.manager == who]
            earned = sum(row.accrued_minor + row.adjusted_minor for row in rows)
            earned -= sum(minor for year, minor in relief.items() if year.manager_id == who)
            clawed_back = -sum(row.clawed_minor for row in rows)
            held, payable = (-balances.get((account, who), 0) for account in (HELD, PAYABLE))
            vat = int(not_earned.get(who, 0))
            assert earned + vat == held + payable + int(paid.get(who, 0)) + clawed_back

    @invariant()
    def closed_months_stay(self) -> None:
        for month, kept in self.closed.items():
            assert self.entries_through(month) == kept.entries

    def entries_through(self, month: str) -> list[Any]:
        """Every posting that landed in a month or before it, with its entry."""
        return self.found(
            "SELECT * FROM entry e JOIN posting p ON p.entry_id = e.id"
            f" WHERE p.period <= '{month}' ORDER BY p.entry_id, p.line"
        )

    def statements_of(self, month: str) -> dict[tuple[str, str], str]:
        """The hash of what everybody's final statement of a month says, whenever it is made."""
        with self.desk.database.reading() as session:
            return {
                (who, currency): statements.content_sha256(
                    statements.draw(session, who, month, kind="final", currency=currency, now=self.desk.now)
                )
                for who, currency in statements.wanted(session, month)
            }

    def found(self, query: str) -> list[Any]:
        with self.desk.database.reading() as session:
            return [tuple(row) for row in session.execute(text(query))]

    def teardown(self) -> None:
        """At the end everything ties, and everybody's month can be stated."""
        if self.desk.people:
            assert self.desk.settle() == 0
            assert self.desk.wrong() == []
            self.every_block_tells_what_it_knew()
            self.everybody_is_told()
            for month, kept in self.closed.items():
                assert self.statements_of(month) == kept.statements
            for deal in ("D-1", "D-2"):
                assert self.earned_elsewhere(deal) == earned_on(self.desk, deal)
        self.desk.database.close()

    def every_block_tells_what_it_knew(self) -> None:
        """The balances at the end of any month as known at any block, from the postings alone."""
        with self.desk.database.reading() as session:
            last = seals.latest(session)
            for block in range(1, last.no + 1 if last else 1):
                for month in ("2026-01", period.preceding(period.of(self.desk.today)), None):
                    on = period.last_day(month) if month else None
                    assert told(session, on, block) == known(session, on, block), (on, block)

    def everybody_is_told(self) -> None:
        month = "2026-01"
        with self.desk.database.reading() as session:
            while month <= period.of(self.desk.today):
                for who, currency in statements.wanted(session, month):
                    kind: Any = "preliminary"
                    statements.draw(session, who, month, kind=kind, currency=currency, now=self.desk.now)
                month = period.following(month)

    def earned_elsewhere(self, deal_id: str) -> list[Any]:
        """What is earned, held and expected on a deal in other books, from what it knows of itself.

        The deal beside it is there so that its payments, which it may have lost since, were payable.
        """
        with self.desk.database.reading() as session:
            deal = session.get_one(deals.Deal, deal_id)
            known = [one for one in accruals.facts_of(session, deal).facts if not isinstance(one, Paid)]
            facts = DealFacts(deal.as_value(), (*known, *accruals.paid_on(session, deal_id)))
            plan = plans.get(session, deal.plan_version_id).text  # it may have been moved to another
        other = Clerk(self.fresh(), self.desk.files, self.desk.today)
        try:
            other.move_in(plan)
            other.deal("E-1")
            other.do(
                lambda s: [
                    deals.adjust(
                        s,
                        "E-1",
                        manager_id=who,
                        stage="find",
                        amount_minor=10**10,
                        reason="补",
                        on=other.today,
                        **other.by("operator"),
                    )
                    for who in ("M1", "M2")
                ]
            )
            line = json.dumps(write_facts(facts, "CNY")).encode()
            assert other.take_in([line]).refused == []
            return earned_on(other, deal_id)
        finally:
            other.database.close()


def earned_on(desk: Desk, deal_id: str) -> list[Any]:
    """The sums of a deal by account, manager, stage and nature; the cap on a year is of no deal."""
    sums = text(
        f"SELECT account, manager_id, stage, CASE account WHEN '{HELD}' THEN '' ELSE nature END,"
        " sum(amount_minor) FROM posting WHERE deal_id = :deal"
        f" AND account IN ('{COMMISSION_COST}', '{HELD}', '{EXPECTED}')"
        " GROUP BY 1, 2, 3, 4 HAVING sum(amount_minor) <> 0 ORDER BY 1, 2, 3, 4"
    )
    with desk.database.reading() as session:
        return [tuple(row) for row in session.execute(sums, {"deal": deal_id})]


@dataclass(frozen=True)
class Closed:
    """What a month looked like when it was closed."""

    entries: list[Any]
    statements: dict[tuple[str, str], str]


def _covers(hold: holds.Hold, manager_id: str, deal_id: str, stage: str) -> bool:
    return hold.manager_id in ("", manager_id) and hold.deal_id in ("", deal_id) and hold.stage in ("", stage)


# --- an empty database for each


def run(fresh: Callable[[], Database], folder: Path, *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: History(fresh, folder),
        settings=limits(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 50,  # the quick size tries the same every time, the long one others
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
        ),
    )


LONG = pytest.mark.long


@pytest.mark.parametrize(("examples", "steps"), [(4, 25), pytest.param(300, 60, marks=LONG)])
def test_any_history_on_sqlite(migrated_file: Path, tmp_path: Path, examples: int, steps: int) -> None:
    made = count()

    def fresh() -> Database:
        path = tmp_path / f"{next(made)}.db"
        return Database(f"sqlite:///{shutil.copyfile(migrated_file, path)}")

    run(fresh, tmp_path / "files", examples=examples, steps=steps)


@pytest.mark.parametrize(("examples", "steps"), [(2, 16), pytest.param(100, 60, marks=LONG)])
def test_any_history_on_postgresql(
    postgresql_server: postgres.Server, migrated_template: str, tmp_path: Path, examples: int, steps: int
) -> None:
    made: list[str] = []

    def fresh() -> Database:
        made.append(f"history_{uuid4().hex}")
        postgresql_server.create(made[-1], template=migrated_template)
        return Database(postgresql_server.url(made[-1], postgres.APP))

    try:
        run(fresh, tmp_path / "files", examples=examples, steps=steps)
    finally:
        for name in made:
            postgresql_server.drop(name)
