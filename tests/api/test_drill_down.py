"""From a line of a statement to the evidence behind it, and back: five clicks at most, by links alone."""

from __future__ import annotations

import re
from collections import deque

import pytest
from sqlmodel import select

from api.rendering import STATIC
from ledger import evidence, journal, paper, statements
from ledger.files import Store
from ledger.milestones import Milestone
from tests.api.desk import Desk

CLICKS = 5
PNG = (STATIC / "icon-192.png").read_bytes()


def _clicks(desk: Desk, who: str, start: str, wanted: str) -> int:
    """The fewest links from one page to another, the frame's menu left out; more than CLICKS where none."""
    waiting, seen = deque([(start, 0)]), {start}
    while waiting:
        address, count = waiting.popleft()
        if re.fullmatch(wanted, address):
            return count
        answer = desk.open(who, address)
        if count == CLICKS or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        main = answer.text.partition("<main")[2].partition("</main>")[0]
        for link in re.findall(r'href="(/[^"#]*)', main):
            link = link.replace("&amp;", "&")
            if link not in seen and not re.search(r"/pdf|\.csv|\.xlsx|\.yaml|lang=", link):
                seen.add(link)
                waiting.append((link, count + 1))
    return CLICKS + 1


@pytest.fixture
def told(desk: Desk) -> tuple[Desk, str, str, str]:
    """A statement, the entry of its first line, and a milestone with a photo."""
    desk.tell_fees()
    store: Store = desk.client.app.state.store  # type: ignore[attr-defined]
    with desk.database.writing() as session:
        reached = session.exec(select(Milestone.id).where(Milestone.deal_id == "D-1")).first() or ""
        shown = {"name": "表.png", "content": PNG}
        evidence.add(session, store, reached, **shown, by=desk.users["zhang"], now=desk.now())  # type: ignore[arg-type]
        snapshot = statements.fresh(session, "M1", "2026-05", kind="preliminary", now=desk.now())
        assert snapshot is not None
        kept = statements.keep(session, store, snapshot, paper.render(snapshot)).id
        entry = session.exec(
            select(journal.Entry.id).where(journal.Entry.kind == "accrual", journal.Entry.period == "2026-05")
        ).first()
    return desk, f"/statements/{kept}", f"/entries/{entry}", f"/milestones/{reached}"


def test_from_a_statement_to_everything_behind_it(told: tuple[Desk, str, str, str]) -> None:
    desk, statement, entry, milestone = told
    wanted = {entry: 1, r"/plans/pv_\w+": 2, milestone: 2, r"/evidence/\w+": 2, r"/fees/ft_\w+": 2}
    assert {to: _clicks(desk, "finance", statement, to) for to in wanted} == wanted


def test_and_back(told: tuple[Desk, str, str, str]) -> None:
    desk, statement, entry, milestone = told
    assert _clicks(desk, "finance", milestone, entry) <= CLICKS
    assert _clicks(desk, "finance", entry, statement) <= CLICKS
    assert _clicks(desk, "finance", milestone, statement) <= CLICKS


def test_a_manager_goes_from_their_statement_to_the_evidence_too(told: tuple[Desk, str, str, str]) -> None:
    desk, statement, _, milestone = told
    assert _clicks(desk, "zhang", statement, milestone) <= CLICKS
    assert _clicks(desk, "zhang", statement, r"/evidence/\w+") <= CLICKS
