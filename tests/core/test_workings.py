"""Why this amount, and why not: as data and in words."""

from __future__ import annotations

import json
from datetime import date
from string import Formatter

import pytest
from hypothesis import given, settings

from ledger.core.errors import NotFound
from ledger.core.facts import Deal, DealFacts, Fact
from ledger.core.plan import Bracket, Clawback, Holdback, Plan
from ledger.core.sentences import SENTENCES
from ledger.core.target import target
from ledger.core.waits import reasons
from ledger.core.workings import Lang, Step, from_data, less_posted, render, sentences, steps, to_data
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
    stages,
    stated,
    story,
    tianjin,
)
from tests.histories import days, deals, histories, plans

END = day("12-31")
FIND = milestone("01-01", "find", A=1)


def rules(plan: Plan, facts: DealFacts, stage: str = "find", manager: str = "A") -> list[str]:
    return [step.rule for step in steps(target(plan, facts, END), manager, stage)]


def said(plan: Plan, facts: DealFacts, stage: str = "find", manager: str = "A") -> list[str]:
    return sentences(steps(target(plan, facts, END), manager, stage), "en", "CNY")


def test_the_documented_amount_is_explained_from_the_milestone_to_the_fen() -> None:
    result = target(tianjin(), story(), day("05-31"))
    assert sentences(steps(result, "M1", "tech_sourcing"), "en", "CNY") == [
        "Tech sourcing was verified on 2026-03-09.",
        "Fees received up to 2026-05-31: 25000.00 less 1000.00 refunded is 24000.00.",
        "40% of 24000.00 is 9600.00.",
        "Tech sourcing has 30% of the pool: 2880.00.",
        "Weight 60 times 120% (senior): 9 of 14 parts of 2880.00 is 1851.43.",
        "It is within the cap of 200000.00 per manager on a deal.",
        "10% of 1851.43 is held until Completion is verified: 185.14.",
        "Earned 1851.43: 185.14 held, 1666.29 payable.",
    ]
    assert sentences(steps(result, "M1", "need_discovery"), "zh", "CNY") == [
        "需求挖掘于2026-03-02核实通过。",
        "截至2026-05-31居间服务费收款25000.00，减退款1000.00，为24000.00。",
        "24000.00的40%为9600.00。",
        "需求挖掘占佣金池15%：1440.00。",
        "奖励500.00为该阶段佣金的预付，不另计。",
        "唯一参与人，全额：1440.00。",
        "未超过每人每项目上限200000.00。",
        "1440.00的10%暂扣至完成转化核实：144.00。",
        "已计提1440.00：暂扣144.00，应付1296.00。",
    ]


def test_a_step_is_data_with_its_numbers_rule_and_source() -> None:
    part = steps(target(tianjin(), story(), day("05-31")), "M2", "tech_sourcing")[3]
    assert part == Step(
        "part",
        {
            "stage_id": "tech_sourcing",
            "stage_zh": "技术寻源",
            "stage_en": "Tech sourcing",
            "share": "30%",
            "part_minor": 288_000,
        },
        "plan stages.tech_sourcing.share",
    )


def test_nobody_elses_name_is_in_a_managers_working() -> None:
    working = steps(target(tianjin(), story(), day("05-31")), "M1", "tech_sourcing")
    assert "M2" not in repr(working)


def test_each_slice_of_marginal_tiers_is_shown() -> None:
    tiers = pool(brackets=(Bracket(0, percent(50)), Bracket(1_000, percent(25)), Bracket(9_000, percent(1))))
    assert said(plan(pool=tiers), deal(FIND, received("01-01", 3_000)))[2:5] == [
        "Bracket from 0.00: 10.00 at 50%.",
        "Bracket from 10.00: 20.00 at 25%.",
        "The slices together are 10.00, rounded once.",
    ]


def test_a_whole_tier_names_its_bracket_and_bounds_are_told() -> None:
    tiers = pool(mode="whole", brackets=(Bracket(0, percent(5)), Bracket(1_000, percent(1))), floor_minor=40)
    assert said(plan(pool=tiers), deal(FIND, received("01-01", 3_000)))[2:4] == [
        "30.00 falls into the bracket from 10.00: 1% of all of it is 0.30.",
        "The pool is raised to its floor of 0.40.",
    ]
    capped = plan(pool=pool(40, cap_minor=50))
    assert "pool.cap" in rules(capped, deal(FIND, received("01-01", 3_000)))


def test_vat_and_the_least_of_several_bases_are_told() -> None:
    least = plan(pool=pool(bases=("net_income", "transaction_amount", "fee_invoiced")))
    facts = deal(FIND, stated("02-01", "net_income", 900), fee("03-01", "fee_invoiced", 1_060, 60))
    assert said(least, facts)[1:6] == [
        "Net income, as last stated on 2026-02-01: 9.00.",
        "Technology transaction amount: not stated by 2026-12-31, so it counts as zero.",
        "Fees invoiced up to 2026-12-31: 10.60 less 0.00 credited, less 0.60 of VAT, is 10.00.",
        "The least of these counts: 0.00.",
        "The basis of 0.00 is not above zero: there is no pool yet.",
    ]


def test_an_award_ahead_of_the_part_and_one_that_waits_are_told() -> None:
    awarded = plan(stages=stages({"find": 50, "sign": 50}, {"find": 500, "sign": 300}, {"sign": ("find",)}))
    assert "award.ahead" in rules(awarded, deal(FIND))
    assert said(awarded, deal(milestone("01-01", "sign", A=1)), "sign")[3] == (
        "sign waits for find to be verified: until then it earns only its award of 3.00."
    )


