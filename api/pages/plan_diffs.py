"""Two plans on the deals in the books: asked for, followed while it works, then a table and a picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from sqlmodel import Session

from api.doors import Books, By, Files, Now
from api.forms import Filled
from api.language import N_, current, either, gettext
from api.pages import fields
from api.pages.doors import pages, see
from api.rendering import page
from api.routes.evidence import download
from ledger import plan_diffs, plans
from ledger.core.errors import Invalid
from ledger.core.money import parse_minor
from ledger.plans import PlanVersion

router = pages()

SHOWN = 20  # managers and deals with the largest differences; the file has all
CROSSED = {
    "tier": N_("in another bracket"),
    "pool_floor": N_("at the floor of the pool, or no longer"),
    "pool_cap": N_("at the cap of the pool, or no longer"),
    "deal_cap": N_("at the cap on a deal, or no longer"),
    "year_cap": N_("at the cap on a year, or no longer"),
}


def choices(session: Session, version: PlanVersion) -> list[tuple[str, str]]:
    """The versions that one can be compared with, its own plan's first."""
    others = [
        one for one in plans.listing(session) if one.id != version.id and one.currency == version.currency
    ]
    others.sort(key=lambda one: one.plan_id != version.plan_id)
    return [(one.id, _named(one)) for one in others]


def _named(version: PlanVersion) -> str:
    return f"{either(version.title_zh, version.title_en)} v{version.version}"


@router.post("/plans/{version_id}/compare")
def ask(session: Books, by: By, now: Now, version_id: str, form: Filled) -> Response:
    """Ask for the comparison; the page that it leads to follows it."""
    from_on = form.parsed("from_on", fields.day) if form.text("from_on") else None
    to_on = form.parsed("to_on", fields.day)
    if to_on is None or form.errors:
        raise Invalid("days_missing", "say up to which day, as 2026-05-06")
    asked = plan_diffs.request(
        session, version_id, old_id=form.required("old"), from_on=from_on, to_on=to_on, by=by, now=now
    )
    return see(f"/plans/compare/{asked.id}")


@router.get("/plans/compare/{run_id}")
def show(request: Request, session: Books, store: Files, by: By, run_id: str) -> Response:
    """How far it is, or what came out: old, new, difference, and who crosses what."""
    found = plan_diffs.get(session, run_id, by=by)
    old, new = plan_diffs.versions_of(session, found)
    outcome = plan_diffs.outcome(store, found)
    return page(
        request,
        "plans/compare.html",
        block="run",
        run=found,
        new=new,
        names=[_named(old), _named(new)],
        works=found.state in ("waiting", "running"),
        found=_Outcome.of(outcome) if outcome else None,
        shown=SHOWN,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A manager, a deal, or all of them together."""

    href: str
    name: str
    old_minor: int
    new_minor: int
    crosses: list[str]

    @property
    def difference_minor(self) -> int:
        return self.new_minor - self.old_minor


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came out, as the page shows it."""

    currency: str
    from_on: date | None
    to_on: date
    total: _Row
    managers: list[_Row]
    deals: list[_Row]
    skipped: list[dict[str, str]]
    crossed: list[tuple[str, int]]

    @classmethod
    def of(cls, said: dict[str, Any]) -> _Outcome:
        currency = said["currency"]
        return cls(
            currency,
            date.fromisoformat(said["from"]) if said["from"] else None,
            date.fromisoformat(said["to"]),
            _row(said["totals"], "", "", currency),
            [_row(one, f"/managers/{one['manager']}", one["name"], currency) for one in said["managers"]],
            [_row(one, f"/deals/{one['deal']}", one["title"], currency) for one in said["deals"]],
            said["skipped"],
            _counted(said),
        )


def _row(said: dict[str, Any], href: str, name: str, currency: str) -> _Row:
    old, new = (parse_minor(said[key], currency) for key in ("old", "new"))
    crosses = [_crosses(one["what"], one["old"], one["new"]) for one in said.get("crosses", [])]
    return _Row(quote(href), name, old, new, crosses)


def _crosses(what: str, old: int, new: int) -> str:
    """A bracket by its number; of a bound, that it holds for one of the plans only."""
    return f"{gettext(CROSSED[what])} {old} → {new}" if what == "tier" else gettext(CROSSED[what])


def _counted(said: dict[str, Any]) -> list[tuple[str, int]]:
    """How many cross each kind of line; a deal's managers stand with the deal already."""
    rows = [one for row in said["deals"] for one in row["crosses"]]
    rows += [one for row in said["managers"] for one in row["crosses"] if one["what"] == "year_cap"]
    counts = Counter(one["what"] for one in rows)
    return [(gettext(text), counts[what]) for what, text in CROSSED.items() if counts[what]]


@router.get("/plans/compare/{run_id}/picture.svg")
def picture(session: Books, store: Files, by: By, run_id: str) -> Response:
    """The managers' differences, drawn."""
    found = plan_diffs.get(session, run_id, by=by)
    return Response(plan_diffs.drawn(store, found, current()), media_type="image/svg+xml")


@router.get("/plans/compare/{run_id}/comparison.json")
def whole(session: Books, store: Files, by: By, run_id: str) -> Response:
    """All of it, as a file."""
    found = plan_diffs.get(session, run_id, by=by)
    return download(plan_diffs.file(store, found), f"comparison-{run_id}.json", "application/json")
