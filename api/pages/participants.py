"""Who takes part and with what weight, as rows of a form: milestones and split agreements ask it alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from api.forms import Form
from api.language import gettext
from api.pages import fields
from ledger import managers
from ledger import participants as taking_part

ROWS, ROWS_MOST = 3, 20


def rows(form: Form) -> int:
    """How many rows the form had."""
    given = fields.whole(form.text("rows"), 9999)
    return ROWS if given is None else min(given, ROWS_MOST)


def given(session: Session, form: Form, *, required: bool = True) -> dict[str, str]:
    """Weight by manager id, from the rows that are filled in; what is wrong is said beside its field."""
    people: dict[str, str] = {}
    for n in range(1, rows(form) + 1):
        if not form.text(f"who{n}"):
            continue
        manager = form.parsed(f"who{n}", lambda text: managers.meant(session, text))
        weight = form.parsed(f"weight{n}", _weight)
        if manager is not None and manager.id in people:
            form.refuse(f"who{n}", gettext("This person is listed twice."))
        elif manager is not None and weight is not None:
            people[manager.id] = weight
    if not people and required:
        form.refuse("who1", gettext("Say who took part."))
    return people


def _weight(text: str) -> str:
    plain = fields.plainly(text).removesuffix("%")
    taking_part.weight(plain)
    return plain


def filled(session: Session, weights: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form that already has these."""
    names = managers.names(session, weights)
    texts = {"rows": str(max(ROWS, min(len(weights) + 1, ROWS_MOST)))}
    for n, (manager, weight) in enumerate(weights.items(), 1):
        texts |= {f"who{n}": f"{names.get(manager, '')} ({manager})", f"weight{n}": weight}
    return texts


def shown(session: Session, form: Form, *, more: bool = False) -> dict[str, Any]:
    """What the rows of a form need to be shown; with `more`, some more of them."""
    count = rows(form) + (ROWS if more else 0)
    return {
        "rows": min(count, ROWS_MOST),
        "rows_most": ROWS_MOST,
        "people": managers.search(session, "", limit=300),
    }
