"""What a browser calls itself, as people call it: “Chrome · Windows” of the sentence it sends."""

from __future__ import annotations

from api.language import N_, gettext

# The first that is in the sentence counts: most browsers name others they resemble, systems too.
_BROWSERS = (
    ("MicroMessenger/", N_("WeChat")),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def named(agent: str) -> str:
    """Browser and system; what is neither, such as a program, by its own first word."""
    known = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return " · ".join(gettext(name) for name in known if name) or agent.partition(" ")[0][:60]
