"""Finance takes a month's statements home as one file; a manager does not."""

from __future__ import annotations

import io
import zipfile

from ledger import printing, signing
from tests.api.desk import Desk


def test_finance_downloads_a_month_and_a_manager_does_not(desk: Desk) -> None:
    signing.key.cache_clear()
    store = desk.client.app.state.store  # type: ignore[attr-defined]
    made = printing.run(desk.database, store, "2026-05", kind="preliminary").made
    answer = desk.open("finance", "/periods/2026-05/archive")

    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/zip"
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    assert sum(name.endswith(".pdf") for name in found.namelist()) == made > 0

    assert desk.open("zhang", "/periods/2026-05/archive").status_code == 403
    assert desk.open("finance", "/periods/2026-04/archive").status_code == 404
    assert desk.open("", "/periods/2026-05/archive").status_code == 303
