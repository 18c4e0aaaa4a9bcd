"""What other systems answer, by their own public tests and complaints, and what we answer.

Each row is a fact about somebody else's system with where it was found. Where `because` is empty our
answer is the same; else it differs, and `because` says why ours is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from ledger.core.accrual import Books, Terms, draw
from ledger.core.earning import pool_of
from ledger.core.entry import COMMISSION_COST
from ledger.core.errors import InvalidFile
from ledger.core.money import split
from ledger.core.plan import Bracket, TierMode
from ledger.core.plan_file import read_plan
from ledger.core.rules import compile_plan
from ledger.core.target import target
from tests.deals import day, deal, fee, milestone, plan, pool, received, stages

END = day("12-31")
ONE_STAGE = stages({"all": 100})

FIRST = "ours gives what is left over to the greatest weight for each unit it has, not to the first listed"
GREATEST = "ours gives what is left over to whoever has least for their weight, not to the greatest weight"
REMAINDER = (
    "by largest remainders somebody gets less when there is more to share; ours never takes from anyone"
)
LEFT_OVER = "ours leaves nothing over: the parts add up"
FLAT = "a plan has no flat amount a bracket; this is the rest of theirs"


@dataclass(frozen=True)
class Known:
    """One question to both; amounts are whole minor units."""

    source: str
    asked: str
    answer: Callable[[], Any]
    theirs: Any
    ours: Any = None
    because: str = ""


def shared(
    source: str,
    total: int,
    weights: tuple[int | str, ...],
    theirs: tuple[int, ...],
    ours: tuple[int, ...] | None = None,
    because: str = "",
) -> Known:
    """An amount among several."""
    asked = f"{total} over {':'.join(map(str, weights))}"
    return Known(
        source, asked, lambda: split(total, [Fraction(weight) for weight in weights]), theirs, ours, because
    )


def tiered(
    source: str,
    mode: TierMode,
    brackets: tuple[tuple[int, str], ...],
    basis: int,
    theirs: int,
    ours: int | None = None,
    because: str = "",
) -> Known:
    """The pool of a basis by brackets of (from, rate)."""
    made = tuple(Bracket(start, Fraction(rate)) for start, rate in brackets)
    rules = compile_plan(plan(pool=pool(mode=mode, brackets=made)))
    asked = f"{mode} {basis} by {brackets}"
    return Known(source, asked, lambda: pool_of(rules, basis) if basis > 0 else 0, theirs, ours, because)


def earned(
    source: str, rate: str, receipts: tuple[int, ...], theirs: tuple[int, ...], **weights: int
) -> Known:
    """What each earns after some receipts, refunds below zero, in order of their names."""

    def answer() -> tuple[int, ...]:
        facts = [
            received("02-01", amount) if amount > 0 else fee("02-02", "fee_refunded", -amount)
            for amount in receipts
        ]
        brackets = (Bracket(0, Fraction(rate)),)
        one = plan(pool=pool(brackets=brackets), stages=ONE_STAGE)
        done = milestone("01-01", "all", **(weights or {"A": 1}))
        return tuple(row.earned_minor for row in target(one, deal(done, *facts), END).rows)

    return Known(source, f"{rate} of {receipts} for {weights or 'one'}", answer, theirs)


def refused(source: str, asked: str, old: str, new: str, theirs: str) -> Known:
    """A plan that neither takes: (their words, ours)."""

    def answer() -> str:
        text = (
            "format: 1\nplan: p\ncurrency: CNY\npool: {basis: fee_received, rate: 10%}\n"
            "stages: [{id: a, share: 100%}]\n"
        )
        with pytest.raises(InvalidFile):
            read_plan(text.replace(old, new), "p")
        return theirs

    return Known(source, asked, answer, theirs)


def posted(source: str, due: int, there: int, theirs: int) -> Known:
    """What is posted where something is in the books already."""

    def answer() -> int:
        one = plan(pool=pool(brackets=(Bracket(0, Fraction(1)),)), stages=ONE_STAGE)
        drawn = draw(
            one,
            deal(milestone("01-01", "all", A=1), received("01-02", due)),
            Books(earned={("A", "all", "earned", "2026-01"): there}),
            Terms("D-1", "C", "CNY", 0),
            today=END,
            landing=lambda period: period,
        )
        legs = [leg for entry in drawn.entries for leg in entry.postings]
        return sum(leg.amount_minor for leg in legs if leg.account == COMMISSION_COST)

    return Known(source, f"{due} due, {there} posted", answer, theirs)


FOWLER = "brick/money MoneyTest, FloorToFirst"
HAMILTON = "brick/money MoneyTest, FloorToLargestRemainder"
RATIO = "brick/money MoneyTest, FloorToLargestRatio"
SEPARATE = "brick/money MoneyTest, FloorSeparate"
NUMSCRIPT = "formancehq/numscript script-tests"
LAGO = "getlago/lago-api graduated_percentage_service_spec, without its flat amounts"
LAGO_FLAT = "getlago/lago-api graduated_percentage_service_spec, with its flat amounts"
LAGO_TIERS = ((0, "1/100"), (1_000, "2/100"), (2_000, "3/100"))
VOLUME = "getlago/lago-api volume_service_spec, without its flat amounts"
VOLUME_FLAT = "getlago/lago-api volume_service_spec, with its flat amounts"
VOLUME_TIERS = ((0, "2"), (10_100, "1"), (20_100, "1/2"))
PERCENTAGE = "getlago/lago-api percentage_service_spec, without its amount an event"
GRADUATED = "getlago/lago-api graduated_service_spec, without its flat amounts"
GRADUATED_TIERS = ((0, "10"), (10, "5"))
SECTIONS = "OCA/commission 17.0 test_commission, by sections"
ONE_SECTION = ((0, "0"), (100, "1/10"), (10_001, "0"), (1_500_000, "1/5"), (1_600_001, "0"))

KNOWN: tuple[Known, ...] = (
    # amounts among several
    shared(FOWLER, 100, (2, 3, 1), (34, 50, 16)),
    shared(FOWLER, 9_999, (100,), (9_999,)),
    shared(FOWLER, 9_999, (100, 100), (5_000, 4_999)),
    shared(FOWLER, 10_000, (30, 20, 40), (3_334, 2_222, 4_444), (3_333, 2_222, 4_445), FIRST),
    shared(
        FOWLER, 10_000, (30, 20, 40, 40), (2_308, 1_539, 3_077, 3_076), (2_308, 1_538, 3_077, 3_077), FIRST
    ),
    shared(
        FOWLER,
        10_000,
        (30, 20, 40, 0, 40, 0),
        (2_308, 1_539, 3_077, 0, 3_076, 0),
        (2_308, 1_538, 3_077, 0, 3_077, 0),
        FIRST,
    ),
    shared(FOWLER, 2, (1, 1, 1, 1), (1, 1, 0, 0)),
    shared(FOWLER, 2, (1, 1, 3, 1), (1, 0, 1, 0)),
    shared(
        FOWLER,
        -10_000,
        (30, 20, 40, 40),
        (-2_308, -1_539, -3_077, -3_076),
        (-2_308, -1_538, -3_077, -3_077),
        FIRST,
    ),
    shared(FOWLER, 3, (75, 25), (3, 0)),
    shared(FOWLER, 10_000, ("1/2", "3/2"), (2_500, 7_500)),
    shared(FOWLER, 10_000, ("1/3", "2/3"), (3_334, 6_666), (3_333, 6_667), FIRST),
    shared(FOWLER, 10_000, ("1/3", "2/7"), (5_385, 4_615)),
    shared(FOWLER, 10_000, ("2/7", "1/3"), (4_616, 5_384), (4_615, 5_385), FIRST),
    shared(HAMILTON, 100, (2, 3, 1), (33, 50, 17), (34, 50, 16), REMAINDER),
    shared(HAMILTON, 10_000, (30, 20, 40), (3_333, 2_222, 4_445)),
    shared(HAMILTON, 10_000, (30, 20, 40, 40), (2_308, 1_538, 3_077, 3_077)),
    shared(HAMILTON, 10_000, (30, 20, 40, 0, 0, 40), (2_308, 1_538, 3_077, 0, 0, 3_077)),
    shared(HAMILTON, -10_000, (30, 20, 40, 40), (-2_308, -1_538, -3_077, -3_077)),
    shared(HAMILTON, 3, (75, 25), (2, 1), (3, 0), REMAINDER),
    shared(HAMILTON, 10_000, ("1/3", "2/3"), (3_333, 6_667)),
    shared(HAMILTON, 10_000, ("2/7", "1/3"), (4_615, 5_385)),
    shared("largest remainder breaks when 10 grows to 11", 10, (6, 6, 2), (4, 4, 2), (5, 4, 1), REMAINDER),
    shared("largest remainder breaks when 10 grows to 11", 11, (6, 6, 2), (5, 5, 1)),
    shared(RATIO, 100, (2, 3, 1), (33, 51, 16), (34, 50, 16), GREATEST),
    shared(RATIO, 5, (3, 3, 4), (1, 1, 3), (2, 1, 2), GREATEST),
    shared(RATIO, 9, (3, 3, 4), (3, 2, 4), (3, 3, 3), GREATEST),
    shared(SEPARATE, 100, (400, 0, 40, 20, 2), (86, 0, 8, 4, 0), (87, 0, 9, 4, 0), LEFT_OVER),
    shared(SEPARATE, 10_000, (30, 20, 40), (3_333, 2_222, 4_444), (3_333, 2_222, 4_445), LEFT_OVER),
    shared(
        "brick/money MoneyTest, in steps of 0.05",
        2_000,
        (1, 2, 3, 7),
        (154, 308, 462, 1_076),
        (154, 308, 461, 1_077),
        FIRST,
    ),
    shared("brick/money MoneyTest, three decimals", 100_123, (2, 3, 1, 1), (28_607, 42_910, 14_303, 14_303)),
    shared("brick/money MoneyTest, quotient", 1_000, (1,) * 3, (333,) * 3, (334, 333, 333), LEFT_OVER),
    shared(
        "brick/money MoneyTest, quotient", 10_000, (1,) * 9, (1_111,) * 9, (1_112, *(1_111,) * 8), LEFT_OVER
    ),
    shared("brick/money MoneyTest, split", 9_999, (1, 1, 1), (3_333, 3_333, 3_333)),
    shared("brick/money MoneyTest, split", 9_999, (1, 1, 1, 1), (2_500, 2_500, 2_500, 2_499)),
    shared(NUMSCRIPT, 15, (80, 8, 12), (13, 1, 1), (12, 1, 2), FIRST),
    shared(NUMSCRIPT, 15, (80, 15, 5), (13, 2, 0), (12, 3, 0), FIRST),
    shared(NUMSCRIPT, 100, ("60", "35.5", "4.5"), (61, 35, 4), (60, 36, 4), FIRST),
    shared(NUMSCRIPT, 30, ("1/3", "2/3"), (10, 20)),
    shared(NUMSCRIPT, 9, ("1/3", "2/3"), (3, 6)),
    shared(NUMSCRIPT, 200, ("1/2", "1/2"), (100, 100)),
    shared("formancehq/numscript", 10, (0, "1/3", "2/3"), (1, 3, 6), (0, 3, 7), "a zero weight gets nothing"),
    shared("a peer whose answer varies from run to run", 1_001, (1, 1), (501, 500)),
    shared("antiwork/gumroad#5468", 100, (1, 1, 1), (33, 33, 33), (34, 33, 33), LEFT_OVER),
    shared("getdokan/dokan#3324", 645, (30, 70), (193, 451), (193, 452), LEFT_OVER),
    shared("adamcharnock/django-hordak, of 1.00", 100, (336, 336, 328), (34, 33, 33)),
    # tiers
    tiered(
        "University of Notre Dame policy",
        "marginal",
        ((0, "1/2"), (10_000_000, "1/4")),
        25_000_000,
        8_750_000,
    ),
    tiered(LAGO, "marginal", LAGO_TIERS, 0, 0),
    tiered(LAGO, "marginal", LAGO_TIERS, 100, 1),
    tiered(LAGO, "marginal", LAGO_TIERS, 1_000, 10),
    tiered(LAGO, "marginal", LAGO_TIERS, 1_100, 12),
    tiered(LAGO, "marginal", LAGO_TIERS, 1_200, 14),
    tiered(LAGO, "marginal", LAGO_TIERS, 2_100, 33),
    tiered(PERCENTAGE, "marginal", ((0, "13/1000"),), 80_000, 1_040),
    tiered(f"{PERCENTAGE}, the first 250 free", "marginal", ((0, "0"), (25_000, "13/1000")), 80_000, 715),
    tiered(f"{PERCENTAGE}, the first 400 free", "marginal", ((0, "0"), (40_000, "13/1000")), 80_000, 520),
    tiered(f"{PERCENTAGE}, the first 400 free", "marginal", ((0, "0"), (40_000, "13/1000")), 40_000, 0),
    tiered(PERCENTAGE, "marginal", ((0, "13/1000"),), 0, 0),
    tiered(GRADUATED, "marginal", GRADUATED_TIERS, 0, 0),
    tiered(GRADUATED, "marginal", GRADUATED_TIERS, 1, 10),
    tiered(GRADUATED, "marginal", GRADUATED_TIERS, 10, 100),
    tiered(GRADUATED, "marginal", GRADUATED_TIERS, 11, 105),
    tiered(GRADUATED, "marginal", GRADUATED_TIERS, 12, 110),
    tiered(VOLUME, "whole", VOLUME_TIERS, 0, 0),
    tiered(VOLUME, "whole", VOLUME_TIERS, -500, 0),
    tiered(VOLUME, "whole", VOLUME_TIERS, 100, 200),
    tiered(VOLUME, "whole", VOLUME_TIERS, 10_000, 20_000),
    tiered(
        VOLUME,
        "whole",
        VOLUME_TIERS,
        10_050,
        10_050,
        20_100,
        "between 100 and 101 theirs has a gap, taken by the tier above; our brackets reach to the next one",
    ),
    tiered(VOLUME, "whole", VOLUME_TIERS, 10_100, 10_100),
    tiered(VOLUME, "whole", VOLUME_TIERS, 20_000, 20_000),
    tiered(VOLUME, "whole", VOLUME_TIERS, 30_000, 15_000),
    tiered(
        VOLUME_FLAT,
        "whole",
        VOLUME_TIERS,
        30_000,
        20_000,
        15_000,
        FLAT,
    ),
    tiered(VOLUME_FLAT, "whole", VOLUME_TIERS, 100, 1_200, 200, FLAT),
    tiered(VOLUME_FLAT, "whole", VOLUME_TIERS, 10_000, 21_000, 20_000, FLAT),
    tiered(VOLUME_FLAT, "whole", VOLUME_TIERS, 10_100, 10_100),
    tiered(
        f"{VOLUME_FLAT}, 300 prorated to 198.6",
        "whole",
        VOLUME_TIERS,
        19_860,
        14_930,
        19_860,
        "theirs takes the tier of the full 300 units; ours the tier of the basis itself, and nothing is flat",
    ),
    tiered(LAGO_FLAT, "marginal", LAGO_TIERS, 1_100, 50_012, 12, FLAT),
    tiered(LAGO_FLAT, "marginal", LAGO_TIERS, 2_100, 90_033, 33, FLAT),
    tiered(SECTIONS, "whole", ONE_SECTION, 500, 50),
    tiered(SECTIONS, "whole", ONE_SECTION, 50, 0),
    tiered(SECTIONS, "whole", ONE_SECTION, 10_000, 1_000),
    tiered(SECTIONS, "whole", ONE_SECTION, 1_550_000, 310_000),
    tiered(SECTIONS, "whole", ONE_SECTION, 100_000, 0),
    # receipts, refunds
    earned("OCA/commission PR 104", "1/5", (1_000_000,), (200_000,)),
    earned("OCA/commission PR 104", "1/5", (1_000_000, 1_000_000), (400_000,)),
    earned("adempiere#1592: 10,000 invoiced, 8,000 received", "4/100", (800_000,), (32_000,)),
    earned("OCA/commission 14.0 sale_commission_advance, a down payment", "1/10", (10_000,), (1_000,)),
    earned("OCA/commission 14.0 sale_commission_advance, the rest", "1/10", (10_000, 90_000), (10_000,)),
    earned("tryton commission scenario, by payment", "1/10", (10_000,), (1_000,)),
    earned("tryton commission scenario, before payment", "1/10", (), (0,)),
    earned("tryton commission scenario, agent and principal", "2/10", (10_000,), (1_000, 1_000), A=1, B=1),
    earned("OCA/commission 17.0 test_negative_settlements", "1/10", (100_000, -100_000), (0,)),
    earned("polarsource/polar test_refund", "1", (10_000,), (7_500, 2_500), A=75, B=25),
    earned("polarsource/polar test_refund, refunded", "1", (10_000, -10_000), (0, 0), A=75, B=25),
    earned("polarsource/polar test_refund TestRevert, three quarters of 1,000", "3/4", (1_000,), (750,)),
    earned("polarsource/polar test_refund TestRevert, all of it refunded", "3/4", (1_000, -1_000), (0,)),
    earned("polarsource/polar test_refund TestRevert, 300 refunded", "3/4", (1_000, -300), (525,)),
    earned("polarsource/polar test_refund TestRevert, reverted", "3/4", (1_000, -300, 300), (750,)),
    earned("OCA/commission commission_formula_oca, a tenth of 250", "1/10", (25_000,), (2_500,)),
    earned("OCA/commission commission_formula_oca, 12.5 of 100", "125/1000", (10_000,), (1_250,)),
    Known(
        "OCA/commission 14.0, two agents and half received",
        "base 100 at 10% and 5%, 50 received",
        earned("", "15/100", (5_000,), (), A=10, B=5).answer,
        (750, 0),
        (500, 250),
        "each is paid by their own share of what was received",
    ),
    # what is refused
    refused(
        "frappe/erpnext selling_controller: sales team should be 100",
        "three shares of 33.33%",
        "[{id: a, share: 100%}]",
        "[{id: a, share: 33.33%}, {id: b, share: 33.33%}, {id: c, share: 33.33%}]",
        "Total allocated percentage for sales team should be 100",
    ),
    refused(
        "frappe/erpnext selling_controller: commission rate",
        "a rate of 140%",
        "rate: 10%",
        "rate: 140%",
        "must be between 0 and 100",
    ),
    refused(
        "OCA/commission 17.0 test_commission: sections",
        "a section from 5 to 1",
        "rate: 10%",
        "tiers: {mode: whole, brackets: [{from: 0, rate: 1%}, {from: 5, rate: 1%}, {from: 1, rate: 20%}]}",
        "The lower limit cannot be greater than upper one.",
    ),
    # recomputing
    posted("killbill: an invoice is recomputed", 500, 100, 400),
    posted("killbill: an invoice is recomputed and nothing changed", 500, 500, 0),
    posted("killbill: an invoice is repaired downwards", 300, 500, -200),
)


@pytest.mark.parametrize("known", KNOWN, ids=[f"{one.source}: {one.asked}" for one in KNOWN])
def test_a_known_answer_is_ours_or_ours_differs_for_a_reason(known: Known) -> None:
    if known.because:
        assert known.ours is not None and known.ours != known.theirs
        assert known.answer() == known.ours
    else:
        assert known.ours is None
        assert known.answer() == known.theirs


def test_a_refund_never_pays_the_agent_again() -> None:
    """OCA/commission#55 and, eight years later, its PR 557: a wrong sign."""
    before = earned("", "1/10", (100_000,), ()).answer()
    after = earned("", "1/10", (100_000, -40_000), ()).answer()
    assert after == (6_000,) and after < before


@pytest.mark.parametrize("total", [100, 645, 10_000, -10_000])
def test_what_is_split_mirrors_itself(total: int) -> None:
    """django-hordak's split of −1.00 over .336, .336, .328 is not the negative of that of 1.00."""
    weights = (336, 336, 328)
    assert split(-total, weights) == tuple(-part for part in split(total, weights))
