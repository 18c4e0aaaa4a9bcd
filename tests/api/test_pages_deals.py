"""A deal's page, and the facts operations add to it by hand: looked at first, then recorded."""

from __future__ import annotations

from datetime import date, datetime
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import event

from ledger import deals, imports, needs, plans
from ledger.core.facts_file import read_many
from tests.api.front import Front, read


@pytest.fixture
def deal(front: Front) -> str:
    """A deal whose first stage is verified and whose fee has come in."""
    made = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(made)}/verify")
    front.day = "2026-03-05"
    front.fee(made, "20000.00", "YH-1")
    return made


def agreed(front: Front, path: str, **fields: str) -> str:
    """Look at what a fact would post, then record it; what was shown."""
    shown = front.page("operator", "POST", path, data=fields)
    assert shown.status_code == 200, read(shown)
    seen = shown.text.partition('name="seen" value="')[2].partition('"')[0]
    front.fill("operator", path, **fields, seen=seen, confirmed="yes")
    return read(shown)


def test_a_deal_shows_who_earned_what_and_why(front: Front, deal: str) -> None:
    shown = front.look("zhang", f"/deals/{deal}")
    assert "Earned Held Payable, before payouts" in shown
    assert "张三 ¥1,200.00 ¥120.00 ¥1,080.00 Why this amount" in shown
    assert "40% of ¥20,000.00 is ¥8,000.00." in shown
    assert "Tech sourcing earns nothing yet: it is not verified." in shown


def test_a_deal_on_which_nothing_happened_yet_has_its_page(front: Front) -> None:
    made = front.deal()
    assert "Need discovery earns nothing yet" in front.look("zhang", f"/deals/{made}")
    assert "Entries 0" in front.look("operator", f"/deals/{made}")


FILE = """\
format: 1
deal: {id: D-9, category: transfer, mode: lump_sum, expected_fee: "50000.00", opened_on: 2026-02-02}
managers: [{id: M1}]
events:
  - {on: 2026-02-03, type: fee_invoiced, amount: "50000.00", ref: FP-9}
  - {on: 2026-02-04, type: fee_received, amount: "20000.00", ref: SK-9}
"""


def test_a_deal_brought_in_from_a_file_has_its_page(front: Front) -> None:
    brought = read_many(FILE, "facts.yaml", "CNY")
    report = imports.load(front.database, brought, plan_id="tianjin-platform-manager", now=front.now())
    assert report.refused == []
    assert "D-9/SK-9" in front.look("finance", "/deals/D-9")


def test_the_same_deal_in_chinese(front: Front, deal: str) -> None:
    shown = read(front.page("zhang", "GET", f"/deals/{deal}?lang=zh"))
    assert "¥20,000.00的40%为¥8,000.00。" in shown and "技术寻源暂无佣金" in shown


def test_a_manager_does_not_see_the_deal_of_others(front: Front, deal: str) -> None:
    front.look("li", f"/deals/{deal}", 404)
    assert "Eye-axis" not in front.look("li", "/deals")
    assert "Eye-axis" in front.look("zhang", "/deals")


def test_a_manager_sees_neither_fees_nor_entries(front: Front, deal: str) -> None:
    mine, all_of_it = front.look("zhang", f"/deals/{deal}"), front.look("operator", f"/deals/{deal}")
    assert "YH-1" in all_of_it and "6401 Commission cost" in all_of_it
    assert "YH-1" not in mine and "6401" not in mine


def test_an_amount_is_looked_at_before_it_is_recorded(front: Front, deal: str) -> None:
    path = f"/deals/{deal}/amounts"
    fields = {"what": "contract_amount", "amount": "1,000,000", "on": "2026-03-04"}
    assert "nobody's amounts change" in front.fill("operator", path, 200, **fields)
    assert "Contract amount" not in front.look("operator", f"/deals/{deal}").partition("What happened")[2]
    agreed(front, path, **fields)
    assert "Contract amount ¥1,000,000.00 operator" in front.look("operator", f"/deals/{deal}")


def test_what_was_changed_after_looking_is_looked_at_again(front: Front, deal: str) -> None:
    path, fields = f"/deals/{deal}/amounts", {"what": "contract_amount", "on": "2026-03-04"}
    shown = front.page("operator", "POST", path, data={**fields, "amount": "1"})
    seen = shown.text.partition('name="seen" value="')[2].partition('"')[0]
    again = front.fill("operator", path, 200, **fields, amount="2", seen=seen, confirmed="yes")
    assert "Record the amount" in again
    assert "Contract amount" not in front.look("operator", f"/deals/{deal}").partition("What happened")[2]


def test_an_adjustment_shows_what_it_does_and_needs_its_reason(front: Front, deal: str) -> None:
    path = f"/deals/{deal}/adjust"
    fields = {"manager": "M1", "stage": "need_discovery", "amount": "-100", "on": "2026-03-05"}
    assert "Please fill this in" in front.fill("operator", path, 422, **fields, reason="")
    shown = agreed(front, path, **fields, reason="Paid in cash")
    assert "张三 Need discovery −¥100.00 ¥0.00 −¥100.00" in shown
    assert "Paid in cash" in front.look("zhang", f"/deals/{deal}")
    assert "Payable now ¥980.00" in front.look("zhang", "/")


