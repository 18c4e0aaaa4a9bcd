"""Any plan and any history of a deal, for the laws that hold of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import strategies as st

from ledger.core.facts import (
    Adjustment,
    Cancelled,
    Deal,
    Fact,
    Fee,
    GateFailed,
    Milestone,
    MilestoneWithdrawn,
    Paid,
    Participant,
    Reinstated,
    Stated,
)
from ledger.core.plan import BASES, Bracket, Clawback, Holdback, Plan, Pool, Stage, Title, Years

STAGES = ("a", "b", "c", "d")
MANAGERS = ("M1", "M2", "M3")
GRADES = {"junior": Fraction(4, 5), "senior": Fraction(6, 5)}
START = date(2026, 1, 1)
END = START + timedelta(days=200)

days = st.integers(0, 60).map(lambda offset: START + timedelta(days=offset))
seqs = st.integers(0, 2)
amounts = st.integers(0, 10**7)
maybe = st.none() | amounts
rates = st.fractions(0, 1, max_denominator=50)


@st.composite
def pools(draw: st.DrawFn, modes: Sequence[str] = ("marginal", "whole")) -> Pool:
    thresholds = [0, *sorted(draw(st.sets(st.integers(1, 10**7), max_size=3)))]
    bounds = sorted([draw(maybe), draw(maybe)], key=lambda bound: bound or 0)
    floor, cap = bounds if None not in bounds else (bounds[0], None)
    if draw(st.integers(0, 3)) == 0:
        return _running(draw, floor, cap)
    return Pool(
        bases=tuple(sorted(draw(st.sets(st.sampled_from(BASES), min_size=1, max_size=3)))),
        vat_included=draw(st.booleans()),
        mode=draw(st.sampled_from(modes)),
        brackets=tuple(Bracket(threshold, draw(rates)) for threshold in thresholds),
        floor_minor=floor,
        cap_minor=cap,
    )


def _running(draw: st.DrawFn, floor: int | None, cap: int | None) -> Pool:
    """Rates by year, on fees."""
    return Pool(
        bases=(draw(st.sampled_from(BASES[4:])),),
        vat_included=draw(st.booleans()),
        mode="marginal",
        brackets=(),
        floor_minor=floor,
        cap_minor=cap,
        years=Years(draw(st.sampled_from(STAGES)), tuple(draw(st.lists(rates, min_size=1, max_size=3)))),
    )


@st.composite
def stages(draw: st.DrawFn) -> tuple[Stage, ...]:
    weights = [draw(st.integers(1, 9)) for _ in STAGES]
    return tuple(
        Stage(
            id=name,
            title=Title(name, name),
            share=Fraction(weight, sum(weights)),
            weight=weight,
            award_minor=draw(st.sampled_from((0, 0, 333, 50_000))),
            requires=tuple(
                sorted(draw(st.sets(st.sampled_from(STAGES[:position]), max_size=2))) if position else ()
            ),
            evidence=(),
            gate=name == "d" or (name == "b" and draw(st.booleans())),
        )
        for position, (name, weight) in enumerate(zip(STAGES, weights, strict=True))
    )


clawbacks = st.builds(Clawback, st.sampled_from(("none", "unpaid", "all")), st.booleans())
holdbacks = st.builds(lambda rate: Holdback(rate, "d", None), rates) | st.builds(
    lambda rate, wait: Holdback(rate, None, wait), rates, st.integers(0, 90)
)


@st.composite
def plans(draw: st.DrawFn, modes: Sequence[str] = ("marginal", "whole")) -> Plan:
    return Plan(
        id="p",
        title=Title("p", "p"),
        currency="CNY",
        pool=draw(pools(modes)),
        stages=draw(stages()),
        grades=draw(st.sampled_from(({}, GRADES))),
        holdback=draw(st.none() | holdbacks),
        cap_per_deal_minor=draw(st.none() | st.integers(0, 10**6)),
        clawback=draw(st.dictionaries(st.sampled_from(("default", "fraud")), clawbacks)),
    )


@st.composite
def milestones(draw: st.DrawFn) -> Milestone:
    weights = draw(st.dictionaries(st.sampled_from(MANAGERS), st.integers(0, 12), min_size=1))
    first = min(weights)
    weights[first] += 1
    grade = st.sampled_from((None, "junior", "senior"))
    taking_part = tuple(
        Participant(name, Fraction(weight, 2), draw(grade)) for name, weight in sorted(weights.items())
    )
    return Milestone(draw(days), draw(st.sampled_from(STAGES)), taking_part, draw(seqs))


@st.composite
def fees(draw: st.DrawFn) -> Fee:
    amount = draw(amounts)
    kinds = st.sampled_from(("fee_invoiced", "fee_credited", "fee_received", "fee_received", "fee_refunded"))
    year = draw(st.sampled_from((None, None, 1, 2, 4)))
    return Fee(draw(days), draw(kinds), amount, draw(st.sampled_from((0, amount // 10))), year)


figures = st.sampled_from(BASES[:4])
anything = st.one_of(
    milestones(),
    milestones(),
    fees(),
    fees(),
    st.builds(Stated, days, figures, amounts, seqs),
    st.builds(MilestoneWithdrawn, days, st.sampled_from(STAGES), seqs),
    st.builds(Paid, days, st.sampled_from(MANAGERS), st.integers(-(10**5), 10**6)),
    st.builds(Cancelled, days, st.sampled_from(("fraud", "other")), seqs),
    st.builds(GateFailed, days, st.just("d"), seqs),
    st.builds(Reinstated, days, seqs),
    st.builds(
        Adjustment,
        days,
        st.sampled_from(MANAGERS),
        st.sampled_from(STAGES),
        st.integers(-(10**5), 10**5),
        st.sampled_from(("one", "other")),
    ),
)


def ordered(facts: list[Fact]) -> list[Fact]:
    """The same facts, each with a seq of its own, so that none are equally late."""
    return [replace(fact, seq=seq) if hasattr(fact, "seq") else fact for seq, fact in enumerate(facts)]


histories = st.lists(anything, max_size=14).map(ordered)
deals = st.builds(
    Deal,
    st.just("D"),
    expected_fee_minor=maybe,
    tax_rate=st.none() | st.just(Fraction(3, 50)),
)
