"""The tie-out (勾稽) of a month: its statements against the account, and the files finance takes home."""

from __future__ import annotations

from fastapi import Request, Response

from api.doors import Books, By, Now
from api.pages.doors import pages
from api.rendering import page
from ledger import acknowledgements, archive, closing, managers, rights, tieout
from ledger.core import period as months

router = pages()

SHOWN = 50  # payees that differ, or lack a statement


@router.get("/periods/{period}/tie-out")
def tie_out(
    request: Request, session: Books, by: By, now: Now, period: str, currency: str = "CNY"
) -> Response:
    """What ties, who differs, what is missing."""
    found = closing.month(session, months.parse(period), now=now, by=by)
    tied = tieout.of(session, period, currency)
    missing = archive.missing(session, period)
    shown = [
        *(row.manager_id for row in tied.differing[:SHOWN]),
        *(one.split()[0] for one in missing[:SHOWN]),
    ]
    return page(
        request,
        "periods/tieout.html",
        month=found,
        tied=tied,
        missing=missing[:SHOWN],
        missing_count=len(missing),
        differing=tied.differing[:SHOWN],
        people=managers.names(session, shown),
        acknowledged=acknowledgements.count(session, period),
        currencies=tieout.currencies(session, period),
        may_make=rights.allows(by, "statement.make"),
    )
