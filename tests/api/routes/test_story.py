"""The story of a deal over HTTP: from a need to a paid commission and its statement."""

from __future__ import annotations

import json

import pytest

from ledger import dispatch
from ledger.core.facts_file import read_facts
from ledger.core.money import format_minor
from ledger.core.plan_file import read_plan
from ledger.core.target import target
from ledger.files import Store
from ledger.schedule import JOBS
from tests.api.routes.office import TIANJIN, Office

PLAN = "tianjin-platform-manager"


def opened(office: Office, deal: str, title: str = "青少年近视监测新产品的技术") -> str:
    need = office.post("zhang", "/needs", {"title": title, "client": "优眼科技"})
    body = {"id": deal, "need_id": need["id"], "plan_id": PLAN, "expected_fee": "50000.00"}
    office.post("operator", "/deals", {**body, "category": "transfer"})
    return deal


def reached(office: Office, deal: str, stage: str, participants: dict[str, str]) -> str:
    body = {"deal_id": deal, "stage": stage, "reached_on": office.day, "participants": participants}
    milestone = office.post("zhang", "/milestones", body)
    office.post("operator", f"/milestones/{milestone['id']}/verify")
    return str(milestone["id"])


def received(office: Office, ref: str, parts: dict[str, str], kind: str = "fee_received") -> str:
    document = office.post("finance", "/fees", {"kind": kind, "on": office.day, "ref": ref, "parts": parts})
    return str(document["id"])


@pytest.fixture
def earning(office: Office) -> Office:
    """Two stages of deal D-1 are verified, and half of its fee has come in, less a refund."""
    office.day = "2026-03-02"
    opened(office, "D-1")
    reached(office, "D-1", "need_discovery", {"M1": "1"})
    office.day = "2026-03-09"
    reached(office, "D-1", "tech_sourcing", {"M1": "60", "M2": "40"})
    office.day = "2026-04-01"
    contract = {"what": "contract_amount", "amount": "1000000.00", "on": "2026-04-01"}
    assert office.post("operator", "/deals/D-1/amounts", contract)["amount"] == "1000000.00"
    office.day = "2026-04-20"
    received(office, "FP-0001", {"D-1": "50000.00"}, "fee_invoiced")
    office.day = "2026-05-06"
    received(office, "YH-1", {"D-1": "25000.00"})
    office.day = "2026-05-07"
    received(office, "YH-2", {"D-1": "1000.00"}, "fee_refunded")
    return office


def test_the_books_follow_every_step(earning: Office) -> None:
    journal = earning.journal()
    assert (
        "2026-03-02 accrual D-1#1\n"
        "  6401 commission_cost                       500.00 CNY\n"
        "  2202.01 payable:M1                        -450.00 CNY\n"
        "  2202.02 held:M1                            -50.00 CNY"
    ) in journal
    assert (
        "2026-05-06 accrual D-1#3\n"
        "  6401 commission_cost                      1000.00 CNY\n"
        "  2202.01 payable:M1                        -900.00 CNY\n"
        "  2202.02 held:M1                           -100.00 CNY\n"
        "  6401 commission_cost                      1928.57 CNY\n"
        "  2202.01 payable:M1                       -1735.71 CNY\n"
        "  2202.02 held:M1                           -192.86 CNY\n"
        "  6401 commission_cost                      1071.43 CNY\n"
        "  2202.01 payable:M2                        -964.29 CNY\n"
        "  2202.02 held:M2                           -107.14 CNY"
    ) in journal
    assert earning.get("zhang", "/managers/M1/standing") == {
        "manager_id": "M1",
        "currency": "CNY",
        "payable": "2962.29",
        "held": "329.14",
        "expected": "3565.71",
    }
    balances = earning.get("finance", "/accounts")["items"]
    assert sum(round(float(one["balance"]) * 100) for one in balances) == 0


