"""Moving a deal to another version of a plan on its page: seen first, then done."""

from __future__ import annotations

import pytest

from tests.api.front import Front, read
from tests.api.routes.office import TIANJIN


@pytest.fixture
def deal(front: Front) -> str:
    """A deal with one stage verified and a fee received."""
    made = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(made)}/verify")
    front.fee(made, "20000.00", "YH-1")
    return made


def published(front: Front, rate: str) -> str:
    text = TIANJIN.replace('rate: "40%"', f'rate: "{rate}"')
    made = front.post("operator", "/plans", {"text": text})["id"]
    front.post("second", f"/plans/{made}/publish", {"effective_on": "2026-01-02"})
    return str(made)


def test_a_deal_is_moved_once_old_and_new_were_seen(front: Front, deal: str) -> None:
    version, path = published(front, "50%"), f"/deals/{deal}/move"
    assert path in front.page("operator", "GET", f"/deals/{deal}").text
    assert path not in front.page("zhang", "GET", f"/deals/{deal}").text
    fields = {"version": version, "reason": "Negotiated anew"}
    assert "Please fill this in" in front.fill("operator", path, 422, version=version, reason="")
    shown = front.page("operator", "POST", path, data=fields)
    assert "张三 ¥1,200.00 ¥1,500.00 +¥300.00" in read(shown)
    assert "Payable now ¥1,080.00" in front.look("zhang", "/")
    seen = shown.text.partition('name="seen" value="')[2].partition('"')[0]
    front.fill("operator", path, **fields, seen=seen, confirmed="yes")
    assert "Payable now ¥1,350.00" in front.look("zhang", "/")
    told = front.look("zhang", f"/deals/{deal}")
    assert "Moved to another plan 1" in told and "Negotiated anew" in told and "v2" in told
    assert "The deal was moved on 2026-03-01 from" in front.look("finance", _last_accrual(front, deal))
    again = front.fill("operator", path, 422, **fields, seen=seen, confirmed="yes")
    assert "The deal keeps this version already" in again


def _last_accrual(front: Front, deal: str) -> str:
    listed = front.get("finance", "/entries", deal=deal)["items"]
    return f"/entries/{max(int(one['id']) for one in listed if one['kind'] == 'accrual')}"


def test_managers_and_finance_move_nothing(front: Front, deal: str) -> None:
    for who in ("zhang", "finance"):
        front.look(who, f"/deals/{deal}/move", 403)
        front.fill(who, f"/deals/{deal}/move", 403, version="x", reason="r")


def test_a_retired_version_is_not_offered_and_its_deals_go_on(front: Front, deal: str) -> None:
    version = published(front, "50%")
    front.fill("zhang", f"/plans/{version}/retire", 403)
    front.fill("operator", f"/plans/{version}/retire")
    assert "Retired on 2026-03-01" in front.look("operator", f"/plans/{version}")
    assert version not in front.page("operator", "GET", f"/deals/{deal}/move").text
    need = front.need(title="Another")
    fields = {"title": "t", "plan": "tianjin-platform-manager", "expected_fee": "1"}
    assert "is retired" in front.fill("operator", f"/needs/{need}/deal", 422, **fields)
    assert "Payable now ¥1,080.00" in front.look("zhang", "/")
