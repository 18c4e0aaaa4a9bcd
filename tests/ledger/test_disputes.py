"""A contested line waits alone, and what comes of it is booked and links back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from ledger import audit, disputes, holds, inbox, journal, payables, settings, statements, verification
from ledger.core.entry import as_text
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ledger.db import Database
from ledger.disputes import Dispute
from ledger.facts import Fact
from ledger.files import Store
from ledger.journal import Entry
from ledger.payables import Due
from ledger.users import User
from tests.ledger import firm as firms
from tests.ledger.firm import day


class World:
    """The firm: M1 was paid once, two more stages and more of the fee came in, and there is a statement."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.firm = firms.found(database, store)
        self.do(lambda session: firms.reach(session, self.firm, "tech_sourcing", day(6)))
        self.do(lambda session: firms.receive(session, self.firm, 2_500_000, "YH-2", day(6)))
        self.statement = self.do(lambda session: firms.state(session, self.firm, day(7)))
        self.lines = disputes.lines(statements.read(self.statement))

    def do(self, action: Callable[[Session], Any]) -> Any:
        return self.database.run(action)

    def due(self) -> Due:
        (found,) = self.do(lambda session: payables.preview(session, by=self.firm.operator, now=day(8)))
        return found  # type: ignore[no-any-return]

    def line(self, stage: str) -> disputes.Line:
        return next(one for one in self.lines if one.stage.en == stage)

    def contest(self, stage: str = "Tech sourcing", **given: Any) -> Dispute:
        by = given.pop("by", self.firm.manager)
        now = given.pop("now", day(8))
        given = {"code": "amount", **given}
        no = self.line(stage).no
        return self.do(  # type: ignore[no-any-return]
            lambda session: disputes.raise_on(session, self.statement.id, no, by=by, now=now, **given)
        )

    def step(self, step: Callable[..., Dispute], dispute: Dispute, by: User, **given: Any) -> Dispute:
        now = given.pop("now", day(9))
        return self.do(  # type: ignore[no-any-return]
            lambda session: step(session, dispute.id, by=by, now=now, **given)
        )


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, Store(tmp_path / "files"))


def refused(what: type[Refused], act: Callable[[], object]) -> str:
    with pytest.raises(what) as found:
        act()
    return found.value.code


def test_only_the_contested_line_waits_and_the_rest_is_paid(world: World) -> None:
    before = world.due()
    dispute = world.contest(expected_minor=world.line("Tech sourcing").amount_minor + 50_000)
    due = world.due()
    assert (dispute.state, dispute.stage) == ("submitted", "tech_sourcing")
    assert [line.stage for line in due.lines] == ["need_discovery"]
    assert [line.stage for line in due.held] == ["tech_sourcing"]
    assert due.payable_minor + due.held_minor == before.payable_minor
    assert [hold.kind for hold in due.holds] == ["dispute"]


def test_an_accepted_dispute_is_an_adjustment_that_links_back(world: World) -> None:
    before = world.due()
    line = world.line("Tech sourcing")
    dispute = world.contest(expected_minor=line.amount_minor + 50_000, why="分成应为全部")
    world.step(disputes.take, dispute, world.firm.operator)
    done = world.step(disputes.accept, dispute, world.firm.operator)
    assert done.state == "accepted"
    with world.database.reading() as session:
        *_, last = disputes.steps(session, dispute.id)
        fact = session.get_one(Fact, last.fact_id)
        entry = session.exec(select(Entry).where(Entry.kind == "accrual").order_by(Entry.id.desc())).first()  # type: ignore[attr-defined]
        assert entry is not None
        text = as_text(journal.as_value(session, entry))
        told = (fact.ref, fact.type, fact.amount_minor, fact.stage)
        assert told == (dispute.id, "adjustment", 50_000, "tech_sourcing")
        assert (last.amount_minor, entry.because) == (50_000, [fact.id])
    assert text.endswith("2202.01 payable:M1                        -500.00 CNY")
    due = world.due()
    assert (due.held, due.payable_minor) == ((), before.payable_minor + 50_000)


def test_a_dispute_in_part_adds_what_is_right_and_says_why_not_more(world: World) -> None:
    before = world.due()
    dispute = world.contest(expected_minor=world.line("Tech sourcing").amount_minor + 50_000)
    world.step(disputes.take, dispute, world.firm.operator)
    for amount, note, code in (
        (50_000, "r", "dispute_in_full"),
        (20_000, " ", "reason_missing"),
        (0, "r", "amount_zero"),
    ):
        assert code == refused(
            Invalid,
            lambda amount=amount, note=note: world.step(  # type: ignore[misc]
                disputes.accept_in_part, dispute, world.firm.operator, amount_minor=amount, note=note
            ),
        )
    done = world.step(
        disputes.accept_in_part, dispute, world.firm.operator, amount_minor=20_000, note="按会议纪要"
    )
    assert done.state == "partly_accepted"
    assert world.due().payable_minor == before.payable_minor + 20_000
    assert world.step(disputes.close, dispute, world.firm.manager).state == "closed"


def test_who_names_no_amount_is_told_it_by_the_decision(world: World) -> None:
    dispute = world.contest()
    world.step(disputes.take, dispute, world.firm.operator)
    assert (
        refused(Invalid, lambda: world.step(disputes.accept, dispute, world.firm.operator))
        == "dispute_amount_missing"
    )
    world.step(disputes.accept, dispute, world.firm.operator, amount_minor=-10_000)
    with world.database.reading() as session:
        assert disputes.steps(session, dispute.id)[-1].amount_minor == -10_000