def test_everyone_can_see_why_they_earn_what_they_earn(earning: Office) -> None:
    found = earning.get("operator", "/deals/D-1/allocations")
    assert found["pool"] == {
        "basis": "24000.00",
        "amount": "9600.00",
        "allocated": "4320.00",
        "reserve": "5280.00",
    }
    first = found["allocations"][0]
    assert (first["manager"], first["stage"]) == ("M1", "need_discovery")
    assert (first["earned"], first["held"], first["payable"]) == ("1440.00", "144.00", "1296.00")
    assert "24000.00" in " ".join(first["because"]["zh"]) and first["because"]["en"]
    assert [(one["stage"], one["why"]) for one in found["excluded"]] == [
        ("contract_signing", "not_verified"),
        ("completion", "not_verified"),
    ]
    before = earning.get("operator", "/deals/D-1/allocations", as_of="2026-05-05")
    assert before["pool"]["basis"] == "0.00"
    mine = earning.send("zhang", "GET", "/deals/D-1/allocations").json()
    assert {row["manager"] for row in mine["allocations"]} == {"M1"}
    assert mine["pool"]["allocated"] is None


def test_what_was_earned_can_be_worked_out_again_from_the_facts(earning: Office) -> None:
    shown = earning.get("operator", "/deals/D-1/allocations")
    file = earning.get("finance", "/deals/D-1/facts")
    facts = read_facts(json.dumps(file), "facts.json", "CNY")
    again = target(read_plan(TIANJIN, "plan.yaml"), facts, facts.facts[0].on.replace(month=12))
    assert [(row.manager, row.stage, format_minor(row.earned_minor, "CNY")) for row in again.rows] == [
        (row["manager"], row["stage"], row["earned"]) for row in shown["allocations"]
    ]


def test_one_receipt_over_two_deals_is_one_entry_and_is_taken_back_whole(earning: Office) -> None:
    opened(earning, "D-2", "眼底图像的自动判读")
    before = len(earning.journal())
    fact = received(earning, "YH-3", {"D-1": "10000.00", "D-2": "5000.00"})
    assert (
        "2026-05-07 fee_received fee_received:YH-3\n"
        "  1002 bank:基本户 10000.00 CNY\n"
        f"  1122 receivable:{client(earning)} -10000.00 CNY\n"
        "  1002 bank:基本户 5000.00 CNY\n"
        f"  1122 receivable:{client(earning)} -5000.00 CNY"
    ) in [squeezed(entry) for entry in earning.journal()[before:]]
    standing = earning.get("zhang", "/managers/M1/standing")
    taken = earning.post("finance", f"/fees/{fact}/correct", {"reason": "录错金额"})
    assert (taken["kind"], taken["amount"], taken["note"]) == ("fee_refunded", "15000.00", "录错金额")
    assert [(part["deal_id"], part["amount"]) for part in taken["parts"]] == [
        ("D-1", "10000.00"),
        ("D-2", "5000.00"),
    ]
    taker = earning.get("finance", f"/fees/{fact}")["corrected_by"]
    assert taker in [part["fact_id"] for part in taken["parts"]]
    assert earning.get("zhang", "/managers/M1/standing") != standing
    again = earning.refused("finance", "POST", f"/fees/{fact}/correct", json={"reason": "录错金额"})
    assert again == (409, "fact_corrected")


def test_a_payout_is_made_approved_sent_and_confirmed_by_different_people(earning: Office) -> None:
    earning.day = "2026-05-18"
    assert [(one["manager_id"], one["payable"]) for one in earning.get("operator", "/payouts/preview")] == [
        ("M1", "2962.29"),
        ("M2", "925.71"),
    ]
    payout = earning.post("operator", "/payouts", {"value_on": "2026-05-20"})
    path = f"/payouts/{payout['id']}"
    assert payout["lines"][0]["bank_account"] == "**** 3445"
    assert earning.refused("finance", "GET", f"{path}/file") == (409, "payout_not_sent")
    assert earning.refused("operator", "POST", f"{path}/approve") == (403, "not_your_own")
    other = {"digest": "0" * 64}
    assert earning.refused("second", "POST", f"{path}/approve", json=other) == (409, "payout_changed")
    earning.post("second", f"{path}/approve", {"digest": payout["digest"]})
    earning.post("finance", f"{path}/send")
    sheet = earning.send("finance", "GET", f"{path}/file")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert "6222020200112233445,张三,工商银行" in sheet.content.decode("utf-8-sig")
    earning.day = "2026-05-20"
    settled = earning.post("finance", f"{path}/confirm", {"value_on": "2026-05-20"})
    assert (settled["state"], {line["state"] for line in settled["lines"]}) == ("settled", {"paid"})
    line = settled["lines"][0]
    assert (
        f"2026-05-20 payout_confirmed {line['id']}\n"
        f"  2202.03 in_transit:{payout['id']} 2962.29 CNY\n"
        "  1002 bank:基本户 -2529.83 CNY\n"
        "  2221.12 withheld_iit -432.46 CNY"
    ) in [squeezed(entry) for entry in earning.journal()]
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "0.00"


