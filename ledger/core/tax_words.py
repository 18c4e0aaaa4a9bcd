"""The words of every step of a tax working, in both languages."""

from __future__ import annotations

WORDS = {
    "vat.exempt": {
        "en": "VAT: {income} in {month} does not go beyond {threshold}: exempt.",
        "zh": "增值税：{month}收入合计{income}，未超过{threshold}，免征。",
    },
    "vat.due": {
        "en": "VAT: {income} in {month} reaches {threshold}, so all of it is taxed: {income} ÷ (1 + {rate}) "
        "× {rate} = {vat}; surcharges at {surcharge_rate} of it {surcharge}.",
        "zh": "增值税：{month}收入合计{income}，达到{threshold}，全额计税："
        "{income}÷(1+{rate})×{rate}＝{vat}；附加税费按{surcharge_rate}计{surcharge}。",
    },
    "vat.withheld": {
        "en": "{due} for the month, less {before} withheld before, is {withheld} with this payment.",
        "zh": "当月应扣{due}，减已扣{before}，本次代扣{withheld}。",
    },
    "vat.corrected": {
        "en": "{due} for the month, less {before} withheld, is {off}: below zero it is given back, above "
        "zero it is taken from what is payable.",
        "zh": "当月应扣{due}，减已扣{before}，差{off}：为负的退回应付佣金，为正的从应付佣金中补扣。",
    },
    "vat.back": {
        "en": "In the payment is {back} of VAT of an earlier payment set right: no new income.",
        "zh": "本次付款含以前付款的增值税更正{back}，不是新的收入。",
    },
    "per_payment.month": {
        "en": "Payments of {month} for one kind of service are one: {before} paid before, and {amount}, "
        "are {income}.",
        "zh": "{month}月内同一类劳务的付款合并为一次：此前{before}，本次{amount}，合计{income}。",
    },
    "per_payment.small": {
        "en": "{income} is at most {upto}: less {deduction} leaves a base of {base}.",
        "zh": "{income}不超过{upto}，减除费用{deduction}，应纳税所得额{base}。",
    },
    "per_payment.large": {
        "en": "{income} less expenses of {rate} leaves a base of {base}.",
        "zh": "{income}减除{rate}的费用，应纳税所得额{base}。",
    },
    "cumulative.run": {
        "en": "Months with a payment, in a row since {since}: {months}. Empty months that break the row: "
        "{break_months}; a new year starts it again.",
        "zh": "自{since}起连续计{months}个有付款的月份（空{break_months}个月及以上即中断重计，跨年重计）。",
    },
    "cumulative.income": {
        "en": "Paid in these months, with this payment of {amount}: {income}.",
        "zh": "连同本次{amount}，累计收入{income}。",
    },
    "cumulative.taxable": {
        "en": "{income} less expenses of {rate} ({expenses}), less {months} times {monthly} ({deduction}), "
        "is taxable with {taxable}.",
        "zh": "累计收入{income}，减除{rate}费用{expenses}，减除费用{monthly}×{months}个月即{deduction}，"
        "累计应纳税所得额{taxable}。",
    },
    "tax": {
        "en": "{base} at {rate}, less the quick deduction of {quick}, is {tax} of tax.",
        "zh": "{base}按预扣率{rate}，减速算扣除数{quick}，应预扣税额{tax}。",
    },
    "withheld": {
        "en": "{tax} less {before} withheld before is {withheld} to withhold.",
        "zh": "{tax}减已预扣{before}，本次预扣{withheld}。",
    },
    "withheld.nothing": {
        "en": "{tax} is less than the {before} withheld before: nothing is withheld, and nothing is paid "
        "back within the year.",
        "zh": "{tax}少于已预扣的{before}，本次不预扣，年内亦不退税。",
    },
    "corrected": {
        "en": "On what was paid this year and stands, {should} should have been withheld and {had} were, for "
        "a payment came back or a setting changed: with {own} for this payment, {withheld} to withhold.",
        "zh": "本年仍有效的付款应预扣{should}、已预扣{had}（有付款退回或设置变更），本次本应预扣{own}，"
        "更正后预扣{withheld}。",
    },
    "invoiced": {
        "en": "The payee invoices {amount}: nothing is withheld, and nothing is paid without the invoice.",
        "zh": "收款方就{amount}开具发票，不代扣个人所得税；无发票不付款。",
    },
    "payroll": {
        "en": "The payee is an employee: {amount} goes to wages and is taxed there, not here.",
        "zh": "收款方为员工，{amount}并入工资薪金计税，此处不代扣。",
    },
}
