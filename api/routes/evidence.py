"""Evidence: the files beside a need or a milestone, sent as a form, given back as a download."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import File, Response, UploadFile
from sqlmodel import Session

from api.doors import Books, By, Files, noun
from api.values import Answer, Instant, Page, PathId, one_line
from ledger import evidence
from ledger.core.errors import Invalid
from ledger.files import Store
from ledger.users import User

router = noun("evidence")


class EvidenceAnswer(Answer):
    """One file, known by its SHA-256."""

    id: str
    subject_id: str
    name: str
    media_type: str
    sha256: str
    size: int
    added_by: str
    added_at: Instant


Upload = Annotated[UploadFile, File(description="The file, at most 20 MB.")]


def kept(
    subject_id: str, file: UploadFile, session: Session, store: Store, by: User, now: datetime
) -> EvidenceAnswer:
    """Keep an uploaded file beside a need or milestone."""
    try:
        name = one_line(file.filename or "")
    except ValueError:
        raise Invalid("file_name", "the file's name holds a control character; rename it") from None
    one = evidence.add(
        session,
        store,
        subject_id,
        name=name,
        content=file.file.read(),
        by=by,
        now=now,
    )
    return EvidenceAnswer.model_validate(one)


def listed(session: Session, subject_id: str) -> Page[EvidenceAnswer]:
    """All the files of a subject, on one page."""
    return Page(
        items=[EvidenceAnswer.model_validate(one) for one in evidence.of(session, subject_id)], next=None
    )


@router.get(
    "/{id}/file",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
def file(id: PathId, session: Books, store: Files, by: By) -> Response:
    """The file itself, always as a download."""
    one = evidence.get(session, id, by=by)
    return download(store.get(one.sha256), one.name)


def download(content: bytes, name: str, media_type: str = "application/octet-stream") -> Response:
    """Bytes that a browser keeps and does not show."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition})
