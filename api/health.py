"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from ledger.db import Database
from ledger.files import Store
from ledger.migrations.run import is_current

ROOM_LEAST = 100_000_000  # bytes; below it a month of statements may not find its place

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "It cannot serve; `status` says why."}})
def ready(request: Request, response: Response) -> dict[str, str]:
    """The database answers and is at this version, and files can be kept; 503 while one of it is not so."""
    why = _why_not(request.app.state.database, request.app.state.store)
    if why:
        response.status_code = 503
    return {"status": why or "ok"}


def _why_not(database: Database, store: Store) -> str:
    try:
        if not is_current(database):
            return "database_not_at_this_version"
        return "" if store.room() >= ROOM_LEAST else "no_room_for_files"
    except SQLAlchemyError:
        return "database_unreachable"
    except OSError:
        return "no_room_for_files"
