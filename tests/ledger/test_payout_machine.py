"""Any history of batches: made, approved, changed, voided, sent, answered in part, retried, imported twice.

After every step nothing is lost: what a manager earned is payable, on its way or paid, to the fen; every
account holds what its papers say; VAT withheld for a month is what the month owes, once the bank has
answered; and a step that is refused leaves the books as they were.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from ledger import approvals, bank_answers, bounces, control, deals, holds, payouts, sending, withholding
from ledger.bank_answers import confirm
from ledger.benches import postgres
from ledger.core import period
from ledger.core.entry import IN_TRANSIT
from ledger.core.errors import Refused
from ledger.db import Database
from ledger.files import Store
from ledger.payouts import Payout
from ledger.settings import VAT, VAT_IN_INCOME, VAT_SURCHARGES
from ledger.settings import decide as settle_on
from tests.ledger import bank
from tests.ledger.firm import DEAL, day
from tests.ledger.payrun import VALUE_ON, World

EARNED = """
    SELECT manager_id, -sum(amount_minor) FROM posting
    WHERE account IN ('2202.01', '2202.02', '2202.03') AND manager_id <> '' GROUP BY manager_id
"""
PAID = """
    SELECT p.manager_id, -sum(p.amount_minor) FROM posting p JOIN entry e ON e.id = p.entry_id
    WHERE e.kind IN ('payout_confirmed', 'payout_bounced', 'vat_corrected')
    AND p.account IN ('1002', '2221.12', '2221.13') GROUP BY p.manager_id
