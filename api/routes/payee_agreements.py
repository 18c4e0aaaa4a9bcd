"""Agreements of payees on file (收款协议): the express agreement, with its days and its file."""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, Query, Response, UploadFile
from pydantic import Field

from api.doors import Books, By, Files, Now, noun
from api.routes.evidence import download
from api.values import Answer, Body, Day, Id, Instant, Page, PathId, Reason, Reference
from ledger import payee_agreements
from ledger.payee_agreements import OnFile, PayeeAgreement

router = noun("payee-agreements")


class PayeeAgreementAnswer(Answer):
    """One agreement on file."""

    id: str
    manager_id: str
    number: str
    signed_on: Day
    from_on: Day
    until_on: Day | None
    file_name: str
    sha256: str
    size: int
    added_by: str
    added_at: Instant


class PayeeAgreementOnFile(PayeeAgreementAnswer):
    """One with the last day it is in force."""

    last_on: Day | None = Field(description="Null: no day is set.")

    @classmethod
    def of(cls, one: OnFile) -> PayeeAgreementOnFile:
        """As it is told."""
        return cls(**one.agreement.model_dump(), last_on=one.last_on)


class Ending(Body):
    """Its last day, and why it ends."""

    last_on: Day
    reason: Reason


def _told(agreement: PayeeAgreement) -> PayeeAgreementAnswer:
    return PayeeAgreementAnswer.model_validate(agreement)


@router.get("")
def listing(
    session: Books, by: By, manager: Annotated[Id, Query(description="Whose.")]
) -> Page[PayeeAgreementOnFile]:
    """A payee's agreements, the latest first, on one page."""
    found = payee_agreements.on_file(session, manager, by=by)
    return Page(items=[PayeeAgreementOnFile.of(one) for one in found], next=None)


@router.post("", status_code=201)
def add(
    session: Books,
    store: Files,
    by: By,
    now: Now,
    manager_id: Annotated[Id, Form()],
    number: Annotated[Reference, Form()],
    signed_on: Annotated[Day, Form()],
    from_on: Annotated[Day, Form()],
    file: Annotated[UploadFile, File(description="What shows it, at most 20 MB.")],
    until_on: Annotated[Day | None, Form()] = None,
) -> PayeeAgreementAnswer:
    """Put an agreement on file. The same number again is refused."""
    agreement = payee_agreements.add(
        session,
        store,
        manager_id,
        number=number,
        signed_on=signed_on,
        from_on=from_on,
        until_on=until_on,
        file_name=file.filename or "file",
        content=file.file.read(),
        by=by,
        now=now,
    )
    return _told(agreement)


@router.get(
    "/{id}/file",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
def file(id: PathId, session: Books, store: Files, by: By) -> Response:
    """What shows it, as a download."""
    agreement = payee_agreements.get(session, id, by=by)
    return download(store.get(agreement.sha256), agreement.file_name)


@router.post("/{id}/end")
def end(id: PathId, body: Ending, session: Books, by: By, now: Now) -> PayeeAgreementAnswer:
    """It ends on a day."""
    return _told(payee_agreements.end(session, id, **body.model_dump(), by=by, now=now))
