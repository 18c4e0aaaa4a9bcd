"""Results: the list, logging one, and the needs it may go together with; bringing the two together."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import fields, lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import managers, needs, organisations, results, rights
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.results import Result
from ledger.users import User

router = pages()


@router.get("/results")
def listing(request: Request, session: Books, by: By, q: str = "", before: str | None = None) -> Response:
    """Results, the latest first, or those a text is found in."""
    found = results.listing(session, by=by, text=q.strip(), before=before, limit=lists.SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "results/list.html",
        results=rows,
        sources=organisations.names(session, [one.source_id for one in rows]),
        older=older,
        q=q.strip(),
        may_log=rights.allows(by, "result.log"),
    )


@router.get("/results/new")
def new(request: Request, session: Books, by: By, now: Now) -> Response:
    """The form to log a result."""
    rights.require(by, "result.log")
    return _form(request, session, Form(found_on=str(day_of(now))))


def _form(request: Request, session: Session, form: Form) -> Response:
    status = 422 if form.errors else 200
    people = managers.search(session, "", limit=300)
    return page(request, "results/new.html", status=status, form=form, people=people)


BESIDE = {"result_title": "title", "organisation_name": "source", "day_in_future": "found_on"}


@router.post("/results")
def log(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Log it, and see which needs may look for it."""
    rights.require(by, "result.log")
    result = _logged(session, form, by, now)
    if result is None:
        return _form(request, session, form)
    response = see(f"/results/{result.id}")
    flash.put(response, N_("The result is logged."))
    return response


def _logged(session: Session, form: Form, by: User, now: Now) -> Result | None:
    title, source = form.required("title"), form.required("source")
    found_on, finder = form.parsed("found_on", fields.day), None
    if by.role != "manager" and form.text("manager"):
        finder = form.parsed("manager", lambda text: managers.meant(session, text))
    if not form.ok:
        return None
    try:
        return results.log(
            session,
            title=title,
            source=source,
            detail=form.text("detail"),
            found_on=found_on,
            manager_id=finder.id if finder else None,
            by=by,
            now=now,
        )
    except Invalid as refusal:
        form.refuse(BESIDE.get(refusal.code, ""), sentence(refusal))
        return None


@router.get("/results/{id}")
def show(request: Request, id: str, session: Books, by: By) -> Response:
    """One result, and the open needs that may look for it."""
    return _result(request, session, results.get(session, id, by=by), by, Form())


def _result(request: Request, session: Session, result: Result, by: User, form: Form) -> Response:
    likely = results.needs_for(session, result, by=by)
    told = results.pairings(session, result_id=result.id)
    seen = {need.id for need, _ in likely} | {one.need_id for one in told}
    return page(
        request,
        "results/result.html",
        status=422 if form.errors else 200,
        form=form,
        result=result,
        source=organisations.names(session, [result.source_id]).get(result.source_id, ""),
        finder=managers.names(session, [result.manager_id or ""]).get(result.manager_id or "", ""),
        likely=likely,
        clients=organisations.names(session, [need.client_id for need, _ in likely]),
        pairings=[one for one in told if _may_see(session, one.need_id, by)],
        known=seen,
        names=managers.names(session, [one.manager_id for one in told]),
        may_pair=rights.allows(by, "result.log"),
        people=managers.search(session, "", limit=300) if by.role != "manager" else [],
    )


def _may_see(session: Session, need_id: str, by: User) -> bool:
    need = session.get(needs.Need, need_id)
    return need is not None and rights.allows(by, "need.see", managers=[need.manager_id or ""])


@router.post("/results/{id}/pair")
def pair(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Say who brought it together with a need."""
    result, who = results.get(session, id, by=by), None
    if by.role != "manager" and form.required("manager"):
        who = form.parsed("manager", lambda text: managers.meant(session, text))
    need_id = form.required("need")
    if form.ok:
        try:
            results.pair(
                session,
                need_id,
                id,
                note=form.text("note"),
                manager_id=who.id if who else None,
                by=by,
                now=now,
            )
        except (Conflict, Invalid) as refusal:
            form.refuse("", sentence(refusal))
    if not form.ok:
        return _result(request, session, result, by, form)
    response = see(f"/needs/{need_id}")
    flash.put(response, N_("Kept: it is evidence for the stage of sourcing."))
    return response
