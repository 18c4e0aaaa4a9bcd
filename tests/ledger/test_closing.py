"""Closing a month: everything is looked at first. Reopening one: two people, a reason, no silent change."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from ledger import (
    audit,
    closing,
    deals,
    fees,
    findings,
    ids,
    jobs,
    periods,
    reopenings,
    schedule,
    settings,
    statements,
)
from ledger.config import Settings
from ledger.core.errors import Conflict, Forbidden, Invalid, Refused
from ledger.db import Database, guard_code
from tests.desk import PLAN, Desk

BY_DAYS = PLAN.replace("release: {stage: done}", "release: {days: 30}")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path / "files").move_in()


def codes(desk: Desk, period: str = "2026-01") -> list[str]:
    with desk.database.reading() as session:
        return [one.code for one in closing.look(session, period, by=desk.people["finance"], now=desk.now)]


def refused(desk: Desk, period: str = "2026-01", **more: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        desk.close(period, **more)
    return caught.value


def reopened(desk: Desk, period: str, reason: str = "一笔收款记错") -> None:
    asked = desk.do(lambda s: reopenings.ask(s, period, reason=reason, **desk.by("finance")).id)
    desk.do(lambda s: reopenings.agree(s, asked, **desk.by("operator")))


def state(desk: Desk, period: str) -> str:
    with desk.database.reading() as session:
        return periods.get(session, period).state


def tried(database: Database, statement: str) -> str:
    """The code with which a change past the program is refused."""
    with database.engine.execution_options(writes=True).connect() as connection:
        try:
            connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            return guard_code(error) or str(error.orig)
    return "accepted"


# --- what is found


def test_a_month_in_which_nothing_is_left_is_closed(desk: Desk) -> None:
    desk.deal()
    desk.reach("find")
    desk.fee("fee_received", 1_000_00, "YH-1")
    desk.today = date(2026, 2, 1)
    assert codes(desk) == []
    desk.close("2026-01")
    assert state(desk, "2026-01") == "closed"


def test_an_undecided_milestone_has_to_be_seen(desk: Desk) -> None:
    desk.deal()
    desk.reach("find", verify=False)
    desk.today = date(2026, 2, 1)
    assert codes(desk) == ["milestones_undecided"]
    refusal = refused(desk)
    assert refusal.code == "closing_unaccepted"
    assert "1 milestones reached by the end of the month wait" in str(refusal)
    desk.close("2026-01", accept=["milestones_undecided"])
    assert state(desk, "2026-01") == "closed"


def test_one_of_a_later_month_is_not_told_of(desk: Desk) -> None:
    desk.deal()
    desk.today = date(2026, 2, 3)
    desk.reach("find", verify=False)
    assert codes(desk) == []


def test_a_payment_the_bank_does_not_answer_is_told_of_after_so_many_days(desk: Desk) -> None:
    desk.deal()
    desk.reach("find")
    desk.today = date(2026, 1, 25)
    desk.pay(confirm=False)
    desk.today = date(2026, 2, 4)
    assert codes(desk) == []
    desk.today = date(2026, 2, 5)
    assert codes(desk) == ["payments_in_transit"]
    decide(desk, "30")
    assert codes(desk) == []


def decide(desk: Desk, days: str, by: str = "finance") -> None:
    about = {"from_on": desk.today, "reason": "银行较慢", **desk.by(by)}
    desk.do(lambda s: settings.decide(s, settings.IN_TRANSIT_DAYS, value=days, **about))


def test_the_days_in_transit_are_a_number_that_finance_decides(desk: Desk) -> None:
    with pytest.raises(Invalid):
        decide(desk, "soon")
    with pytest.raises(Forbidden):
        decide(desk, "3", by="operator")
    decide(desk, "3")
    with desk.database.reading() as session:
        (noted,) = audit.listing(session, actions=["setting.decide"], by=desk.people["finance"])
        assert noted.after["value"] == "3"


def test_what_falls_due_by_itself_is_settled_by_the_close(database: Database, tmp_path: Path) -> None:
    desk = Desk(database, tmp_path / "files").move_in(BY_DAYS)
    desk.deal()
    desk.reach("find", on=date(2026, 1, 1))
    desk.fee("fee_received", 10_000_00, "YH-1")
    desk.today = date(2026, 2, 1)
    assert desk.outstanding() == 1  # what was held is due since the last of January
    with database.reading() as session:  # the close will settle it, so it is not told of
        assert closing.look(session, "2026-01", by=desk.people["finance"], now=desk.now) == []
    desk.close("2026-01")
    assert [one.split()[:2] for one in desk.entries("release")] == [["2026-01-31", "release"]]
    assert desk.wrong() == []


def test_a_fact_that_was_not_settled_refuses_the_close(desk: Desk, settings: Settings) -> None:
    desk.deal()
    desk.reach("find")
    owner = Database(settings.owner_url)
    with owner.writing() as session:  # past the program, as a fault would
        session.execute(
            text(
                "INSERT INTO fact (id, deal_id, ref, type, fact_on, seq, amount_minor, tax_minor, detail,"
                " document, recorded_at, recorded_by) SELECT 'ft_x', deal_id, 'x', 'fee_received', fact_on,"
                " 0, 500000, 0, '{}', 'x', recorded_at, recorded_by FROM fact"
            )
        )
    owner.close()
    desk.today = date(2026, 2, 1)
    assert codes(desk) == ["deals_unsettled", "receivable_differs"]
    refusal = refused(desk, accept=["deals_unsettled", "receivable_differs"])
    assert refusal.code == "closing_blocked"
    assert "the first is D-1" in str(refusal) and "off by 5000.00" in str(refusal)
    assert state(desk, "2026-01") == "open"


def test_a_payment_whose_line_says_something_else_refuses_the_close(desk: Desk, settings: Settings) -> None:
    desk.deal()
    desk.reach("find")
    desk.pay(confirm=False)
    owner = Database(settings.owner_url)
    with owner.writing() as session:
        session.execute(
            text("DROP TRIGGER payout_line_stays" + ("" if owner.is_sqlite else " ON payout_line"))
        )
        session.execute(
            text("UPDATE payout_line SET gross_minor = gross_minor + 7, net_minor = net_minor + 7")
        )
    owner.close()
    desk.today = date(2026, 2, 1)
    assert codes(desk) == ["payable_differs", "in_transit_differs", "payments_in_transit"]
    assert refused(desk).code == "closing_blocked"
    assert [one for one in desk.wrong() if one.startswith("control")] == [
        one for one in desk.wrong() if "2202.0" in one
    ]


@pytest.mark.parametrize("later", [date(2026, 2, 1), date(2026, 2, 10)])
def test_a_deal_that_was_looked_at_and_did_not_move_is_not_looked_at_again(desk: Desk, later: date) -> None:
    """Whatever became known, on the day of the close too: its block tells what came before and what after."""
    for number in (1, 2, 3):
        desk.deal(f"D-{number}")
        desk.reach("find", deal=f"D-{number}")
    desk.today = date(2026, 2, 1)
    desk.fee("fee_received", 1_000_00, "YH-1", deal="D-1")
    desk.close("2026-01")
    desk.today = later
    desk.fee("fee_received", 1_000_00, "YH-2", deal="D-2")
    desk.today = date(2026, 3, 1)
    with desk.database.reading() as session:
        assert [one.id for one in findings.touched(session)] == ["D-2"]


def test_after_a_reopening_every_deal_is_looked_at_again(desk: Desk) -> None:
    desk.deal("D-1")
    desk.reach("find", deal="D-1")
    desk.today = date(2026, 3, 1)
    desk.close("2026-02")
    reopened(desk, "2026-02")
    with desk.database.reading() as session:
        assert [one.id for one in findings.touched(session)] == ["D-1"]


# --- review


def test_a_month_in_review_takes_entries_and_its_statements_are_asked_for(desk: Desk) -> None:
    desk.deal()
    desk.today = date(2026, 2, 1)
    desk.do(lambda s: closing.review(s, "2026-01", **desk.by("finance")))
    assert state(desk, "2026-01") == "in_review"
    desk.fee("fee_received", 1_000_00, "YH-1", on=date(2026, 1, 20))
    assert desk.origins("fee_received") == [["2026-01"]]
    with desk.database.reading() as session:
        asked = session.exec(select(jobs.JobRun)).all()
        assert [(run.job, run.planned_for) for run in asked] == [("preliminary_statements", "2026-01")]
    desk.do(lambda s: closing.resume(s, "2026-01", **desk.by("finance")))
    assert state(desk, "2026-01") == "open"
    desk.close("2026-01")
    with pytest.raises(Conflict):
        desk.do(lambda s: closing.review(s, "2026-01", **desk.by("finance")))


@pytest.mark.parametrize("planned_for", ["2026-02-01T02:00:00+08:00", "2026-01"])
def test_a_month_closed_while_its_preliminary_statements_are_made_gets_the_final_ones_instead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, planned_for: str
) -> None:
    monkeypatch.setenv("YONGJIN_HANDS", "1")
    desk.today = date(2026, 2, 1)

    def close_once(done: int, total: int) -> None:
        if state(desk, "2026-01") == "open":
            desk.close("2026-01")

    work = jobs.Work(desk.database, desk.store, ids.new("jr"), planned_for, close_once)
    if "T" in planned_for:
        assert schedule.preliminary_statements(work) == {"skipped": 1}
    else:  # somebody asked for them by hand, and is told
        with pytest.raises(Conflict, match="closed"):
            schedule.preliminary_statements(work)


# --- reopening


@pytest.fixture
def closed(desk: Desk) -> Desk:
    """January and February are closed, each with a fee; it is the third of March."""
    desk.deal()
    desk.reach("find")
    desk.fee("fee_received", 10_000_00, "YH-1")
    desk.today = date(2026, 2, 10)
    desk.fee("fee_received", 5_000_00, "YH-2")
    desk.today = date(2026, 3, 3)
    desk.close("2026-02")
    return desk


def test_reopening_takes_somebody_else(closed: Desk) -> None:
    asked = closed.do(lambda s: reopenings.ask(s, "2026-01", reason="x", **closed.by("finance")).id)
    with pytest.raises(Forbidden):
        closed.do(lambda s: reopenings.agree(s, asked, **closed.by("finance")))
    assert state(closed, "2026-01") == "closed"
    closed.do(lambda s: reopenings.agree(s, asked, **closed.by("third")))
    assert state(closed, "2026-01") == "reopened"


def test_reopening_takes_a_reason_and_only_what_is_closed(closed: Desk) -> None:
    with pytest.raises(Invalid):
        closed.do(lambda s: reopenings.ask(s, "2026-01", reason=" ", **closed.by("finance")))
    with pytest.raises(Conflict):
        closed.do(lambda s: reopenings.ask(s, "2026-03", reason="x", **closed.by("finance")))
    with pytest.raises(Forbidden):
        closed.do(lambda s: reopenings.ask(s, "2026-01", reason="x", **closed.by("operator")))


def test_a_refusal_leaves_it_closed_and_is_kept(closed: Desk) -> None:
    asked = closed.do(lambda s: reopenings.ask(s, "2026-01", reason="x", **closed.by("finance")).id)
    with pytest.raises(Conflict):
        closed.do(lambda s: reopenings.ask(s, "2026-01", reason="y", **closed.by("third")))
    closed.do(lambda s: reopenings.refuse(s, asked, reason="不必", **closed.by("third")))
    assert state(closed, "2026-01") == "closed"
    with pytest.raises(Conflict):
        closed.do(lambda s: reopenings.agree(s, asked, **closed.by("third")))
    with closed.database.reading() as session:
        (kept,) = reopenings.of(session, ["2026-01"])
        assert (kept.state, kept.answer and kept.answer.reason) == ("refused", "不必")


def test_every_later_month_opens_with_it_and_each_step_is_noted(closed: Desk) -> None:
    reopened(closed, "2026-01")
    assert [state(closed, one) for one in ("2026-01", "2026-02")] == ["reopened", "reopened"]
    with closed.database.reading() as session:
        noted = audit.listing(session, actions=["period"], by=closed.people["finance"])
        asked = [one for one in noted if one.action == "period.ask_reopening"]
        opened = [one.subject for one in noted if one.action == "period.reopen"]
        assert opened == ["2026-01", "2026-02"]
        assert asked[0].after["reason"] == "一笔收款记错"


def test_a_late_fact_lands_in_a_reopened_month(closed: Desk) -> None:
    reopened(closed, "2026-01")
    closed.fee("fee_received", 1_000_00, "YH-3", on=date(2026, 1, 20))
    assert closed.entries("fee_received")[-1].startswith("2026-01-20 fee_received")
    closed.close("2026-02")
    closed.fee("fee_received", 1_000_00, "YH-4", on=date(2026, 1, 21))
    assert closed.entries("fee_received")[-1].startswith("2026-03-01 fee_received")
    assert closed.wrong() == []


def statement(desk: Desk, period: str) -> statements.Statement | None:
    """M1's final statement of a month, if it says something new."""

    def write(session: Session) -> statements.Statement | None:
        drawn = statements.fresh(session, "M1", period, kind="final", now=desk.now)
        return statements.keep(session, desk.store, drawn, b"%PDF " + period.encode()) if drawn else None

    return desk.do(write)


