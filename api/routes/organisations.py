"""Organisations: the enterprises with needs, the universities and institutes with results."""

from __future__ import annotations

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Cursor, Instant, Limit, Page, PathId, Title, first_of
from ledger import organisations, rights

router = noun("organisations")


class NewOrganisation(Body):
    """An organisation by its name; the same name again is the same organisation."""

    name: Title


class OrganisationAnswer(Answer):
    """One organisation; `credit_code` is its 统一社会信用代码, where it is known."""

    id: str
    name: str
    credit_code: str | None
    created_at: Instant


@router.get("")
def listing(session: Books, by: By, limit: Limit = 50, cursor: Cursor = None) -> Page[OrganisationAnswer]:
    """Organisations, by id."""
    rights.require(by, "organisation.see")
    found, following = first_of(organisations.listing(session, after=cursor or "", limit=limit + 1), limit)
    return Page(items=[OrganisationAnswer.model_validate(one) for one in found], next=following)


@router.post("", status_code=201)
def add(body: NewOrganisation, session: Books, by: By, now: Now) -> OrganisationAnswer:
    """Add an organisation, or find it there."""
    rights.require(by, "organisation.edit")
    return OrganisationAnswer.model_validate(organisations.named(session, body.name, now=now))


@router.get("/{id}")
def get(id: PathId, session: Books, by: By) -> OrganisationAnswer:
    """One organisation."""
    rights.require(by, "organisation.see")
    return OrganisationAnswer.model_validate(organisations.get(session, id))
