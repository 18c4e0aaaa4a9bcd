"""What states and roles are called on screen, and the tone they are shown in. The same word everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.language import N_, current, gettext
from ledger.core.entry import CHART

Tone = Literal["neutral", "info", "good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Label:
    """A state as people read it: the text is English, `title` is in the language at hand."""

    text: str
    tone: Tone = "neutral"

    @property
    def title(self) -> str:
        """The text in the language at hand."""
        return gettext(self.text)


# By state, or by “noun.state” where the same state has another name for that noun.
STATES: dict[str, Label] = {
    "draft": Label(N_("Draft")),
    "submitted": Label(N_("To be verified"), "warn"),
    "verified": Label(N_("Verified"), "good"),
    "rejected": Label(N_("Sent back"), "bad"),
    "withdrawn": Label(N_("Withdrawn")),
    "waiting": Label(N_("Not yet")),
    "job.waiting": Label(N_("To be run"), "info"),
    "need.open": Label(N_("Looking for a match"), "info"),
    "open": Label(N_("In progress"), "info"),
    "cancelled": Label(N_("Cancelled"), "bad"),
    "completed": Label(N_("Completed"), "good"),
    "earned": Label(N_("Earned"), "good"),
    "expected": Label(N_("Expected")),
    "held": Label(N_("Held"), "warn"),
    "payable": Label(N_("Payable"), "info"),
    "in_approval": Label(N_("In approval"), "warn"),
    "paid": Label(N_("Paid"), "good"),
    "clawed_back": Label(N_("Clawed back"), "bad"),
    "disputed": Label(N_("Disputed"), "warn"),
    "made": Label(N_("Waiting for approval"), "warn"),
    "approved": Label(N_("Approved"), "info"),
    "sent": Label(N_("Sent to the bank"), "info"),
    "settled": Label(N_("Settled"), "good"),
    "voided": Label(N_("Voided")),
    "reserved": Label(N_("Reserved"), "info"),
    "taken_out": Label(N_("Taken out")),
    "returned": Label(N_("Returned by the bank"), "bad"),
    "bounced": Label(N_("Given back after payment"), "bad"),
    "agreement.proposed": Label(N_("To be agreed"), "warn"),
    "agreement.refused": Label(N_("Refused"), "bad"),
    "agreement.countered": Label(N_("Countered")),
    "agreement.binding": Label(N_("In force"), "good"),
    "agreement.replaced": Label(N_("Replaced")),
    "claim.contested": Label(N_("Contested"), "warn"),
    "claim.decided": Label(N_("Decided"), "good"),
    "invitation.open": Label(N_("Invited"), "info"),
    "invitation.entered": Label(N_("To be confirmed"), "warn"),
    "invitation.confirmed": Label(N_("Joined"), "good"),
    "invitation.expired": Label(N_("Expired")),
    "dispute.open": Label(N_("Undecided"), "warn"),
    "dispute.submitted": Label(N_("To be looked into"), "warn"),
    "in_review": Label(N_("In review"), "info"),
    "need_information": Label(N_("Asked for more"), "warn"),
    "accepted": Label(N_("Upheld"), "good"),
    "partly_accepted": Label(N_("Upheld in part"), "good"),
    "dispute.refused": Label(N_("Not upheld"), "bad"),
    "matched": Label(N_("Matched"), "good"),
    "period.open": Label(N_("Open"), "info"),
    "period.in_review": Label(N_("In review"), "warn"),
    "period.closed": Label(N_("Books closed")),
    "period.reopened": Label(N_("Reopened"), "warn"),
    "reopening.asked": Label(N_("Asked"), "warn"),
    "reopening.agreed": Label(N_("Reopened"), "good"),
    "reopening.refused": Label(N_("Stays closed")),
    "closed": Label(N_("Closed")),
    "running": Label(N_("Running"), "info"),
    "done": Label(N_("Done"), "good"),
    "failed": Label(N_("Failed"), "bad"),
    "stopping": Label(N_("Stopping"), "warn"),
    "stopped": Label(N_("Stopped")),
    "active": Label(N_("Active"), "good"),
    "user.waiting": Label(N_("Waits for a second person"), "warn"),
    "disabled": Label(N_("Disabled")),
    "published": Label(N_("Published"), "good"),
    "retired": Label(N_("Retired")),
}

ROLES: dict[str, str] = {
    "manager": N_("Technology manager"),
    "operator": N_("Operations"),
    "finance": N_("Finance"),
    "administrator": N_("Administration"),
}


def state(name: str, noun: str = "") -> Label:
    """The label of a noun's state; a state nobody named is shown as it is."""
    return STATES.get(f"{noun}.{name}") or STATES.get(name) or Label(name)


def role(name: str) -> str:
    """A role in the language at hand."""
    return gettext(ROLES.get(name, name))


# What happened, as an entry says it.
ENTRY_KINDS: dict[str, str] = {
    "expectation": N_("Commission expected"),
    "fee_invoiced": N_("Fee invoiced"),
    "fee_credited": N_("Red invoice"),
    "fee_received": N_("Fee received"),
    "fee_refunded": N_("Fee refunded"),
    "advance": N_("Advance"),
    "accrual": N_("Commission earned"),
    "release": N_("Holdback released"),
    "year_cap": N_("Cap of the year"),
    "estimate": N_("Month-end estimate"),
    "payout_made": N_("Payout reserved"),
    "payout_returned": N_("Payout given back"),
    "payout_confirmed": N_("Payout confirmed"),
    "payout_bounced": N_("Payment given back"),
    "vat_corrected": N_("VAT corrected"),
    "paid_elsewhere": N_("Paid elsewhere"),
    "tax_remitted": N_("Tax remitted"),
    "left_owing": N_("Left owing"),
    "owing_repaid": N_("Owing repaid"),
    "owing_written_off": N_("Owing written off"),
    "opening": N_("Opening balance"),
}

# Accounts are named in Chinese in the chart itself.
ACCOUNTS_EN: dict[str, str] = {
    "1002": "Bank",
    "1122": "Receivable",
    "1221": "Recoverable from managers",
    "2202.01": "Commission payable",
    "2202.02": "Commission held",
    "2202.03": "Payouts in transit",
    "2202.09": "Commission estimated",
    "2203": "Advances from clients",
    "2221.01": "Output VAT",
    "2221.12": "Income tax withheld",
    "2221.13": "VAT withheld from payees",
    "6001": "Brokerage fee revenue",
    "6401": "Commission cost",
    "6401.09": "Estimated commission cost",
    "6711": "Written off",
    "9001": "Commission expected (memorandum)",
    "9009": "Commission expected, contra (memorandum)",
}


def entry_kind(kind: str) -> str:
    """What an entry is about, in the language at hand."""
    return gettext(ENTRY_KINDS.get(kind, kind))


def account(code: str) -> str:
    """An account's name in the language at hand."""
    if code not in CHART:
        return code
    return CHART[code].title_zh if current() == "zh" else ACCOUNTS_EN[code]