def test_what_changed_in_a_reopened_month_makes_a_new_revision_and_the_old_one_stays(closed: Desk) -> None:
    first = {period: statement(closed, period) for period in ("2026-01", "2026-02")}
    reopened(closed, "2026-02")
    assert closed.wrong() == []
    closed.fee("fee_received", 2_000_00, "YH-3", on=date(2026, 2, 20))
    assert closed.wrong() == []  # the month is open again: its paper is not compared before the next close
    closed.close("2026-02")
    again = {period: statement(closed, period) for period in ("2026-01", "2026-02")}
    assert again["2026-01"] is None
    old, new = first["2026-02"], again["2026-02"]
    assert old is not None and new is not None
    assert (new.revision, new.replaces) == (2, old.number)
    assert new.closing_minor == old.closing_minor + 2_000_00 * 40 * 40 // 100 // 100 * 90 // 100
    with closed.database.reading() as session:
        kept = statements.numbered(session, old.number)
        assert (kept.revision, kept.content_sha256) == (1, old.content_sha256)
        assert [run.planned_for for run in session.exec(select(jobs.JobRun).order_by(jobs.JobRun.id))] == [
            "2026-01",
            "2026-02",
        ]
    assert closed.wrong() == []


def test_a_correction_in_a_reopened_month_is_a_fact_like_any_other(closed: Desk) -> None:
    reopened(closed, "2026-02")
    with closed.database.reading() as session:
        wrong = session.exec(select(fees.Fact.id).where(fees.Fact.ref == "YH-2")).one()
    closed.do(lambda s: fees.correct(s, wrong, reason="记错", **closed.by("finance")))
    closed.do(lambda s: deals.settle_all(s, ["D-1"], now=closed.now))
    assert closed.entries("fee_refunded")[0].startswith("2026-02-10 fee_refunded")
    assert closed.wrong() == []


