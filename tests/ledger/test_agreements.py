"""Split agreements: proposed, answered, countered, in force; and what a milestone makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from ledger import agreements, deals, facts, managers, milestones, needs
from ledger.agreements import SplitAgreement
from ledger.core.entry import PAYABLE
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Database
from ledger.users import User
from tests.office import Office, opened

NOW = datetime(2026, 6, 30, 2, tzinfo=UTC)
TODAY = date(2026, 6, 30)
PLAN = """\
format: 1
plan: shares
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: find, share: 50%, award: 100.00}, {id: sign, share: 50%}]
"""


@pytest.fixture
def office(database: Database) -> Office:
    """A deal D-1 found by M1, on which nobody has agreed anything yet."""
    made = opened(database)
    made.publish(PLAN, now=NOW)
    with database.writing() as session:
        for number in (1, 2, 3):
            managers.add(session, id=f"M{number}", name=f"M{number}", now=NOW)
            session.add(_user(number))
        session.flush()
        need = needs.log(session, title="n", client="c", found_on=TODAY, by=manager(1), now=NOW)
        deals.open_from(
            session, need, id="D-1", plan_id="shares", expected_fee_minor=100_000, by=made.maker, now=NOW
        )
    return made


def _user(number: int) -> User:
    return User(
        id=f"us_m{number}",
        phone=f"1370000000{number}",
        name=f"M{number}",
        role="manager",
        manager_id=f"M{number}",
        password_hash="-",
        created_at=NOW,
    )


def manager(number: int) -> User:
    return _user(number)


def propose(session: Session, by: User, **weights: str) -> SplitAgreement:
    return agreements.propose(session, "D-1", stage="find", weights=weights, by=by, now=NOW)


def agreed(office: Office, **weights: str) -> SplitAgreement:
    """A split that M1 proposed and everybody else accepted."""
    with office.database.writing() as session:
        found = propose(session, manager(1), **weights)
        for number in (2, 3):
            if f"M{number}" in weights:
                agreements.accept(session, found.id, by=manager(number), now=NOW)
        return found


def log(session: Session, participants: dict[str, str] | None = None) -> milestones.Milestone:
    return milestones.log(
        session,
        deal_id="D-1",
        stage="find",
        reached_on=TODAY,
        participants=participants,
        by=manager(1),
        now=NOW,
    )


def refused(session: Session, action: Any, *given: Any, **more: Any) -> str:
    """The code with which an action is refused; nothing of it is kept."""
    with session.begin_nested() as point:
        with pytest.raises((Conflict, Forbidden, Invalid, NotFound)) as caught:
            action(session, *given, **more)
        point.rollback()
    return caught.value.code


def test_a_split_is_in_force_once_everybody_named_has_accepted(office: Office) -> None:
    with office.database.writing() as session:
        found = propose(session, manager(1), M1="60", M2="30", M3="10")
        assert (found.version, found.state) == (1, "proposed")
        assert [one.id for one in agreements.awaiting(session, "M2")] == [found.id]
        agreements.accept(session, found.id, by=manager(2), now=NOW)
        assert agreements.in_force(session, "D-1", "find") is None
        agreements.accept(session, found.id, by=manager(3), now=NOW)
        assert agreements.in_force(session, "D-1", "find") == found
        assert agreements.awaiting(session, "M2") == []
        said = [(one.manager_id, one.answer) for one in agreements.answers(session, [found.id])]
        assert sorted(said) == [("M1", "accepted"), ("M2", "accepted"), ("M3", "accepted")]


def test_one_who_takes_part_alone_has_nobody_to_wait_for(office: Office) -> None:
    assert agreed(office, M1="1").state == "binding"


def test_a_counter_proposal_is_a_new_version_and_the_old_one_no_longer_counts(office: Office) -> None:
    with office.database.writing() as session:
        first = propose(session, manager(1), M1="60", M2="40")
        second = agreements.counter(
            session, first.id, weights={"M1": "50", "M2": "50"}, by=manager(2), now=NOW
        )
        assert (first.state, second.version, second.state) == ("countered", 2, "proposed")
        assert refused(session, agreements.accept, first.id, by=manager(2), now=NOW) == "state_forbids"
        agreements.accept(session, second.id, by=manager(1), now=NOW)
        assert agreements.in_force(session, "D-1", "find") == second


def test_a_split_in_force_stays_so_until_the_next_is_agreed(office: Office) -> None:
    first = agreed(office, M1="60", M2="40")
    with office.database.writing() as session:
        second = propose(session, manager(2), M1="50", M2="50")
        assert agreements.in_force(session, "D-1", "find").weights == {"M1": "60", "M2": "40"}  # type: ignore[union-attr]
        agreements.accept(session, second.id, by=manager(1), now=NOW)
        assert agreements.in_force(session, "D-1", "find") == second
        assert session.get_one(SplitAgreement, first.id).state == "replaced"


def test_a_refusal_goes_to_operations_who_decide(office: Office) -> None:
    with office.database.writing() as session:
        first = propose(session, manager(1), M1="90", M2="10")
        assert (
            refused(session, agreements.refuse, first.id, reason=" ", by=manager(2), now=NOW)
            == "reason_missing"
        )
        agreements.refuse(session, first.id, reason="half of it was mine", by=manager(2), now=NOW)
        assert agreements.disputed(session) == [first]
        ruled = agreements.decide(
            session,
            first.id,
            weights={"M1": "70", "M2": "30"},
            reason="as the minutes say",
            by=office.maker,
            now=NOW,
        )
        assert (ruled.version, ruled.state, ruled.kind) == (2, "binding", "decision")
        assert agreements.disputed(session) == []


def test_a_milestone_takes_the_split_in_force(office: Office) -> None:
    found = agreed(office, M1="60", M2="40")
    with office.database.writing() as session:
        logged = log(session)
        assert logged.participants == {"M1": "60", "M2": "40"}
        milestones.verify(session, logged.id, by=office.maker, now=NOW)
        assert logged.agreement_id == found.id
    assert office.balances(PAYABLE) == {"M1": 6_000, "M2": 4_000}


def test_without_a_split_the_milestone_says_who_took_part(office: Office) -> None:
    with office.database.writing() as session:
        assert refused(session, log) == "participants_missing"
        logged = log(session, {"M2": "1"})
        milestones.verify(session, logged.id, by=office.maker, now=NOW)
        assert (logged.participants, logged.agreement_id) == ({"M2": "1"}, None)


def test_a_milestone_may_repeat_what_was_agreed_but_not_say_something_else(office: Office) -> None:
    agreed(office, M1="60", M2="40")
    with office.database.writing() as session:
        assert refused(session, log, {"M1": "1"}) == "split_agreed"
        assert refused(session, log, {"M1": "1", "M2": "1"}) == "split_agreed"
        logged = log(session, {"M1": "3", "M2": "2"})
        assert logged.participants == {"M1": "60", "M2": "40"}
        assert (
            refused(
                session,
                milestones.change,
                logged.id,
                reached_on=TODAY,
                participants={"M2": "1"},
                note="",
                by=manager(1),
                now=NOW,
            )
            == "split_agreed"
        )


def test_a_split_agreed_after_the_milestone_was_logged_counts_when_it_is_verified(office: Office) -> None:
    with office.database.writing() as session:
        logged = log(session, {"M1": "1"})
    agreed(office, M1="1", M2="1")
    with office.database.writing() as session:
        milestones.verify(session, logged.id, by=office.maker, now=NOW)
    assert office.balances(PAYABLE) == {"M1": 5_000, "M2": 5_000}


def test_a_stage_whose_split_is_disputed_is_not_verified(office: Office) -> None:
    with office.database.writing() as session:
        logged = log(session, {"M1": "1"})
        found = propose(session, manager(1), M1="9", M2="1")
        agreements.refuse(session, found.id, reason="no", by=manager(2), now=NOW)
        assert refused(session, milestones.verify, logged.id, by=office.maker, now=NOW) == "split_disputed"


def test_once_a_stage_is_verified_its_split_is_a_matter_of_milestones(office: Office) -> None:
    agreed(office, M1="1")
    with office.database.writing() as session:
        logged = log(session)
        milestones.verify(session, logged.id, by=office.maker, now=NOW)
        assert refused(session, propose, manager(1), M1="1", M2="1") == "stage_verified"
        milestones.withdraw(session, logged.id, reason="wrong", on=TODAY, by=office.maker, now=NOW)
        assert [fact.type for fact in facts.of_deal(session, "D-1")] == ["milestone", "milestone_withdrawn"]
        assert propose(session, manager(1), M1="1", M2="1").version == 2


def test_who_may_do_what(office: Office) -> None:
    with office.database.writing() as session:
        assert refused(session, propose, manager(3), M3="1") == "deal_unknown"
        assert refused(session, propose, office.finance, M1="1") == "not_allowed"
        found = propose(session, office.maker, M1="1", M2="1")
        assert refused(session, propose, manager(1), M1="1") == "agreement_open"
        assert refused(session, agreements.accept, found.id, by=manager(3), now=NOW) == "agreement_unknown"
        assert refused(session, agreements.accept, found.id, by=office.maker, now=NOW) == "not_allowed"
        ruling = {"weights": {"M1": "1"}, "reason": "x", "now": NOW}
        assert refused(session, agreements.decide, found.id, by=office.maker, **ruling) == "not_your_own"
        assert refused(session, agreements.decide, found.id, by=manager(1), **ruling) == "not_allowed"
        assert agreements.decide(session, found.id, by=office.checker, **ruling).state == "binding"


def test_a_manager_answers_a_version_once_and_again_the_same_is_the_same(office: Office) -> None:
    with office.database.writing() as session:
        found = propose(session, manager(1), M1="1", M2="1", M3="1")
        agreements.accept(session, found.id, by=manager(2), now=NOW)
        agreements.accept(session, found.id, by=manager(2), now=NOW)
        assert len(agreements.answers(session, [found.id])) == 2
        again = refused(session, agreements.refuse, found.id, reason="no", by=manager(2), now=NOW)
        assert again == "agreement_answered"


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({}, "participants_missing"),
        ({"M1": "0"}, "participants_weightless"),
        ({"M1": "-1"}, "weight_invalid"),
        ({"M1": "1", "M9": "1"}, "manager_unknown"),
    ],
)
def test_a_split_names_known_managers_with_weights(
    office: Office, weights: dict[str, str], code: str
) -> None:
    with office.database.writing() as session:
        assert refused(session, propose, manager(1), **weights) == code


def test_an_unknown_stage_and_an_unknown_agreement_are_refused(office: Office) -> None:
    with office.database.writing() as session:
        unknown = {"stage": "land", "weights": {"M1": "1"}, "by": manager(1), "now": NOW}
        assert refused(session, agreements.propose, "D-1", **unknown) == "stage_unknown"
        assert refused(session, agreements.accept, "ag_x", by=manager(1), now=NOW) == "agreement_unknown"


@pytest.mark.parametrize(
    "statement", ["UPDATE split_answer SET answer = 'refused'", "DELETE FROM split_answer"]
)
def test_an_answer_is_never_changed_or_removed(office: Office, statement: str) -> None:
    agreed(office, M1="1")
    with pytest.raises(DBAPIError), office.database.writing() as session:
        session.execute(text(statement))


def test_versions_are_shown_to_those_who_may_see_the_deal(office: Office) -> None:
    found = agreed(office, M1="1", M2="1")
    with office.database.reading() as session:
        assert agreements.of_deal(session, "D-1", by=manager(2)) == [found]
        assert agreements.get(session, found.id, by=office.finance) == found
        assert refused(session, agreements.of_deal, "D-1", by=manager(3)) == "deal_unknown"
