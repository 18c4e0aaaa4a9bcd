"""A month's statements as one file, for finance to keep."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from api.doors import Books, By, Files
from api.pages.doors import pages
from ledger import archive, rights
from ledger.db import Database

router = pages()


@router.get("/periods/{period}/archive")
def download(request: Request, session: Books, store: Files, by: By, period: str) -> Response:
    """The ZIP, written while it is sent, from one moment of the books that is its own."""
    rights.require(by, "statement.make")
    archive.write(session, store, period)  # refuses before the answer begins
    database: Database = request.app.state.database

    def pieces() -> Iterator[bytes]:
        with database.reading() as own:
            yield from archive.write(own, store, period)

    headers = {
        "Content-Disposition": f'attachment; filename="statements-{period}.zip"',
        "Content-Encoding": "identity",  # papers are compressed already
    }
    return StreamingResponse(pieces(), media_type="application/zip", headers=headers)
