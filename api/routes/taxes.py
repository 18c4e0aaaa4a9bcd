"""Tax: what was withheld month by month, its return, and remitting it. Lists come as files."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Response
from pydantic import Field

from api.doors import Books, By, Now, noun
from api.routes.evidence import download
from api.values import Amount, Answer, Body, Currency, Day, Page, PeriodName, Reference
from ledger import journal, remittances, tax_returns
from ledger.core.entry import as_text
from ledger.core.money import format_minor, parse_minor
from ledger.core.tax_return import Line
from ledger.remittances import Month
from ledger.tax_returns import Row

router = noun("taxes")

Of = Annotated[PeriodName, Path(description="The month of the bank's value dates.")]
MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}


class MonthAnswer(Answer):
    """One month: what was withheld, what of it went to the tax office, and what is still to go."""

    period: str
    withheld: Amount
    remitted: Amount
    open: Amount

    @classmethod
    def of(cls, month: Month) -> MonthAnswer:
        """As it is told."""
        return cls(
            period=month.period,
            withheld=_yuan(month.withheld_minor),
            remitted=_yuan(month.remitted_minor),
            open=_yuan(month.open_minor),
        )


class ReturnLine(Answer):
    """One payee's line of the withholding return; the two cumulative figures only of that method."""

    manager_id: str
    name: str
    method: Literal["per_payment", "platform_cumulative"]
    income: Amount
    expenses: Amount
    counted: Amount | None = Field(description="累计收入额")
    deduction: Amount | None = Field(description="累计减除费用")
    taxable: Amount
    rate: str
    quick_deduction: Amount
    tax: Amount
    before: Amount = Field(description="已缴税额")
    withheld: Amount = Field(description="应补退税额")

    @classmethod
    def of(cls, row: Row) -> ReturnLine:
        """As it is told."""
        return cls(manager_id=row.manager_id, name=row.name, **_figures(row.line))


class Remittance(Body):
    """A payment to the tax office. The same receipt again is the same payment."""

    amount: Amount
    on: Day
    ref: Reference
    currency: Currency = "CNY"
    of: remittances.Of = Field(default="iit", description="Income tax, or the payees' VAT.")


class RemittanceAnswer(Answer):
    """The entry that clears what was withheld."""

    entry_id: str
    period: PeriodName = Field(description="The month it is booked in.")
    text: str = Field(description="The entry as an accountant would write it down.")


class Export(Body):
    """Which list, as which file."""

    kind: Literal["withholding", "platform", "wages", "vat"]
    span: str = Field(
        pattern=r"^[0-9]{4}(-[0-9]{2}|Q[1-4])$",
        description="A month; of the platform's report a quarter.",
        examples=["2026-10", "2026Q4"],
    )
    format: Literal["xlsx", "csv"] = "xlsx"


def _yuan(minor: int) -> str:
    return format_minor(minor, "CNY")


def _figures(line: Line) -> dict[str, str | None]:
    return {
        "method": line.method,
        "income": _yuan(line.income_minor),
        "expenses": _yuan(line.expenses_minor),
        "counted": None if line.counted_minor is None else _yuan(line.counted_minor),
        "deduction": None if line.deduction_minor is None else _yuan(line.deduction_minor),
        "taxable": _yuan(line.taxable_minor),
        "rate": line.rate,
        "quick_deduction": _yuan(line.quick_minor),
        "tax": _yuan(line.tax_minor),
        "before": _yuan(line.before_minor),
        "withheld": _yuan(line.withheld_minor),
    }


@router.get("")
def listing(session: Books, by: By) -> Page[MonthAnswer]:
    """Every month with tax, the latest first, on one page."""
    found = remittances.standing(session, by=by)
    return Page(items=[MonthAnswer.of(month) for month in found], next=None)


@router.get("/{period}/return")
def withholding_return(period: Of, session: Books, by: By) -> Page[ReturnLine]:
    """The withholding return of a month, payee by payee, without the numbers of documents."""
    found = tax_returns.rows(session, period, by=by)
    return Page(items=[ReturnLine.of(row) for row in found], next=None)


@router.post("/{period}/remit", status_code=201)
def remit(period: Of, body: Remittance, session: Books, by: By, now: Now) -> RemittanceAnswer:
    """The tax of a month was paid to the tax office."""
    entry = remittances.remit(
        session,
        period,
        amount_minor=parse_minor(body.amount, body.currency),
        on=body.on,
        ref=body.ref,
        currency=body.currency,
        of=body.of,
        by=by,
        now=now,
    )
    return RemittanceAnswer(
        entry_id=str(entry.id), period=entry.period, text=as_text(journal.as_value(session, entry))
    )


@router.post(
    "/exports",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {kind: {} for kind in MEDIA.values()}}},
)
def export(body: Export, session: Books, by: By, now: Now) -> Response:
    """A list as a file. It has numbers of documents in clear: that it was taken is noted."""
    name, content = tax_returns.export(session, body.kind, body.span, body.format, by=by, now=now)
    return download(content, name, MEDIA[body.format])
