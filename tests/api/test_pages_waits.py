"""Why not, wherever somebody asks: the deal's page, a manager's phone, the JSON and the command line."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ledger import holds
from ledger.cli import main
from tests.api.front import Front


@pytest.fixture
def deal(front: Front) -> str:
    """A deal with one stage verified, the fee in, and M1's part of it in dispute."""
    made = front.deal()
    front.fill("operator", f"/milestones/{front.milestone(made)}/verify")
    front.day = "2026-03-05"
    front.fee(made, "20000.00", "YH-1")
    hold = {"manager_id": "M1", "deal_id": made, "stage": "need_discovery", "reason": "数额有异议"}
    with front.database.writing() as session:
        by, now = front.users["operator"], front.now()
        holds.keep_back(session, **hold, by=by, now=now)
    return made


DISPUTED = "¥1,080.00 is in dispute since 2026-03-05 and waits for its outcome."
HELD = "¥120.00 of Need discovery is held until Completion is verified."
WAITS = "Tech sourcing earns nothing yet: it is not verified."


def test_the_deal_s_page_and_the_phone_say_the_same(front: Front, deal: str) -> None:
    pages = (f"/deals/{deal}", "/standing/waiting")
    for shown in (front.look("zhang", path) for path in pages):
        assert DISPUTED in shown and HELD in shown and WAITS in shown
    home = front.look("zhang", "/")
    assert "What waits, and why" in home and HELD in home
    assert DISPUTED in front.look("operator", f"/deals/{deal}")
    assert DISPUTED not in front.look("li", "/standing/waiting")
    assert "Nothing waits" in front.look("li", "/standing/waiting")


def test_the_json_has_rule_numbers_and_source_of_what_was_earned_and_of_what_was_not(
    front: Front, deal: str
) -> None:
    found = front.get("zhang", f"/deals/{deal}/allocations")
    assert [(one["why"], one["stage"], one["manager"]) for one in found["waits"]] == [
        ("held", "need_discovery", "M1"),
        *(("not_verified", stage, "") for stage in ("tech_sourcing", "contract_signing", "completion")),
        ("in_dispute", "need_discovery", "M1"),
    ]
    disputed = found["waits"][-1]
    assert (disputed["rule"], disputed["source"][:5]) == ("why.in_dispute", "hold ")
    assert disputed["numbers"] == {"deal": deal, "amount_minor": 108000, "on": "2026-03-05"}
    assert disputed["because"]["zh"] == "1080.00自2026-03-05起异议中，待处理结果。"
    (earned,) = found["allocations"]
    assert len(earned["steps"]) == len(earned["because"]["en"])
    assert {"rule": "pool.rate", "source": "plan pool.rate"}.items() <= earned["steps"][2].items()
    assert earned["steps"][2]["numbers"] == {"rate": "40%", "basis_minor": 2000000, "pool_minor": 800000}


def test_of_another_day_the_json_says_what_is_of_another_period(front: Front, deal: str) -> None:
    before = front.get("operator", f"/deals/{deal}/allocations", as_of="2026-02-28")
    first = before["waits"][0]
    assert (first["why"], first["numbers"]["period"]) == ("wrong_period", "2026-03")
    assert all(one["why"] in ("wrong_period", "not_verified") for one in before["waits"])


def test_the_command_line_says_it_too(
    front: Front, deal: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YONGJIN_DATABASE_URL", str(front.database.engine.url.render_as_string(False)))
    for words in ([], ["--lang", "zh", "--json"]):
        monkeypatch.setattr("sys.argv", ["yongjin", "why", deal, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (None, 0)
    text = capsys.readouterr().out
    assert f"张三 {DISPUTED.replace('¥1,080.00', '1080.00')}" in text
    said = json.loads(text[text.index("[") :])
    assert said[-1]["says"] == "1080.00自2026-03-05起异议中，待处理结果。"
    assert date.fromisoformat(said[-1]["numbers"]["on"])
