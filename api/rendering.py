"""Templates into pages: the Jinja environment, its filters and the macros every page may use.

The macros of `templates/parts/` are in every template under `ui`, as in `{{ ui.money(fee.amount_minor) }}`;
they are globals, not imports, because a block that is rendered alone does not run its file's imports.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api import codes, flash, labels, language, navigation
from ledger.clock import SHANGHAI, day_of
from ledger.core.money import digits, format_minor

ROOT = Path(__file__).resolve().parent
TEMPLATES = ROOT.parent / "templates"
STATIC = ROOT / "static"
SYMBOLS = {"CNY": "¥"}
MINUS = "\N{MINUS SIGN}"


def money(amount_minor: int, currency: str = "CNY", *, signed: bool = False) -> str:
    """An amount as people read it: ¥ and thousands, a true minus; `signed` also shows a plus."""
    whole, _, part = format_minor(abs(amount_minor), currency).partition(".")
    figures = f"{int(whole):,}" + (f".{part}" if digits(currency) else "")
    sign = MINUS if amount_minor < 0 else "+" if signed and amount_minor > 0 else ""
    return f"{sign}{SYMBOLS.get(currency, currency + chr(0xA0))}{figures}"


def plain(amount_minor: int, currency: str = "CNY") -> str:
    """An amount as programs and form fields read it: 1409.50."""
    return format_minor(amount_minor, currency)


def day(value: date | datetime | None) -> str:
    """A day in Asia/Shanghai as 2026-10-31; nothing as a dash."""
    if value is None:
        return "–"
    return (day_of(value) if isinstance(value, datetime) else value).isoformat()


def instant(value: datetime | None) -> str:
    """An instant in Asia/Shanghai as 2026-10-31 09:30; nothing as a dash."""
    return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if value else "–"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago an instant was, in whole days of Asia/Shanghai."""
    if since is None:
        return "–"
    days = (day_of(now) - day_of(since)).days
    return language.ngettext("{count} day", "{count} days", days) if days > 0 else language.gettext("today")


def percent(value: Fraction | int) -> str:
    """A rate as a percentage of at most two decimals, 1/3 as 33.33%."""
    hundredths = round(Fraction(value) * 10000)
    whole, part = divmod(abs(hundredths), 100)
    return f"{MINUS if hundredths < 0 else ''}{whole}.{part:02d}".rstrip("0").rstrip(".") + "%"


def size(count: int) -> str:
    """A number of bytes as people read it."""
    kilo = -(-count // 1024)
    return f"{kilo} kB" if kilo < 1024 else f"{kilo / 1024:.1f} MB"


@lru_cache
def static(name: str) -> str:
    """The address of a file under `static/`, with its fingerprint, so that it may be kept for ever."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=money, plain=plain, day=day, instant=instant, percent=percent, age=age, size=size
    )
    environment.globals.update(
        _=language.gettext,
        ngettext=language.ngettext,
        pgettext=language.pgettext,
        either=language.either,
        code=codes.title,
        static=static,
        state=labels.state,
        role_title=labels.role,
        entry_kind=labels.entry_kind,
        account_title=labels.account,
    )
    environment.globals["ui"] = _macros(environment)
    return environment


def _macros(environment: Environment) -> SimpleNamespace:
    """Every macro of `templates/parts/`, by name; a part may use the others through `ui` too."""
    found = SimpleNamespace()
    environment.globals["ui"] = found
    for path in sorted((TEMPLATES / "parts").glob("*.html")):
        module = environment.get_template(f"parts/{path.name}").module
        found.__dict__.update({name: value for name, value in vars(module).items() if name[0] != "_"})
    return found


environment = _environment()


def page(
    request: Request, template: str, /, *, block: str = "", status: int = 200, **context: Any
) -> HTMLResponse:
    """A whole page; only its `block` where htmx asked for a part."""
    everything = {**_surroundings(request), "status": status, **context}
    if block and wants_part(request):
        content = render_block(environment, template, block, everything)
    else:
        content = environment.get_template(template).render(everything)
    response = HTMLResponse(content, status)
    response.headers["Vary"] = "Cookie, HX-Request-Type"
    if everything["message"]:
        response.delete_cookie(flash.COOKIE)
    return response


def wants_part(request: Request) -> bool:
    """Whether htmx asked, to put the answer into a part of a page it already has."""
    return request.headers.get("HX-Request-Type") == "partial"


def _surroundings(request: Request) -> dict[str, Any]:
    """What the frame of every page needs: who looks, what they are offered, in which language."""
    viewer = getattr(request.state, "viewer", None)
    role = viewer.role if viewer else ""
    return {
        "viewer": viewer,
        "menu": navigation.menu(role),
        "tabs": navigation.tabs(role),
        "path": request.url.path,
        "language": language.current(),
        "language_tag": language.TAGS[language.current()],
        "other_language": _other_language(request),
        "message": flash.take(request),
    }


def _other_language(request: Request) -> dict[str, str]:
    """The other language by its own name, and where the same page is to be had in it."""
    other: language.Language = "zh" if language.current() == "en" else "en"
    url = request.url.include_query_params(lang=other)
    path = f"/{url.path.lstrip('/')}"  # two slashes would be another site
    href = f"{path}?{url.query}" if request.method == "GET" else f"/?lang={other}"
    return {"href": href, "title": language.NAMES[other], "tag": language.TAGS[other]}
