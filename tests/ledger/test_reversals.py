"""Reversals mirror exactly, once, what was entered as it stands; participants are corrected by a fact."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from ledger import (
    audit,
    deals,
    facts,
    imports,
    journal,
    milestones,
    plan_moves,
    plans,
    reversals,
    verification,
)
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.core.facts import FeeKind
from ledger.core.facts_file import read_lines
from ledger.db import Database, guard_code
from ledger.exports import journals
from ledger.journal import Entry
from tests.desk import PLAN, Desk


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """A deal of which 10,000.00 came in in January, and 500.00 were paid to M1 outside of this ledger."""
    desk = Desk(database, tmp_path / "files").move_in()
    desk.deal()
    desk.today = date(2026, 1, 12)
    desk.reach("sign")
    desk.today = date(2026, 1, 20)
    desk.fee("fee_received", 10_000_00, "YH-1")
    known = {"id": "D-1", "expected_fee": "100000.00", "opened_on": "2026-01-05"}
    paid = {"on": "2026-01-20", "type": "paid", "manager": "M1", "amount": "500.00", "ref": "X-1"}
    line = {"format": 1, "deal": known, "managers": [{"id": "M1"}], "events": [paid]}
    report = imports.load(
        database, read_lines([json.dumps(line)], "facts", "CNY"), plan_id="simple", now=desk.now
    )
    assert report.refused == []
    return desk


def of(desk: Desk, kind: str) -> int:
    with desk.database.reading() as session:
        return session.exec(select(Entry.id).where(Entry.kind == kind)).all()[-1]


def reverse(desk: Desk, entry_id: int, reason: str = "paid by mistake", who: str = "finance") -> Entry:
    return desk.do(lambda session: reversals.reverse(session, entry_id, reason=reason, **desk.by(who)))


def refused(desk: Desk, entry_id: int, **more: Any) -> Refused:
    before = desk.everything()
    with pytest.raises(Refused) as found:
        reverse(desk, entry_id, **more)
    assert desk.everything() == before  # a refused action changes nothing
    return found.value


def test_a_reversal_links_to_what_it_reverses_and_mirrors_it_exactly(desk: Desk) -> None:
    wrong = of(desk, "paid_elsewhere")
    made = reverse(desk, wrong)
    assert made.reverses == wrong
    assert desk.entries("paid_elsewhere") == [
        "2026-01-20 paid_elsewhere D-1/X-1\n"
        "  2202.01 payable:M1                         500.00 CNY\n"
        "  1002 bank:基本户                             -500.00 CNY",
        "2026-01-20 paid_elsewhere ~D-1/X-1\n"
        "  2202.01 payable:M1                        -500.00 CNY\n"
        "  1002 bank:基本户                              500.00 CNY",
    ]
    with desk.database.reading() as session:
        assert journal.working_of(session, made.id) == {"origins": [], "reason": "paid by mistake"}
        (noted,) = audit.listing(session, actions=["entry.reverse"])
        assert (noted.actor, noted.subject) == (desk.people["finance"].id, str(wrong))
        assert noted.after["reason"] == "paid by mistake"
    assert desk.settle() == 0 and desk.wrong() == []


def test_a_second_reversal_is_refused_and_so_is_one_of_a_reversal(desk: Desk) -> None:
    wrong = of(desk, "paid_elsewhere")
    made = reverse(desk, wrong)
    assert refused(desk, wrong).code == "entry_reversed"
    assert refused(desk, made.id).code == "reversal_reversed"


def test_what_was_not_paid_after_all_is_clawed_back_with_the_rest(desk: Desk) -> None:
    """A dead deal leaves what was paid; where that is reversed, nothing was."""
    desk.today = date(2026, 1, 21)
    desk.do(lambda s: deals.cancel(s, "D-1", reason="default", on=desk.today, **desk.by("operator")))
    assert desk.balance("6401", "") == 500_00
    reverse(desk, of(desk, "paid_elsewhere"))
    assert desk.balance("6401", "") == 0
    assert desk.settle() == 0 and desk.wrong() == []


def test_a_reversal_of_a_closed_month_lands_in_the_open_one_and_says_where_it_belongs(desk: Desk) -> None:
    desk.today = date(2026, 2, 3)
    desk.close("2026-01")
    reverse(desk, of(desk, "paid_elsewhere"))
    assert desk.entries("paid_elsewhere")[-1] == (
        "2026-02-03 paid_elsewhere ~D-1/X-1\n"
        "  2202.01 payable:M1                        -500.00 CNY  of 2026-01\n"
        "  1002 bank:基本户                              500.00 CNY  of 2026-01"
    )
    assert desk.settle() == 0 and desk.wrong() == []


def test_reversing_a_documents_entry_takes_the_document_back(desk: Desk) -> None:
    receipt = of(desk, "fee_received")
    made = reverse(desk, receipt, "another client's")
    assert (made.kind, made.reverses) == ("fee_refunded", receipt)
    assert desk.balance("6401", "") == 0
    assert refused(desk, receipt).code == "fact_corrected"
    assert desk.settle() == 0 and desk.wrong() == []


@pytest.mark.parametrize(
    ("kind", "back"), [("fee_received", "fee_refunded"), ("fee_invoiced", "fee_credited")]
)
def test_what_was_given_back_meanwhile_is_taken_back_first(desk: Desk, kind: FeeKind, back: FeeKind) -> None:
    """Else the client would have been given back what was never theirs to have."""
    if kind == "fee_invoiced":
        desk.fee(kind, 10_000_00, "FP-1")
    document = of(desk, kind)
    desk.fee(back, 6_000_00, "TK-1")
    assert refused(desk, document).code == "fee_below_zero"
    reverse(desk, of(desk, back))
    reverse(desk, document)
    assert desk.settle() == 0 and desk.wrong() == []


@pytest.mark.parametrize("kind", ["accrual", "expectation", "advance", "payout_made", "payout_confirmed"])
def test_what_follows_from_something_else_is_not_reversed_by_hand(desk: Desk, kind: str) -> None:
    desk.pay()
    code = "entry_of_payment" if kind.startswith("payout") else "entry_follows"
    assert refused(desk, of(desk, kind)).code == code


def test_a_reversal_needs_a_reason_and_finance(desk: Desk) -> None:
    wrong = of(desk, "paid_elsewhere")
    assert isinstance(refused(desk, wrong, reason="  "), Invalid)
    assert isinstance(refused(desk, wrong, who="operator"), Forbidden)


def a_false_mirror(desk: Desk, session: Session) -> int:
    """An entry that says it reverses another and does not mirror it; which other."""
    wrong = session.get_one(Entry, of(desk, "fee_received"))
    entry = journal.as_value(session, session.get_one(Entry, of(desk, "paid_elsewhere")))
    journal.post(session, replace(entry, source="x", reverses=wrong.id), now=desk.now)
    return wrong.id


def test_the_database_itself_refuses_a_reversal_that_does_not_mirror(desk: Desk) -> None:
    with pytest.raises(DBAPIError) as found, desk.database.writing() as session:
        a_false_mirror(desk, session)
    assert guard_code(found.value) == "reversal_differs"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_reversal_that_does_not_mirror_is_found(desk: Desk) -> None:
    with Session(desk.database.engine.execution_options(writes=True)) as session:
        session.execute(text("DROP TRIGGER entry_is_whole"))
        wrong = a_false_mirror(desk, session)
        found = verification.verify(session, desk.store, now=desk.now).differences
        session.rollback()
    assert [one.what for one in found if one.check == "reversals"] == [
        f"does not mirror entry {wrong}, which it reverses"
    ]


# --- who took part


def the_milestone(desk: Desk) -> str:
    with desk.database.reading() as session:
        return [one.id for one in milestones.of_deal(session, "D-1")][-1]


def test_participants_are_changed_by_a_new_fact_and_the_delta_belongs_to_its_month(desk: Desk) -> None:
    reached = the_milestone(desk)
    desk.today = date(2026, 2, 3)
    desk.close("2026-01")
    share = {"participants": {"M1": "3", "M2": "1"}, "reason": "M2 found the client"}
    desk.do(lambda s: milestones.share(s, reached, **share, **desk.by("second")))
    assert desk.entries("accrual")[-1] == (
        "2026-02-03 accrual D-1#3\n"
        "  6401 commission_cost                      -400.00 CNY  of 2026-01\n"
        "  2202.01 payable:M1                         360.00 CNY  of 2026-01\n"
        "  2202.02 held:M1                             40.00 CNY  of 2026-01\n"
        "  6401 commission_cost                       400.00 CNY  of 2026-01\n"
        "  2202.01 payable:M2                        -360.00 CNY  of 2026-01\n"
        "  2202.02 held:M2                            -40.00 CNY  of 2026-01"
    )
    with desk.database.reading() as session:
        told = [fact for fact in facts.of_deal(session, "D-1") if fact.type == "milestone"]
        (noted,) = audit.listing(session, actions=["milestone.share"])
        assert [fact.fact_on for fact in told] == [date(2026, 1, 12)] * 2  # the first stays as it was
        assert told[-1].detail["note"] == noted.after["reason"] == "M2 found the client"
        assert noted.before["participants"] == {"M1": "1"}
    assert desk.settle() == 0 and desk.wrong() == []


def test_participants_are_changed_of_the_latest_milestone_only_and_to_something_else(desk: Desk) -> None:
    first = the_milestone(desk)

    def share(milestone_id: str, weights: dict[str, str], who: str = "second") -> None:
        desk.do(lambda s: milestones.share(s, milestone_id, participants=weights, reason="r", **desk.by(who)))

    with pytest.raises(Conflict, match="shared already"):
        share(first, {"M1": "7"})
    with pytest.raises(Forbidden):
        share(first, {"M2": "1"}, who="finance")
    later = desk.reach("sign", {"M2": "1"})
    with pytest.raises(Conflict, match="later milestone"):
        share(first, {"M1": "1", "M2": "1"})
    share(later, {"M1": "1", "M2": "1"})
    desk.do(lambda s: milestones.withdraw(s, later, reason="r", on=desk.today, **desk.by("second")))
    with pytest.raises(Conflict, match="cannot share"):
        share(later, {"M1": "1"})
    assert desk.wrong() == []


def test_what_was_posted_keeps_its_milestone_and_its_plan_version_in_exports(desk: Desk) -> None:
    """Also once the milestone is another fact and the deal under another version."""
    reached = the_milestone(desk)
    share = {"participants": {"M1": "3", "M2": "1"}, "reason": "M2 found the client"}
    desk.today = date(2026, 1, 22)
    desk.do(lambda s: milestones.share(s, reached, **share, **desk.by("second")))
    desk.today = date(2026, 1, 23)
    drafted = desk.do(lambda s: plans.draft(s, PLAN.replace('"40%"}', '"50%"}', 1), **desk.by("operator")))
    desk.do(lambda s: plans.publish(s, drafted.id, effective_on=desk.today, **desk.by("second")))
    desk.do(lambda s: plan_moves.move(s, "D-1", version_id=drafted.id, reason="r", **desk.by("operator")))
    with desk.database.reading() as session:
        written = "".join(journals.journal(session, "hledger")).replace(": ", ":")
        (first, second) = [f.id for f in facts.of_deal(session, "D-1") if f.type == "milestone"]
    for fact in (first, second):
        assert f"    ; milestones:{reached}\n    ; facts:{fact}" in written
    assert f"milestone:{reached}" in written
    assert "plan:simple@1" in written and "plan:simple@2" in written
