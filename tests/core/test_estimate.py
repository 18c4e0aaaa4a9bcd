"""If it signs at X: the engine over facts that have not happened."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from importlib import resources

import pytest

from ledger.core.errors import Invalid
from ledger.core.estimate import ME, OTHERS, estimate
from ledger.core.plan import Plan
from ledger.core.plan_file import read_plan

ON = date(2026, 11, 25)


def _plan(city: str) -> Plan:
    return read_plan(resources.files("ledger").joinpath(f"cities/{city}.yaml").read_text("utf-8"), city)


def _mine(plan: Plan, fee_minor: int, **more: object) -> dict[str, int]:
    everything = {stage.id: 100 for stage in plan.stages}
    options = {"parts": everything, "grade": None, "on": ON, **more}
    worth = estimate(plan, fee_minor=fee_minor, **options)  # type: ignore[arg-type]
    return {row.stage: row.earned_minor for row in worth.rows if row.manager == ME}


def test_a_deal_done_alone_brings_the_whole_pool() -> None:
    assert sum(_mine(_plan("tianjin"), 53_000_00, tax_rate=Fraction(6, 100)).values()) == 20_000_00


def test_vat_does_not_count_where_the_plan_leaves_it_out() -> None:
    with_tax = sum(_mine(_plan("tianjin"), 53_000_00, tax_rate=Fraction(6, 100)).values())
    assert sum(_mine(_plan("tianjin"), 50_000_00).values()) == with_tax


def test_part_of_a_stage_is_shared_with_somebody_else() -> None:
    plan = _plan("tianjin")
    worth = estimate(plan, fee_minor=50_000_00, parts={"tech_sourcing": 60}, grade=None, on=ON)
    shares = {(row.manager, row.stage): row.earned_minor for row in worth.rows}
    assert shares[ME, "tech_sourcing"] == 3_600_00 and shares[OTHERS, "tech_sourcing"] == 2_400_00
    assert (ME, "completion") not in shares and shares[OTHERS, "completion"] == 5_000_00


@pytest.mark.parametrize("city", ["tianjin", "hefei", "hangzhou", "xian", "xian-stake", "zhuzhou"])
def test_every_shipped_plan_can_be_estimated_and_more_brings_no_less(city: str) -> None:
    plan = _plan(city)
    earned = [sum(_mine(plan, fee).values()) for fee in (10_000_00, 100_000_00, 1_000_000_00)]
    assert 0 < earned[0] <= earned[1] <= earned[2]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Invalid):
        _mine(_plan("tianjin"), 0)
    with pytest.raises(Invalid):
        estimate(_plan("tianjin"), fee_minor=1, parts={"tech_sourcing": 101}, grade=None, on=ON)
