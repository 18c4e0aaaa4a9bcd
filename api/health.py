"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from ledger.db import Database

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "The database does not answer."}})
def ready(request: Request, response: Response) -> dict[str, str]:
    """The database answers; 503 while it does not."""
    if _answers(request.app.state.database):
        return {"status": "ok"}
    response.status_code = 503
    return {"status": "database_unreachable"}


def _answers(database: Database) -> bool:
    try:
        with database.reading() as session:
            session.connection()
    except SQLAlchemyError:
        return False
    return True
