"""Who may approve a batch: as many as the policy asks, never the maker, never one who earns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger import approvals, holds, managers, payouts, stand_ins
from ledger.core.errors import Conflict, Forbidden
from ledger.core.policy import Band
from ledger.db import Database, guard_code
from ledger.files import Store
from ledger.payouts import Payout
from ledger.users import User
from tests.ledger.firm import day
from tests.ledger.payrun import BOTH, World


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, Store(tmp_path / "files"))


def refused(world: World, payout: Payout, by: User, for_user: str | None = None) -> str:
    with pytest.raises((Forbidden, Conflict)) as refusal:
        world.approve(payout, by, for_user)
    return refusal.value.code


def stand_in(world: World, away: User, there: User, *, by: User, to: int = 9) -> Any:
    return world.do(
        lambda session: stand_ins.put(
            session,
            for_user=away.id,
            by_user=there.id,
            from_on=day(6).date(),
            to_on=day(to).date(),
            reason="出差",
            by=by,
            now=day(6),
        )
    )


def test_a_band_says_how_many_approve_and_of_which_role(world: World) -> None:
    world.policy(Band(0, 1, BOTH), Band(10_000, 2, ("finance",)))
    payout = world.make()
    other = world.hire("us_finance2", "finance")
    assert refused(world, payout, world.firm.second) == "approver_role"
    assert world.approve(payout, world.firm.finance).state == "made"
    assert world.approve(payout, world.firm.finance).state == "made"  # again is the same
    with pytest.raises(Conflict):
        world.send(payout)
    assert world.approve(payout, other).state == "approved"
    assert world.send(payout).state == "sent"


def test_the_maker_never_approves_not_even_through_a_stand_in(world: World) -> None:
    payout = world.make()
    stand_in(world, world.firm.operator, world.firm.second, by=world.firm.operator)
    assert refused(world, payout, world.firm.operator) == "not_your_own"
    assert refused(world, payout, world.firm.second, world.firm.operator.id) == "not_your_own"
    assert world.approve(payout, world.firm.second).state == "approved"


def test_nobody_approves_money_to_themselves_or_on_their_own_deal(world: World) -> None:
    payee = world.hire("us_payee", "finance", "M1")
    world.earner("M2", 5_00)
    colleague = world.hire("us_colleague", "finance", "M2")
    hold = world.hold(manager_id="M2")
    payout = world.make()
    assert [line.manager_id for line in world.lines(payout)] == ["M1"]
    assert refused(world, payout, payee) == "not_your_own"
    assert refused(world, payout, colleague) == "not_your_own"  # on the same deal
    stand_in(world, payee, world.firm.finance, by=payee)
    assert refused(world, payout, world.firm.finance, payee.id) == "not_your_own"
    assert hold.scope == "person"


def test_a_stand_in_is_shown_as_b_for_a_within_the_days_and_only_once(world: World) -> None:
    world.policy(Band(0, 2, BOTH))
    payout = world.make()
    away, there = world.firm.finance, world.firm.second
    assert refused(world, payout, there, away.id) == "not_a_stand_in"
    with pytest.raises(Forbidden):
        stand_in(world, away, there, by=there)
    named = stand_in(world, away, there, by=away)
    assert world.approve(payout, there, away.id).state == "made"
    assert refused(world, payout, there) == "approved_already"
    assert refused(world, payout, away) == "approved_already"
    with world.database.reading() as session:
        (given,) = approvals.of_batch(session, payout.id)
        assert (given.approved_by, given.counts_for) == (there.id, away.id)
    world.do(lambda session: stand_ins.end(session, named.id, by=away, now=day(7)))
    other = world.hire("us_9", "operator")
    assert refused(world, payout, there, away.id) == "not_a_stand_in"
    assert world.approve(payout, other).state == "approved"


def test_a_days_limit_adds_up_so_that_splitting_does_not_help(world: World) -> None:
    world.earner("M2", 400_00)
    first_minor = 400_00
    world.policy(limits={"operator": first_minor + 1_00})
    world.hold(manager_id="M1")
    first = world.make()
    world.approve(first, world.firm.second)
    world.earner("M3", 2_00)
    second = world.make()
    assert refused(world, second, world.firm.second) == "daily_limit"
    with world.database.reading() as session:
        assert approvals.approved_in_a_day(session, world.firm.second.id, day(7).date()) == first_minor
    # what was voided does not leave, and counts no more
    world.do(lambda session: payouts.void(session, first.id, reason="x", by=world.firm.operator, now=day(7)))
    assert world.approve(second, world.firm.second).state == "approved"


def test_a_stand_in_spends_the_limit_of_whose_place_it_is(world: World) -> None:
    world.earner("M2", 400_00)
    world.policy(limits={"finance": 100_00})
    world.hold(manager_id="M1")
    payout = world.make()
    stand_in(world, world.firm.finance, world.firm.second, by=world.firm.finance)
    assert refused(world, payout, world.firm.second, world.firm.finance.id) == "daily_limit"
    assert world.approve(payout, world.firm.second).state == "approved"


def test_any_change_of_the_batch_voids_its_approvals(world: World) -> None:
    world.earner("M2", 400_00)
    payout = world.make()
    world.approve(payout, world.firm.second)
    before, taken = payout.digest, world.lines(payout)[1].id
    changed = world.do(
        lambda session: payouts.take_out(
            session, payout.id, line_ids=[taken], reason="账户待核", by=world.firm.operator, now=day(7)
        )
    )
    assert (changed.state, changed.digest == before) == ("made", False)
    with pytest.raises(Conflict):
        world.send(payout)
    with pytest.raises(Conflict) as refusal:
        world.approve(payout, world.firm.second, digest_seen=before)
    assert refusal.value.code == "payout_changed"
    assert world.approve(payout, world.firm.second, digest_seen=changed.digest).state == "approved"
    assert world.send(payout).state == "sent"
    assert world.differences(day(8)) == []


def test_what_changed_since_the_batch_was_made_is_not_sent(world: World) -> None:
    payout = world.make()
    world.approve(payout, world.firm.second)
    put = world.hold(manager_id="M1")
    with pytest.raises(Conflict) as refusal:
        world.send(payout)
    assert refusal.value.code == "held_since"
    world.do(lambda session: holds.lift(session, put.id, reason="x", by=world.firm.second, now=day(7)))
    account = {"bank_name": "工商银行", "tax_method": "per_payment"}
    world.do(
        lambda session: managers.set_payment(session, "M1", bank_account="62220009", **account, now=day(7))
    )
    with pytest.raises(Conflict) as refusal:
        world.send(payout)
    assert refusal.value.code == "account_changed"


def test_what_is_to_be_looked_at_twice(world: World) -> None:
    world.earner("M2", 400_00)
    account = {"bank_name": "工商银行", "tax_method": "per_payment"}
    world.do(
        lambda session: managers.set_payment(session, "M1", bank_account="62220009", **account, now=day(6))
    )
    payout = world.make()
    with world.database.reading() as session:
        seen = approvals.look(session, payout)
    assert (seen.first_time, seen.changed_account) == (frozenset({"M2"}), frozenset({"M1"}))


def test_who_is_still_missing_is_told_by_name(world: World) -> None:
    world.policy(Band(0, 2, BOTH))
    world.hire("us_payee", "finance", "M1")
    payout = world.make()
    assert able(world, payout) == sorted([world.firm.finance.id, world.firm.second.id])
    world.approve(payout, world.firm.second)
    assert able(world, payout) == [world.firm.finance.id]


def able(world: World, payout: Payout) -> list[str]:
    with world.database.reading() as session:
        found = approvals.case(session, session.get_one(Payout, payout.id), day(7))
        return sorted(one.id for one in approvals.able(session, found))


def test_several_are_approved_together_within_the_limit_or_not_at_all(world: World) -> None:
    world.earner("M2", 400_00)
    held = world.hold(manager_id="M1")
    first = world.make()
    world.do(lambda session: holds.lift(session, held.id, reason="x", by=world.firm.second, now=day(7)))
    second = world.make()
    most = sum(line.gross_minor for line in world.lines(second))
    world.policy(limits={"operator": most + 399_99})
    both = {payout.id: payout.digest for payout in (first, second)}
    with world.database.reading() as session:
        told = approvals.together(session, both, by=world.firm.second, now=day(7))
    assert [refusal.code if refusal else "" for _, refusal in told] == ["", "daily_limit"]
    with pytest.raises(Forbidden):
        world.do(lambda session: approvals.approve_all(session, both, by=world.firm.second, now=day(7)))
    world.do(lambda session: approvals.approve_all(session, both, by=world.firm.finance, now=day(7)))
    with world.database.reading() as session:
        assert {session.get_one(Payout, one).state for one in both} == {"approved"}


APPROVAL = (
    "INSERT INTO payout_approval (id, payout_id, approved_by, approved_at, digest, seat, amount_minor,"
    " approved_on) VALUES ('pa_x', :payout, :by, '2026-03-09 00:00:00+00:00', :digest, :seat, :amount,"
    " '2026-03-09')"
)


def past_the_program(world: World, statement: str, **places: object) -> str:
    with world.database.engine.execution_options(writes=True).connect() as connection:
        try:
            connection.execute(text(statement), places)
            connection.rollback()
        except DBAPIError as error:
            return guard_code(error) or str(error.orig)
    return "accepted"


def test_the_database_itself_refuses_what_the_policy_forbids(world: World) -> None:
    world.policy(limits={"operator": 1})
    payee = world.hire("us_payee", "finance", "M1")
    payout = world.make()
    gross = sum(line.gross_minor for line in world.lines(payout))
    good: dict[str, Any] = {
        "payout": payout.id,
        "by": world.firm.finance.id,
        "seat": world.firm.finance.id,
        "digest": payout.digest,
        "amount": gross,
    }
    assert past_the_program(world, APPROVAL, **good) == "accepted"
    for change, code in (
        ({"by": world.firm.operator.id}, "approval_by_maker"),
        ({"seat": world.firm.operator.id}, "approval_by_maker"),
        ({"by": payee.id}, "approval_of_own"),
        ({"digest": "0" * 64}, "approval_differs"),
        ({"amount": gross - 1}, "approval_amount"),
        ({"seat": world.firm.second.id}, "approval_limit"),
    ):
        assert past_the_program(world, APPROVAL, **{**good, **change}) == code
    for state, code in (("approved", "payment_not_approved"), ("sent", "payout_state")):
        step = f"UPDATE payout SET state = '{state}' WHERE id = :payout"
        assert past_the_program(world, step, payout=payout.id) in (code, "payment_not_approved")
    assert past_the_program(world, "UPDATE payout_policy SET digest = 'x'") == "payout_policy_changed"
    world.approve(payout, world.firm.finance)
    assert past_the_program(world, APPROVAL, **good) == "approval_twice"


def test_the_database_counts_how_many_have_approved(world: World) -> None:
    world.policy(Band(0, 1, BOTH), Band(1, 2, BOTH))
    payout = world.make()
    world.approve(payout, world.firm.second)
    step = "UPDATE payout SET state = 'approved' WHERE id = :payout"
    assert past_the_program(world, step, payout=payout.id) == "payment_not_approved"
    assert world.approve(payout, world.firm.finance).state == "approved"


def test_a_policy_made_stricter_after_the_approval_takes_effect_before_sending(world: World) -> None:
    payout = world.make()
    assert world.approve(payout, world.firm.second).state == "approved"
    world.policy(Band(0, 2, ("finance",)))  # operations' approval counts no more
    with pytest.raises(Conflict) as refusal:
        world.send(payout)
    assert refusal.value.code == "payout_policy_stricter"
    assert world.approve(payout, world.firm.finance).state == "approved"
    with pytest.raises(Conflict):
        world.send(payout)
    third = world.hire("us_9", "finance")
    assert world.approve(payout, third).state == "approved"
    assert world.send(payout).state == "sent"
    assert world.differences(day(8)) == []
