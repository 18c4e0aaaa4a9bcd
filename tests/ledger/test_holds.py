"""What waits is not paid, and the rest is: holds on a person, a deal and one line; the least that is paid."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger import audit, holds, journal, payables, payouts, policies
from ledger.core.entry import as_text
from ledger.core.errors import Conflict, Forbidden, Invalid
from ledger.core.policy import Band, Policy
from ledger.db import Database
from ledger.files import Store
from tests.ledger.firm import DEAL, day
from tests.ledger.payrun import World


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, Store(tmp_path / "files"))


def test_only_the_line_that_is_held_waits(world: World) -> None:
    before = world.due()
    assert {line.stage for line in before.lines} == {"need_discovery", "tech_sourcing"}
    world.hold(manager_id="M1", deal_id=DEAL, stage="tech_sourcing")
    due = world.due()
    assert [line.stage for line in due.lines] == ["need_discovery"]
    assert [line.stage for line in due.held] == ["tech_sourcing"]
    assert due.payable_minor + due.held_minor == before.payable_minor
    made = world.do(
        lambda session: payouts.make(session, value_on=date(2026, 3, 10), by=world.firm.operator, now=day(7))
    )
    (line,) = world.do(lambda session: payouts.lines_of(session, made.id))
    assert line.gross_minor == due.payable_minor
    entry = world.do(
        lambda session: as_text(
            journal.as_value(session, journal.find(session, "payout_made", line.id))  # type: ignore[arg-type]
        )
    )
    assert f"{due.payable_minor // 100}" in entry
    left = world.due()
    assert (left.payable_minor, left.held_minor, left.why_not) == (0, due.held_minor, "held")


@pytest.mark.parametrize("on", [{"manager_id": "M1"}, {"deal_id": DEAL}])
def test_a_person_or_a_deal_waits_whole(world: World, on: dict[str, str]) -> None:
    owed = world.due().payable_minor
    hold = world.hold(**on)
    due = world.due()
    assert (due.payable_minor, due.held_minor, due.why_not) == (0, owed, "held")
    assert [one.id for one in due.holds] == [hold.id]
    with pytest.raises(Conflict):
        world.do(
            lambda session: payouts.make(
                session, value_on=date(2026, 3, 10), by=world.firm.operator, now=day(7)
            )
        )


def test_a_hold_ends_on_its_day_or_when_it_is_lifted(world: World) -> None:
    owed = world.due().payable_minor
    hold = world.hold(manager_id="M1")
    (after,) = world.do(lambda session: payables.preview(session, by=world.firm.operator, now=day(19)))
    assert after.payable_minor == owed
    world.do(lambda session: holds.lift(session, hold.id, reason="好了", by=world.firm.second, now=day(7)))
    assert world.due().payable_minor == owed
    with pytest.raises(Conflict):
        world.do(lambda session: holds.lift(session, hold.id, reason="x", by=world.firm.second, now=day(7)))


def test_what_a_hold_needs(world: World) -> None:
    for on, code in (
        ({}, "hold_scope_missing"),
        ({"stage": "tech_sourcing", "deal_id": DEAL}, "hold_scope"),
    ):
        with pytest.raises(Invalid) as refused:
            world.hold(**on)
        assert refused.value.code == code
    with pytest.raises(Forbidden):
        world.do(
            lambda session: holds.put(
                session,
                manager_id="M1",
                reason="r",
                until_on=date(2026, 3, 20),
                by=world.firm.manager,
                now=day(7),
            )
        )


def test_who_put_and_lifted_a_hold_is_in_the_trail(world: World) -> None:
    with world.database.reading() as session:
        noted = [(one.action, one.actor) for one in audit.listing(session, actions=["hold"])[::-1]]
    assert noted[:2] == [
        ("hold.put", world.firm.operator.id),
        ("hold.lift", world.firm.second.id),
    ]


def test_who_is_owed_less_than_the_least_waits_from_the_day_it_is_in_force(world: World) -> None:
    policy = Policy(10_000_000_00, (Band(0, 1, ("finance",)),), {})
    draft = world.do(lambda session: policies.draft(session, policy, by=world.firm.operator, now=day(7)))
    with pytest.raises(Forbidden) as refused:
        world.do(
            lambda session: policies.publish(
                session, draft.id, effective_on=date(2026, 3, 12), by=world.firm.operator, now=day(7)
            )
        )
    assert refused.value.code == "policy_own"
    with pytest.raises(Invalid):
        world.do(
            lambda session: policies.publish(
                session, draft.id, effective_on=date(2026, 3, 1), by=world.firm.second, now=day(7)
            )
        )
    world.do(
        lambda session: policies.publish(
            session, draft.id, effective_on=date(2026, 3, 12), by=world.firm.second, now=day(7)
        )
    )
    assert world.due().why_not is None
    (after,) = world.do(lambda session: payables.preview(session, by=world.firm.operator, now=day(10)))
    assert after.why_not == "below_minimum"
