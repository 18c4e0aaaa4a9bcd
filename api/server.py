"""The application as `yongjin serve` runs it: one database, one store, and the clock beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider

from api.app import create_app
from api.rates import Rates
from ledger import config, demo, files, logs, traces
from ledger.db import Database
from ledger.dispatch import Clock
from ledger.schedule import JOBS


def served() -> FastAPI:
    """The application over what the environment names, with the embedded scheduler where it has the clock."""
    logs.set_up()
    settings = config.from_environment()
    database, store = Database(settings.database_url), files.opened(settings)
    rates = Rates(settings.rate_of_user, settings.rate_of_address)
    app = create_app(database, store, hosts=settings.hosts, rates=rates, places=settings.places)
    if settings.traces_url:
        traced(app, traces.set_up(database, traces.exporter(settings.traces_url)))
    app.state.demonstration = _demonstration(database)
    scheduler = Clock(database, store, JOBS)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        if settings.has_clock:
            scheduler.start()
        yield
        scheduler.stop()
        database.close()

    app.router.lifespan_context = running
    return app


def traced(app: FastAPI, provider: TracerProvider) -> None:
    """A span for every request, in the trace of whoever sent it where they told which."""
    app.add_middleware(OpenTelemetryMiddleware, tracer_provider=provider, exclude_spans=["receive", "send"])


def _demonstration(database: Database) -> list[tuple[str, str, str, str]]:
    """(role, name, phone, password) of the demonstration's people, where it is loaded."""
    with database.reading() as session:
        if not demo.is_loaded(session):
            return []
    return [(sign.role, sign.name, sign.phone, demo.PASSWORD) for sign in demo.SIGN_INS]
