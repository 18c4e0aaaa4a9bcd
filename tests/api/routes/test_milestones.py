"""A need, its deal and its milestones over HTTP."""

from __future__ import annotations

import errno
import os

import pytest

from ledger.files import Store
from tests.api.routes.office import Office
from tests.samples import pdf


@pytest.fixture
def deal(office: Office) -> str:
    need = office.post("zhang", "/needs", {"title": "青少年近视监测新产品的技术", "client": "优眼科技"})
    assert (need["state"], need["manager_id"], need["found_on"]) == ("open", "M1", "2026-03-01")
    opened = office.post(
        "operator",
        "/deals",
        {
            "id": "D-1",
            "need_id": need["id"],
            "plan_id": "tianjin-platform-manager",
            "expected_fee": "50000.00",
            "category": "transfer",
        },
    )
    assert (opened["title"], opened["expected_fee"]) == (need["title"], "50000.00")
    assert office.get("zhang", f"/needs/{need['id']}")["state"] == "matched"
    assert office.get("zhang", "/deals/D-1")["managers"] == ["M1"]
    return "D-1"


def logged(office: Office, deal: str, stage: str = "need_discovery") -> str:
    body = {"deal_id": deal, "stage": stage, "reached_on": "2026-03-01", "participants": {"M1": "1"}}
    milestone = office.post("zhang", "/milestones", body)
    assert milestone["state"] == "submitted"
    return str(milestone["id"])


def test_a_verified_milestone_is_in_the_books_as_it_was_previewed(office: Office, deal: str) -> None:
    milestone = logged(office, deal)
    shown = office.get("operator", f"/milestones/{milestone}/preview")
    verified = office.post("operator", f"/milestones/{milestone}/verify")
    assert verified["state"] == "verified" and verified["fact_id"]
    assert sorted(office.journal()) == sorted(entry["text"] for entry in shown)
    assert (
        "2026-03-01 accrual D-1#1\n"
        "  6401 commission_cost                       500.00 CNY\n"
        "  2202.01 payable:M1                        -450.00 CNY\n"
        "  2202.02 held:M1                            -50.00 CNY"
    ) in office.journal()


def test_a_rejected_milestone_is_changed_and_submitted_again(office: Office, deal: str) -> None:
    milestone = logged(office, deal)
    rejected = office.post("operator", f"/milestones/{milestone}/reject", {"reason": "没有附件"})
    assert (rejected["state"], rejected["reason"]) == ("rejected", "没有附件")
    body = {"reached_on": "2026-03-01", "participants": {"M1": "60", "M2": "40"}}
    assert office.post("zhang", f"/milestones/{milestone}/change", body)["state"] == "draft"
    assert office.post("zhang", f"/milestones/{milestone}/submit")["state"] == "submitted"


def test_a_withdrawn_milestone_takes_its_entries_back(office: Office, deal: str) -> None:
    milestone = logged(office, deal)
    office.post("operator", f"/milestones/{milestone}/verify")
    body = {"reason": "重复登记", "on": "2026-03-01"}
    assert office.post("operator", f"/milestones/{milestone}/withdraw", body)["state"] == "withdrawn"
    assert (
        "2026-03-01 accrual D-1#2\n"
        "  6401 commission_cost                      -500.00 CNY\n"
        "  2202.01 payable:M1                         450.00 CNY\n"
        "  2202.02 held:M1                             50.00 CNY"
    ) in office.journal()


def test_a_milestone_is_decided_once(office: Office, deal: str) -> None:
    milestone = logged(office, deal)
    office.post("operator", f"/milestones/{milestone}/verify")
    again = office.refused("second", "POST", f"/milestones/{milestone}/verify")
    assert again == (409, "state_forbids")


SCAN = pdf()


def test_evidence_comes_back_as_it_was_sent(office: Office, deal: str) -> None:
    milestone = logged(office, deal)
    files = {"file": ("合同 扫描.pdf", SCAN, "application/pdf")}
    answer = office.send("zhang", "POST", f"/milestones/{milestone}/evidence", files=files)
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert (kept["name"], kept["size"], kept["media_type"]) == ("合同 扫描.pdf", len(SCAN), "application/pdf")
    assert office.get("operator", f"/milestones/{milestone}/evidence")["items"] == [kept]
    back = office.send("operator", "GET", f"/evidence/{kept['id']}/file")
    assert back.content == SCAN
    assert back.headers["content-disposition"].startswith("attachment;")
    assert office.refused("li", "GET", f"/evidence/{kept['id']}/file") == (404, "evidence_unknown")
    assert office.refused("li", "POST", f"/milestones/{milestone}/evidence", files=files)[0] == 404


def test_evidence_for_which_there_is_no_room_is_refused_whole_and_leaves_nothing_behind(
    office: Office, deal: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    milestone = logged(office, deal)
    files = {"file": ("合同.pdf", SCAN, "application/pdf")}
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert office.refused("zhang", "POST", f"/milestones/{milestone}/evidence", files=files) == (
            503,
            "no_room",
        )
    assert [*store.root.glob("??/*")] == []
    assert office.get("zhang", f"/milestones/{milestone}/evidence")["items"] == []
    assert office.send("zhang", "POST", f"/milestones/{milestone}/evidence", files=files).status_code == 201
