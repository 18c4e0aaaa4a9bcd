"""The words of what is odd about a plan, in both languages. `ledger.core.lint` fills the places."""

from __future__ import annotations

from ledger.core.sentences import Sentence

FINDINGS: dict[str, Sentence] = {
    "unreachable": Sentence(
        "{stage} can never earn its part: it waits for a stage that waits for it.",
        "{stage}永远得不到其佣金：它所等待的阶段又在等待它。",
    ),
    "requires_later": Sentence(
        "{stage} waits for {later}, which comes after it in the chain.", "{stage}须待其后的{later}核实。"
    ),
    "stage_earns_nothing": Sentence(
        "{stage} has neither a share nor an award: nobody earns anything in it.",
        "{stage}既无份额也无奖励，无人在此得佣金。",
    ),
    "gate_opens_nothing": Sentence(
        "{stage} is a gate, but no stage comes after it.", "{stage}是关口，但其后没有阶段。"
    ),
    "gate_takes_nothing": Sentence(
        "{stage} is a gate, but the plan has no clawback for gate_failed nor a default: failing it leaves"
        " every earning.",
        "{stage}是关口，但方案没有 gate_failed 或 default 的追回约定：未通过时已计佣金全部保留。",
    ),
    "no_gate_to_fail": Sentence(
        "There is a clawback for gate_failed, but no stage is a gate.",
        "有 gate_failed 的追回约定，但没有任何阶段是关口。",
    ),
    "pool_cap_zero": Sentence(
        "The pool has a cap of zero: nobody can earn more than awards.",
        "佣金池上限为零：除奖励外无人能得佣金。",
    ),
    "rates_zero": Sentence(
        "Every rate is 0% and there is no floor: nobody can earn more than awards.",
        "所有比例均为0%且没有下限：除奖励外无人能得佣金。",
    ),
    "cap_zero": Sentence(
        "The cap per manager is zero: nobody can earn anything.", "每人上限为零：无人能得佣金。"
    ),
    "floor_is_cap": Sentence(
        "The floor is the cap: the pool is {pool} whatever the basis.",
        "下限等于上限：无论基数多少，佣金池都是{pool}。",
    ),
    "years_end": Sentence(
        "From year {year} on the rate is 0%: nothing more is earned.", "自第{year}年起比例为0%，不再计佣。"
    ),
    "inversion": Sentence(
        "One fen more earns less: at {below} the pool is {before}, at {start} it is {after}, {less} less;"
        " it is made up from {even} on.",
        "多一分反而少得：基数{below}时佣金池为{before}，{start}时为{after}，少{less}；至{even}才补回。",
    ),
    "inversion_for_ever": Sentence(
        "One fen more earns less: at {below} the pool is {before}, at {start} it is {after}, {less} less;"
        " it is never made up.",
        "多一分反而少得：基数{below}时佣金池为{before}，{start}时为{after}，少{less}，且永远补不回。",
    ),
    "same_rate": Sentence(
        "The bracket from {start} has the rate of the one before it, {rate}.",
        "{start}起的档与前一档比例相同（{rate}）。",
    ),
    "slice_of_nothing": Sentence(
        "The bracket from {start} has a rate of 0%, while the one before it pays.",
        "{start}起的档比例为0%，而前一档有佣金。",
    ),
    "beyond_cap": Sentence(
        "The rate from {start} on never matters: the cap of {cap} is reached before.",
        "{start}起的比例不起作用：此前已达上限{cap}。",
    ),
    "below_floor": Sentence(
        "The rate below {end} never matters: the floor of {floor} is more.",
        "{end}以下的比例不起作用：下限{floor}更高。",
    ),
    "award_above_part": Sentence(
        "The award of {stage}, {award}, is above its part of even the largest pool ({part} of {cap}).",
        "{stage}的奖励{award}高于其在最大佣金池{cap}中的份额{part}。",
    ),
    "awards_above_cap": Sentence(
        "All awards together, {awards}, are above the cap of the pool, {cap}.",
        "奖励合计{awards}，高于佣金池上限{cap}。",
    ),
    "cap_never": Sentence(
        "The cap of {cap} per manager on a deal never binds: one who does everything earns {most} at most.",
        "每人每项目上限{cap}永不起作用：一人包办全部最多得{most}。",
    ),
    "cap_always": Sentence(
        "The cap of {cap} per manager on a deal always binds where one does everything: the floor alone gives"
        " {least}.",
        "一人包办时每人每项目上限{cap}总会起作用：仅下限就有{least}。",
    ),
    "year_below_deal": Sentence(
        "The cap on a year, {year}, is not above the cap on a single deal, {deal}.",
        "每人每年上限{year}不高于每人每项目上限{deal}。",
    ),
    "holds_nothing": Sentence("The holdback holds 0%: nothing.", "暂扣比例为0%，不暂扣任何佣金。"),
    "holds_everything": Sentence(
        "The holdback holds everything: nobody is paid before the release.", "全部暂扣：释放之前无人得款。"
    ),
    "released_first": Sentence(
        "The holdback ends with {stage}, the first stage: what comes after it is never held.",
        "暂扣至首个阶段{stage}即释放，其后各阶段从不暂扣。",
    ),
    "no_default": Sentence(
        "The clawback has no default: a reason that is not named takes nothing back.",
        "追回约定没有 default：未列明的原因不追回。",
    ),
    "no_awards_to_keep": Sentence(
        "Awards are kept for {reason}, but no stage has one.", "{reason}时保留奖励，但没有任何阶段设有奖励。"
    ),
    "grades_alike": Sentence("Every grade counts 100%, as no grade does.", "各等级均为100%，与无等级相同。"),
    "when_refuses_all": Sentence(
        "The condition holds for none of the {deals} deals in the books.",
        "账上{deals}个项目无一符合适用条件。",
    ),
    "floor_never_bound": Sentence(
        "The floor of {bound} never bound on {deals} deals in the books; the largest pool was {largest}.",
        "下限{bound}在账上{deals}个项目中从未起作用；最大佣金池为{largest}。",
    ),
    "floor_always_bound": Sentence(
        "The floor of {bound} bound on all {deals} deals in the books; the largest pool was {largest}.",
        "下限{bound}在账上{deals}个项目中每次都起作用；最大佣金池为{largest}。",
    ),
    "cap_never_bound": Sentence(
        "The cap of {bound} never bound on {deals} deals in the books; the largest pool was {largest}.",
        "上限{bound}在账上{deals}个项目中从未起作用；最大佣金池为{largest}。",
    ),
    "cap_always_bound": Sentence(
        "The cap of {bound} bound on all {deals} deals in the books; the largest pool was {largest}.",
        "上限{bound}在账上{deals}个项目中每次都起作用；最大佣金池为{largest}。",
    ),
    "deal_cap_never_bound": Sentence(
        "The cap of {cap} per manager on a deal never bound in {count} cases.",
        "每人每项目上限{cap}在{count}人次中从未起作用。",
    ),
    "deal_cap_always_bound": Sentence(
        "The cap of {cap} per manager on a deal bound in every one of {count} cases.",
        "每人每项目上限{cap}在{count}人次中每次都起作用。",
    ),
    "year_cap_never_bound": Sentence(
        "The cap of {cap} per manager and year never bound in {count} managers' years.",
        "每人每年上限{cap}在{count}个人年中从未起作用。",
    ),
    "year_cap_always_bound": Sentence(
        "The cap of {cap} per manager and year bound in every one of {count} managers' years.",
        "每人每年上限{cap}在{count}个人年中每次都起作用。",
    ),
    "award_above_all_parts": Sentence(
        "The award of {stage}, {award}, is above its part on all {deals} deals in the books ({part} at most):"
        " it is no advance.",
        "{stage}的奖励{award}高于账上{deals}个项目中该阶段的份额（最多{part}），不成其为预付。",
    ),
}
