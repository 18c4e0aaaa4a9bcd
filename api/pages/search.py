"""Search over everything a person may see, and the keys that lead there."""

from __future__ import annotations

from fastapi import Request, Response

from api import codes, labels, navigation
from api.doors import Books, By
from api.language import N_
from api.pages.doors import pages
from api.rendering import page
from ledger import search
from ledger.search import Hit

router = pages()

# what is found: its heading, its page, and the list that shows more of it
KINDS: dict[str, tuple[str, str, str]] = {
    "deal": (N_("Deals"), "/deals/", "/deals?q="),
    "need": (N_("Needs"), "/needs/", ""),
    "manager": (N_("Managers"), "/managers/", "/managers?q="),
    "organisation": (N_("Organisations"), "/organisations/", "/organisations?q="),
    "statement": (N_("Statements"), "/statements/", ""),
    "document": (N_("Fees"), "/fees/", "/fees?number="),
    "payout": (N_("Payouts"), "/payouts/", ""),
    "entry": (N_("Entries"), "/entries/", ""),
    "evidence": (N_("Evidence"), "", ""),  # leads to what a file shows:
    "milestone": (N_("Milestones"), "/milestones/", ""),
    "dispute": (N_("Disputes"), "/disputes/", ""),
}

GO = "g"
KEYS: tuple[tuple[str, str], ...] = (  # each letter is one key; they act in static/yongjin.js
    ("/", N_("Search")),
    ("jk", N_("The next line of the list, the one before; Enter opens it")),
    (".", N_("To the main button of the page; Enter presses it")),
    ("[]", N_("A page of the list back, a page further")),
    ("u", N_("Up, to where the page belongs")),
    ("?", N_("These keys; Esc closes them")),
)


@router.get("/search")
def everywhere(request: Request, session: Books, by: By, q: str = "") -> Response:
    """A few of each kind that hold the text; one that is found alone is a link like the others."""
    return page(
        request,
        "search/search.html",
        block="found",
        q=q[:100],
        found=search.everywhere(session, q[:100], by=by),
        kinds=KINDS,
        note=_note,
    )


def _note(hit: Hit) -> str:
    """What tells a hit from others, in words."""
    if hit.what == "document":
        return codes.title("fact", hit.note)
    return labels.state(hit.note).title if hit.what == "payout" else hit.note


@router.get("/keys")
def keys(request: Request, by: By) -> Response:
    """Every key and what it does: a page, and what `?` lays over any page."""
    return page(request, "keys/keys.html", block="keys", keys=KEYS, go=GO, pages=navigation.keyed(by.role))
