"""The run's own watch for planted values sees what it is to see."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

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
