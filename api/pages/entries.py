"""The journal: entries with filters, and one entry with what caused it and how it was worked out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Request, Response
from sqlmodel import Session

from api import explain, flash, labels
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, current
from api.pages import cards, fields, lists, vouchers
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.pages.vouchers import Names
from api.rendering import page
from api.values import LARGEST
from api.words import sentence
from ledger import deals, documents, facts, journal, managers, origins, plans, reversals, rights, users
from ledger.core import period as months
from ledger.core import tax, workings
from ledger.core.entry import IN_TRANSIT, KINDS
from ledger.core.errors import Invalid
from ledger.facts import Fact
from ledger.fees import KINDS as FEES
from ledger.journal import Entry, Posting
from ledger.users import User

router = pages()
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("/entries")
def listing(request: Request, session: Books, by: By) -> Response:
    """The journal, the latest first."""
    rights.require(by, "books.see")
    form = lists.filters(request)
    rows, older = lists.cut(request, _found(session, form))
    return page(
        request,
        "entries/list.html",
        block="rows",
        form=form,
        kinds=[(kind, labels.entry_kind(kind)) for kind in KINDS],
        vouchers=vouchers.of(session, rows),
        older=older,
    )


def _found(session: Session, form: Form) -> Sequence[Entry]:
    return journal.listing(
        session,
        deal_id=form.text("deal") or None,
        manager_id=form.text("manager") or None,
        period=form.parsed("period", months.parse) if form.text("period") else None,
        kind=form.text("kind") or None,
        before=fields.whole(form.text("before"), LARGEST),
        limit=SHOWN + 1,
    )


@dataclass(frozen=True, slots=True)
class Cause:
    """A fact behind an entry; `number` where it came on a paper."""

    fact: Fact
    number: str
    is_fee: bool


@dataclass(frozen=True, slots=True)
class Why:
    """How one manager's part of one stage was worked out, for one period."""

    origin: str
    manager_id: str
    manager: str
    stage: str
    steps: list[str]


@router.get("/entries/{entry_id}")
def entry(request: Request, session: Books, by: By, entry_id: Number) -> Response:
    """One entry: its postings, the facts behind it, the working, and what takes it back."""
    rights.require(by, "books.see")
    found = journal.get(session, entry_id)
    [voucher] = vouchers.of(session, [found])
    may = rights.allows(by, "entry.reverse") and reversals.may_be(found)
    legs = [leg.posting for leg in voucher.legs]
    return page(
        request,
        "entries/entry.html",
        may_reverse=may and journal.reversal_of(session, found.id) is None,
        reason=(journal.working_of(session, found.id) or {}).get("reason", ""),
        voucher=voucher,
        entry=found,
        causes=[_cause(fact) for fact in facts.some(session, found.because)],
        whys=_whys(session, found),
        tax=_tax(session, found),
        reversal=journal.reversal_of(session, found.id),
        posted_by=users.names(session, [found.posted_by]).get(found.posted_by, ""),
        payout_id=next((leg.owner for leg in legs if leg.account == IN_TRANSIT), ""),
        **_behind(session, found, legs, by),
        **_told(session, legs),
    )


def _behind(session: Session, found: Entry, legs: Sequence[Posting], by: User) -> dict[str, Any]:
    """The plan version, the milestones and the evidence an entry rests on."""
    version = origins.version_of(session, found)
    if version is None:
        return {"version": None}
    plan = plans.value(version)
    reached = origins.milestones_behind(session, found, legs)
    deal = deals.get(session, found.deal_id, by=by)
    return {
        "version": version,
        "reached": [(one, cards.stage_title(plan, one.stage)) for one in reached],
        "evidence": origins.evidence_of(session, deal, reached, plan.stages[0].id),
    }


def _told(session: Session, legs: Sequence[Posting]) -> dict[str, Any]:
    """The statements that say what the entry did."""
    found = origins.statements_with(session, legs)
    return {"statements": found, "payees": managers.names(session, [one.manager_id for one in found])}


@router.get("/entries/{entry_id}/reverse")
def ask_reverse(request: Request, session: Books, by: By, entry_id: Number) -> Response:
    """Why is it wrong? With what the mirrored entry will say."""
    rights.require(by, "entry.reverse")
    return _asked(request, session, entry_id, Form())


def _asked(request: Request, session: Session, entry_id: int, form: Form) -> Response:
    [voucher] = vouchers.of(session, [journal.get(session, entry_id)])
    status = 422 if form.errors else 200
    return page(request, "entries/reverse.html", status=status, voucher=voucher, form=form)


@router.post("/entries/{entry_id}/reverse")
def reverse(request: Request, session: Books, by: By, now: Now, entry_id: Number, form: Filled) -> Response:
    """Mirror it."""
    try:
        made = reversals.reverse(session, entry_id, reason=form.text("reason"), by=by, now=now)
    except Invalid as refusal:
        form.refuse("reason", sentence(refusal))
        return _asked(request, session, entry_id, form)
    response = see(f"/entries/{made.id}")
    flash.put(response, N_("Reversed. Record what is right as a new one."))
    return response


def _cause(fact: Fact) -> Cause:
    is_fee = fact.type in FEES
    return Cause(fact, documents.number(fact) if is_fee else "", is_fee)


def _tax(session: Session, found: Entry) -> list[str]:
    """How the VAT of a payee's month was set right."""
    kept = journal.working_of(session, found.id) or {}
    return tax.sentences(tax.from_data(kept.get("tax", [])), current())


def _whys(session: Session, found: Entry) -> list[Why]:
    kept = journal.working_of(session, found.id) or {}
    parts = [
        (origin["origin"], *line.split("|", 1), steps)
        for origin in kept.get("origins", [])
        for line, steps in origin["because"].items()
    ]
    whose = {leg.manager_id for leg in journal.postings(session, [found.id])} if "year_cap" in kept else ()
    parts += [(one["origin"], who, "", one["because"]) for one in kept.get("year_cap", []) for who in whose]
    known = vouchers.names(
        session, deal_ids=[found.deal_id], manager_ids=[manager_id for _, manager_id, _, _ in parts]
    )
    return list(_said(found, known, parts))


def _said(found: Entry, known: Names, parts: Sequence[tuple[str, str, str, list[object]]]) -> Iterator[Why]:
    for origin, manager_id, stage, steps in parts:
        yield Why(
            origin=origin,
            manager_id=manager_id,
            manager=known.managers.get(manager_id, manager_id),
            stage=known.stage(found.deal_id, stage),
            steps=explain.sentences(workings.from_data(steps), found.currency),  # type: ignore[arg-type]
        )
