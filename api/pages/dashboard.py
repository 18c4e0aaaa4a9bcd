"""The dashboard: pictures of the books, each with its table and a download."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import Request, Response
from sqlmodel import Session

from api import rendering
from api.doors import Books, By, Now
from api.forms import Form
from api.language import N_, either, gettext
from api.pages import lists
from api.pages.doors import pages
from api.rendering import page
from ledger import dashboard, rights, sheets
from ledger.core import charts
from ledger.core import period as months
from ledger.core.errors import NotFound
from ledger.dashboard import Row, Span
from ledger.users import User

router = pages()

Kind = Literal["amount", "balance", "count", "days"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose figures of which months, and the plan whose funnel is wanted."""

    session: Session
    span: Span
    plan_id: str
    by: User
    now: datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """One column of a chart's table; `tone` is its colour where it is drawn."""

    text: str
    kind: Kind = "amount"
    tone: str = ""

    @property
    def title(self) -> str:
        """Its heading in the language at hand."""
        return gettext(self.text)


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and its table: bars of the columns with a tone, or columns month by month."""

    name: str
    text: str
    about: str
    of: str  # what a row is
    shape: Literal["bars", "columns"]
    figures: tuple[Figure, ...]
    rows: Callable[[Asked], list[Row]]
    line: int | None = None  # the column drawn as a line over the others

    @property
    def drawn(self) -> list[int]:
        """Which columns are drawn, by place."""
        return [place for place, figure in enumerate(self.figures) if figure.tone and place != self.line]

    def picture(self, rows: Sequence[Row]) -> list[tuple[charts.Part, ...]] | charts.Columns:
        """The rows as places in a picture."""
        picked = [[row.figures[place] or 0 for place in self.drawn] for row in rows]
        if self.shape == "bars":
            return charts.bars(picked)
        line = [] if self.line is None else [row.figures[self.line] or 0 for row in rows]
        return charts.columns(picked, line)


_EARNED = Chart(
    "earned",
    N_("Earned month by month"),
    N_("What your stages were worth when they were earned."),
    N_("Month"),
    "columns",
    (Figure(N_("Earned"), tone="one"),),
    lambda asked: dashboard.earned(asked.session, asked.span, by=asked.by),
)
_FEES = Chart(
    "fees",
    N_("Fees and what they cost"),
    N_("Brokerage fees that came in, less what was refunded, and the commission earned in the same month."),
    N_("Month"),
    "columns",
    (Figure(N_("Fees received"), tone="one"), Figure(N_("Commission earned"), tone="two")),
    lambda asked: dashboard.fees_and_cost(asked.session, asked.span, by=asked.by),
)
_STAGES = Chart(
    "stages",
    N_("Earned by stage"),
    N_("What each stage of the chain has earned, and how far it has been paid."),
    N_("Stage"),
    "bars",
    (
        Figure(N_("Earned")),
        Figure(N_("Paid, or on its way"), tone="one"),
        Figure(N_("Payable"), tone="two"),
        Figure(N_("Held"), tone="three"),
    ),
    lambda asked: dashboard.stages(asked.session, asked.span, by=asked.by),
)
_FUNNEL = Chart(
    "funnel",
    N_("From need to completion"),
    N_("How many got so far, and the median of days since the step before."),
    N_("Step"),
    "bars",
    (Figure(N_("Count"), "count", tone="one"), Figure(N_("Days since the step before"), "days")),
    lambda asked: dashboard.funnel(asked.session, asked.span, plan_id=asked.plan_id),
)
_HELD = Chart(
    "held",
    N_("Held and released"),
    N_("What was kept back in a month, what was released or taken back, and what is held at its end."),
    N_("Month"),
    "columns",
    (
        Figure(N_("Kept back"), tone="three"),
        Figure(N_("Released or taken back"), tone="two"),
        Figure(N_("Held at the end"), "balance", tone="line"),
    ),
    lambda asked: dashboard.held(asked.session, asked.span, by=asked.by),
    line=2,
)
_POOLS = Chart(
    "pools",
    N_("Pool against cost"),
    N_("The deals that cost most: what of each pool is earned, and what is left in it."),
    N_("Deal"),
    "bars",
    (
        Figure(N_("Pool")),
        Figure(N_("Earned"), tone="one"),
        Figure(N_("Left in the pool"), tone="rest"),
    ),
    lambda asked: dashboard.pools(asked.session, asked.span, now=asked.now),
)
_NEEDS = Chart(
    "needs",
    N_("Top needs"),
    N_("Needs by the brokerage fee that came in from their deals."),
    N_("Need"),
    "bars",
    (Figure(N_("Fees received"), tone="one"), Figure(N_("Expected fee"))),
    lambda asked: dashboard.top_needs(asked.session, asked.span),
)
FOR_ALL = (_FEES, _STAGES, _FUNNEL, _HELD, _POOLS, _NEEDS)
FOR_MANAGERS = (_EARNED, _STAGES, _HELD)


def offered(by: User) -> Mapping[str, Chart]:
    """The charts a person may see, by name."""
    if by.role == "manager":
        return {chart.name: chart for chart in FOR_MANAGERS}
    rights.require(by, "books.see")
    return {chart.name: chart for chart in FOR_ALL}


@router.get("/dashboard")
def show(request: Request, session: Books, by: By, now: Now) -> Response:
    """All of them, over the months asked for."""
    known = offered(by).values()
    asked, form = _asked(request, session, by, now)
    drawn = [(chart, rows := chart.rows(asked), chart.picture(rows)) for chart in known]
    return page(
        request,
        "dashboard/dashboard.html",
        block="charts",
        form=form,
        charts=drawn,
        query=request.url.query,
        plans=_plans(session, by),
    )


@router.get("/dashboard/{name}.csv")
def as_csv(request: Request, session: Books, by: By, now: Now, name: str) -> Response:
    """One table as text, in yuan and fen; a BOM tells spreadsheets that it is UTF-8."""
    chart, rows = _one(request, session, by, now, name)
    out = io.StringIO()
    written = csv.writer(out)
    written.writerow([gettext(chart.of), *(figure.title for figure in chart.figures)])
    for row in rows:
        figures = [_plain(cell, figure) for cell, figure in zip(row.figures, chart.figures, strict=True)]
        written.writerow([sheets.as_text(either(row.zh, row.en)), *figures])
    return _download(("\ufeff" + out.getvalue()).encode(), "text/csv; charset=utf-8", f"{name}.csv")


@router.get("/dashboard/{name}.xlsx")
def as_workbook(request: Request, session: Books, by: By, now: Now, name: str) -> Response:
    """One table as a workbook."""
    chart, rows = _one(request, session, by, now, name)
    columns = [sheets.Column(gettext(chart.of), 36)] + [
        sheets.Column(figure.title, 18, figure.kind in ("amount", "balance"), figure.kind == "amount")
        for figure in chart.figures
    ]
    cells = [(either(row.zh, row.en), *row.figures) for row in rows]
    content = sheets.workbook([sheets.Sheet(gettext(chart.text)[:31], columns, cells)])
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _download(content, kind, f"{name}.xlsx")


def _asked(request: Request, session: Session, by: User, now: datetime) -> tuple[Asked, Form]:
    rights.reach(by, "deal.see")
    known = _plans(session, by)
    form = Form(lists.filters(request).fields)
    since, through = (_month(form, name) for name in ("since", "through"))
    plan_id = form.text("plan") or (known[0][0] if known else "")
    return Asked(session, Span(since, through), plan_id, by, now), form


def _month(form: Form, name: str) -> str:
    return (form.parsed(name, months.parse) or "") if form.text(name) else ""


def _plans(session: Session, by: User) -> list[tuple[str, str]]:
    if by.role == "manager":
        return []
    return [(plan_id, either(zh, en)) for plan_id, zh, en in dashboard.funnel_plans(session)]


def _one(request: Request, session: Session, by: User, now: datetime, name: str) -> tuple[Chart, list[Row]]:
    chart = offered(by).get(name)
    if chart is None:
        raise NotFound("chart_unknown", "there is no chart “{name}”", name=name)
    asked, _ = _asked(request, session, by, now)
    return chart, chart.rows(asked)


def _plain(cell: int | None, figure: Figure) -> str:
    if cell is None:
        return ""
    return rendering.plain(cell) if figure.kind in ("amount", "balance") else str(cell)


def _download(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
