"""The accounts: trial balance, the chart, whose balance is what, and the movements behind it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request, Response
from sqlmodel import Session

from api import labels
from api.doors import Books, By, Now
from api.forms import Form
from api.pages import fields, lists, vouchers
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from api.values import LARGEST
from ledger import accounts, clock, seals
from ledger.accounts import AsOf, Movement, Place
from ledger.core import period as months
from ledger.core.entry import CHART, Account
from ledger.core.errors import Invalid, NotFound

router = pages()


@router.get("/trial-balance")
def trial(request: Request, session: Books, by: By, now: Now) -> Response:
    """Every account in a month: opening, debited, credited, closing."""
    form = Form(lists.filters(request).fields, period=months.of(clock.day_of(now)), currency="CNY")
    period = form.parsed("period", months.parse) or months.of(clock.day_of(now))
    rows, total = accounts.trial(session, period, currency=form.text("currency"), by=by)
    return page(
        request,
        "accounts/trial.html",
        block="rows",
        form=form,
        period=period,
        currency=form.text("currency"),
        rows=rows,
        total=total,
    )


@router.get("/accounts")
def chart(request: Request, session: Books, by: By) -> Response:
    """The chart of accounts with what each holds: now, at the end of a month, as known at a block."""
    form = Form(lists.filters(request).fields)
    through = form.parsed("period", months.parse) if form.text("period") else None
    block = form.parsed("block", lambda text: _block(session, text)) if form.text("block") else None
    found = accounts.trial_balance(session, through=through, block=block, by=by)
    balances: dict[str, list[accounts.Balance]] = {code: [] for code in CHART}
    for one in found:
        balances[one.account].append(one)
    return page(request, "accounts/chart.html", form=form, chart=CHART.values(), balances=balances)


@router.get("/accounts/{code}")
def account(request: Request, session: Books, by: By, code: str, after: str = "") -> Response:
    """One account, owner by owner, as of a day and as known at a block."""
    kept = _known(code)
    if kept.owner == "none":
        return see(f"/accounts/{code}/movements")
    form = Form(lists.filters(request).fields)
    as_of = _as_of(session, form)
    found = accounts.across(session, (code,), after=after, as_of=as_of, limit=SHOWN + 1, by=by)
    rows, more = lists.cut(request, found, "owner", cursor="after")
    return page(
        request,
        "accounts/account.html",
        form=form,
        account=kept,
        rows=rows,
        more=more,
        names=accounts.owner_names(session, [(code, row.owner) for row in rows]),
        totals=[
            (currency, accounts.total_of(session, code, currency, as_of=as_of))
            for currency in sorted({row.currency for row in rows})
        ],
    )


def _known(code: str) -> Account:
    if code not in CHART:
        raise NotFound("account_unknown", "there is no account {code}", code=code)
    return CHART[code]


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement with the names of what it is about."""

    movement: Movement
    kind: str
    deal: str
    manager: str
    stage: str


@router.get("/accounts/{code}/movements")
def movements(request: Request, session: Books, by: By, code: str) -> Response:
    """The postings of an account, of one owner or all, with the balance after each."""
    form = Form(lists.filters(request).fields, currency="CNY")
    owner, currency = form.text("owner"), form.text("currency")
    found = accounts.movements(
        session,
        code,
        owner=owner,
        currency=currency,
        after=_after(form),
        as_of=_as_of(session, form),
        limit=SHOWN + 1,
        by=by,
    )
    shown = found[:SHOWN]
    return page(
        request,
        "accounts/movements.html",
        block="rows",
        form=form,
        account=_known(code),
        owner=owner,
        owner_name=accounts.owner_names(session, [(code, owner)]).get((code, owner), ""),
        currency=currency,
        rows=_moved(session, shown),
        more=lists.address(request, after=_written(shown[-1])) if len(found) > SHOWN else "",
    )


def _moved(session: Session, found: list[Movement]) -> list[Moved]:
    known = vouchers.names(
        session, deal_ids=[one.deal_id for one in found], manager_ids=[one.manager_id for one in found]
    )
    return [
        Moved(
            one,
            labels.entry_kind(one.kind),
            known.deal(one.deal_id),
            known.managers.get(one.manager_id, one.manager_id),
            known.stage(one.deal_id, one.stage),
        )
        for one in found
    ]


def _as_of(session: Session, form: Form) -> AsOf:
    """The day and the block asked for; a block that is not there is the form's error."""
    on = form.parsed("on", fields.day) if form.text("on") else None
    block = form.parsed("block", lambda text: _block(session, text)) if form.text("block") else None
    return AsOf(on, block)


def _block(session: Session, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not seals.is_there(session, int(text)):
        raise Invalid("block_unknown", "there is no block {no}", no=text)
    return int(text)


def _written(movement: Movement) -> str:
    return f"{movement.on}.{movement.entry_id}.{movement.line}"


def _after(form: Form) -> Place | None:
    """Where the page before ended, or the month it is to begin with."""
    parts = form.text("after").split(".")
    entry_id, line = (fields.whole(part, LARGEST) for part in [*parts, "", ""][1:3])
    if len(parts) == 3 and entry_id is not None and line is not None:
        day = form.parsed("after", lambda _: fields.day(parts[0]))
        return Place(day, entry_id, line) if day else None
    period = form.parsed("period", months.parse) if form.text("period") else None
    return accounts.from_period(period) if period else None