# --- past the program


def test_the_database_reopens_nothing_by_itself(closed: Desk) -> None:
    said = tried(closed.database, "UPDATE period SET state = 'open' WHERE id = '2026-02'")
    assert said == "period_state"
    said = tried(closed.database, "UPDATE period SET state = 'reopened' WHERE id = '2026-02'")
    assert said == "period_reopened_alone"


def test_the_database_takes_no_reopening_that_was_not_agreed_to(closed: Desk) -> None:
    asked = closed.do(lambda s: reopenings.ask(s, "2026-02", reason="x", **closed.by("finance")).id)
    change = f"UPDATE period SET state = 'reopened', reopening_id = '{asked}' WHERE id = '2026-02'"
    assert tried(closed.database, change) == "period_reopened_alone"
    own = (
        "INSERT INTO reopening_answer (id, reopening_id, answer, reason, answered_by, answered_at)"
        f" SELECT 'ra_x', id, 'agreed', '', asked_by, asked_at FROM reopening WHERE id = '{asked}'"
    )
    assert tried(closed.database, own) == "reopening_by_asker"
    closed.do(lambda s: reopenings.agree(s, asked, **closed.by("third")))
    closed.today = date(2026, 3, 4)
    closed.close("2026-02")
    assert tried(closed.database, change) == "period_reopened_alone"  # it has opened it once


