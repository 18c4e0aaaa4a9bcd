"""Recomputed by anyone: two files from a deal's page, `yongjin simulate`, and the ledger's own fen."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from ledger import approvals, bank_answers, deals, managers, milestones, payouts, sending
from ledger.cli import main
from ledger.core.entry import COMMISSION_COST, HELD
from ledger.core.money import format_minor
from ledger.files import Store
from ledger.journal import Posting
from tests.api.front import Front

Books = dict[tuple[str, str], tuple[int, int]]


@pytest.fixture
def deal(front: Front) -> str:
    """A stage shared by M1, M10 and M2 and a fee that does not divide; an adjustment for M2."""
    with front.database.writing() as session:
        managers.add(session, id="M10", name="王五", grade="junior", now=front.now())
    made = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(made)}/verify")
    reach(front, made)
    front.day = "2026-03-05"
    front.fee(made, "20000.07", "YH-1")
    to_li = {"manager_id": "M2", "stage": "tech_sourcing", "amount_minor": 12_34, "reason": "李四的私事"}
    done(front, deals.adjust, made, **to_li)
    return made


def today(front: Front) -> date:
    return date.fromisoformat(front.day)


def done(front: Front, action: Any, deal: str, **more: Any) -> None:
    """Something operations do on a day to the deal."""
    with front.database.writing() as session:
        action(session, deal, on=today(front), **more, by=front.users["operator"], now=front.now())


def reach(front: Front, deal: str) -> None:
    """Three share a stage alike but for their grades."""
    with front.database.writing() as session:
        logged = milestones.log(
            session,
            deal_id=deal,
            stage="tech_sourcing",
            reached_on=today(front),
            participants={"M1": "1", "M10": "1", "M2": "1"},
            by=front.users["operator"],
            now=front.now(),
        )
        milestones.verify(session, logged.id, by=front.users["second"], now=front.now())


def in_the_books(front: Front, deal: str) -> Books:
    """(earned, held) by manager and stage, as the ledger has posted them."""
    sums: Books = {}
    with front.database.reading() as session:
        wanted = col(Posting.account).in_((COMMISSION_COST, HELD))
        for one in session.exec(select(Posting).where(Posting.deal_id == deal, wanted)):
            earned, held = sums.get((one.manager_id, one.stage), (0, 0))
            is_cost = one.account == COMMISSION_COST
            sums[one.manager_id, one.stage] = (
                earned + one.amount_minor * is_cost,
                held - one.amount_minor * (not is_cost),
            )
    return sums


def simulated(
    front: Front, who: str, deal: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Any]]:
    """The facts as somebody downloads them, and what the command says of both files."""
    files = []
    for name in ("plan", "facts"):
        answer = front.page(who, "GET", f"/deals/{deal}/{name}.yaml")
        assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_bytes(answer.content)
    words = ["simulate", "--plan", str(files[0]), "--facts", str(files[1]), "--as-of", front.day, "--json"]
    monkeypatch.setattr("sys.argv", ["yongjin", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code in (None, 0), said.err
    return files[1].read_text("utf-8"), json.loads(said.out)


def as_books(result: dict[str, Any], ids: dict[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    rows = result["allocations"]
    return {(ids[row["manager"]], row["stage"]): (row["earned"], row["held"]) for row in rows}


def written(books: Books) -> dict[tuple[str, str], tuple[str, str]]:
    return {key: (format_minor(a, "CNY"), format_minor(b, "CNY")) for key, (a, b) in books.items()}


BY_ORDER = {"P1": "M1", "P2": "M10", "P3": "M2"}


def test_a_manager_s_two_files_give_the_fen_that_the_ledger_has(
    front: Front, deal: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, result = simulated(front, "zhang", deal, tmp_path, capsys, monkeypatch)
    books = in_the_books(front, deal)
    assert len(books) == 4 and len({earned for earned, _ in books.values()}) == 4
    assert as_books(result, BY_ORDER) == written(books)
    assert '"id": "P1", "name": "张三"' in facts
    assert not any(private in facts for private in ("李四", "王五", "M2", "M10"))


def test_what_a_cancellation_left_is_worked_out_from_what_was_paid(
    front: Front, deal: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(front, tmp_path)
    front.day = "2026-03-09"
    done(front, deals.cancel, deal, reason="other")
    _, result = simulated(front, "li", deal, tmp_path, capsys, monkeypatch)
    books = in_the_books(front, deal)
    assert any(earned for earned, _ in books.values())
    assert as_books(result, BY_ORDER) == written(books)


def paid(front: Front, tmp_path: Path) -> None:
    front.day = "2026-03-06"
    finance = {"by": front.users["finance"], "now": front.now()}
    with front.database.writing() as session:
        operator = {"by": front.users["operator"], "now": front.now()}
        made = payouts.make(session, value_on=today(front), only=["M1"], **operator)
        approvals.approve(session, made.id, by=front.users["second"], now=front.now())
        sending.send(session, Store(tmp_path), made.id, **finance)
        bank_answers.confirm(session, made.id, value_on=today(front), **finance)


def test_operations_and_the_json_have_the_same_facts_with_everybody_s_name(
    front: Front, deal: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, result = simulated(front, "operator", deal, tmp_path, capsys, monkeypatch)
    assert as_books(result, {one: one for one in ("M1", "M10", "M2")}) == written(in_the_books(front, deal))
    assert "李四" in facts
    whole, mine = front.get("finance", f"/deals/{deal}/facts"), front.get("zhang", f"/deals/{deal}/facts")
    assert [one["id"] for one in whole["managers"]] == ["M1", "M10", "M2"]
    assert [one["name"] for one in mine["managers"]] == ["张三", "P2", "P3"]
    assert len(mine["events"]) == len(whole["events"])


def test_who_does_not_take_part_gets_no_files(front: Front) -> None:
    other = front.deal()
    assert front.page("li", "GET", f"/deals/{other}/facts.yaml").status_code == 404
    assert front.page("li", "GET", f"/deals/{other}/plan.yaml").status_code == 404
    assert "yongjin simulate --plan" in front.look("zhang", f"/deals/{other}")
