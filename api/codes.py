"""Codes of the business in people's words: kinds of contract, ways to pay, grades, reasons, files asked for.

Plans and facts may hold codes nobody has named here; those are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.language import N_, gettext

CATEGORIES: Mapping[str, str] = {
    "development": N_("Technology development"),
    "transfer": N_("Technology transfer"),
    "license": N_("Technology licence"),
    "consulting": N_("Technology consulting"),
    "service": N_("Technology service"),
}
MODES: Mapping[str, str] = {
    "lump_sum": N_("Lump sum"),
    "instalments": N_("Instalments"),
    "running_share": N_("Running share"),
    "entry_plus_running": N_("Entry fee and running share"),
    "use_first": N_("Use first, pay later"),
    "equity": N_("Contribution for shares"),
}
GRADES: Mapping[str, str] = {
    "junior": N_("Junior"),
    "intermediate": N_("Intermediate"),
    "senior": N_("Senior"),
}
REASONS: Mapping[str, str] = {
    "no_fault": N_("Through no fault of the managers"),
    "fraud": N_("Fraud"),
    "gate_failed": N_("A gate was not passed"),
    "not_used": N_("Tried and not taken up"),
    "client_withdrew": N_("The client withdrew"),
    "other": N_("Another reason"),
}
EVIDENCE: Mapping[str, str] = {
    "need_form": N_("Need form"),
    "contract": N_("Signed contract"),
    "application": N_("Application"),
    "evaluation_report": N_("Evaluation report"),
    "first_order": N_("First order"),
    "panel_review": N_("Panel review"),
    "technology_profile": N_("Technology profile"),
    "use_report": N_("Use report"),
    "registration": N_("Registration"),
    "valuation_report": N_("Valuation report"),
}
FACTS: Mapping[str, str] = {
    "milestone": N_("Milestone verified"),
    "milestone_withdrawn": N_("Milestone withdrawn"),
    "contract_amount": N_("Contract amount"),
    "transaction_amount": N_("Technology transaction amount"),
    "net_income": N_("Net income"),
    "stake_value": N_("Value of the stake"),
    "fee_invoiced": N_("Fee invoiced"),
    "fee_credited": N_("Red invoice"),
    "fee_received": N_("Fee received"),
    "fee_refunded": N_("Fee refunded"),
    "paid": N_("Paid before cut-over"),
    "cancelled": N_("Deal cancelled"),
    "gate_failed": N_("Gate not passed"),
    "reinstated": N_("Deal reinstated"),
    "adjustment": N_("Adjusted by hand"),
}
TAX_METHODS: Mapping[str, str] = {
    "per_payment": N_("Per payment (labour remuneration)"),
    "platform_cumulative": N_("Cumulative, through a platform"),
    "invoiced": N_("Sends an invoice"),
    "payroll": N_("Paid with wages"),
}
DISPUTES: Mapping[str, str] = {
    "amount": N_("The amount is wrong"),
    "base": N_("The base or the rate is wrong"),
    "share": N_("My share is wrong"),
    "not_mine": N_("I took no part in this"),
    "missing": N_("Something is missing"),
    "taken_back": N_("It should not have been taken back"),
    "held": N_("It should not be held"),
    "other": N_("Something else"),
}
SETTINGS: Mapping[str, str] = {
    "tax.break_months": N_("Empty months that break the cumulative count"),
    "payee.vat": N_("Payees' VAT is withheld and filed for them"),
    "payee.vat_at_threshold": N_("VAT of a month of just the threshold"),
    "payee.vat_surcharges": N_("Surcharges, of the VAT"),
    "payee.vat_in_income": N_("Income tax counts the VAT as income"),
    "payee.agreement_required": N_("An agreement on file before money goes to a payee"),
    "sign_in.second_factor": N_("A second factor for operations, finance and administration"),
    "period.estimate": N_("A month-end estimate of commission on what is invoiced and not received"),
    "period.in_transit_days": N_("Days a transfer may wait for the bank's answer"),
    "manager.invitation_days": N_("Days an invitation to join is good for"),
    "dispute.answer_days": N_("Days operations have to answer a dispute"),
    "retention.messages_days": N_("Days an e-mail that was sent is kept"),
    "retention.notices_days": N_("Days a notice in the app is kept"),
    "retention.parts_days": N_("Days the parts of a finished run are kept"),
    "retention.answers_days": N_("Days the answers to programs are kept"),
    "retention.vouchers_years": N_("Years vouchers and books are kept after the accounting year"),
    "retention.others_years": N_("Years other records are kept after the accounting year"),
}
IDENTITIES: Mapping[str, str] = {
    "resident_id": N_("Resident identity card"),
    "credit_code": N_("Unified social credit code"),
    "passport": N_("Passport"),
    "other": N_("Another document"),
}
ALL = {
    "setting": SETTINGS,
    "identity": IDENTITIES,
    "dispute": DISPUTES,
    "category": CATEGORIES,
    "mode": MODES,
    "grade": GRADES,
    "reason": REASONS,
    "evidence": EVIDENCE,
    "fact": FACTS,
    "tax_method": TAX_METHODS,
}


def title(kind: str, code: str | None) -> str:
    """A code in the language at hand; nothing as a dash."""
    if not code:
        return "–"
    known = ALL[kind].get(code)
    return gettext(known) if known else code


def choices(kind: str, codes: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Codes and their titles for a choice; all that are known where none are given."""
    return [(code, title(kind, code)) for code in codes or ALL[kind]]
