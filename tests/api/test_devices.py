"""People know their phone by its name, not by the sentence its browser sends."""

from __future__ import annotations

import pytest

from api import devices

MOZILLA = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"


@pytest.mark.parametrize(
    ("system", "browser", "name"),
    [
        ("X11; Linux x86_64", "Chrome/140.0.0.0 Safari/537.36", "Chrome · Linux"),
        ("Windows NT 10.0; Win64; x64", "Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("iPhone; CPU iPhone OS 18_0 like Mac OS X", "Version/18.0 Mobile Safari/604.1", "Safari · iPhone"),
        ("Linux; Android 15; M2102", "Chrome/130.0 MicroMessenger/8.0.50 Mobile", "WeChat · Android"),
        ("Macintosh; Intel Mac OS X 10_15_7", "Version/18.0 Safari/605.1.15", "Safari · macOS"),
    ],
)
def test_a_browser_is_called_as_people_call_it(system: str, browser: str, name: str) -> None:
    assert devices.named(MOZILLA.format(system, browser)).replace("微信", "WeChat") == name


def test_a_program_is_called_by_its_own_name_and_nothing_by_nothing() -> None:
    assert devices.named("python-httpx/0.28.1") == "python-httpx/0.28.1"
    assert devices.named("") == ""