def test_a_refused_or_withdrawn_dispute_moves_no_money(world: World) -> None:
    before = world.due()
    first = world.contest()
    world.step(disputes.take, first, world.firm.operator)
    assert (
        refused(Invalid, lambda: world.step(disputes.refuse, first, world.firm.operator, note=" "))
        == "reason_missing"
    )
    assert world.step(disputes.refuse, first, world.firm.operator, note="无依据").state == "refused"
    assert world.due() == before
    second = world.contest()
    assert world.step(disputes.withdraw, second, world.firm.manager).state == "withdrawn"
    assert world.due() == before


def test_the_clock_stands_still_while_the_payee_is_asked(world: World) -> None:
    dispute = world.contest()
    assert dispute.due_on == date(2026, 3, 25)  # fifteen days after the 10th
    world.step(disputes.take, dispute, world.firm.operator)
    asked = world.step(disputes.ask, dispute, world.firm.operator, note="请补合同", now=day(10))
    assert (asked.state, asked.due_on) == ("need_information", dispute.due_on)
    told = world.step(disputes.inform, dispute, world.firm.manager, note="见附件", now=day(14))
    assert (told.state, told.due_on) == ("in_review", date(2026, 3, 29))


def test_the_days_of_the_clock_are_a_setting(world: World) -> None:
    world.do(
        lambda session: settings.decide(
            session,
            settings.ANSWER_DAYS,
            value="5",
            from_on=date(2026, 3, 1),
            reason="制度",
            by=world.firm.finance,
            now=day(7),
        )
    )
    assert world.contest().due_on == date(2026, 3, 15)


def test_no_step_is_taken_twice_or_out_of_turn(world: World) -> None:
    dispute = world.contest()
    operator, manager = world.firm.operator, world.firm.manager
    assert (
        refused(Conflict, lambda: world.step(disputes.accept, dispute, operator, amount_minor=1))
        == "state_forbids"
    )
    world.step(disputes.take, dispute, operator)
    assert refused(Conflict, lambda: world.step(disputes.take, dispute, operator)) == "state_forbids"
    assert refused(Conflict, lambda: world.step(disputes.close, dispute, manager)) == "state_forbids"
    world.step(disputes.accept, dispute, operator, amount_minor=100)
    for step in (disputes.accept, disputes.withdraw):
        given = {"amount_minor": 100} if step is disputes.accept else {}
        by = operator if step is disputes.accept else manager
        assert (
            refused(
                Conflict,
                lambda step=step, by=by, given=given: world.step(step, dispute, by, **given),  # type: ignore[misc]
            )
            == "state_forbids"
        )
    with world.database.reading() as session:
        told = session.exec(select(Fact.amount_minor).where(Fact.type == "adjustment")).all()
    assert told == [100]


def test_who_may_contest_and_who_may_decide(world: World) -> None:
    other = User(
        id="us_9", phone="1", name="9", role="manager", manager_id="M9", password_hash="", created_at=day(1)
    )
    assert refused(NotFound, lambda: world.contest(by=other)) == "statement_unknown"
    assert refused(Forbidden, lambda: world.contest(by=world.firm.finance)) == "not_allowed"
    dispute = world.contest(by=world.firm.operator)  # told on paper
    assert (
        refused(Forbidden, lambda: world.step(disputes.take, dispute, world.firm.operator)) == "not_your_own"
    )
    assert refused(Forbidden, lambda: world.step(disputes.take, dispute, world.firm.manager)) == "not_allowed"
    assert world.step(disputes.take, dispute, world.firm.second).state == "in_review"
    with world.database.reading() as session, pytest.raises(NotFound):
        disputes.get(session, dispute.id, by=other)


def test_what_cannot_be_contested(world: World) -> None:
    line = world.line("Tech sourcing")
    for given, code in (
        ({"code": "mood"}, "dispute_code"),
        ({"expected_minor": line.amount_minor}, "dispute_as_stated"),
    ):
        assert code == refused(Invalid, lambda given=given: world.contest(**given))  # type: ignore[misc]
    assert refused(Conflict, lambda: world.contest(now=day(60))) == "dispute_late"
    world.contest()
    assert refused(Conflict, lambda: world.contest()) == "dispute_open"
    with world.database.reading() as session, pytest.raises(NotFound):
        disputes.line(session.get_one(statements.Statement, world.statement.id), 99)
    world.do(lambda session: firms.receive(session, world.firm, 100_000, "YH-3", day(8)))
    world.do(lambda session: firms.state(session, world.firm, day(8)))
    assert refused(Conflict, lambda: world.contest("Need discovery")) == "dispute_superseded"


def test_a_disputes_hold_is_not_lifted_by_hand(world: World) -> None:
    dispute = world.contest()
    assert (
        refused(
            Conflict,
            lambda: world.do(
                lambda session: holds.lift(
                    session, dispute.hold_id, reason="r", by=world.firm.second, now=day(9)
                )
            ),
        )
        == "hold_disputed"
    )


def test_what_waits_is_in_the_inbox_and_every_step_in_the_trail(world: World) -> None:
    dispute = world.contest()
    with world.database.reading() as session:
        (pile,) = [one for one in inbox.of(session, by=world.firm.operator) if one.what == "disputes"]
        assert (pile.count, pile.since) == (1, day(8))
        assert [one.id for one in disputes.waiting(session)] == [dispute.id]
    world.step(disputes.take, dispute, world.firm.operator)
    world.step(disputes.refuse, dispute, world.firm.operator, note="无依据")
    with world.database.reading() as session:
        noted = [one.action for one in audit.listing(session, subject=dispute.id)[::-1]]
        said = [(one.step, one.state) for one in disputes.steps(session, dispute.id)]
        assert verification.verify(session, world.firm.store, now=day(9)).differences == []
    assert noted == ["dispute.raise", "dispute.take", "dispute.refuse"]
    assert said == [("raise", "submitted"), ("take", "in_review"), ("refuse", "refused")]
