"""Refusals as sentences: the core's codes for nouns, states, steps and rights in people's words."""

from __future__ import annotations

from collections.abc import Mapping

from api.language import N_, current, gettext
from ledger.core import file_words
from ledger.core.errors import InvalidFile, Refused

# The facts of a refusal whose values are codes.
CODED = frozenset({"noun", "state", "step", "action", "role", "what", "field"})

WORDS: Mapping[str, str] = {
    # nouns
    "need": N_("need"),
    "deal": N_("deal"),
    "milestone": N_("milestone"),
    "plan": N_("plan"),
    "payout": N_("payout"),
    "payment": N_("payment"),
    "policy": N_("payout policy"),
    "period": N_("period"),
    "manager": N_("manager"),
    "split agreement": N_("split"),
    "invitation": N_("invitation"),
    "cut-over": N_("cut-over"),
    "bank line": N_("line"),
    # states
    "open": N_("open"),
    "in_review": N_("in review"),
    "reopened": N_("reopened"),
    "matched": N_("matched with a deal"),
    "closed": N_("closed"),
    "draft": N_("a draft"),
    "submitted": N_("waiting to be verified"),
    "verified": N_("verified"),
    "rejected": N_("sent back"),
    "withdrawn": N_("withdrawn"),
    "published": N_("published"),
    "retired": N_("retired"),
    "made": N_("waiting for approval"),
    "approved": N_("approved"),
    "sent": N_("with the bank"),
    "settled": N_("settled"),
    "voided": N_("voided"),
    "booked": N_("booked"),
    "set_aside": N_("set aside"),
    "known": N_("known from another file"),
    "reserved": N_("in transit"),
    "paid": N_("paid"),
    "returned": N_("returned by the bank"),
    "taken_out": N_("taken out of its batch"),
    "bounced": N_("given back by the bank"),
    "bounce": N_("be given back"),
    "proposed": N_("waiting to be agreed"),
    "refused": N_("refused"),
    "countered": N_("countered by another proposal"),
    "binding": N_("in force"),
    "replaced": N_("replaced by a later one"),
    "entered": N_("waiting to be confirmed"),
    "confirmed": N_("confirmed"),
    # steps
    "accept": N_("be accepted"),
    "refuse": N_("be refused"),
    "counter": N_("be countered"),
    "match": N_("get a deal"),
    "close": N_("be closed"),
    "review": N_("be put in review"),
    "resume": N_("go back to work"),
    "reopen": N_("be reopened"),
    "share": N_("be shared otherwise"),
    "submit": N_("be submitted"),
    "change": N_("be changed"),
    "verify": N_("be verified"),
    "reject": N_("be sent back"),
    "withdraw": N_("be withdrawn"),
    "publish": N_("be published"),
    "retire": N_("be retired"),
    "approve": N_("be approved"),
    "void": N_("be voided"),
    "send": N_("be sent to the bank"),
    "settle": N_("be settled"),
    "confirm": N_("be confirmed"),
    "return": N_("be returned"),
    "take_out": N_("be taken out"),
    "book": N_("be booked"),
    # rights
    "need.log": N_("logging a need"),
    "need.see": N_("seeing this need"),
    "deal.see": N_("seeing this deal"),
    "deal.open": N_("opening a deal"),
    "deal.cancel": N_("cancelling a deal"),
    "deal.move": N_("moving this deal to another plan"),
    "deal.adjust": N_("adjusting an amount"),
    "milestone.log": N_("logging a milestone"),
    "milestone.see": N_("seeing this milestone"),
    "milestone.verify": N_("verifying this milestone"),
    "milestone.withdraw": N_("withdrawing this milestone"),
    "milestone.share": N_("sharing this milestone otherwise"),
    "agreement.see": N_("seeing this split"),
    "agreement.propose": N_("proposing a split"),
    "agreement.answer": N_("answering this split"),
    "agreement.decide": N_("deciding this split"),
    "fee.record": N_("recording fees"),
    "fee.see": N_("seeing fees"),
    "manager.see": N_("seeing this manager"),
    "manager.edit": N_("changing managers"),
    "organisation.see": N_("seeing organisations"),
    "organisation.edit": N_("changing organisations"),
    "plan.see": N_("seeing plans"),
    "plan.edit": N_("changing plans"),
    "plan.compare": N_("comparing plans"),
    "hold.see": N_("seeing holds on payment"),
    "hold.put": N_("putting and lifting holds"),
    "policy.see": N_("seeing the payout policy"),
    "policy.edit": N_("changing the payout policy"),
    "stand_in.edit": N_("naming stand-ins"),
    "bank_layout.edit": N_("changing bank layouts"),
    "payout.see": N_("seeing payouts"),
    "payout.make": N_("making payouts"),
    "payout.approve": N_("approving this payout"),
    "payout.send": N_("sending payouts to the bank"),
    "payout.confirm": N_("confirming payouts"),
    "statement.see": N_("seeing this statement"),
    "statement.make": N_("making statements"),
    "books.see": N_("seeing the books"),
    "cutover.edit": N_("bringing opening balances in"),
    "cutover.sign": N_("signing opening balances off"),
    "entry.reverse": N_("reversing an entry"),
    "period.close": N_("closing a period"),
    "period.reopen": N_("reopening a period"),
    "period.agree_reopening": N_("agreeing to reopen this period"),
    "setting.change": N_("changing settings"),
    "job.see": N_("seeing jobs"),
    "job.run": N_("running jobs"),
    "manager.reveal": N_("seeing this bank account"),
    "user.see": N_("seeing users"),
    "user.edit": N_("changing users"),
    "user.agree": N_("agreeing to this user"),
    "audit.see": N_("seeing the audit trail"),
    # roles
    "operator": N_("operations"),
    "finance": N_("finance"),
    "administrator": N_("administration"),
    # figures and fields
    "contract_amount": N_("contract amount"),
    "transaction_amount": N_("transaction amount"),
    "net_income": N_("net income"),
    "amount": N_("amount"),
    "tax": N_("tax"),
    "date": N_("date"),
}


def sentence(refusal: Refused) -> str:
    """A refusal in the language at hand, beginning as a sentence does."""
    facts = {name: _said(name, value) for name, value in refusal.facts.items()}
    if isinstance(refusal, InvalidFile):
        facts |= {part: file_words.said(str(facts[part]), current()) for part in ("what", "mend")}
    text = gettext(refusal.text, **facts)
    return text[:1].upper() + text[1:]


def _said(name: str, value: object) -> object:
    """A fact in words; several refusals are their sentences, one after the other."""
    if isinstance(value, list):
        return gettext("; ").join(sentence(one) for one in value if isinstance(one, Refused))
    return _word(value) if name in CODED else value


def _word(value: object) -> object:
    return gettext(WORDS[value]) if isinstance(value, str) and value in WORDS else value
