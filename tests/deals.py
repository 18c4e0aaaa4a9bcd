"""Plans and facts for the engine's tests, written short."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    DealFacts,
    Fact,
    Fee,
    FeeKind,
    GateFailed,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Participant,
    Reinstated,
    Stated,
    Statement,
)
from ledger.core.money import coprime
from ledger.core.plan import Bracket, Clawback, Holdback, Plan, Pool, Stage, Title


def day(text: str) -> date:
    """2026, from "05-31"."""
    return date.fromisoformat(f"2026-{text}")


def percent(number: int | str) -> Fraction:
    """40 is 40%."""
    return Fraction(number) / 100


def pool(rate: int | str = 40, **changes: Any) -> Pool:
    """A pool at a plain rate on fees received."""
    brackets = (Bracket(0, percent(rate)),)
    fields: dict[str, Any] = {
        "bases": ("fee_received",),
        "vat_included": False,
        "mode": "marginal",
        "brackets": brackets,
        "floor_minor": None,
        "cap_minor": None,
    }
    return Pool(**(fields | changes))


def stages(
    shares: dict[str, int | str],
    awards: dict[str, int] | None = None,
    requires: dict[str, tuple[str, ...]] | None = None,
    gates: tuple[str, ...] = (),
) -> tuple[Stage, ...]:
    """Stages by their share in percent; awards in minor units."""
    weights = coprime([percent(share) for share in shares.values()])
    return tuple(
        Stage(
            id=name,
            title=Title(zh=name, en=name),
            share=percent(share),
            weight=weight,
            award_minor=(awards or {}).get(name, 0),
            requires=(requires or {}).get(name, ()),
            evidence=(),
            gate=name in gates,
        )
        for (name, share), weight in zip(shares.items(), weights, strict=True)
    )


def plan(**changes: Any) -> Plan:
    """A plan of two equal stages, `find` and `sign`, 40% of what was received, nothing held or capped."""
    fields: dict[str, Any] = {
        "id": "p",
        "title": Title(zh="方案", en="Plan"),
        "currency": "CNY",
        "pool": pool(),
        "stages": stages({"find": 50, "sign": 50}),
    }
    return Plan(**(fields | changes))


def tianjin(**changes: Any) -> Plan:
    """The plan that docs/PLANS.md shows."""
    fields: dict[str, Any] = {
        "id": "tianjin-platform-manager",
        "title": Title(zh="天津“平台+职业经理人”标准方案", en="Tianjin platform and professional manager"),
        "pool": pool(40, floor_minor=100_000, cap_minor=50_000_000),
        "stages": (
            Stage("need_discovery", Title("需求挖掘", "Need discovery"), percent(15), 3, 50_000, (), ()),
            Stage("tech_sourcing", Title("技术寻源", "Tech sourcing"), percent(30), 6, 0, (), ()),
            Stage(
                "contract_signing",
                Title("合同签订", "Contract signing"),
                percent(30),
                6,
                0,
                ("need_discovery",),
                (),
            ),
            Stage("completion", Title("完成转化", "Completion"), percent(25), 5, 0, (), ()),
        ),
        "grades": {"junior": percent(80), "intermediate": percent(100), "senior": percent(120)},
        "holdback": Holdback(percent(10), "completion", None),
        "cap_per_deal_minor": 20_000_000,
        "cap_per_year_minor": 30_000_000,
        "clawback": {
            "default": Clawback("unpaid", keep_awards=True),
            "no_fault": Clawback("none", keep_awards=False),
            "fraud": Clawback("all", keep_awards=False),
        },
    }
    return plan(**(fields | changes))


def milestone(
    on: str, stage: str, seq: int = 0, /, **weights: int | str | tuple[int | str, str]
) -> Milestone:
    """`M1=60` or, with a grade, `M1=(60, "senior")`."""
    participants = []
    for manager, weight in sorted(weights.items()):
        number, grade = weight if isinstance(weight, tuple) else (weight, None)
        participants.append(Participant(manager, Fraction(number), grade))
    return Milestone(day(on), stage, tuple(participants), seq)


def withdrawn(on: str, stage: str, seq: int = 0) -> MilestoneWithdrawn:
    return MilestoneWithdrawn(day(on), stage, seq)


def fee(on: str, kind: FeeKind, amount: int, tax: int = 0, year: int | None = None) -> Fee:
    return Fee(day(on), kind, amount, tax, year)


def received(on: str, amount: int, tax: int = 0) -> Fee:
    return fee(on, "fee_received", amount, tax)


def stated(on: str, what: Statement, amount: int, seq: int = 0) -> Stated:
    return Stated(day(on), what, amount, seq)


def paid(on: str, manager: str, amount: int) -> Paid:
    return Paid(day(on), manager, amount)


def cancelled(on: str, reason: str, seq: int = 0) -> Cancelled:
    return Cancelled(day(on), reason, seq)


def gate_failed(on: str, stage: str, seq: int = 0) -> GateFailed:
    return GateFailed(day(on), stage, seq)


def reinstated(on: str, seq: int = 0) -> Reinstated:
    return Reinstated(day(on), seq)


def adjusted(on: str, manager: str, stage: str, amount: int, reason: str = "agreed") -> Adjustment:
    return Adjustment(day(on), manager, stage, amount, reason)


def deal(*facts: Fact, **known: Any) -> DealFacts:
    """D-1 and what happened to it."""
    return DealFacts(Deal("D-1", **known), facts)


def story() -> DealFacts:
    """The deal that docs/PLANS.md shows."""
    return deal(
        milestone("03-02", "need_discovery", M1=(1, "senior")),
        milestone("03-09", "tech_sourcing", M1=(60, "senior"), M2=40),
        stated("04-01", "contract_amount", 100_000_000),
        stated("04-01", "transaction_amount", 90_000_000),
        fee("04-20", "fee_invoiced", 5_000_000),
        received("05-06", 2_500_000),
        fee("05-07", "fee_refunded", 100_000),
        paid("05-31", "M1", 200_000),
        category="transfer",
        mode="lump_sum",
        expected_fee_minor=5_000_000,
    )
