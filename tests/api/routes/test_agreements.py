"""A split between the participants of a stage over HTTP, and what a milestone makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.routes.office import Office
from tests.api.routes.test_story import opened


@pytest.fixture
def proposed(office: Office) -> dict[str, Any]:
    """张三 proposes 60 to 40 to 李四 for the sourcing of D-1."""
    opened(office, "D-1")
    weights = {"M1": "60", "M2": "40"}
    body = {"deal_id": "D-1", "stage": "tech_sourcing", "weights": weights, "note": "as agreed on the phone"}
    return dict(office.post("zhang", "/agreements", body))


def test_a_split_is_proposed_countered_and_accepted_and_the_milestone_uses_it(
    office: Office, proposed: dict[str, Any]
) -> None:
    said = [(one["manager_id"], one["answer"]) for one in proposed["answers"]]
    assert (proposed["version"], proposed["state"], said) == (1, "proposed", [("M1", "accepted")])
    half = {"weights": {"M1": "1", "M2": "1"}}
    second = office.post("li", f"/agreements/{proposed['id']}/counter", half)
    assert (second["version"], second["state"]) == (2, "proposed")
    assert office.get("zhang", f"/agreements/{proposed['id']}")["state"] == "countered"
    agreed = office.post("zhang", f"/agreements/{second['id']}/accept")
    assert (agreed["state"], len(agreed["answers"])) == ("binding", 2)

    body = {"deal_id": "D-1", "stage": "tech_sourcing", "reached_on": office.day}
    logged = office.post("zhang", "/milestones", body)
    assert logged["participants"] == {"M1": "1", "M2": "1"}
    verified = office.post("operator", f"/milestones/{logged['id']}/verify")
    assert verified["agreement_id"] == second["id"]
    given = {**body, "participants": {"M1": "1"}}
    assert office.refused("zhang", "POST", "/milestones", json=given) == (409, "split_agreed")


def test_a_refused_split_waits_for_operations_who_decide_it(office: Office, proposed: dict[str, Any]) -> None:
    office.post("li", f"/agreements/{proposed['id']}/refuse", {"reason": "half of it was mine"})
    waiting = office.get("operator", "/agreements", state="refused")["items"]
    assert [one["id"] for one in waiting] == [proposed["id"]]
    ruling = {"weights": {"M1": "55", "M2": "45"}, "reason": "as the minutes say"}
    decided = office.post("operator", f"/agreements/{proposed['id']}/decide", ruling)
    assert (decided["kind"], decided["state"], decided["note"]) == (
        "decision",
        "binding",
        "as the minutes say",
    )
    listed = office.get("li", "/agreements", deal="D-1")["items"]
    assert [(one["version"], one["state"]) for one in listed] == [(2, "binding"), (1, "countered")]


def test_a_milestone_needs_participants_where_nothing_is_agreed(office: Office) -> None:
    opened(office, "D-1")
    body = {"deal_id": "D-1", "stage": "completion", "reached_on": office.day}
    assert office.refused("zhang", "POST", "/milestones", json=body) == (422, "participants_missing")
