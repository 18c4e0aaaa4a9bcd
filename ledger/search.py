"""Search over all that a person may see: by name, title or number. A few of each kind, a query a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from ledger import deals, documents, evidence, managers, organisations, rights
from ledger.core.entry import KINDS
from ledger.evidence import Evidence
from ledger.journal import Entry
from ledger.managers import Manager
from ledger.needs import Need
from ledger.organisations import Organisation
from ledger.payments import Payout
from ledger.statements import Statement
from ledger.users import User

FEW = 6  # of each kind
SHORTEST = 2  # characters; a number may be shorter
FINGERPRINT_LEAST = 8  # characters of one


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: what it is, its id, what people call it, and what tells it from others."""

    what: str
    id: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one kind, and whether there is more."""

    what: str
    hits: list[Hit]
    is_more: bool


def everywhere(session: Session, text: str, *, by: User) -> list[Found]:
    """What holds `text` among all that the user may see; kinds without a hit are left out."""
    wanted = text.strip()
    if len(wanted) < SHORTEST and not wanted.isdigit():
        return []
    found = [
        Found(what, hits[:FEW], len(hits) > FEW)
        for what, right, look in PLACES
        if by.role in rights.RIGHTS[right] and (hits := look(session, wanted, by))
    ]
    return found


def _deals(session: Session, text: str, by: User) -> list[Hit]:
    found = deals.listing(session, by=by, text=text, limit=FEW + 1)
    clients = organisations.names(session, [deal.client_id for deal in found])
    return [Hit("deal", one.id, one.title, clients.get(one.client_id, "")) for one in found]


def _needs(session: Session, text: str, by: User) -> list[Hit]:
    clients = select(Organisation.id).where(col(Organisation.name).contains(text, autoescape=True))
    query = select(Need).where(
        or_(
            col(Need.title).contains(text, autoescape=True),
            col(Need.client_id).in_(clients),
            Need.id == text,
        )
    )
    if by.role == "manager":
        query = query.where(Need.manager_id == by.manager_id)
    found = session.exec(query.order_by(col(Need.id).desc()).limit(FEW + 1)).all()
    names = organisations.names(session, [one.client_id for one in found])
    return [Hit("need", one.id, one.title, names.get(one.client_id, "")) for one in found]


def _managers(session: Session, text: str, by: User) -> list[Hit]:
    if by.role == "manager":
        return []
    return [Hit("manager", one.id, one.name, one.id) for one in managers.search(session, text, limit=FEW + 1)]


def _organisations(session: Session, text: str, by: User) -> list[Hit]:
    if by.role == "manager":
        return []
    return [
        Hit("organisation", one.id, one.name) for one in organisations.search(session, text, limit=FEW + 1)
    ]


def _statements(session: Session, text: str, by: User) -> list[Hit]:
    people = select(Manager.id).where(col(Manager.name).contains(text, autoescape=True))
    query = select(Statement).where(
        or_(
            col(Statement.number).startswith(text.upper(), autoescape=True),
            col(Statement.manager_id).in_(people),
        )
    )
    if by.role == "manager":
        query = query.where(Statement.manager_id == by.manager_id)
    found = session.exec(query.order_by(col(Statement.id).desc()).limit(FEW + 1)).all()
    names = managers.names(session, [one.manager_id for one in found])
    return [Hit("statement", one.id, one.number, names.get(one.manager_id, "")) for one in found]


def _documents(session: Session, text: str, by: User) -> list[Hit]:
    found = documents.listing(session, by=by, number=text, limit=FEW + 1)
    return [Hit("document", one.id, one.number, one.kind) for one in found]


def _payouts(session: Session, text: str, by: User) -> list[Hit]:
    query = select(Payout).where(col(Payout.no).startswith(text.upper(), autoescape=True))
    found = session.exec(query.order_by(col(Payout.id).desc()).limit(FEW + 1))
    return [Hit("payout", one.id, one.no, one.state) for one in found]


def _entries(session: Session, text: str, by: User) -> list[Hit]:
    """By its number, or by the reference of the document it was posted for."""
    is_one: list[ColumnElement[bool]] = [
        and_(col(Entry.kind) == kind, col(Entry.source) == text) for kind in KINDS
    ]
    if text.isascii() and text.isdigit() and len(text) < 18:
        is_one.append(col(Entry.id) == int(text))
    found = session.exec(select(Entry).where(or_(*is_one)).order_by(col(Entry.id)).limit(FEW + 1))
    return [Hit("entry", str(one.id), str(one.id), one.summary) for one in found]


def _evidence(session: Session, text: str, by: User) -> list[Hit]:
    """By the beginning of a file's SHA-256, as pages and papers print it; it leads to what the file shows."""
    wanted = text.lower()
    if len(wanted) < FINGERPRINT_LEAST or set(wanted) - set("0123456789abcdef"):
        return []
    query = select(Evidence).where(col(Evidence.sha256).startswith(wanted, autoescape=True))
    found = session.exec(query.order_by(col(Evidence.id).desc()).limit(FEW + 1))
    return [Hit(evidence.kind(one.subject_id), one.subject_id, one.name, one.sha256[:12]) for one in found]


# what is found: the right it takes, how it is looked for
PLACES: tuple[tuple[str, str, Callable[[Session, str, User], list[Hit]]], ...] = (
    ("deal", "deal.see", _deals),
    ("need", "need.see", _needs),
    ("manager", "manager.see", _managers),
    ("organisation", "organisation.see", _organisations),
    ("statement", "statement.see", _statements),
    ("document", "fee.see", _documents),
    ("payout", "payout.see", _payouts),
    ("entry", "books.see", _entries),
    ("evidence", "books.see", _evidence),
)
