"""Organisations: the enterprises with needs, the universities and institutes with results."""

from __future__ import annotations

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Instant, Limit, Page, PathId, Title, first_of
from ledger import deals, organisations, rights
from ledger.organisations import Organisation
from ledger.users import User

router = noun("organisations")


class NewOrganisation(Body):
    """An organisation by its name; the same name again is the same organisation."""

    name: Title


class OrganisationAnswer(Answer):
    """One organisation; `credit_code` is its 统一社会信用代码, where it is known.

    When it was added is told to the desk only: a manager would learn that somebody else was there first.
    """

    id: str
    name: str
    credit_code: str | None
    created_at: Instant | None

    @classmethod
    def of(cls, organisation: Organisation, by: User) -> OrganisationAnswer:
        """An organisation as it is answered to somebody."""
        shown = cls.model_validate(organisation)
        return shown.model_copy(update={"created_at": None}) if by.role == "manager" else shown


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[OrganisationAnswer]:
    """Organisations, by id; a manager sees those of their own needs and deals."""
    own = deals.clients_of(session, by)
    rows = organisations.listing(session, by=by, own=own, after=cursor or "", limit=limit + 1)
    found, following = first_of(rows, limit)
    return Page(items=[OrganisationAnswer.of(one, by) for one in found], next=following)


@router.post("", status_code=201)
def add(body: NewOrganisation, session: Books, by: By, now: Now) -> OrganisationAnswer:
    """Add an organisation, or find it there."""
    rights.require(by, "organisation.edit")
    return OrganisationAnswer.of(organisations.named(session, body.name, now=now), by)


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> OrganisationAnswer:
    """One organisation."""
    found = organisations.seen(session, id, by=by, own=deals.clients_of(session, by))
    return OrganisationAnswer.of(found, by)
