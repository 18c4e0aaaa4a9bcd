"""The words of every step of a working, in both languages. `ledger.core.workings` fills the places.

A place named after an amount shows it with the currency's digits; one named after a thing with names
in both languages (a stage, a figure) shows the name in the sentence's language.
"""

from __future__ import annotations

from typing import NamedTuple


class Sentence(NamedTuple):
    """One step in words."""

    en: str
    zh: str


SENTENCES: dict[str, Sentence] = {
    # the milestone
    "milestone": Sentence("{stage} was verified on {on}.", "{stage}于{on}核实通过。"),
    "milestone.too_late": Sentence(
        "{stage} was verified on {on}, after the deal was cancelled on {cancelled_on}: it earns nothing.",
        "{stage}于{on}核实通过，但项目已于{cancelled_on}取消，不计佣金。",
    ),
    "milestone.none": Sentence("{stage} is not verified.", "{stage}尚未核实。"),
    # rule 1
    "basis.fee_received": Sentence(
        "Fees received up to {as_of}: {up} less {down} refunded is {basis}.",
        "截至{as_of}居间服务费收款{up}，减退款{down}，为{basis}。",
    ),
    "basis.fee_received_without_vat": Sentence(
        "Fees received up to {as_of}: {up} less {down} refunded, less {tax} of VAT, is {basis}.",
        "截至{as_of}居间服务费收款{up}，减退款{down}，减增值税{tax}，为{basis}。",
    ),
    "basis.fee_invoiced": Sentence(
        "Fees invoiced up to {as_of}: {up} less {down} credited is {basis}.",
        "截至{as_of}居间服务费开票{up}，减红字{down}，为{basis}。",
    ),
    "basis.fee_invoiced_without_vat": Sentence(
        "Fees invoiced up to {as_of}: {up} less {down} credited, less {tax} of VAT, is {basis}.",
        "截至{as_of}居间服务费开票{up}，减红字{down}，减增值税{tax}，为{basis}。",
    ),
    "basis.stated": Sentence(
        "{figure}, as last stated on {on}: {basis}.", "{figure}（{on}最近一次申报）：{basis}。"
    ),
    "basis.not_stated": Sentence(
        "{figure}: not stated by {as_of}, so it counts as zero.", "{figure}：截至{as_of}尚未申报，按零计。"
    ),
    "basis.least": Sentence("The least of these counts: {basis}.", "取其中最小者：{basis}。"),
    "basis.stands_still": Sentence(
        "The deal was cancelled on {on}: what is stated, invoiced or paid from that day on does not count.",
        "项目于{on}取消：自该日起的申报、开票和收退款不再计入。",
    ),
    "basis.stands_still_at_gate": Sentence(
        "The deal ended on {on} ({reason}): what is stated, invoiced or paid from then on does not count.",
        "项目于{on}终止（{reason}）：自该日起的申报、开票和收退款不再计入。",
    ),
    # rule 2
    "pool.none": Sentence(
        "The basis of {basis} is not above zero: there is no pool yet.",
        "计佣基数{basis}不大于零，尚无佣金池。",
    ),
    "pool.rate": Sentence("{rate} of {basis} is {pool}.", "{basis}的{rate}为{pool}。"),
    "pool.whole": Sentence(
        "{basis} falls into the bracket from {start}: {rate} of all of it is {pool}.",
        "{basis}落在{start}起的档，全额按{rate}计，为{pool}。",
    ),
    "pool.years_since": Sentence(
        "The rate goes by year, and years count from {on}, when {stage} was reached.",
        "提成比例按年计，自{on}{stage}之日起算。",
    ),
    "pool.years_not_begun": Sentence(
        "The rate goes by year; until {stage} is verified everything is of the first.",
        "提成比例按年计；{stage}核实之前均按第一年计。",
    ),
    "pool.year": Sentence("Year {year}: {slice} at {rate}.", "第{year}年：{slice}按{rate}计。"),
    "pool.slice": Sentence("Bracket from {start}: {slice} at {rate}.", "{start}起的档：{slice}按{rate}计。"),
    "pool.slices": Sentence("The slices together are {pool}, rounded once.", "各项合计{pool}（一次取整）。"),
    "pool.floor": Sentence("The pool is raised to its floor of {pool}.", "佣金池提高到下限{pool}。"),
    "pool.cap": Sentence("The pool is cut to its cap of {pool}.", "佣金池以上限{pool}为限。"),
    # rules 3 and 4
    "part": Sentence("{stage} has {share} of the pool: {part}.", "{stage}占佣金池{share}：{part}。"),
    "part.waits": Sentence(
        "{stage} waits for {missing} to be verified: until then it earns only its award of {award}.",
        "{stage}须待{missing}核实，此前只计奖励{award}。",
    ),
    "award.ahead": Sentence(
        "The award of {award} is earned ahead of the part and set against it.",
        "奖励{award}先行计提，日后抵减该阶段佣金。",
    ),
    "award.within": Sentence(
        "The award of {award} is an advance on the part, not on top of it.",
        "奖励{award}为该阶段佣金的预付，不另计。",
    ),
    # rule 5
    "share.alone": Sentence("The only participant has all of it: {share}.", "唯一参与人，全额：{share}。"),
    "share": Sentence(
        "Weight {weight}: {own} of {all} parts of {earning} is {share}.",
        "权重{weight}：占{earning}的{all}分之{own}，为{share}。",
    ),
    "share.graded": Sentence(
        "Weight {weight} times {factor} ({grade}): {own} of {all} parts of {earning} is {share}.",
        "权重{weight}乘{factor}（{grade}）：占{earning}的{all}分之{own}，为{share}。",
    ),
    # rule 6
    "cap.within": Sentence(
        "It is within the cap of {cap} per manager on a deal.", "未超过每人每项目上限{cap}。"
    ),
    "cap.cut": Sentence(
        "The cap of {cap} per manager on a deal, filled from the first stage on, leaves {accrued} here.",
        "每人每项目上限{cap}，由前至后各阶段占用，此处余{accrued}。",
    ),
    # rule 8
    "clawback.none": Sentence(
        "The deal was cancelled on {on} ({reason}): the earnings stay as they are.",
        "项目于{on}取消（{reason}）：已计佣金保留。",
    ),
    "clawback.unpaid": Sentence(
        "The deal was cancelled on {on} ({reason}): only what was paid stays, {paid} on the whole deal,"
        " filling the first stages first.",
        "项目于{on}取消（{reason}）：只保留已付部分，本项目已付{paid}，由前至后归入各阶段。",
    ),
    "clawback.all": Sentence(
        "The deal was cancelled on {on} ({reason}): everything is taken back.",
        "项目于{on}取消（{reason}）：全部追回。",
    ),
    "clawback.award": Sentence(
        "Awards are kept: {award} of this stage's is this manager's.",
        "奖励保留：本阶段奖励中本人部分为{award}。",
    ),
    "clawback.kept": Sentence("{kept} of {accrued} stays.", "{accrued}中保留{kept}。"),
    # rule 7
    "held.until_stage": Sentence(
        "{rate} of {kept} is held until {release} is verified: {held}.",
        "{kept}的{rate}暂扣至{release}核实：{held}。",
    ),
    "held.until_day": Sentence(
        "{rate} of {kept} is held until {until}: {held}.", "{kept}的{rate}暂扣至{until}：{held}。"
    ),
    "held.stage_reached": Sentence("Nothing is held: {release} is verified.", "{release}已核实，不再暂扣。"),
    "held.days_over": Sentence(
        "Nothing is held: {days} days have passed since {since}.", "自{since}起已满{days}天，不再暂扣。"
    ),
    "held.cancelled": Sentence("Nothing is held on a cancelled deal.", "项目已取消，不再暂扣。"),
    # rule 9
    "adjusted": Sentence("Adjusted by {amount} on {on}: {reason}.", "{on}调整{amount}：{reason}。"),
    # the end
    "earned": Sentence(
        "Earned {earned}: {held} held, {payable} payable.", "已计提{earned}：暂扣{held}，应付{payable}。"
    ),
    "posted": Sentence(
        "{posted} is in the books already, so {delta} is posted.", "账上已有{posted}，本次入账{delta}。"
    ),
    # the plan, where the ledger changed it
    "plan_moved": Sentence(
        "The deal was moved on {on} from {old} to {new}: {reason}.", "项目于{on}由{old}改用{new}：{reason}。"
    ),
    # the cap on a manager's year, which the ledger keeps
    "year_cap": Sentence(
        "Accrued in {year} up to {until} under plan {plan}: {accrued}. Above the cap of {cap} per manager and"
        " year it is {relief}, which is taken off.",
        "{year}年至{until}按方案{plan}累计计提{accrued}，超出每人每年上限{cap}的{relief}予以扣减。",
    ),
    "year_cap.none": Sentence(
        "Plan {plan} has no cap on {year} any more, up to {until}: nothing is taken off.",
        "方案{plan}对{year}年（至{until}）不再设年度上限，不予扣减。",
    ),
    # why a stage earns nothing, or less than its part
    "why.not_verified": Sentence(
        "{stage} earns nothing yet: it is not verified.", "{stage}暂无佣金：尚未核实。"
    ),
    "why.cancelled": Sentence(
        "{stage} earns nothing more: the deal was cancelled on {on} ({reason}).",
        "{stage}不再计佣：项目已于{on}取消（{reason}）。",
    ),
    "why.requires_not_verified": Sentence(
        "{stage} waits for {missing} to be verified.", "{stage}须待{missing}核实。"
    ),
    "why.no_basis": Sentence(
        "{stage} waits for a basis above zero; by {as_of} it is {basis}.",
        "{stage}须待计佣基数大于零；截至{as_of}为{basis}。",
    ),
    "why.cut_by_cap": Sentence(
        "{stage} is cut by the cap of {cap} per manager on a deal.", "{stage}受每人每项目上限{cap}限制。"
    ),
    "why.no_fee_received": Sentence(
        "{stage} waits for the fee: by {as_of} {up} was received and {down} given back.",
        "{stage}须待居间服务费到账：截至{as_of}已收{up}，已退{down}。",
    ),
    "why.no_fee_invoiced": Sentence(
        "{stage} waits for the invoice: by {as_of} {up} was invoiced and {down} taken back.",
        "{stage}须待居间服务费开票：截至{as_of}已开{up}，红字{down}。",
    ),
    "why.not_stated": Sentence(
        "{stage} waits for a figure above zero: {figure} is {basis} by {as_of}.",
        "{stage}须待申报大于零的{figure}：截至{as_of}为{basis}。",
    ),
    "why.wrong_period": Sentence(
        "{stage} was reached on {on}: it belongs to {period} and does not count by {as_of}.",
        "{stage}于{on}达成：属于{period}期间，截至{as_of}不计。",
    ),
    "why.held_until_stage": Sentence(
        "{held} of {stage} is held until {release} is verified.", "{stage}中{held}暂扣至{release}核实。"
    ),
    "why.held_until_day": Sentence(
        "{held} of {stage} is held until {until}.", "{stage}中{held}暂扣至{until}。"
    ),
    # what only the books know
    "why.submitted": Sentence(
        "{stage} was reported on {on} and waits to be verified.", "{stage}已于{on}提交，等待核实。"
    ),
    "why.sent_back": Sentence("{stage} was sent back: {note}.", "{stage}已被驳回：{note}。"),
    "why.year_cap": Sentence(
        "The cap of {cap} per manager and year is reached in {year}: {relief} is taken off.",
        "已达{year}年每人每年上限{cap}：扣减{relief}。",
    ),
    "why.on_hold": Sentence("{amount} waits until {until}.", "{amount}暂停付款，至{until}。"),
    "why.on_hold_because": Sentence(
        "{amount} waits until {until}: {note}.", "{amount}暂停付款，至{until}：{note}。"
    ),
    "why.in_dispute": Sentence(
        "{amount} is in dispute since {on} and waits for its outcome.", "{amount}自{on}起异议中，待处理结果。"
    ),
    "why.carried_forward": Sentence(
        "{owed} was taken back after it had been paid: what is earned next is set against it first.",
        "已付佣金中{owed}被追回：先从以后的应付佣金中抵扣。",
    ),
    "why.below_minimum": Sentence(
        "{payable} is payable in all, less than the least that is paid, {minimum}.",
        "应付合计{payable}，低于起付金额{minimum}。",
    ),
    "why.no_bank_account": Sentence(
        "{payable} waits for a bank account to pay it to.", "{payable}须待登记收款账户。"
    ),
    "why.account_unconfirmed": Sentence(
        "{payable} waits for a second person to confirm the changed bank account.",
        "{payable}须待另一人确认变更后的收款账户。",
    ),
    "why.no_invoice": Sentence(
        "{payable} waits for an invoice: those on file do not cover it.", "{payable}须待开具足额发票。"
    ),
    "why.no_agreement": Sentence(
        "{payable} waits for an agreement on file that is in force.", "{payable}须待有效的收款协议备案。"
    ),
    "why.unpaid": Sentence("{payable} is payable and in no payout yet.", "应付{payable}，尚未列入付款单。"),
    "why.withheld_whole": Sentence(
        "{payable} waits for more to be payable: the month's VAT would take all of it.",
        "应付{payable}须待更多应付款：当月应代扣的增值税将全部扣完。",
    ),
    "why.next_payout": Sentence("{payable} is paid with the next payout.", "{payable}待下一批付款。"),
}

FIGURES: dict[str, Sentence] = {
    "contract_amount": Sentence("Contract amount", "合同金额"),
    "transaction_amount": Sentence("Technology transaction amount", "技术交易额"),
    "net_income": Sentence("Net income", "净收入"),
    "stake_value": Sentence("Value of the stake", "作价入股评估值"),
}

GRADES = {
    "junior": Sentence("junior", "初级"),
    "intermediate": Sentence("intermediate", "中级"),
    "senior": Sentence("senior", "高级"),
}


def grade_named(grade: str) -> Sentence:
    """A grade's name in both languages; an operator's own grade is called as it is."""
    return GRADES.get(grade, Sentence(grade, grade))


GATE_FAILED = Sentence("{} failed", "{}未通过")
UNTIL_LIFTED = Sentence("it is lifted", "解除为止")
REASONS = {  # why a deal was cancelled; a plan's own code is said as it is
    "no_fault": Sentence("no fault of the managers", "非经理人过错"),
    "fraud": Sentence("fraud", "弄虚作假"),
    "other": Sentence("other", "其他原因"),
}
NO_GRADE = Sentence("no grade", "无等级")
AND = Sentence(" and ", "、")