"""
COST = "SELECT manager_id, sum(amount_minor) FROM posting WHERE account = '6401' GROUP BY manager_id"
batches, numbers = st.integers(0, 5), st.integers(0, 5)
# 100,000.00 in a month is where VAT begins
earnings = st.sampled_from((0, 50_00, -70_00, 60_000_00, 45_000_00, 120_000_00, -60_000_00))


class Batches(RuleBasedStateMachine):
    """What may happen to batches; `fresh` gives it a firm with three managers to pay."""

    fresh: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.fresh()
        self.files: list[bytes] = []
        self.now = day(7)

    @initialize(
        withheld=st.sampled_from(("yes", "yes", "no")),
        surcharges=st.sampled_from(("0%", "12%")),
        in_income=st.sampled_from(("yes", "no")),
        much=st.sampled_from((True, True, False)),
    )
    def decide(self, withheld: str, surcharges: str, in_income: str, much: bool) -> None:
        """Whether payees' VAT is withheld, and how; perhaps somebody was paid so much that they owe some."""
        values = {VAT: withheld, VAT_SURCHARGES: surcharges, VAT_IN_INCOME: in_income}
        about = {"from_on": VALUE_ON.replace(day=1), "reason": "x", "by": self.world.firm.finance}
        for name, value in values.items():
            self.world.do(lambda s, n=name, v=value: settle_on(s, n, value=v, now=self.now, **about))
        for amount in (60_000_00, 45_000_00) if much else ():
            self.with_the_bank("M2", amount, alone=True, paid=True)

    def teardown(self) -> None:
        self.world.database.close()

    def tried(self, action: Callable[..., Any]) -> None:
        """Do it; where it is refused, the books are what they were."""
        before = self.books()
        try:
            self.world.do(action)
        except Refused:
            assert self.books() == before

    def books(self) -> list[Any]:
        with self.world.database.reading() as session:
            return [
                *session.execute(text("SELECT account, sum(amount_minor) FROM posting GROUP BY account")),
                *session.execute(text("SELECT state, count(*) FROM payout_line GROUP BY state ORDER BY 1")),
                *session.execute(text("SELECT count(*) FROM payout_approval")),
            ]

    def batch(self, number: int) -> Payout | None:
        with self.world.database.reading() as session:
            found = payouts.listing(session, by=self.world.firm.operator)
            session.expunge_all()
        return found[number % len(found)] if found else None

    @rule(who=st.sampled_from((None, ["M1"], ["M2", "M3"])))
    def make(self, who: list[str] | None) -> None:
        self.tried(
            lambda session: payouts.make(
                session, value_on=VALUE_ON, only=who, by=self.world.firm.operator, now=self.now
            )
        )

    @rule(who=st.sampled_from(("M1", "M2", "M3")), amount=earnings, alone=st.booleans(), paid=st.booleans())
    def with_the_bank(self, who: str, amount: int, alone: bool, paid: bool) -> None:
        """One batch all the way to the bank, after something more was earned or taken back; or paid by it."""

        def act(session: Any) -> None:
            people, now = self.world.firm, self.now
            if amount:
                deals.adjust(
                    session,
                    DEAL,
                    manager_id=who,
                    stage="need_discovery",
                    amount_minor=amount,
                    reason="x",
                    on=now.date(),
                    by=people.finance,
                    now=now,
                )
            only = [who] if alone else None
            made = payouts.make(session, value_on=VALUE_ON, only=only, by=people.operator, now=now)
            approvals.approve(session, made.id, by=people.second, now=now)
            sending.send(session, people.store, made.id, by=people.finance, now=now)
            if paid:
                answered = {"by": people.finance, "now": day(9)}
                confirm(session, made.id, value_on=VALUE_ON, **answered)

        self.tried(act)

    @rule(of=batches, who=st.sampled_from(("operator", "second", "finance")))
    def approve(self, of: int, who: str) -> None:
        if found := self.batch(of):
            self.tried(
                lambda session: approvals.approve(session, found.id, by=self.world.user(who), now=self.now)
            )

    @rule(of=batches, line=numbers)
    def take_out(self, of: int, line: int) -> None:
        if found := self.batch(of):
            lines = self.world.lines(found)
            self.tried(
                lambda session: payouts.take_out(
                    session,
                    found.id,
                    line_ids=[lines[line % len(lines)].id],
                    reason="x",
                    by=self.world.firm.operator,
                    now=self.now,
                )
            )

    @rule(of=batches)
    def void(self, of: int) -> None:
        if found := self.batch(of):
            self.tried(
                lambda session: payouts.void(
                    session, found.id, reason="x", by=self.world.firm.operator, now=self.now
                )
            )

    @rule(of=batches)
    def send(self, of: int) -> None:
        if found := self.batch(of):
            self.tried(
                lambda session: sending.send(
                    session, self.world.firm.store, found.id, by=self.world.firm.finance, now=self.now
                )
            )

    @rule(
        of=batches, said=st.lists(st.sampled_from(("交易成功", "退票", "处理中", "")), min_size=3, max_size=3)
    )
    def bank_answers(self, of: int, said: list[str]) -> None:
        """A file about every line of a batch; an empty answer leaves the line out."""
        found = self.batch(of)
        if found is None:
            return
        told = zip(self.world.lines(found), said, strict=False)
        rows = [bank.row(line, result, 交易日期=VALUE_ON.isoformat()) for line, result in told if result]
        self.files.append(bank.csv_file(rows))
        bank.take(self.world, self.files[-1])

    @rule(which=numbers)
    def import_twice(self, which: int) -> None:
        if self.files:
            before = self.books()
            bank.take(self.world, self.files[which % len(self.files)])
            assert self.books() == before

    @rule(of=batches)
    def confirm_by_hand(self, of: int) -> None:
        if found := self.batch(of):
            self.tried(
                lambda session: bank_answers.confirm(
                    session, found.id, value_on=VALUE_ON, by=self.world.firm.finance, now=day(9)
                )
            )

    @rule(of=batches, line=numbers)
    def come_back(self, of: int, line: int) -> None:
        """A payment the bank gives back, perhaps one that it never made."""
        if found := self.batch(of):
            lines = self.world.lines(found)
            reasons = {lines[line % len(lines)].id: "x"}
            self.tried(
                lambda session: bounces.record(
                    session, found.id, reasons, on=VALUE_ON, by=self.world.firm.finance, now=day(9)
                )
            )

    @rule(who=st.sampled_from(("M1", "M2")), lift=st.booleans())
    def hold(self, who: str, lift: bool) -> None:
        def act(session: Any) -> None:
            standing = holds.standing(session, self.now.date())
            if lift and standing:
                holds.lift(session, standing[0].id, reason="x", by=self.world.firm.second, now=self.now)
            else:
                holds.put(
                    session,
                    manager_id=who,
                    reason="x",
                    until_on=VALUE_ON + timedelta(30),
                    by=self.world.firm.second,
                    now=self.now,
                )

        self.tried(act)

    @rule(reason=st.sampled_from(("other", "no_fault", "fraud")), back=st.booleans())
    def deal_dies_or_lives(self, reason: str, back: bool) -> None:
        """Also while its batch is with the bank."""

        def act(session: Any) -> None:
            on, by = self.now.date(), self.world.firm.operator
            if back:
                deals.reinstate(session, DEAL, on=on, by=by, now=self.now)
            else:
                deals.cancel(session, DEAL, reason=reason, on=on, by=by, now=self.now)

        self.tried(act)

    @invariant()
    def nothing_is_lost(self) -> None:
        with self.world.database.reading() as session:
            open_ = {who: int(minor) for who, minor in session.execute(text(EARNED))}
            paid = {who: int(minor) for who, minor in session.execute(text(PAID))}
            cost = {who: int(minor) for who, minor in session.execute(text(COST))}
            assert {who: open_.get(who, 0) + paid.get(who, 0) for who in cost} == cost
            assert list(control.differences(session)) == []
            for payout_id, sums in payouts.sums(session, _ids(session)).items():
                assert sums["reserved"].gross_minor >= 0, payout_id
                all = sums[""]
                assert all.gross_minor == all.net_minor + all.tax_minor + all.vat_minor

    @invariant()
    def vat_is_what_the_month_owes(self) -> None:
        """Of payees with nothing on its way."""
        waiting = "SELECT DISTINCT manager_id FROM payout_line WHERE state = 'reserved'"
        with self.world.database.reading() as session:
            on_the_way = {who for (who,) in session.execute(text(waiting))}
            for month in withholding.vat_of_month(session, period.of(VALUE_ON)):
                assert month.off_minor == 0 or month.manager_id in on_the_way, month