def test_the_database_keeps_the_months_in_a_row(closed: Desk) -> None:
    asked = closed.do(lambda s: reopenings.ask(s, "2026-01", reason="x", **closed.by("finance")).id)
    closed.do(lambda s: reopenings._answer(s, reopenings.get(s, asked), "agreed", "", **closed.by("third")))
    change = f"UPDATE period SET state = 'reopened', reopening_id = '{asked}' WHERE id = '{{}}'"
    assert tried(closed.database, change.format("2026-01")) == "period_reopened_before_later"
    assert tried(closed.database, change.format("2026-02")) == "accepted"
    assert tried(closed.database, change.format("2026-01")) == "accepted"
    late = "UPDATE period SET state = 'closed' WHERE id = '2026-02'"
    assert tried(closed.database, late) == "period_closed_before_earlier"


@pytest.mark.parametrize("table", ["reopening", "reopening_answer"])
def test_what_was_asked_and_answered_stays(closed: Desk, table: str) -> None:
    reopened(closed, "2026-02")
    for change in (f"UPDATE {table} SET reason = 'y'", f"DELETE FROM {table}"):
        said = tried(closed.database, change)
        assert said.endswith(("_changed", "_removed")) or "permission denied" in said


def test_a_closed_month_s_closing_is_not_rewritten(closed: Desk) -> None:
    said = tried(closed.database, "UPDATE period SET closed_by = 'me' WHERE id = '2026-02'")
    assert said == "period_changed"
