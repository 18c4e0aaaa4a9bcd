"""Settlement statements: by month and manager, the paper, its revisions, and whether it still holds."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Files, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import lists
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from ledger import (
    acknowledgements,
    clock,
    disputes,
    jobs,
    managers,
    periods,
    reminders,
    rights,
    statements,
)
from ledger.core import period as months
from ledger.core.statement import Bridge, Snapshot
from ledger.statements import Statement
from ledger.users import User

router = pages()

ROWS = {
    "earned": N_("Earned"),
    "adjustments": N_("Adjustments"),
    "clawed_back": N_("Clawed back"),
    "year_cap": N_("Cap of the year"),
    "held": N_("Held"),
    "released": N_("Holdback released"),
    "in_approval": N_("In approval"),
    "in_transit": N_("In transit"),
    "rejected": N_("Came back from the bank"),
    "paid_net": N_("Paid, after tax"),
    "paid_tax": N_("Tax withheld"),
    "paid_vat": N_("VAT withheld"),
    "vat_corrected": N_("VAT corrected"),
    "paid_elsewhere": N_("Paid elsewhere"),
    "left_owing": N_("Left owing"),
    "brought_in": N_("Opening balance"),
}
KINDS = {"preliminary": N_("Preliminary"), "final": N_("Final")}
STEPS = {
    "made": N_("Made"),
    "sent": N_("Sent to the bank"),
    "confirmed": N_("Confirmed by the bank"),
    "returned": N_("Returned by the bank"),
    "bounced": N_("Given back after payment"),
    "paid_elsewhere": N_("Paid elsewhere"),
}


@router.get("/statements")
def listing(request: Request, session: Books, by: By, now: Now) -> Response:
    """Statements this person may see, the latest made first."""
    form = lists.filters(request)
    return _listing(request, session, by, form, Form(period=_last_month(now)))


def _last_month(now: Now) -> str:
    return months.preceding(months.of(clock.day_of(now)))


def _listing(request: Request, session: Session, by: User, form: Form, wanted: Form) -> Response:
    found = statements.listing(
        session,
        by=by,
        period=form.parsed("period", months.parse) if form.text("period") else None,
        manager_id=form.text("manager") or None,
        before=form.text("before") or None,
        limit=SHOWN + 1,
    )
    rows, older = lists.cut(request, found)
    return page(
        request,
        "statements/list.html",
        block="rows",
        status=422 if wanted.errors else 200,
        form=form,
        wanted=wanted,
        statements=rows,
        older=older,
        people=managers.names(session, [one.manager_id for one in rows]),
        kinds={kind: gettext(text) for kind, text in KINDS.items()},
        may_make=rights.allows(by, "statement.make"),
        is_own=by.role == "manager",
    )


@router.post("/statements")
def make(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Have the statements of a month made: preliminary while it is open, else final."""
    rights.require(by, "statement.make")
    period = form.parsed("period", months.parse)
    if period is None:
        return _listing(request, session, by, lists.filters(request), form)
    is_open = periods.calendar(session).is_open(period)
    job = "preliminary_statements" if is_open else "final_statements"
    run = jobs.ask(session, job, period, by=by, now=now)
    response = see(f"/jobs/{run.id}")
    flash.put(response, N_("Asked for. It begins within seconds."))
    return response


@router.get("/statements/{statement_id}")
def statement(
    request: Request, session: Books, store: Files, by: By, now: Now, statement_id: str
) -> Response:
    """One statement on screen, with its revisions and whether it still holds."""
    kept = statements.get(session, statement_id, by=by)
    snapshot = statements.read(kept)
    return page(
        request,
        "statements/screen.html",
        statement=kept,
        s=snapshot,
        kind=gettext(KINDS[kept.kind]),
        bridge=_bridge(snapshot.bridge),
        rows={row: gettext(text) for row, text in ROWS.items()},
        steps={step: gettext(text) for step, text in STEPS.items()},
        kinds={kind: gettext(text) for kind, text in KINDS.items()},
        revisions=statements.revisions(session, kept),
        checked=statements.checked(session, store, kept),
        disputes=disputes.of_statement(session, kept.id),
        may_contest=_may_contest(session, kept, snapshot, by, now),
        acknowledged=acknowledgements.of(session, [kept.id]).get(kept.id),
        may_acknowledge=rights.allows(by, "statement.acknowledge", managers=[kept.manager_id]),
        may_send=rights.allows(by, "statement.make"),
    )


@router.post("/statements/{statement_id}/acknowledge")
def acknowledge(session: Books, by: By, now: Now, statement_id: str) -> Response:
    """The payee has nothing against it."""
    acknowledgements.acknowledge(session, statement_id, by=by, now=now)
    response = see(f"/statements/{statement_id}")
    flash.put(response, N_("Thank you. You confirmed this statement."))
    return response


@router.post("/statements/{statement_id}/resend")
def resend(session: Books, by: By, now: Now, statement_id: str) -> Response:
    """Tell the payee of it once more."""
    told = reminders.statement_again(session, statement_id, by=by, now=now)
    response = see(f"/statements/{statement_id}")
    if told:
        flash.put(response, N_("Sent once more."))
    else:
        flash.put(response, N_("Nobody signs in for this payee, so nobody was told."))
    return response


def _may_contest(session: Session, kept: Statement, snapshot: Snapshot, by: User, now: datetime) -> bool:
    """Whether the viewer may contest its lines: until the day on the paper, of the latest revision."""
    is_time = by.role != "manager" or clock.day_of(now) <= snapshot.dispute.until_on
    may = rights.allows(by, "dispute.raise", managers=[kept.manager_id])
    return may and is_time and statements.is_latest(session, kept)


def _bridge(bridge: Bridge) -> list[tuple[str, int]]:
    """The rows between opening and closing that say anything."""
    return [(gettext(ROWS[name]), amount) for name, amount in bridge.rows() if amount]


@router.get("/statements/{statement_id}/pdf")
def pdf(session: Books, store: Files, by: By, statement_id: str, download: str = "") -> Response:
    """The paper, the same bytes every time."""
    kept = statements.get(session, statement_id, by=by)
    how = "attachment" if download else "inline"
    headers = {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(kept.number, safe='')}.pdf"}
    return Response(store.get(kept.pdf_sha256), media_type="application/pdf", headers=headers)