def _ids(session: Any) -> list[str]:
    return [payout_id for (payout_id,) in session.execute(text("SELECT id FROM payout"))]


def started(database: Database, folder: Path) -> World:
    world = World(database, Store(folder / "files"))
    world.earner("M2", 1_234_50)
    world.earner("M3", 99_00)
    return world


def run(fresh: Callable[[], World], examples: int, steps: int) -> None:
    class These(Batches):
        pass

    These.fresh = staticmethod(fresh)
    run_state_machine_as_test(
        These,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )


@pytest.fixture
def copies(tmp_path: Path, migrated_file: Path) -> Iterator[Callable[[], World]]:
    """A firm on SQLite, as often as is wanted; it is set up once and copied."""
    first = Database(f"sqlite:///{shutil.copyfile(migrated_file, tmp_path / 'first.db')}")
    world = started(first, tmp_path)
    first.close()

    def fresh() -> World:
        path = shutil.copyfile(tmp_path / "first.db", tmp_path / f"{uuid4().hex}.db")
        return over(Database(f"sqlite:///{path}"), world)

    yield fresh


@pytest.fixture
def clones(
    tmp_path: Path, postgresql_server: postgres.Server, migrated_template: str
) -> Iterator[Callable[[], World]]:
    """The same on PostgreSQL."""
    made = [f"firm_{uuid4().hex}"]
    postgresql_server.create(made[0], template=migrated_template)
    first = Database(postgresql_server.url(made[0], postgres.APP))
    world = started(first, tmp_path)
    first.close()

    def fresh() -> World:
        made.append(f"firm_{uuid4().hex}")
        postgresql_server.create(made[-1], template=made[0])
        return over(Database(postgresql_server.url(made[-1], postgres.APP)), world)

    yield fresh
    for name in reversed(made):
        postgresql_server.drop(name)


def over(database: Database, world: World) -> World:
    """The same firm over a copy of its database."""
    again = object.__new__(World)
    again.database, again.firm = database, world.firm
    return again


def test_no_history_of_batches_loses_a_fen(copies: Callable[[], World]) -> None:
    run(copies, examples=8, steps=20)


def test_no_history_of_batches_loses_a_fen_on_postgresql(clones: Callable[[], World]) -> None:
    run(clones, examples=3, steps=12)


@pytest.mark.long
def test_no_long_history_of_batches_loses_a_fen_on_postgresql(clones: Callable[[], World]) -> None:
    run(clones, examples=25, steps=40)


@pytest.mark.long
def test_no_long_history_of_batches_loses_a_fen(copies: Callable[[], World]) -> None:
    run(copies, examples=150, steps=50)


def test_a_deal_that_dies_while_its_batch_is_with_the_bank_and_half_comes_back(
    database: Database, tmp_path: Path
) -> None:
    world = started(database, tmp_path)
    payout = world.make()
    bank.send(world, payout)
    before = world.lines(payout)
    world.do(
        lambda session: deals.cancel(
            session, DEAL, reason="other", on=day(7).date(), by=world.firm.operator, now=day(7)
        )
    )
    rows = [bank.row(before[0]), bank.row(before[1], "退票"), bank.row(before[2], "退票")]
    bank.take(world, bank.csv_file(rows))
    assert [line.state for line in world.lines(payout)] == ["paid", "returned", "returned"]
    assert world.balance(IN_TRANSIT, payout.id) == 0
    assert world.differences(day(9)) == []