def test_cancelling_shows_what_the_plan_takes_back(front: Front, deal: str) -> None:
    shown = agreed(front, f"/deals/{deal}/cancel", reason="fraud", on="2026-03-05")
    assert "−¥1,200.00" in shown
    assert "Cancelled" in front.look("zhang", f"/deals/{deal}")
    assert "Payable now ¥0.00 " in front.look("zhang", "/")
    front.look("operator", f"/deals/{deal}/reinstate")
    assert "+¥1,200.00" in agreed(front, f"/deals/{deal}/reinstate", on="2026-03-05")
    assert "Payable now ¥1,080.00" in front.look("zhang", "/")


def test_a_deal_is_cancelled_once(front: Front, deal: str) -> None:
    path, fields = f"/deals/{deal}/cancel", {"reason": "no_fault", "on": "2026-03-05"}
    agreed(front, path, **fields)
    shown = front.page("operator", "POST", path, data=fields)
    seen = shown.text.partition('name="seen" value="')[2].partition('"')[0]
    again = front.fill("operator", path, 422, **fields, seen=seen, confirmed="yes")
    assert "is cancelled already" in again


@pytest.mark.parametrize("what", ["amounts", "adjust", "cancel", "reinstate"])
def test_managers_add_no_such_facts(front: Front, deal: str, what: str) -> None:
    front.look("zhang", f"/deals/{deal}/{what}", 403)
    front.fill("zhang", f"/deals/{deal}/{what}", 403, on="2026-03-05")


def test_a_manager_sees_their_own_amounts_and_who_else_took_part(front: Front, deal: str) -> None:
    made = front.milestone(deal, stage="tech_sourcing", weight1="60", who2="M2", weight2="40")
    front.fill("operator", f"/milestones/{made}/verify")
    mine = front.look("zhang", f"/deals/{deal}")
    assert "张三 ¥1,542.86" in mine and "Also took part: 李四" in mine and "¥857.14" not in mine
    assert "李四 ¥857.14" in front.look("operator", f"/deals/{deal}")


def test_another_fee_is_expected(front: Front, deal: str) -> None:
    path = f"/deals/{deal}/expected-fee"
    assert 'value="50000.00"' in front.page("operator", "GET", path).text
    assert "is not above zero" in front.fill("operator", path, 422, expected_fee="0")
    front.fill("operator", path, expected_fee="100000")
    assert "Expected ¥4,800.00" in front.look("zhang", "/")
    front.look("zhang", path, 403)


def test_a_gate_that_was_not_passed_ends_the_deal(front: Front) -> None:
    text = (files("ledger") / "cities" / "hangzhou.yaml").read_text("utf-8")
    with front.database.writing() as session:
        draft = plans.draft(session, text, by=front.users["operator"], now=front.now())
        day = date(2026, 1, 1)
        plans.publish(session, draft.id, effective_on=day, by=front.users["second"], now=front.now())
        plan = draft.plan_id
    deal = front.deal(plan=plan)
    assert "Gate not passed" in front.look("operator", f"/deals/{deal}")
    stage = front.found(r'<option value="([^"]+)"', "operator", f"/deals/{deal}/fail-gate")
    agreed(front, f"/deals/{deal}/fail-gate", stage=stage, on=front.day)
    shown = front.look("zhang", f"/deals/{deal}")
    assert "Cancelled" in shown and "Gate not passed" in shown
    assert "Gate not passed" not in front.look("operator", f"/deals/{front.deal()}")


def test_the_deals_opened_last_come_first_whatever_their_ids(front: Front) -> None:
    with front.database.writing() as session:
        for number, day in (("ZZ-1", "2026-01-05"), ("AA-1", "2026-02-05"), ("MM-1", "2026-02-05")):
            now = datetime.fromisoformat(f"{day}T10:00:00+08:00")
            by = front.users["operator"]
            need = needs.log(session, title=number, client="C", by=by, now=now)
            deals.open_from(
                session,
                need,
                id=number,
                plan_id="tianjin-platform-manager",
                expected_fee_minor=100,
                category="transfer",
                by=by,
                now=now,
            )
    shown = front.look("operator", "/deals")
    assert shown.index("MM-1") < shown.index("AA-1") < shown.index("ZZ-1")
    after = front.look("operator", "/deals?before=AA-1")
    assert "ZZ-1" in after and "MM-1" not in after


def test_deals_are_found_by_title_enterprise_and_number(front: Front, deal: str) -> None:
    for text in ("axis", "Vision", deal):
        assert "Eye-axis" in front.look("operator", f"/deals?q={text}")
    assert "No deals found" in front.look("operator", "/deals?q=100%25")


def test_a_list_costs_as_many_queries_for_many_deals_as_for_few(front: Front) -> None:
    def asked(path: str) -> int:
        statements: list[Any] = []
        event.listen(front.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
        front.look("operator", path)
        return len(statements)

    for _ in range(2):
        front.milestone(front.deal())
    few = [asked(path) for path in ("/deals", "/milestones", "/needs", "/")]
    for _ in range(6):
        front.milestone(front.deal())
    assert [asked(path) for path in ("/deals", "/milestones", "/needs", "/")] == few
