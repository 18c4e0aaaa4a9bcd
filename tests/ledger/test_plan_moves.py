"""A deal keeps its version of the plan unless it is moved, with the reason; and plans are retired."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from ledger import allocations, closing, deals, journal, needs, plan_moves, plans, statements
from ledger.core.entry import PAYABLE
from ledger.core.errors import Refused
from ledger.db import Database, guard_code
from ledger.files import Store
from tests.office import Office, opened

NOW = datetime(2026, 6, 30, 2, tzinfo=UTC)
OLD = """\
format: 1
plan: shares
title: {zh: 分成方案, en: Shares}
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: find, share: 50%}, {id: sign, share: 50%}]
"""
NEW = OLD.replace("40%", "50%")
FACTS = """\
format: 1
deals:
  - deal: {id: D-1, opened_on: 2026-04-01}
    managers: [{id: M1}, {id: M2}]
    events:
      - {on: 2026-04-05, type: milestone, stage: find, managers: {M1: 3, M2: 1}}
      - {on: 2026-04-09, type: fee_received, amount: "1000.00"}
      - {on: 2026-06-09, type: fee_received, amount: "200.00"}
"""


@pytest.fixture
def office(database: Database) -> Office:
    """D-1 under the first version, April and May closed."""
    made = opened(database)
    made.publish(OLD, now=NOW)
    made.take(FACTS, "shares", now=NOW)
    with database.writing() as session:
        closing.close(session, "2026-05", by=made.finance, now=NOW)
    return made


def moved(office: Office, version_id: str, *, now: datetime = NOW) -> plan_moves.PlanMove:
    with office.database.writing() as session:
        return plan_moves.move(
            session, "D-1", version_id=version_id, reason="as agreed", by=office.maker, now=now
        )


def refused(session: Session, action: Any, *given: Any, **more: Any) -> str:
    """The code with which an action is refused; nothing of it is kept."""
    with session.begin_nested() as point:
        with pytest.raises(Refused) as caught:
            action(session, *given, **more)
        point.rollback()
    return caught.value.code


def test_what_a_move_changes_of_closed_months_lands_in_the_open_one_under_its_own(
    office: Office, tmp_path: Path
) -> None:
    office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    assert office.balances(PAYABLE) == {"M1": 18_000, "M2": 6_000}
    with office.database.reading() as session:
        version = plans.in_force(session, "shares", date(2026, 6, 1)).id
    made = moved(office, version)
    assert office.balances(PAYABLE) == {"M1": 22_500, "M2": 7_500}

    with office.database.reading() as session:
        [last] = [entry for entry, _ in journal.of_deal(session, "D-1") if made.id in entry.because]
        legs = [(leg.origin, leg.amount_minor) for leg in journal.postings(session, [last.id])]
        working = journal.working_of(session, last.id) or {}
        assert last.period == "2026-06"
    assert {origin for origin, _ in legs} == {"2026-04", "2026-06"}
    assert sum(amount for origin, amount in legs if origin == "2026-04" and amount > 0) == 5_000
    first = working["origins"][0]["because"]["M1|find"][0]
    assert (first["rule"], first["source"]) == ("plan_moved", f"move {made.id}")
    assert first["numbers"]["new_zh"] == "分成方案第2版"
    assert office.settle_everything(now=NOW) == 0
    assert office.differences(Store(tmp_path / "files"), now=NOW) == []


def test_a_closed_months_statement_is_drawn_under_the_plan_kept_then(office: Office) -> None:
    office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    later = NOW + timedelta(hours=1)

    def said() -> dict[str, str]:
        with office.database.reading() as session:
            months = ("2026-04", "2026-05")
            drawn = [statements.draw(session, "M1", month, kind="final", now=later) for month in months]
            assert {plan.zh for one in drawn for plan in one.header.plans} == {"分成方案 v1"}
            return {one.header.period: statements.content_sha256(one) for one in drawn}

    before = said()
    with office.database.reading() as session:
        version = plans.in_force(session, "shares", date(2026, 6, 1)).id
    moved(office, version, now=later)
    assert said() == before


def test_a_new_version_alone_changes_nothing(office: Office) -> None:
    office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    assert office.settle_everything(now=NOW) == 0


def test_a_preview_has_everybody_before_and_after_and_writes_nothing(office: Office) -> None:
    version = office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    with office.database.writing() as session:
        seen = plan_moves.preview(session, "D-1", version_id=version, by=office.maker, now=NOW)
        assert [(one.manager_id, one.old_minor, one.new_minor) for one in seen.managers] == [
            ("M1", 18_000, 22_500),
            ("M2", 6_000, 7_500),
        ]
        assert [entry.period for entry in seen.drawn.entries] == ["2026-06"]
    assert office.balances(PAYABLE) == {"M1": 18_000, "M2": 6_000}


def test_there_and_back_again_leaves_everything_as_it_was(office: Office, tmp_path: Path) -> None:
    with office.database.reading() as session:
        first = session.get_one(deals.Deal, "D-1").plan_version_id
    second = office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    moved(office, second)
    moved(office, first, now=NOW + timedelta(hours=1))
    assert office.balances(PAYABLE) == {"M1": 18_000, "M2": 6_000}
    with office.database.reading() as session:
        assert [one.to_version_id for one in plan_moves.of_deal(session, "D-1")] == [second, first]
    assert office.differences(Store(tmp_path / "files"), now=NOW + timedelta(hours=2)) == []


def test_what_was_known_before_a_move_is_read_under_the_version_kept_then(office: Office) -> None:
    version = office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    later = NOW + timedelta(days=1)
    moved(office, version, now=later)
    with office.database.reading() as session:
        given: dict[str, Any] = {"as_of": date(2026, 6, 30), "by": office.maker}
        now = allocations.of_deal(session, "D-1", **given)
        then = allocations.of_deal(session, "D-1", known_at=later, **given)
        before = allocations.of_deal(session, "D-1", known_at=NOW - timedelta(days=1), **given)
    assert (now.goal.allocated_minor, then.goal.allocated_minor) == (30_000, 24_000)
    assert (now.plan_version_id, then.plan_version_id != version) == (version, True)
    assert before.goal.rows == ()


def test_a_cap_on_the_year_follows_the_deal_to_the_other_plan(office: Office, tmp_path: Path) -> None:
    capped = NEW.replace("plan: shares", "plan: capped") + 'caps: {per_manager_per_year: "100.00"}\n'
    version = office.publish(capped, now=NOW)
    with office.database.reading() as session:
        first = session.get_one(deals.Deal, "D-1").plan_version_id
    moved(office, version)
    assert office.balances(PAYABLE) == {"M1": 10_000, "M2": 7_500}
    assert office.differences(Store(tmp_path / "files"), now=NOW) == []
    moved(office, first, now=NOW + timedelta(hours=1))
    assert office.balances(PAYABLE) == {"M1": 18_000, "M2": 6_000}
    assert office.differences(Store(tmp_path / "files"), now=NOW + timedelta(hours=2)) == []


def test_who_may_move_a_deal_and_to_what(office: Office) -> None:
    good = office.publish(NEW, now=NOW)
    with office.database.writing() as session:
        dollars = plans.draft(session, NEW.replace("CNY", "USD"), by=office.maker, now=NOW).id
        given: dict[str, Any] = {"version_id": good, "reason": "r", "by": office.maker, "now": NOW}

        def code(**changes: Any) -> str:
            return refused(session, plan_moves.move, "D-1", **(given | changes))

        assert code(by=office.finance) == "not_allowed"
        assert code(reason=" ") == "reason_missing"
        assert code(version_id=dollars) == "plan_not_published"
        assert code(version_id="pv_x") == "plan_unknown"
        assert code(version_id=session.get_one(deals.Deal, "D-1").plan_version_id) == "plan_kept"
        plans.publish(session, dollars, effective_on=date(2026, 1, 1), by=office.checker, now=NOW)
        assert code(version_id=dollars) == "plan_currency"
        for change, wanted in (
            ("when: \"deal.category == 'x'\"", "plan_refuses_deal"),
            ("", "stage_unknown"),
        ):
            other = NEW.replace("id: find", "id: other") if not change else f"{NEW}{change}\n"
            made = plans.draft(session, other, by=office.maker, now=NOW)
            plans.publish(session, made.id, effective_on=date(2026, 1, 1), by=office.checker, now=NOW)
            assert code(version_id=made.id) == wanted
        assert [one.id for one in plan_moves.choices(session, session.get_one(deals.Deal, "D-1"))][-1] == good


def test_a_retired_plan_takes_no_new_deals_and_the_old_ones_go_on(office: Office) -> None:
    version = office.publish(NEW, effective_on=date(2026, 5, 1), now=NOW)
    with office.database.writing() as session:
        assert plans.offered(session, date(2026, 6, 30))[0].id == version
        assert refused(session, plans.retire, version, by=office.finance, now=NOW) == "not_allowed"
        retired = plans.retire(session, version, by=office.maker, now=NOW)
        assert (retired.state, plans.retire(session, version, by=office.maker, now=NOW)) == (
            "retired",
            retired,
        )
        assert plans.offered(session, date(2026, 6, 30)) == []
        need = needs.log(session, title="n", client="c", by=office.maker, now=NOW)
        given = {"plan_id": "shares", "expected_fee_minor": 1, "by": office.maker, "now": NOW}
        assert refused(session, deals.open_from, need, **given) == "plan_retired"
        move = {"version_id": version, "reason": "r", "by": office.maker, "now": NOW}
        assert refused(session, plan_moves.move, "D-1", **move) == "plan_not_published"
        assert deals.settle_all(session, ["D-1"], now=NOW) == 0
        draft = plans.draft(session, NEW.replace("rate: 50%", "rate: 25%"), by=office.maker, now=NOW)
        assert refused(session, plans.retire, draft.id, by=office.maker, now=NOW) == "state_forbids"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE plan_version SET text = text || ' '", "plan_version_changed"),
        ("UPDATE plan_version SET effective_on = '2026-01-02'", "plan_version_changed"),
        ("UPDATE plan_version SET published_by = 'us_9'", "plan_version_changed"),
        ("UPDATE plan_version SET state = 'draft'", "plan_version_state"),
        ("DELETE FROM plan_version", "plan_version_removed"),
        ("UPDATE plan_move SET reason = 'x'", "plan_move_changed"),
        ("DELETE FROM plan_move", "plan_move_removed"),
    ],
)
def test_the_database_itself_keeps_what_was_published_and_moved(
    office: Office, settings: Any, statement: str, code: str
) -> None:
    moved(office, office.publish(NEW, now=NOW))
    owner = Database(settings.owner_url)
    with pytest.raises(DBAPIError) as caught, owner.writing() as session:
        session.execute(text(statement))
    owner.close()
    assert guard_code(caught.value) == code


def test_a_version_moved_to_behind_the_program_is_found(office: Office, tmp_path: Path) -> None:
    moved(office, office.publish(NEW, now=NOW))
    with office.database.writing() as session:
        made = plan_moves.of_deal(session, "D-1")[0]
        session.execute(
            text("UPDATE deal SET plan_version_id = :id WHERE id = 'D-1'"), {"id": made.from_version_id}
        )
    found = office.differences(Store(tmp_path / "files"), now=NOW)
    assert "moves: deal D-1: keeps another version of its plan than it was moved to" in found
