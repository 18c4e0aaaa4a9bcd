"""The web application: static files, the JSON API under /api/v1, pages for people under /."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, FastAPI
from starlette.datastructures import State
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import health, metrics, openapi, problems
from api.middleware import KnownHosts, SameSite, SecurityHeaders, SpokenLanguage
from api.observed import Observed
from api.pages import ROUTERS as PAGES
from api.places import Places
from api.rates import Rated, Rates
from api.rendering import STATIC
from api.routes import ROUTERS as ROUTES
from ledger import config, files, heard
from ledger.db import Database
from ledger.files import Store

VERSION = "0.1.0"
FOR_EVER = "public, max-age=31536000, immutable"


def create_app(
    database: Database,
    store: Store | None = None,
    *,
    hosts: Collection[str] = (),
    rates: Rates | None = None,
    places: int = 0,
) -> FastAPI:
    """The application over one database and one store of files (the settings' own), ready to be served.

    `hosts` are the names it answers to besides this machine's own; none: to any.
    `rates` is how often one may ask; none: as often as one likes.
    `places` is how many requests are in hand at most; 0: however many come.
    """
    heard.listen()
    app = FastAPI(
        title="Yongjin 佣金",
        version=VERSION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
    )
    attach(app, database, store or files.opened(config.from_environment()), rates)
    problems.install(app)
    app.mount("/static", Static(directory=STATIC), name="static")
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(_joined(ROUTES), prefix="/api/v1")
    app.include_router(_joined(PAGES), include_in_schema=False)
    # The last one added is the first to see a request.
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(SameSite)
    app.add_middleware(Rated)
    app.add_middleware(Places, most=places)
    app.add_middleware(SpokenLanguage)
    app.add_middleware(SecurityHeaders)
    if hosts:
        app.add_middleware(KnownHosts, hosts=hosts)
    app.add_middleware(Observed)
    openapi.install(app)
    return app


def attach(app: FastAPI, database: Database, store: Store, rates: Rates | None = None) -> None:
    """From here on the application serves these; what it kept of others is forgotten."""
    app.state = State({"database": database, "store": store, "rates": rates or Rates()})


def _joined(routers: tuple[APIRouter, ...]) -> APIRouter:
    """One router with the routes of all: every router within a router is gone through once more."""
    joined = APIRouter()
    for router in routers:
        joined.routes.extend(router.routes)
    return joined


class Static(StaticFiles):
    """Files asked for by their fingerprint never change, so they may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and b"v=" in scope["query_string"]:
            response.headers["Cache-Control"] = FOR_EVER
        else:
            response.headers.setdefault("Cache-Control", "no-cache")
        return response
