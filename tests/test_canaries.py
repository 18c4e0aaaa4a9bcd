"""The run's own watch for planted values sees what it is to see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ledger import clock, jobs
from ledger.config import Settings
from ledger.db import Database
from tests import canaries


@pytest.mark.parametrize("leak", [*canaries.PLANTED, "yj_" + "a" * 43, "$argon2id$v=19"])
def test_a_planted_value_is_seen_in_logs_addresses_failures_and_programs(leak: str, told: list[str]) -> None:
    assert canaries.read([("Captured stderr call", f'{{"event": "{leak}"}}')])
    answers = httpx.MockTransport(
        lambda request: httpx.Response(
            500 if request.url.path == "/fails" else 200,
            headers={"content-type": "text/html", "location": f"/then/{leak}"},
            text=f'<a href="/managers/{leak}">{leak}</a>',
        )
    )
    client = httpx.Client(transport=answers, base_url="http://x")
    client.get("/fails")
    client.get("/page")
    code = f"import sys; print({leak!r}, file=sys.stderr)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    for where in ("the failure of /fails", "where /fails leads", "an address on /page", "standard error"):
        assert any(one.startswith(where) for one in told), (where, told)
    told.clear()


def test_a_planted_value_is_seen_in_what_runs_beside_a_test_and_in_what_a_test_reads_itself(
    told: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = f"print({canaries.IDENTITY!r})"
    with (tmp_path / "log").open("wb") as log:
        for streams in ({"stdout": subprocess.DEVNULL}, {"stdout": log}):
            subprocess.Popen([sys.executable, "-c", code], **streams).wait()  # type: ignore[call-overload]
    (tmp_path / "log").unlink()
    assert len(canaries.Started.told()) == 2
    sys.stderr.write(canaries.PASSWORD)
    assert canaries.PASSWORD in capsys.readouterr().err
    assert told == [f"standard error, read by the test: {canaries.PASSWORD}"]
    told.clear()


def test_a_planted_value_is_seen_in_traces(told: list[str]) -> None:
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    with spans.get_tracer("x").start_as_current_span("asked") as span:
        span.set_attribute("account", canaries.ACCOUNTS[0])
    assert told == [f"the trace of asked: {canaries.ACCOUNTS[0]}"]
    told.clear()
    spans.shutdown()


def test_a_planted_value_is_seen_in_what_the_program_writes_down(
    settings: Settings, database: Database
) -> None:
    """A job's error, say: whoever looks at jobs may not look at accounts."""
    with database.writing() as session:
        run = jobs.request(session, "verify", "2026-03-01", by=jobs.CLOCK, now=clock.now())
        run.error = f"ValueError: {canaries.ACCOUNTS[0]}"
    assert canaries.kept(settings.owner_url) == [f"a row of job_run: {canaries.ACCOUNTS[0]}"]
    with database.writing() as session:
        session.get_one(jobs.JobRun, run.id).error = ""
