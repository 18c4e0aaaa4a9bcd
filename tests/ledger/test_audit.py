"""The audit trail: what was done is noted with what was done, and nothing in it betrays a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from api.acts import ACTS
from ledger import (
    approvals,
    audit,
    bank_answers,
    closing,
    deals,
    entrance,
    fees,
    managers,
    milestones,
    payouts,
    plans,
    sending,
    users,
)
from ledger.audit import Note
from ledger.core.errors import Conflict, Forbidden
from ledger.db import Database
from ledger.facts import Fact
from ledger.files import Store
from tests.ledger import firm as firms
from tests.ledger.firm import DEAL, Firm, day


@pytest.fixture
def firm(database: Database, tmp_path: Path) -> Firm:
    return firms.found(database, Store(tmp_path / "files"))


def notes(database: Database, action: str = "", **wanted: str) -> list[Note]:
    """What was noted, in order."""
    actions = [action] if action else []
    with database.writing() as session:
        return audit.listing(session, actions=actions, limit=1000, **wanted)[::-1]  # type: ignore[arg-type]


def told(database: Database) -> Iterator[str]:
    for one in notes(database):
        yield f"{one.actor} {one.action} {one.subject}"


def test_the_story_of_a_deal_can_be_read(database: Database, firm: Firm) -> None:
    actions = [one.action for one in notes(database)]
    assert actions == [
        "manager.add",
        "plan.draft",
        "plan.publish",
        "need.log",
        "result.log",
        "pairing.log",
        "evidence.add",
        "deal.open",
        "plan.draft",
        "plan.publish",
        "deal.move",
        "agreement.propose",
        "agreement.answer",
        "setting.decide",
        "manager.set_payment",
        "identity.record",
        "invoice.add",
        "invoice.add",
        "payee_agreement.add",
        "payee_agreement.end",
        "invoice.take_back",
        "milestone.log",
        "milestone.verify",
        "fee.record",
        "policy.draft",
        "policy.publish",
        "stand_in.put",
        "hold.put",
        "hold.lift",
        "payout.make",
        "payout.approve",
        "payout.send",
        "bank_layout.add",
        "payout.confirm",
        "bank_receipt.take",
        "bank_receipt.set_aside",
        "bank_return.take",
        "hold.put",
        "dispute.raise",
        "dispute.withdraw",
        "hold.lift",
        "statement.acknowledge",
        "paper.issue",
    ]


def test_a_note_has_who_did_what_when_before_and_after(database: Database, firm: Firm) -> None:
    (noted,) = notes(database, action="milestone.verify")
    assert (noted.actor, noted.noted_at) == (firm.operator.id, day(1))
    assert noted.before["state"] == "submitted"
    assert noted.after["state"] == "verified"
    assert noted.after["decided_by"] == firm.operator.id
    assert set(noted.before) == {"state", "decided_by", "decided_at", "fact_id"}


def test_every_step_of_a_payout_is_noted(database: Database, firm: Firm) -> None:
    steps = [
        (one.actor, one.before.get("state"), one.after.get("state"))
        for one in notes(database, action="payout")
    ]
    assert steps == [
        (firm.operator.id, None, "made"),
        (firm.second.id, "made", "approved"),
        (firm.finance.id, "approved", "sent"),
        (firm.finance.id, None, None),
    ]
    (confirmed,) = notes(database, action="payout.confirm")
    with database.reading() as session:
        lines = [line.id for line in payouts.lines_of(session, confirmed.subject)]
    assert confirmed.after == {"value_on": day(4).date().isoformat(), "lines": lines}


def test_what_else_matters_is_noted(database: Database, firm: Firm) -> None:
    """Each with the word that finds it."""
    with database.writing() as session:
        (reached,) = session.exec(select(milestones.Milestone))
        milestones.withdraw(
            session, reached.id, reason="not so", on=day(5).date(), by=firm.second, now=day(5)
        )
        logged = milestones.log(
            session,
            deal_id=DEAL,
            stage="tech_sourcing",
            reached_on=day(5).date(),
            participants={"M1": "1"},
            by=firm.manager,
            now=day(5),
        )
        milestones.reject(session, logged.id, reason="no evidence", by=firm.operator, now=day(5))
        deals.state_amount(
            session,
            DEAL,
            what="contract_amount",
            amount_minor=100,
            on=day(5).date(),
            by=firm.operator,
            now=day(5),
        )
        deals.adjust(
            session,
            DEAL,
            manager_id="M1",
            stage="tech_sourcing",
            amount_minor=9_000_000,
            reason="agreed",
            on=day(5).date(),
            by=firm.operator,
            now=day(5),
        )
        received = session.exec(select(Fact).where(Fact.type == "fee_received")).one()
        fees.correct(session, received.id, reason="wrong deal", by=firm.finance, now=day(5))
        firms.receive(session, firm, 9_000_000, "YH-2", day(5))
        deals.cancel(session, DEAL, reason="no_fault", on=day(5).date(), by=firm.operator, now=day(5))
        made = payouts.make(session, value_on=day(6).date(), by=firm.operator, now=day(5))
        payouts.void(session, made.id, reason="too early", by=firm.operator, now=day(5))
        sent = payouts.make(session, value_on=day(6).date(), by=firm.operator, now=day(5))
        approvals.approve(session, sent.id, by=firm.second, now=day(5))
        sending.send(session, firm.store, sent.id, by=firm.finance, now=day(5))
        (line,) = payouts.lines_of(session, sent.id)
        bank_answers.return_lines(
            session, sent.id, line_ids=[line.id], reason="no such account", by=firm.finance, now=day(5)
        )
        managers.set_grade(session, "M1", grade="junior", from_on=day(5).date(), by=firm.operator, now=day(5))
        added = users.add(
            session,
            phone="13900000000",
            name="新人",
            role="finance",
            password="long enough to guess",
            now=day(5),
        )
        entrance.sign_in(session, phone="13900000000", password="long enough to guess", now=day(5))
        users.reset(session, added.id, password="longer enough", now=day(5))
        users.disable(session, added.id, now=day(5))
        closing.close(session, "2026-03", by=firm.finance, now=day(40))
    reason = {one.action: one.after.get("reason") for one in notes(database)}
    assert reason["milestone.withdraw"] == "not so"
    assert reason["milestone.reject"] == "no evidence"
    assert reason["deal.adjustment"] == "agreed"
    assert reason["deal.cancelled"] == "no_fault"
    assert reason["fee.correct"] == "wrong deal"
    assert reason["payout.return"] == "no such account"
    expected = {"deal.contract_amount", "payout.void", "manager.set_grade", "period.close"}
    expected |= {"user.add", "user.sign_in", "user.reset", "user.disable"}
    assert expected - reason.keys() == set()
    assert [one.actor for one in notes(database, action="user")] == [
        audit.COMMAND_LINE,
        added.id,
        audit.COMMAND_LINE,
        audit.COMMAND_LINE,
    ]


def test_every_act_has_a_name(database: Database, firm: Firm) -> None:
    """Those of the firm, and those that are written out in the code."""
    written = re.compile(r'audit\.(?:note|changed)\(\s*\w+,\s*[\w.]+,\s*"([a-z_.]+)"')
    told = {code for path in Path("ledger").glob("*.py") for code in written.findall(path.read_text("utf-8"))}
    assert len(told) > 90
    assert sorted((told | {one.action for one in notes(database)}) - ACTS.keys()) == []


def test_what_was_not_done_is_not_noted(database: Database, firm: Firm) -> None:
    before = list(told(database))
    with database.reading() as session:
        version, _ = plans.listing(session)
        version_id = version.id
    with database.writing() as session, pytest.raises(Forbidden):
        milestones.verify(
            session, session.exec(select(milestones.Milestone.id)).one(), by=firm.manager, now=day(5)
        )
    with database.writing() as session:
        plans.publish(session, version_id, effective_on=date(2026, 4, 1), by=firm.second, now=day(5))
    with database.writing() as session, pytest.raises(Conflict):
        closing.close(session, "2026-03", by=firm.finance, now=day(5))
    assert list(told(database)) == before


# --- personal data


def test_a_changed_bank_account_is_noted_and_not_told(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        managers.set_payment(
            session,
            "M1",
            bank_name="建设银行",
            bank_account="62221111",
            tax_method="per_payment",
            by=firm.operator,
            now=day(5),
        )
    *_, noted = notes(database, action="manager.set_payment")
    assert (noted.before["bank_name"], noted.after["bank_name"]) == ("工商银行", "建设银行")
    old, new = noted.before["bank_account"]["commitment"], noted.after["bank_account"]["commitment"]
    with database.writing() as session:
        assert audit.matches(session, "M1", "bank_account", "62220001", old)
        assert audit.matches(session, "M1", "bank_account", "62221111", new)
        assert not audit.matches(session, "M1", "bank_account", "62220001", new)


def test_no_personal_value_is_in_the_trail(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        users.add(
            session,
            phone="13900000000",
            name="新人",
            role="finance",
            password="long enough to guess",
            now=day(5),
        )
    written = json.dumps([note.model_dump(mode="json") for note in notes(database)], ensure_ascii=False)
    for value in ("张三", "62220001", "新人", "13900000000", "argon2"):
        assert value not in written


def test_an_erased_person_cannot_be_guessed(database: Database, firm: Firm) -> None:
    (added,) = notes(database, action="manager.add")
    committed = added.after["bank_account"]["commitment"]
    with database.writing() as session:
        assert audit.matches(session, "M1", "bank_account", "62220001", committed)
        audit.erase(session, "M1", by=firm.operator, now=day(5))
    with database.writing() as session:
        assert not audit.matches(session, "M1", "bank_account", "62220001", committed)
        assert audit.commitment(session, "M1", "bank_account", "62220001") != committed
    assert notes(database, action="person.erase")[0].subject == "M1"


def test_reading_an_account_in_clear_is_noted(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        assert managers.reveal(session, "M1", reason="a call", by=firm.finance, now=day(5)) == "62220001"
    (noted,) = notes(database, action="manager.reveal")
    assert (noted.actor, noted.subject, noted.after) == (
        firm.finance.id,
        "M1",
        {"read": ["bank_account"], "reason": "a call"},
    )


# --- searching


def test_where_a_request_came_from_is_noted(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        audit.acting(session, by=firm.finance.id, address="192.0.2.7")
        managers.set_grade(session, "M1", grade="junior", from_on=day(5).date(), now=day(5))
    (noted,) = notes(database, action="manager.set_grade")
    assert (noted.actor, noted.address) == (firm.finance.id, "192.0.2.7")


def test_the_trail_can_be_searched(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        found = {
            "actor": audit.listing(session, actor=firm.second.id),
            "action": audit.listing(session, actions=["payout.send"]),
            "noun": audit.listing(session, actions=["payout"]),
            "subject": audit.listing(session, subject="M1"),
            "day": audit.listing(session, day=day(3).date()),
            "nobody": audit.listing(session, actor="us_9"),
        }
        rest = audit.listing(session, before=found["noun"][-1].id)
    assert {name: [one.action for one in some][::-1] for name, some in found.items()} == {
        "actor": ["plan.publish", "plan.publish", "policy.publish", "hold.lift", "payout.approve"],
        "action": ["payout.send"],
        "noun": ["payout.make", "payout.approve", "payout.send", "payout.confirm"],
        "subject": ["manager.add", "manager.set_payment", "identity.record"],
        "day": ["hold.lift", "payout.make", "payout.approve", "payout.send", "bank_layout.add"],
        "nobody": [],
    }
    assert "fee.record" in [one.action for one in rest] and "payout.make" not in [one.action for one in rest]


def test_a_manager_may_not_read_the_trail(database: Database, firm: Firm) -> None:
    with database.reading() as session, pytest.raises(Forbidden):
        audit.listing(session, by=firm.manager)
