"""Traces (OpenTelemetry): a span for a request or a run of a job, and within it one for each statement.

Nothing is traced until `set_up` was called, and only that loads what it takes. Statements are told without
their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import trace
from sqlalchemy import Connection, ExceptionContext, event

from ledger.db import Database

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

NAME = "yongjin"


def exporter(url: str) -> SpanExporter:
    """To a collector that speaks OTLP over HTTP, such as https://collector:4318/v1/traces."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=url)


def set_up(database: Database, to: SpanExporter) -> TracerProvider:
    """Trace from now on; the provider is what HTTP is traced with too, and is to be shut down at the end."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": NAME}))
    provider.add_span_processor(BatchSpanProcessor(to))
    _trace_statements(database, provider.get_tracer(NAME))
    trace.set_tracer_provider(provider)
    return provider


def _trace_statements(database: Database, tracer: trace.Tracer) -> None:
    """OpenTelemetry's own listener knows SQLAlchemy only up to 2.0."""

    def begins(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        kind, system = statement.split(maxsplit=1)[0].upper(), connection.dialect.name
        about = {"db.statement": statement, "db.system": system}
        connection.info.setdefault(NAME, []).append(tracer.start_span(kind, attributes=about))

    def ends(connection: Connection, *_: Any) -> None:
        connection.info[NAME].pop().end()

    def fails(context: ExceptionContext) -> None:
        if context.connection is not None and context.connection.info.get(NAME):
            span = context.connection.info[NAME].pop()
            span.set_status(trace.StatusCode.ERROR, type(context.original_exception).__name__)
            span.end()

    event.listen(database.engine, "before_cursor_execute", begins)
    event.listen(database.engine, "after_cursor_execute", ends)
    event.listen(database.engine, "handle_error", fails)


@contextmanager
def job(name: str, planned_for: str, run_id: str) -> Iterator[None]:
    """A run of a job: its span, and its id on every line it logs."""
    about = {"job.planned_for": planned_for, "job.run": run_id}
    with (
        trace.get_tracer(NAME).start_as_current_span(f"job {name}", attributes=about),
        structlog.contextvars.bound_contextvars(job=name, run=run_id),
    ):
        yield
