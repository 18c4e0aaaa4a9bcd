"""How long what is owed has been open: by clients, held for managers, taken back from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Now
from api.forms import Form
from api.language import N_, gettext
from api.pages import fields, lists
from api.pages.doors import pages
from api.rendering import page, plain
from ledger import accounts, ageing, sheets
from ledger.ageing import Aged
from ledger.clock import day_of

router = pages()

SHOWN = 100
KINDS = {
    "receivable": N_("Receivable from clients"),
    "held": N_("Held for managers"),
    "clawback": N_("Taken back and not yet netted"),
}


def heads() -> list[str]:
    """The buckets in words."""
    first, *rest = ageing.LIMITS
    between = [f"{low + 1}–{high}" for low, high in zip(ageing.LIMITS, rest, strict=False)]
    spans = [f"0–{first}", *between]
    return [gettext("{span} days", span=span) for span in spans] + [
        gettext("over {count} days", count=ageing.LIMITS[-1])
    ]


@router.get("/ageing")
def show(request: Request, session: Books, by: By, now: Now) -> Response:
    """The most first, a hundred of them; the sums are of all."""
    form = Form(lists.filters(request).fields, what="receivable", on=day_of(now).isoformat())
    found = ageing.of(session, form.text("what"), on=_day(form, day_of(now)), by=by)
    return page(
        request,
        "accounts/ageing.html",
        block="rows",
        form=form,
        kinds=[(kind, gettext(text)) for kind, text in KINDS.items()],
        heads=heads(),
        rows=found[:SHOWN],
        count=len(found),
        sums=ageing.sums(found),
        names=_names(session, found[:SHOWN]),
        query=request.url.query,
    )


@router.get("/ageing.csv")
def as_csv(request: Request, session: Books, by: By, now: Now) -> Response:
    """All of it, for a spreadsheet."""
    form = Form(lists.filters(request).fields, what="receivable", on=day_of(now).isoformat())
    found = ageing.of(session, form.text("what"), on=_day(form, day_of(now)), by=by)
    names, out = _names(session, found), io.StringIO()
    written = csv.writer(out)
    written.writerow([gettext("Owner"), gettext("In all"), *heads(), gettext("Open since")])
    for one in found:
        amounts = [plain(minor) for minor in (one.total_minor, *one.buckets_minor)]
        name = sheets.as_text(names.get((one.account, one.owner), one.owner))
        written.writerow([name, *amounts, one.since.isoformat()])
    headers = {"Content-Disposition": 'attachment; filename="ageing.csv"'}
    return Response(
        ("\ufeff" + out.getvalue()).encode(), media_type="text/csv; charset=utf-8", headers=headers
    )


def _day(form: Form, today: date) -> date:
    return form.parsed("on", fields.day) or today


def _names(session: Session, found: Sequence[Aged]) -> dict[tuple[str, str], str]:
    return accounts.owner_names(session, [(one.account, one.owner) for one in found])