def test_a_cut_by_the_cap_is_told() -> None:
    capped = plan(cap_per_deal_minor=150)
    assert "The cap of 1.50 per manager on a deal, filled from the first stage on, leaves 1.50 here." in said(
        capped, deal(FIND, received("01-01", 10_000))
    )


def test_a_holdback_by_days_names_its_day() -> None:
    held = plan(holdback=Holdback(percent(10), None, 90))
    facts = deal(FIND, received("01-01", 10_000))
    early = sentences(steps(target(held, facts, day("02-01")), "A", "find"), "en", "CNY")
    assert early[-2] == "10% of 20.00 is held until 2026-04-01: 2.00."
    assert said(held, facts)[-2] == "Nothing is held: 90 days have passed since 2026-01-01."


def test_what_a_cancellation_takes_and_leaves_is_told() -> None:
    dying = plan(
        stages=stages({"find": 50, "sign": 50}, {"find": 600}),
        holdback=Holdback(percent(10), "sign", None),
        clawback={"default": Clawback("unpaid", keep_awards=True), "ok": Clawback("none", keep_awards=False)},
    )
    alive = (FIND, received("01-03", 10_000))
    facts = deal(*alive, paid("01-04", "A", 100), cancelled("02-01", "gone"))
    assert said(dying, facts)[-5:] == [
        "The deal was cancelled on 2026-02-01 (gone): only what was paid stays, 1.00 on the whole deal,"
        " filling the first stages first.",
        "Awards are kept: 6.00 of this stage's is this manager's.",
        "6.00 of 20.00 stays.",
        "Nothing is held on a cancelled deal.",
        "Earned 6.00: 0.00 held, 6.00 payable.",
    ]
    assert "clawback.none" in rules(dying, deal(*alive, cancelled("02-01", "ok")))
    late = deal(*alive, cancelled("02-01", "ok"), milestone("02-02", "sign", A=1))
    assert rules(dying, late, "sign") == ["milestone.too_late", "earned"]


def test_each_adjustment_is_told_with_its_reason() -> None:
    facts = deal(adjusted("01-05", "A", "find", -250, "double entry"), adjusted("01-04", "A", "find", 100))
    assert said(plan(), facts) == [
        "find is not verified.",
        "Adjusted by 1.00 on 2026-01-04: agreed.",
        "Adjusted by -2.50 on 2026-01-05: double entry.",
        "Earned -1.50: 0.00 held, -1.50 payable.",
    ]


def test_what_is_posted_already_is_taken_off() -> None:
    step = less_posted(500, 100)
    assert render(step, "en", "CNY") == "1.00 is in the books already, so 4.00 is posted."
    assert render(step, "zh", "CNY") == "账上已有1.00，本次入账4.00。"


def test_a_row_that_is_not_there_has_no_working() -> None:
    with pytest.raises(NotFound):
        steps(target(plan(), deal(FIND), END), "B", "find")


def test_every_excluded_stage_says_what_it_waits_for() -> None:
    waiting = plan(stages=stages({"find": 50, "sign": 30, "see": 20}, None, {"sign": ("find", "see")}))
    result = target(waiting, deal(milestone("01-01", "sign", A=1)), END)
    assert {stage: render(step, "en", "CNY") for stage, step in reasons(result).items()} == {
        "find": "find earns nothing yet: it is not verified.",
        "sign": "sign waits for find and see to be verified.",
        "see": "see earns nothing yet: it is not verified.",
    }
    dry = target(plan(), deal(FIND), day("03-01"))
    assert (
        render(reasons(dry)["find"], "zh", "CNY")
        == "find须待居间服务费到账：截至2026-03-01已收0.00，已退0.00。"
    )


def test_both_languages_say_the_same_things() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for sentence in SENTENCES.values():
        assert places(sentence.en) == places(sentence.zh)
        assert sentence.en.endswith(".")
        assert sentence.zh.endswith("。")


@settings(max_examples=60, deadline=None)
@given(plans(), deals, histories, days)
def test_every_row_of_every_deal_can_be_explained_and_carried(
    plan: Plan, deal: Deal, facts: list[Fact], as_of: date
) -> None:
    result = target(plan, DealFacts(deal, tuple(facts)), as_of)
    for row in result.rows:
        working = steps(result, row.manager, row.stage)
        assert from_data(json.loads(json.dumps(to_data(working)))) == working
        assert all(render(step, lang, "CNY") for step in working for lang in ("zh", "en"))
        assert working[-1] == Step(
            "earned",
            {
                "earned_minor": row.earned_minor,
                "held_minor": row.held_minor,
                "payable_minor": row.payable_minor,
            },
            "",
        )
    assert list(reasons(result)) == [excluded.stage for excluded in result.excluded]
    assert all(render(step, lang, "CNY") for step in reasons(result).values() for lang in ("zh", "en"))


def test_why_a_deal_was_cancelled_is_said_in_words_and_a_plans_own_code_as_it_is() -> None:
    def said(reason: str, lang: Lang) -> str:
        step = Step("clawback.all", {"on": "2026-04-01", "reason": reason}, "")
        return render(step, lang, "CNY")

    assert said("fraud", "zh") == "项目于2026-04-01取消（弄虚作假）：全部追回。"
    assert "(no fault of the managers)" in said("no_fault", "en")
    assert "（gone）" in said("gone", "zh")
