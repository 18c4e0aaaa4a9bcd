"""The nine rules of a plan, one by one, and the known answers of other systems."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from ledger.core.errors import Invalid
from ledger.core.facts import DealFacts
from ledger.core.holdback import due_on
from ledger.core.outcome import Row
from ledger.core.plan import Bracket, Clawback, Holdback, Plan
from ledger.core.target import Target, expected, target
from tests.deals import (
    adjusted,
    cancelled,
    day,
    deal,
    fee,
    milestone,
    paid,
    percent,
    plan,
    pool,
    received,
    reinstated,
    stages,
    stated,
    story,
    tianjin,
    withdrawn,
)

END = day("12-31")
FIND = milestone("01-01", "find", A=1)
SIGN = milestone("01-02", "sign", A=1)


def rows(plan: Plan, facts: DealFacts, on: date = END) -> dict[tuple[str, str], Row]:
    return {(row.manager, row.stage): row for row in target(plan, facts, on).rows}


def earned(plan: Plan, facts: DealFacts, on: date = END) -> dict[tuple[str, str], int]:
    return {key: row.earned_minor for key, row in rows(plan, facts, on).items()}


def why(result: Target) -> dict[str, str]:
    return {excluded.stage: excluded.why for excluded in result.excluded}


def pool_of(plan: Plan, *facts: object) -> int:
    return target(plan, deal(*facts), END).pool_minor  # type: ignore[arg-type]


def test_the_documented_deal_comes_out_to_the_fen() -> None:
    result = target(tianjin(), story(), day("05-31"))
    assert (result.basis_minor, result.pool_minor) == (2_400_000, 960_000)
    assert (result.allocated_minor, result.reserve_minor) == (432_000, 528_000)
    assert result.rows == (
        Row("M1", "need_discovery", 144_000, 0, 0, 144_000, 14_400, False, 129_600),
        Row("M1", "tech_sourcing", 185_143, 0, 0, 185_143, 18_514, False, 166_629),
        Row("M2", "tech_sourcing", 102_857, 0, 0, 102_857, 10_286, False, 92_571),
    )
    assert why(result) == {"contract_signing": "not_verified", "completion": "not_verified"}
    assert result.cancelled is None


# Rule 1: the basis


def test_what_is_received_counts_less_what_is_refunded() -> None:
    facts = deal(received("01-01", 10_000), fee("01-02", "fee_refunded", 4_000))
    assert target(plan(), facts, END).basis_minor == 6_000


def test_what_is_invoiced_counts_less_what_is_credited() -> None:
    facts = deal(fee("01-01", "fee_invoiced", 10_000), fee("01-02", "fee_credited", 4_000))
    assert target(plan(pool=pool(bases=("fee_invoiced",))), facts, END).basis_minor == 6_000


def test_vat_in_a_fee_does_not_count_unless_the_plan_says_so() -> None:
    facts = deal(received("01-01", 10_600, 600), fee("01-02", "fee_refunded", 1_060, 60))
    assert target(plan(), facts, END).basis_minor == 9_000
    assert target(plan(pool=pool(vat_included=True)), facts, END).basis_minor == 9_540


def test_the_latest_statement_of_a_figure_counts_by_date_then_seq() -> None:
    facts = deal(
        stated("03-01", "contract_amount", 700, 2),
        stated("03-01", "contract_amount", 900, 1),
        stated("01-01", "contract_amount", 500, 9),
    )
    assert target(plan(pool=pool(bases=("contract_amount",))), facts, END).basis_minor == 700


def test_two_equally_late_statements_that_differ_are_refused() -> None:
    facts = deal(stated("03-01", "net_income", 1), stated("03-01", "net_income", 2))
    with pytest.raises(Invalid, match="2026-03-01"):
        target(plan(pool=pool(bases=("net_income",))), facts, END)


def test_an_earlier_disagreement_that_a_later_statement_settled_does_no_harm() -> None:
    facts = deal(
        stated("03-01", "net_income", 1), stated("03-01", "net_income", 2), stated("03-02", "net_income", 3)
    )
    assert target(plan(pool=pool(bases=("net_income",))), facts, END).basis_minor == 3


def test_the_least_of_several_bases_counts_and_what_was_never_stated_is_zero() -> None:
    least = plan(pool=pool(bases=("transaction_amount", "fee_invoiced", "fee_received")))
    facts = [fee("01-01", "fee_invoiced", 500), received("01-02", 300)]
    assert target(least, deal(*facts), END).basis_minor == 0
    assert target(least, deal(*facts, stated("01-03", "transaction_amount", 400)), END).basis_minor == 300


# Rule 2: the pool


def test_a_basis_of_zero_or_less_gives_no_pool_and_is_shown_as_it_is() -> None:
    below = target(plan(), deal(FIND, fee("01-01", "fee_refunded", 500)), END)
    assert (below.basis_minor, below.pool_minor) == (-500, 0)
    assert below.rows[0].earned_minor == 0
    assert why(below)["find"] == "no_basis"


def test_a_floor_applies_once_there_is_a_basis() -> None:
    floored = plan(pool=pool(floor_minor=100_000))
    assert pool_of(floored) == 0
    assert pool_of(floored, received("01-01", 1)) == 100_000


def test_a_cap_ends_the_pool() -> None:
    assert pool_of(plan(pool=pool(cap_minor=3_999)), received("01-01", 10_000)) == 3_999


def test_a_pool_is_rounded_once_half_away_from_zero() -> None:
    assert pool_of(plan(pool=pool("12.5")), received("01-01", 4)) == 1  # 0.5
    assert pool_of(plan(pool=pool("12.5")), received("01-01", 11)) == 1  # 1.375
    assert pool_of(plan(pool=pool("12.5")), received("01-01", 12)) == 2  # 1.5


def test_marginal_tiers_put_each_slice_at_its_own_rate() -> None:
    tiers = pool(brackets=(Bracket(0, percent(50)), Bracket(10_000_000, percent(25))))
    assert pool_of(plan(pool=tiers), received("01-01", 25_000_000)) == 8_750_000
    assert pool_of(plan(pool=tiers), received("01-01", 10_000_000)) == 5_000_000


def test_marginal_slices_are_rounded_together_not_one_by_one() -> None:
    tiers = pool(brackets=(Bracket(0, Fraction(1, 3)), Bracket(1, Fraction(1, 7))))
    assert pool_of(plan(pool=tiers), received("01-01", 2)) == 0  # 1/3 + 1/7 = 0.476
    assert pool_of(plan(pool=tiers), received("01-01", 3)) == 1  # 1/3 + 2/7 = 0.619


def test_a_whole_tier_puts_all_of_it_at_the_rate_of_its_bracket_which_is_half_open() -> None:
    tiers = pool(mode="whole", brackets=(Bracket(0, percent(2)), Bracket(10_000, percent(1))))
    assert pool_of(plan(pool=tiers), received("01-01", 9_999)) == 200
    assert pool_of(plan(pool=tiers), received("01-01", 10_000)) == 100


# Rule 3: the parts


def test_the_part_of_a_stage_not_verified_stays_in_the_pool() -> None:
    result = target(plan(), deal(FIND, received("01-03", 10_000)), END)
    assert (result.pool_minor, result.allocated_minor, result.reserve_minor) == (4_000, 2_000, 2_000)


def test_the_parts_of_all_stages_are_the_pool() -> None:
    thirds = plan(pool=pool(100), stages=stages({"a": "33.33", "b": "33.33", "c": "33.34"}))
    facts = deal(*(milestone("01-01", stage, A=1) for stage in "abc"), received("01-01", 100))
    result = target(thirds, facts, END)
    assert [row.earned_minor for row in result.rows] == [33, 33, 34]


# Rule 4: awards and required stages

AWARD = plan(stages=stages({"find": 50, "sign": 50}, {"find": 500}, {"sign": ("find",)}))


def test_an_award_is_earned_on_verification_before_there_is_any_pool() -> None:
    result = target(AWARD, deal(FIND), END)
    assert result.rows[0].earned_minor == 500
    assert (result.pool_minor, result.reserve_minor) == (0, -500)


def test_an_award_is_an_advance_on_the_part_not_on_top_of_it() -> None:
    assert earned(AWARD, deal(FIND, received("01-03", 1_000))) == {("A", "find"): 500}
    assert earned(AWARD, deal(FIND, received("01-03", 10_000))) == {("A", "find"): 2_000}


def test_a_stage_waits_for_those_it_requires() -> None:
    alone = deal(SIGN, received("01-03", 10_000))
    assert earned(AWARD, alone) == {("A", "sign"): 0}
    assert why(target(AWARD, alone, END)) == {"find": "not_verified", "sign": "requires_not_verified"}
    both = deal(SIGN, FIND, received("01-03", 10_000))
    assert earned(AWARD, both) == {("A", "find"): 2_000, ("A", "sign"): 2_000}


def test_a_stage_that_waits_earns_its_award_and_no_more() -> None:
    waiting = plan(stages=stages({"find": 50, "sign": 50}, {"sign": 300}, {"sign": ("find",)}))
    assert earned(waiting, deal(SIGN, received("01-03", 10_000))) == {("A", "sign"): 300}


def test_only_directly_required_stages_are_asked_for() -> None:
    chain = plan(stages=stages({"a": 40, "b": 30, "c": 30}, None, {"b": ("a",), "c": ("b",)}))
    facts = deal(milestone("01-01", "b", A=1), milestone("01-01", "c", A=1), received("01-01", 1_000))
    assert earned(chain, facts) == {("A", "b"): 0, ("A", "c"): 120}


# Rule 5: the participants


def test_a_weight_counts_times_the_grade_and_never_changes_the_pool() -> None:
    graded = plan(grades={"junior": percent(80), "senior": percent(120)})
    facts = deal(milestone("01-01", "find", A=(1, "junior"), B=(1, "senior")), received("01-02", 10_000))
    assert earned(graded, facts) == {("A", "find"): 800, ("B", "find"): 1_200}
    alone = deal(milestone("01-01", "find", A=(1, "junior")), received("01-02", 10_000))
    assert earned(graded, alone) == {("A", "find"): 2_000}


def test_no_grade_is_100_percent_and_an_unknown_one_an_error() -> None:
    graded = plan(grades={"junior": percent(50)})
    facts = deal(milestone("01-01", "find", A=(1, "junior"), B=1), received("01-02", 15_000))
    assert earned(graded, facts) == {("A", "find"): 1_000, ("B", "find"): 2_000}
    with pytest.raises(Invalid, match="no grade “master”"):
        target(graded, deal(milestone("01-01", "find", A=(1, "master"))), END)


def test_a_plan_without_grades_counts_all_alike() -> None:
    facts = deal(milestone("01-01", "find", A=(1, "junior"), B=(1, "senior")), received("01-02", 10_000))
    assert earned(plan(), facts) == {("A", "find"): 1_000, ("B", "find"): 1_000}


def test_who_has_no_weight_is_listed_with_nothing() -> None:
    facts = deal(milestone("01-01", "find", A=0, B="1/3", C="2/3"), received("01-02", 50))
    assert earned(plan(), facts) == {("A", "find"): 0, ("B", "find"): 3, ("C", "find"): 7}


def test_somebody_must_have_a_weight() -> None:
    with pytest.raises(Invalid):
        target(plan(), deal(milestone("01-01", "find", A=0)), END)


def test_the_latest_milestone_of_a_stage_gives_its_participants_whole() -> None:
    facts = deal(
        milestone("01-02", "find", 1, B=1),
        milestone("01-02", "find", A=1),
        milestone("01-01", "find", 7, C=1),
        received("01-03", 10_000),
    )
    assert earned(plan(), facts) == {("B", "find"): 2_000}


def test_a_withdrawal_undoes_the_milestones_of_its_stage_up_to_its_day() -> None:
    first, second = milestone("01-01", "find", 5, A=1), milestone("01-03", "find", B=1)
    facts = [first, second, SIGN, received("01-04", 10_000)]
    assert earned(plan(), deal(*facts, withdrawn("01-02", "find")))[("B", "find")] == 2_000
    gone = target(plan(), deal(*facts, withdrawn("01-03", "find")), END)
    assert [row.stage for row in gone.rows] == ["sign"]
    assert why(gone) == {"find": "not_verified"}


def test_a_milestone_of_a_stage_the_plan_lacks_is_refused() -> None:
    with pytest.raises(Invalid, match="no stage “dream”"):
        target(plan(), deal(milestone("01-01", "dream", A=1)), END)


# Rule 6: the cap on the deal


def test_a_cap_cuts_from_the_last_stage_backwards() -> None:
    capped = plan(
        stages=stages({"a": 50, "b": 30, "c": 20}),
        cap_per_deal_minor=2_500,
        holdback=Holdback(percent(10), "c", None),
    )
    facts = deal(*(milestone("01-01", stage, A=1) for stage in "abc"), received("01-02", 10_000))
    result = target(capped, facts, END)
    assert [row.accrued_minor for row in result.rows] == [2_000, 500, 0]
    assert why(result) == {"b": "cut_by_cap", "c": "cut_by_cap"}
    assert result.reserve_minor == 1_500


def test_a_cap_counts_each_manager_apart_and_awards_too() -> None:
    capped = plan(stages=stages({"find": 50, "sign": 50}, {"find": 600}), cap_per_deal_minor=500)
    facts = deal(
        milestone("01-01", "find", A=1), milestone("01-01", "sign", A=1, B=1), received("01-02", 2_000)
    )
    assert earned(capped, facts) == {("A", "find"): 500, ("A", "sign"): 0, ("B", "sign"): 200}


# Rule 7: the holdback

BY_STAGE = plan(holdback=Holdback(percent(10), "sign", None))
BY_DAYS = plan(holdback=Holdback(percent(10), None, 90))


def test_a_part_is_held_until_the_release_stage_is_verified() -> None:
    facts = [FIND, received("01-01", 10_025)]
    before = rows(BY_STAGE, deal(*facts))[("A", "find")]
    assert (before.earned_minor, before.held_minor, before.payable_minor) == (2_005, 201, 1_804)
    assert not before.released
    after = rows(BY_STAGE, deal(*facts, SIGN))
    assert [(row.held_minor, row.released) for row in after.values()] == [(0, True), (0, True)]


def test_a_part_is_held_for_days_after_the_first_milestone_that_stands() -> None:
    facts = deal(FIND, milestone("02-01", "find", B=1), received("01-01", 10_000))
    assert rows(BY_DAYS, facts, day("03-31"))[("B", "find")].held_minor == 200
    assert rows(BY_DAYS, facts, day("04-01"))[("B", "find")].held_minor == 0
    again = deal(*facts.facts, withdrawn("01-31", "find"))
    assert rows(BY_DAYS, again, day("05-01"))[("B", "find")].held_minor == 200
    assert rows(BY_DAYS, again, day("05-02"))[("B", "find")].held_minor == 0


def test_each_stage_is_held_for_its_own_days_and_nothing_earned_later() -> None:
    facts = deal(FIND, milestone("02-01", "sign", A=1), received("01-01", 10_000), received("04-01", 10_000))
    at = rows(BY_DAYS, facts, day("04-01"))
    assert [row.held_minor for row in at.values()] == [0, 400]


def test_awards_are_held_too_and_adjustments_never() -> None:
    held = plan(
        stages=stages({"find": 50, "sign": 50}, {"find": 500}), holdback=Holdback(percent(10), "sign", None)
    )
    row = rows(held, deal(FIND, adjusted("01-05", "A", "find", 1_000)))[("A", "find")]
    assert (row.held_minor, row.payable_minor) == (50, 1_450)


def test_the_days_on_which_a_holdback_ends_are_known_ahead() -> None:
    facts = [FIND, milestone("02-01", "find", B=1), SIGN]
    assert due_on(BY_DAYS, deal(*facts)) == (day("04-01"), day("04-02"))
    assert due_on(BY_STAGE, deal(*facts)) == ()
    assert due_on(plan(), deal(*facts)) == ()


def test_a_withdrawn_milestone_or_a_dead_deal_ends_no_holdback() -> None:
    assert due_on(BY_DAYS, deal(FIND, withdrawn("01-31", "find"))) == ()
    assert due_on(BY_DAYS, deal(FIND, cancelled("01-31", "fraud"))) == ()
    late = deal(FIND, withdrawn("06-30", "find"), cancelled("07-01", "fraud"))
    assert due_on(BY_DAYS, late) == (day("04-01"),)


# Rule 8: cancelled deals

DYING = plan(
    stages=stages({"find": 50, "sign": 50}, {"find": 600, "sign": 600}),
    holdback=Holdback(percent(10), "sign", None),
    clawback={
        "default": Clawback("unpaid", keep_awards=False),
        "unpaid_awards": Clawback("unpaid", keep_awards=True),
        "no_fault": Clawback("none", keep_awards=False),
        "fraud": Clawback("all", keep_awards=False),
        "awards": Clawback("all", keep_awards=True),
    },
)
ALIVE = (FIND, SIGN, received("01-03", 10_000))  # 2,000 for each stage


def test_the_basis_stands_still_from_the_day_of_the_cancellation() -> None:
    facts = deal(
        *ALIVE, cancelled("02-01", "no_fault"), received("02-01", 500), fee("03-01", "fee_refunded", 500)
    )
    assert target(DYING, facts, END).basis_minor == 10_000
    still = plan(pool=pool(bases=("net_income",)))
    facts = deal(stated("01-01", "net_income", 5), stated("02-01", "net_income", 9), cancelled("02-01", "x"))
    assert target(still, facts, END).basis_minor == 5


def test_none_leaves_the_earnings_and_holds_nothing() -> None:
    result = target(DYING, deal(FIND, received("01-03", 10_000), cancelled("02-01", "no_fault")), END)
    row = result.rows[0]
    assert (row.earned_minor, row.held_minor, row.released, row.clawed_minor) == (2_000, 0, True, 0)
    assert result.cancelled == cancelled("02-01", "no_fault")
    assert why(result) == {"sign": "not_verified"}


def test_all_leaves_nothing() -> None:
    result = target(DYING, deal(*ALIVE, paid("01-10", "A", 9_999), cancelled("02-01", "fraud")), END)
    assert [(row.accrued_minor, row.clawed_minor, row.earned_minor) for row in result.rows] == [
        (2_000, -2_000, 0),
        (2_000, -2_000, 0),
    ]
    assert why(result) == {"find": "cancelled", "sign": "cancelled"}


def test_unpaid_leaves_what_was_paid_from_the_first_stage_on() -> None:
    result = target(DYING, deal(*ALIVE, paid("01-10", "A", 2_500), cancelled("02-01", "gone")), END)
    assert [row.earned_minor for row in result.rows] == [2_000, 500]
    assert why(result) == {"sign": "cancelled"}


def test_unpaid_leaves_no_more_than_was_earned_and_counts_returned_money_back() -> None:
    over = deal(*ALIVE, paid("01-10", "A", 9_000), cancelled("02-01", "gone"))
    assert sum(earned(DYING, over).values()) == 4_000
    returned = deal(*over.facts, paid("01-11", "A", -8_000))
    assert sum(earned(DYING, returned).values()) == 1_000
    below = deal(*over.facts, paid("01-11", "A", -9_500))
    assert sum(earned(DYING, below).values()) == 0


def test_unpaid_counts_what_was_paid_after_the_cancellation_too() -> None:
    facts = deal(*ALIVE, cancelled("02-01", "gone"), paid("02-10", "A", 700))
    assert earned(DYING, facts) == {("A", "find"): 700, ("A", "sign"): 0}


def test_awards_kept_are_the_managers_part_of_them_or_what_they_had_earned() -> None:
    shared = milestone("01-01", "find", A=2, B=1)
    facts = deal(shared, received("01-03", 10_000), cancelled("02-01", "awards"))
    assert earned(DYING, facts) == {("A", "find"): 400, ("B", "find"): 200}
    capped = plan(stages=DYING.stages, clawback=DYING.clawback, cap_per_deal_minor=150)
    assert earned(capped, facts) == {("A", "find"): 150, ("B", "find"): 150}


def test_awards_are_kept_over_what_was_paid_where_they_are_more() -> None:
    facts = deal(*ALIVE, paid("01-10", "A", 2_100), cancelled("02-01", "unpaid_awards"))
    assert earned(DYING, facts) == {("A", "find"): 2_000, ("A", "sign"): 600}


def test_a_reason_not_listed_is_the_default_and_without_a_default_nothing_is_taken() -> None:
    facts = deal(*ALIVE, cancelled("02-01", "whatever"))
    assert sum(earned(DYING, facts).values()) == 0
    assert sum(earned(plan(), facts).values()) == 4_000


def test_a_milestone_after_the_cancellation_earns_nothing_and_is_listed() -> None:
    facts = deal(
        FIND, received("01-03", 10_000), cancelled("02-01", "no_fault"), milestone("02-02", "sign", A=1, B=1)
    )
    assert earned(DYING, facts) == {("A", "find"): 2_000, ("A", "sign"): 0, ("B", "sign"): 0}
    assert why(target(DYING, facts, END)) == {"sign": "cancelled"}


def test_a_milestone_on_the_day_of_the_cancellation_counts() -> None:
    facts = deal(
        FIND, received("01-03", 10_000), cancelled("02-01", "no_fault"), milestone("02-01", "sign", A=1)
    )
    assert earned(DYING, facts) == {("A", "find"): 2_000, ("A", "sign"): 2_000}


def test_a_milestone_after_the_cancellation_neither_replaces_participants_nor_opens_a_stage() -> None:
    after = milestone("02-02", "find", B=1)
    facts = deal(*ALIVE, cancelled("02-01", "no_fault"), after)
    assert earned(DYING, facts) == {("A", "find"): 2_000, ("A", "sign"): 2_000}
    waiting = deal(SIGN, received("01-03", 10_000), cancelled("02-01", "no_fault"), after)
    assert earned(AWARD, waiting) == {("B", "find"): 0, ("A", "sign"): 0}


def test_the_earliest_of_two_standing_cancellations_rules() -> None:
    facts = deal(*ALIVE, cancelled("03-01", "fraud"), cancelled("02-01", "no_fault"))
    assert sum(earned(DYING, facts).values()) == 4_000


def test_a_reinstated_deal_lives_on_as_if_it_had_never_died() -> None:
    facts = deal(*ALIVE, cancelled("02-01", "fraud"), received("02-05", 10_000), reinstated("02-10"))
    result = target(DYING, facts, END)
    assert (result.cancelled, result.basis_minor, result.allocated_minor) == (None, 20_000, 8_000)
    assert target(DYING, facts, day("02-09")).allocated_minor == 0


def test_a_reinstatement_undoes_only_the_cancellations_before_it() -> None:
    same = [*ALIVE, cancelled("02-01", "fraud", 2)]
    assert target(DYING, deal(*same, reinstated("02-01", 2)), END).cancelled is not None
    assert target(DYING, deal(*same, reinstated("02-01", 3)), END).cancelled is None
    again = deal(*same, reinstated("02-02"), cancelled("03-01", "no_fault"))
    assert target(DYING, again, END).cancelled == cancelled("03-01", "no_fault")


# Rule 9: adjustments


def test_an_adjustment_is_added_after_everything_else() -> None:
    capped = plan(cap_per_deal_minor=100)
    facts = deal(
        FIND,
        received("01-03", 10_000),
        adjusted("01-04", "A", "find", 40),
        adjusted("01-05", "A", "find", -5),
    )
    row = rows(capped, facts)[("A", "find")]
    assert (row.accrued_minor, row.adjusted_minor, row.earned_minor) == (100, 35, 135)
    dead = deal(*ALIVE, cancelled("02-01", "fraud"), adjusted("03-01", "A", "sign", 70))
    assert earned(DYING, dead) == {("A", "find"): 0, ("A", "sign"): 70}


def test_an_adjustment_for_one_who_took_no_part_has_a_row_of_its_own() -> None:
    facts = deal(
        SIGN,
        received("01-03", 10_000),
        adjusted("01-04", "Z", "find", -40),
        adjusted("01-04", "0", "sign", 9),
    )
    result = target(plan(), facts, END)
    assert [(row.manager, row.stage, row.earned_minor) for row in result.rows] == [
        ("Z", "find", -40),
        ("0", "sign", 9),
        ("A", "sign", 2_000),
    ]
    assert why(result) == {"find": "not_verified"}


# As of a day


def test_facts_after_the_day_are_ignored_and_those_on_it_count() -> None:
    facts = deal(
        FIND, received("02-01", 10_000), received("02-02", 10_000), adjusted("02-02", "A", "find", 1)
    )
    assert earned(plan(), facts, day("01-31")) == {("A", "find"): 0}
    assert earned(plan(), facts, day("02-01")) == {("A", "find"): 2_000}
    assert target(plan(), facts, day("02-01")) == target(plan(), deal(*facts.facts[:2]), day("02-01"))


# What is still expected


def test_a_verified_stage_may_still_expect_what_the_expected_fee_would_bring() -> None:
    assert expected(tianjin(), story(), day("05-31")) == {
        ("M1", "need_discovery"): 300_000 - 144_000,
        ("M1", "tech_sourcing"): 385_714 - 185_143,
        ("M2", "tech_sourcing"): 214_286 - 102_857,
    }


def test_the_expected_fee_counts_without_its_vat() -> None:
    facts = deal(FIND, expected_fee_minor=10_600, tax_rate=percent(6))
    assert expected(plan(), facts, END) == {("A", "find"): 2_000}
    assert expected(plan(pool=pool(vat_included=True)), facts, END) == {("A", "find"): 2_120}


def test_nothing_is_expected_of_a_dead_deal_or_without_an_expected_fee() -> None:
    assert expected(plan(), deal(FIND), END) == {("A", "find"): 0}
    dead = deal(FIND, cancelled("02-01", "x"), expected_fee_minor=10_000)
    assert expected(plan(), dead, END) == {("A", "find"): 0}


def test_no_less_than_nothing_is_expected_where_more_came_in() -> None:
    facts = deal(FIND, received("01-02", 20_000), expected_fee_minor=10_000)
    assert expected(plan(), facts, END) == {("A", "find"): 0}


def test_a_stated_figure_is_expected_as_stated_or_else_as_the_fee() -> None:
    by_income = plan(pool=pool(bases=("net_income",)))
    assert expected(by_income, deal(FIND, expected_fee_minor=10_000), END) == {("A", "find"): 2_000}
    told = deal(FIND, stated("01-02", "net_income", 700), expected_fee_minor=10_000)
    assert expected(by_income, told, END) == {("A", "find"): 0}


def test_a_figure_never_stated_is_no_least_of_several_expected_ones() -> None:
    least = plan(pool=pool(bases=("transaction_amount", "fee_received")))
    assert expected(least, deal(FIND, expected_fee_minor=10_000), END) == {("A", "find"): 2_000}
    told = deal(FIND, stated("01-02", "transaction_amount", 5_000), expected_fee_minor=10_000)
    assert expected(least, told, END) == {("A", "find"): 1_000}


def test_an_award_already_earned_is_not_expected_again() -> None:
    assert expected(AWARD, deal(FIND, expected_fee_minor=10_000), END) == {("A", "find"): 1_500}


# Known answers of other systems, as docs/PLANS.md would put them

WHOLE = stages({"find": 100})


def commission(rate: int | str, *receipts: int) -> int:
    """What one manager of a one-stage plan has earned after so many receipts, refunds below zero."""
    facts = [
        received("02-01", amount) if amount >= 0 else fee("02-02", "fee_refunded", -amount)
        for amount in receipts
    ]
    return sum(earned(plan(pool=pool(rate), stages=WHOLE), deal(FIND, *facts)).values())


@pytest.mark.parametrize(
    ("rate", "receipts", "answer"),
    [
        pytest.param(20, (1_000_000,), 200_000, id="a first half received"),
        pytest.param(20, (1_000_000, 1_000_000), 400_000, id="both halves received"),
        pytest.param(4, (800_000,), 32_000, id="8,000 received of 10,000 invoiced, at 4%"),
        pytest.param(10, (10_000,), 1_000, id="a down payment of a tenth"),
        pytest.param(10, (10_000, 90_000), 10_000, id="the down payment and the rest"),
        pytest.param(10, (100_000, -100_000), 0, id="a full refund leaves exactly nothing"),
    ],
)
def test_commission_follows_the_receipts(rate: int, receipts: tuple[int, ...], answer: int) -> None:
    assert commission(rate, *receipts) == answer


def test_two_managers_paid_in_part_are_each_paid_in_part() -> None:
    shared = plan(pool=pool(15), stages=WHOLE)
    facts = deal(milestone("01-01", "find", A=10, B=5), received("01-02", 5_000))
    assert earned(shared, facts) == {("A", "find"): 500, ("B", "find"): 250}


def test_a_refund_is_split_as_the_payment_was() -> None:
    shared = plan(pool=pool(100), stages=WHOLE)
    facts = [milestone("01-01", "find", A=75, B=25), received("01-02", 10_000)]
    assert earned(shared, deal(*facts)) == {("A", "find"): 7_500, ("B", "find"): 2_500}
    assert earned(shared, deal(*facts, fee("01-03", "fee_refunded", 4_000))) == {
        ("A", "find"): 4_500,
        ("B", "find"): 1_500,
    }


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (15, (80, 8, 12), (12, 1, 2)),
        (1_001, (1, 1), (501, 500)),
        (2, (1, 1, 3, 1), (1, 0, 1, 0)),
        (11, (6, 6, 2), (5, 5, 1)),
    ],
)
def test_the_remainder_goes_by_the_split_law(
    total: int, weights: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    by_id = dict(zip("ABCD", weights, strict=False))
    facts = deal(milestone("01-01", "find", **by_id), received("01-02", total))
    assert tuple(earned(plan(pool=pool(100), stages=WHOLE), facts).values()) == parts
