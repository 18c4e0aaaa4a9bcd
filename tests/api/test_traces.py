"""One trace leads from a request, or a run of a job, to the statements it made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from api.app import create_app
from api.server import traced
from ledger import dispatch, traces
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import Job, Work
from tests.canaries import PASSWORD

CALLER = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(database: Database, spans: InMemorySpanExporter) -> Iterator[TracerProvider]:
    made = traces.set_up(database, spans)
    yield made
    made.shutdown()


def finished(provider: TracerProvider, spans: InMemorySpanExporter) -> list[ReadableSpan]:
    provider.force_flush()
    return list(spans.get_finished_spans())


def test_a_request_is_one_trace_with_its_statements_in_the_trace_of_its_caller(
    database: Database, provider: TracerProvider, spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    app: FastAPI = create_app(database, Store(tmp_path))
    traced(app, provider)
    with TestClient(app) as client:
        client.post(
            "/api/v1/tokens",
            json={"phone": "13812345678", "password": PASSWORD},
            headers={"traceparent": f"00-{CALLER}-b7ad6b7169203331-01"},
        )
    found = finished(provider, spans)
    assert {f"{span.context.trace_id:032x}" for span in found if span.context} == {CALLER}
    statements = [span for span in found if span.attributes and "db.statement" in span.attributes]
    assert statements and any("http" in key for span in found for key in span.attributes or ())
    assert "13812345678" not in repr([span.to_json() for span in found])


def test_a_run_of_a_job_is_one_trace(
    database: Database, provider: TracerProvider, spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    def look(work: Work) -> dict[str, object]:
        with work.database.reading() as session:
            session.connection().exec_driver_sql("SELECT 42")
        return {}

    tracer = provider.get_tracer(traces.NAME)
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # the process has one provider for good: the first that was set
        patch.setattr("opentelemetry.trace.get_tracer", lambda name: tracer)
        dispatch.run(database, Store(tmp_path), Job("look", look), "2026-03")
    found = finished(provider, spans)
    (job,) = [span for span in found if span.name == "job look"]
    asked = [span for span in found if (span.attributes or {}).get("db.statement") == "SELECT 42"]
    assert (
        asked
        and job.context
        and all(span.context and span.context.trace_id == job.context.trace_id for span in asked)
    )