def test_a_returned_line_is_payable_again(earning: Office) -> None:
    earning.day = "2026-05-18"
    payout = earning.post("operator", "/payouts", {"value_on": "2026-05-20", "only": ["M1"]})
    path = f"/payouts/{payout['id']}"
    earning.post("second", f"{path}/approve")
    earning.post("finance", f"{path}/send")
    lines = [line["id"] for line in payout["lines"]]
    back = earning.post("finance", f"{path}/return", {"lines": lines, "reason": "账号不存在"})
    assert (back["state"], back["lines"][0]["state"]) == ("settled", "returned")
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "2962.29"


def test_a_batch_given_up_frees_the_money(earning: Office) -> None:
    earning.day = "2026-05-18"
    payout = earning.post("operator", "/payouts", {"value_on": "2026-05-20"})
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "0.00"
    earning.post("operator", f"/payouts/{payout['id']}/void", {"reason": "日期有误"})
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "2962.29"


def test_a_closed_month_has_its_statements_and_takes_nothing_more(earning: Office, store: Store) -> None:
    earning.day = "2026-06-02"
    assert earning.post("finance", "/periods/2026-05/close")["state"] == "closed"
    waiting = earning.get("finance", "/jobs")["items"]
    assert ("final_statements", "2026-05", "waiting") in [
        (run["job"], run["planned_for"], run["state"]) for run in waiting
    ]
    done = dispatch.run(earning.database, store, JOBS["final_statements"], "2026-05")
    assert done is not None and done.state == "done", done
    mine = earning.get("zhang", "/statements", period="2026-05")["items"]
    assert [(one["manager_id"], one["kind"], one["closing"]) for one in mine] == [("M1", "final", "2962.29")]
    paper = earning.send("zhang", "GET", f"/statements/{mine[0]['id']}/pdf")
    assert paper.content.startswith(b"%PDF-") and len(paper.content) == mine[0]["pdf_size"]
    assert (
        earning.get("zhang", f"/statements/{mine[0]['id']}")["snapshot"]["bridge"]["closing_minor"] == 296229
    )
    assert earning.refused("li", "GET", f"/statements/{mine[0]['id']}/pdf") == (404, "statement_unknown")
    late = received(earning, "YH-9", {"D-1": "1000.00"})
    entries = earning.get("finance", "/entries", deal="D-1", period="2026-06")["items"]
    assert late in [fact for entry in entries for fact in entry["because"]]


def test_a_cancelled_deal_takes_back_what_the_plan_says(earning: Office) -> None:
    earning.day = "2026-05-10"
    earning.post("operator", "/deals/D-1/cancel", {"reason": "fraud", "on": "2026-05-10"})
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "0.00"
    assert earning.get("zhang", "/deals/D-1")["is_cancelled"] is True
    earning.post("operator", "/deals/D-1/reinstate", {"on": "2026-05-10"})
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "2962.29"


def test_an_amount_by_hand_has_its_reason(earning: Office) -> None:
    body = {"manager_id": "M1", "stage": "tech_sourcing", "amount": "-12.30", "on": "2026-05-07"}
    fact = earning.post("finance", "/deals/D-1/adjust", {**body, "reason": "协商扣减"})
    assert (fact["amount"], fact["reason"]) == ("-12.30", "协商扣减")
    assert earning.get("zhang", "/managers/M1/standing")["payable"] == "2949.99"


def client(office: Office) -> str:
    return str(office.get("finance", "/deals/D-1")["client_id"])


def squeezed(entry: str) -> str:
    """The entry with single spaces between its columns."""
    return "\n".join("  " * (i > 0) + " ".join(line.split()) for i, line in enumerate(entry.splitlines()))
