"""Which state follows which. A step that is not here cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.core.errors import Conflict

Steps = Mapping[str, Mapping[str, str]]  # state → step → next state

NEED: Steps = {
    "open": {"match": "matched", "close": "closed"},
    "matched": {"close": "closed"},
}
MILESTONE: Steps = {
    "draft": {"submit": "submitted", "change": "draft"},
    "submitted": {"verify": "verified", "reject": "rejected"},
    "rejected": {"change": "draft", "submit": "submitted"},
    "verified": {"withdraw": "withdrawn", "share": "verified"},
}
AGREEMENT: Steps = {
    "proposed": {"accept": "proposed", "agree": "binding", "refuse": "refused", "counter": "countered"},
    "refused": {"counter": "countered"},
    "binding": {"replace": "replaced"},
}
CLAIM: Steps = {
    "contested": {"decide": "decided"},
}
INVITATION: Steps = {
    "open": {"enter": "entered", "withdraw": "withdrawn"},
    "entered": {"confirm": "confirmed", "withdraw": "withdrawn"},
}
DISPUTE: Steps = {
    "submitted": {"take": "in_review", "withdraw": "withdrawn"},
    "in_review": {
        "ask": "need_information",
        "accept": "accepted",
        "accept_in_part": "partly_accepted",
        "refuse": "refused",
        "withdraw": "withdrawn",
    },
    "need_information": {"inform": "in_review", "refuse": "refused", "withdraw": "withdrawn"},
    "accepted": {"close": "closed"},
    "partly_accepted": {"close": "closed"},
    "refused": {"close": "closed"},
}
PLAN: Steps = {
    "draft": {"publish": "published"},
    "published": {"retire": "retired"},
}
CUTOVER: Steps = {
    "draft": {"publish": "published"},
}
POLICY: Steps = {
    "draft": {"publish": "published"},
}
PAYOUT: Steps = {
    "made": {"approve": "approved", "change": "made", "void": "voided"},
    "approved": {"send": "sent", "change": "made", "void": "voided"},
    "sent": {"settle": "settled"},
}
PAYOUT_LINE: Steps = {
    "reserved": {"confirm": "paid", "return": "returned", "take_out": "taken_out"},
    "paid": {"bounce": "bounced"},
}
BANK_RECEIPT_LINE: Steps = {
    "open": {"book": "booked", "set_aside": "set_aside"},
    "set_aside": {"book": "booked"},
    "booked": {"book": "booked"},  # once the receipt it was booked as is taken back
}
PERIOD: Steps = {
    "open": {"review": "in_review", "close": "closed"},
    "in_review": {"resume": "open", "close": "closed"},
    "closed": {"reopen": "reopened"},
    "reopened": {"review": "in_review", "close": "closed"},
}


def advance(steps: Steps, noun: str, state: str, step: str) -> str:
    """The state after `step`, or Conflict saying what the thing is now."""
    following = steps.get(state, {}).get(step)
    if following is None:
        raise Conflict(
            "state_forbids",
            "this {noun} is {state}; it cannot {step}. Reload to see what happened to it",
            noun=noun,
            state=state,
            step=step,
        )
    return following
