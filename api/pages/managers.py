"""Technology managers, for operations: who they are, their grade, how they are paid, their deals."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from api import codes, flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_
from api.pages import cards, fields, lists
from api.pages.doors import pages, see
from api.rendering import page
from api.words import sentence
from ledger import accounts, bank_accounts, deals, managers, persons, plans, rights, users
from ledger.clock import day_of
from ledger.core.errors import Conflict, Invalid
from ledger.managers import Manager, masked
from ledger.users import User

router = pages()


@router.get("/managers")
def listing(request: Request, session: Books, by: By, now: Now, q: str = "", after: str = "") -> Response:
    """Managers in order of id, or those a text is found in."""
    rights.require(by, "manager.see")  # a manager has no list of the others
    found = managers.search(session, q.strip(), after=after, limit=lists.SHOWN + 1)
    rows, more = lists.cut(request, found, cursor="after")
    return page(
        request,
        "managers/list.html",
        managers=rows,
        grades=managers.grades_on(session, [one.id for one in rows], day_of(now)),
        more=more,
        shared=len(persons.shared(session)) if rights.allows(by, "person.shared") else 0,
        q=q.strip(),
        may_edit=rights.allows(by, "manager.edit"),
        may_invite=rights.allows(by, "manager.invite"),
    )


@router.get("/managers/new")
def new(request: Request, session: Books, by: By, now: Now) -> Response:
    """The form for a new manager."""
    rights.require(by, "manager.edit")
    return _form(request, session, Form(tax_method="per_payment", from_on=str(day_of(now))), now)


@router.post("/managers")
def add(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """A new manager."""
    rights.require(by, "manager.edit")
    manager = _added(session, by, form, now)
    if manager is None:
        return _form(request, session, form, now, 422)
    return _told(see(f"/managers/{manager.id}"), N_("The manager is added."), manager.bank_account)


def _added(session: Session, by: User, form: Form, now: datetime) -> Manager | None:
    name = form.required("name")
    phone = form.parsed("phone", users.phone_number) if form.text("phone") else None
    from_on = form.parsed("from_on", fields.day) if form.text("grade") else None
    account, cnaps = _account(form), _cnaps(form)
    if not form.ok:
        return None
    try:
        return managers.add(
            session,
            id=form.text("id") or None,
            name=name,
            phone=phone,
            grade=form.text("grade") or None,
            grade_from=from_on or managers.BEGINNING,
            tax_method=form.text("tax_method"),
            bank_name=form.text("bank_name") or None,
            bank_account=account,
            bank_cnaps=cnaps,
            by=by,
            now=now,
        )
    except (Invalid, Conflict) as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))
        return None


_FIELDS = {
    "manager_exists": "id",
    "id_invalid": "id",
    "manager_name": "name",
    "tax_method_unknown": "tax_method",
}


def _account(form: Form) -> str | None:
    text = fields.plainly(form.text("bank_account"))
    return form.parsed("bank_account", lambda _: bank_accounts.number(text)) if text else None


def _cnaps(form: Form) -> str | None:
    return form.parsed("bank_cnaps", bank_accounts.cnaps) if form.text("bank_cnaps") else None


def _told(response: Response, text: str, account: str | None) -> Response:
    """What was done, and whether the account is worth a second look."""
    if bank_accounts.looks_wrong(account):
        text = N_("It is kept. The last digit of the card number does not fit the others: look at it again.")
    flash.put(response, text)
    return response


def _form(request: Request, session: Session, form: Form, now: datetime, status: int = 200) -> Response:
    return page(
        request,
        "managers/new.html",
        status=status,
        form=form,
        grades=grades_offered(session, now),
        tax_methods=codes.choices("tax_method", managers.TAX_METHODS),
    )


def grades_offered(session: Session, now: datetime) -> list[tuple[str, str]]:
    """The grades that the plans in force know."""
    known = [grade for plan in plans.offered(session, day_of(now)) for grade in plans.value(plan).grades]
    return codes.choices("grade", dict.fromkeys(known) or codes.GRADES)


@router.get("/managers/{id}")
def show(request: Request, id: str, session: Books, by: By, now: Now) -> Response:
    """One manager: numbers, grade, payment, deals."""
    return _manager(request, session, id, by, now, Form())


def _manager(
    request: Request, session: Session, id: str, by: User, now: datetime, form: Form, status: int = 200
) -> Response:
    manager, today = managers.seen(session, id, by=by), day_of(now)
    method = managers.tax_methods_on(session, [id], today)[id]
    defaults = {"bank_name": manager.bank_name or "", "bank_cnaps": manager.bank_cnaps or ""}
    defaults |= {"tax_method": method, "from_on": str(today)}
    form.defaults = defaults | form.defaults
    return page(
        request,
        "managers/manager.html",
        status=status,
        manager=manager,
        account=masked(manager.bank_account),
        same=_same(session, manager, by),
        looks_wrong=bank_accounts.looks_wrong(manager.bank_account),
        changed_by=_changed_by(session, manager),
        may_confirm=_may_confirm(manager, by),
        method=method,
        taxed=managers.tax_history(session, id),
        standing=accounts.standing(session, id),
        history=managers.grade_history(session, id),
        grade=managers.grades_on(session, [id], today).get(id),
        deals=cards.of(session, deals.listing(session, by=by, manager_id=id, limit=20)),
        may_edit=rights.allows(by, "manager.edit"),
        may_invite=rights.allows(by, "manager.invite") and not users.is_known(session, id),
        may_reveal=manager.bank_account and rights.allows(by, "manager.reveal", managers=[id]),
        form=form,
        grades=grades_offered(session, now),
        tax_methods=codes.choices("tax_method", managers.TAX_METHODS),
    )


def _same(session: Session, manager: Manager, by: User) -> list[str]:
    """Who else is paid on this account, for who may know."""
    if not rights.allows(by, "person.shared"):
        return []
    found = persons.others(session, manager.id, managers.ACCOUNT, manager.bank_account)
    names = managers.names(session, found)
    return [f"{names[one]} ({one})" for one in found]


def _changed_by(session: Session, manager: Manager) -> str:
    """Who changed an account that waits."""
    who = manager.account_changed_by or ""
    return users.names(session, [who]).get(who, who)


def _may_confirm(manager: Manager, by: User) -> bool:
    made_by = manager.account_changed_by
    return rights.allows(by, "account.confirm", managers=[manager.id], made_by=made_by)


@router.post("/managers/{id}/payment")
def set_payment(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """How the manager is paid and taxed from now on. An account left empty stays as it is."""
    rights.require(by, "manager.edit")
    manager = managers.get(session, id)
    tax_from = form.parsed("tax_from", fields.day) if form.text("tax_from") else None
    account, cnaps = _account(form) or manager.bank_account, _cnaps(form)
    if not form.ok:
        return _manager(request, session, id, by, now, form, 422)
    try:
        managers.set_payment(
            session,
            id,
            bank_name=form.text("bank_name") or None,
            bank_account=account,
            bank_cnaps=cnaps,
            tax_method=form.text("tax_method"),
            tax_from=tax_from,
            by=by,
            now=now,
        )
    except Invalid as refusal:
        form.refuse(_FIELDS.get(refusal.code, ""), sentence(refusal))
        return _manager(request, session, id, by, now, form, 422)
    kept = N_("The payment details are kept.")
    if manager.account_waits:
        kept = N_("The payment details are kept. Somebody else confirms the account before money goes there.")
    return _told(see(f"/managers/{id}"), kept, account)


@router.post("/managers/{id}/account/confirm")
def confirm_account(id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """Somebody else has made sure of a changed account."""
    rights.require_role(by, "account.confirm")
    try:
        seen = datetime.fromisoformat(form.text("changed_at"))
    except ValueError as error:
        raise Invalid("account_seen", "open the page again and confirm what it shows") from error
    bank_accounts.confirm(session, id, seen=seen, by=by, now=now)
    response = see(f"/managers/{id}")
    flash.put(response, N_("The account is confirmed; money may go there."))
    return response


@router.post("/managers/{id}/reveal")
def reveal(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """The bank account in clear, on this answer only."""
    manager, reason = managers.seen(session, id, by=by), form.required("reason")
    if not form.ok:
        return _manager(request, session, id, by, now, form, 422)
    account = managers.reveal(session, id, reason=reason, by=by, now=now)
    return page(request, "managers/reveal.html", manager=manager, account=account, reason=reason)


@router.post("/managers/{id}/grade")
def set_grade(request: Request, id: str, session: Books, by: By, now: Now, form: Filled) -> Response:
    """The grade from a day on. Milestones verified before keep the grade they were verified with."""
    rights.require(by, "manager.edit")
    grade, from_on = form.required("grade"), form.parsed("from_on", fields.day)
    if grade and grade not in dict(grades_offered(session, now)):
        form.refuse("grade", sentence(Invalid("grade_not_offered", "choose one of the grades")))
    if not form.ok or from_on is None:
        return _manager(request, session, id, by, now, form, 422)
    managers.set_grade(session, id, grade=grade, from_on=from_on, by=by, now=now)
    response = see(f"/managers/{id}")
    flash.put(response, N_("The grade is kept."))
    return response
