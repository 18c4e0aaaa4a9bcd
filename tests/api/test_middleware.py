"""What surrounds every request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.rendering import TEMPLATES, static
from ledger.db import Database
from ledger.files import Store

FORM = {"title": "x"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_no_other_site_makes_a_browser_write_here(client: TestClient, headers: dict[str, str]) -> None:
    refused = client.post("/try/form", data=FORM, headers=headers)
    assert refused.status_code == 403
    assert "其他网站" in refused.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://testserver"}],
)
def test_our_own_pages_and_programs_write(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/try/form", data=FORM, headers=headers).status_code == 200


def test_reading_is_open_to_links_from_other_sites(client: TestClient) -> None:
    assert client.get("/try/page", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("address", ["/try/page", "/try/failed", "/nothing", "/health/live"])
def test_every_answer_forbids_scripts_and_frames_of_others(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_no_template_has_a_script_or_style_of_its_own() -> None:
    own = re.compile(r"<style|\sstyle=|\son[a-z]+=|hx-on|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)
    paper = {"statements", "papers"}
    screens = [path for path in TEMPLATES.rglob("*.html") if not paper & set(path.parts)]
    assert [path.name for path in screens if own.search(path.read_text(encoding="utf-8"))] == []


def test_a_static_file_is_kept_for_ever_by_its_fingerprint_and_else_asked_for_again(
    client: TestClient,
) -> None:
    assert "immutable" in client.get(static("yongjin.css")).headers["Cache-Control"]
    assert client.get("/static/yongjin.css").headers["Cache-Control"] == "no-cache"


def test_the_frame_of_a_page_is_light(client: TestClient) -> None:
    """Everything a first visit loads, as sent: a manager's home has 100 KB in all."""
    page = client.get("/try/page")
    files = re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text)
    assert len(files) >= 4
    sent = sum(int(client.get(file).headers["Content-Length"]) for file in {*files})
    assert sent < 50_000


def test_what_came_over_tls_is_to_come_so_for_a_year(client: TestClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/health/live").headers
    secure = client.get("https://testserver/health/live").headers["Strict-Transport-Security"]
    assert secure == "max-age=31536000; includeSubDomains"


def test_nobody_is_served_under_a_name_that_is_not_ours(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'yongjin.db'}")
    with TestClient(create_app(database, Store(tmp_path), hosts=["ledger.example"])) as client:
        for host, status in (
            ("ledger.example", 200),
            ("LEDGER.example:8000", 200),
            ("127.0.0.1:8000", 200),
            ("[::1]:8000", 200),
            ("evil.example", 421),
            ("ledger.example.evil.example", 421),
            ("", 421),
        ):
            assert client.get("/static/mark.svg", headers={"Host": host}).status_code == status, host
        assert client.get("/health/live", headers={"Host": "web:8000"}).status_code == 200
    database.close()
