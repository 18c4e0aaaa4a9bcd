"""A line is contested in three taps on a phone; operations find it in their inbox and decide it."""

from __future__ import annotations

import re

import pytest

from ledger import statements
from ledger.files import Store
from tests.api.front import Front


@pytest.fixture
def statement(front: Front) -> str:
    """张三's preliminary statement of March: two stages of one deal."""
    deal = front.deal()
    for stage in ("need_discovery", "tech_sourcing"):
        front.fill("operator", f"/milestones/{front.milestone(deal, stage=stage)}/verify")
    front.fee(deal, "50000.00", "YH-1")
    store: Store = front.client.app.state.store  # type: ignore[attr-defined]
    with front.database.writing() as session:
        drawn = statements.draw(session, "M1", "2026-03", kind="preliminary", now=front.now())
        return statements.keep(session, store, drawn, b"%PDF-1.7").id


def contested(front: Front, statement: str, line: int = 1, **fields: str) -> str:
    form = f"/statements/{statement}/lines/{line}/dispute"
    return front.fill("zhang", form, **({"code": "share"} | fields))


def test_three_taps_contest_a_line(front: Front, statement: str) -> None:
    first = front.found(
        rf'href="(/statements/{statement}/lines/1/dispute)"', "zhang", f"/statements/{statement}"
    )
    form = front.page("zhang", "GET", first).text
    assert re.search(r'name="code" value="share" required', form)
    made = front.fill("zhang", first, code="share")
    shown = front.look("zhang", made)
    assert "To be looked into" in shown and "My share is wrong" in shown and "Withdraw the dispute" in shown
    assert made in front.page("zhang", "GET", f"/statements/{statement}").text
    assert "My disputes 1" in front.look("zhang", "/")
    assert "To be looked into" in front.look("zhang", "/disputes")


def test_a_wrong_form_says_what_to_mend(front: Front, statement: str) -> None:
    form = f"/statements/{statement}/lines/1/dispute"
    assert "Please fill this in" in front.fill("zhang", form, 422)
    assert "is not an amount" in front.fill("zhang", form, 422, code="share", expected="many")
    stated = front.found(r'The line says</dt><dd><data[^>]*value="([^"]+)"', "zhang", form)
    assert "what the line says already" in front.fill("zhang", form, 422, code="share", expected=stated)
    contested(front, statement)
    assert "contested already" in front.fill("zhang", form, 422, code="share")
    assert front.page("li", "GET", form).status_code == 404
    assert front.page("zhang", "GET", f"/statements/{statement}/lines/9/dispute").status_code == 404


def test_operations_find_it_with_its_age_and_accept_it_in_part(front: Front, statement: str) -> None:
    made = contested(front, statement, expected="9,000.00", why="我做了全部")
    front.day = "2026-03-04"
    inbox = front.look("operator", "/")
    assert "Disputes to decide 1 oldest: 3 days" in inbox and "2026-03-16" in inbox
    front.fill("operator", f"{made}/take")
    assert "我做了全部" in front.look("operator", made)
    form = front.page("operator", "GET", made).text
    assert re.search(r'name="amount"[^>]* value="[0-9.]+"', form)
    assert "say why" in front.fill("operator", f"{made}/accept", 422, amount="100", note="").lower()
    assert "is not an amount" in front.fill("operator", f"{made}/accept", 422, amount="", note="x")
    front.fill("operator", f"{made}/accept", amount="100", note="按协议只差一百")
    shown = front.look("zhang", made)
    assert "Upheld in part" in shown and "+¥100.00" in shown and "按协议只差一百" in shown
    front.fill("zhang", f"{made}/close")
    assert "Closed" in front.look("zhang", made)
    assert "Disputes to decide 0" in front.look("operator", "/")


def test_the_manager_answers_what_operations_ask(front: Front, statement: str) -> None:
    made = contested(front, statement)
    assert front.page("zhang", "POST", f"{made}/take").status_code == 403
    front.fill("operator", f"{made}/take")
    front.fill("operator", f"{made}/ask", note="哪一份合同？")
    shown = front.look("zhang", made)
    assert "Operations ask" in shown and "哪一份合同？" in shown
    assert "say why" in front.fill("zhang", f"{made}/inform", 422, note=" ").lower()
    files = {"files": ("a.txt", b"a", "text/plain")}
    front.fill("zhang", f"{made}/evidence", files=files)
    front.fill("zhang", f"{made}/inform", note="见附件")
    assert "a.txt" in front.look("operator", made) and "In review" in front.look("operator", made)
    front.fill("operator", f"{made}/refuse", note="与协议一致")
    assert "Not upheld" in front.look("zhang", made)
    assert "Not upheld" in front.look("finance", "/disputes?state=refused")


def test_whoever_raised_it_for_a_manager_leaves_the_decision_to_another(front: Front, statement: str) -> None:
    made = front.fill("operator", f"/statements/{statement}/lines/2/dispute", code="amount")
    assert "somebody else decides it" in front.look("operator", made)
    assert "Look into it" in front.look("second", made)
