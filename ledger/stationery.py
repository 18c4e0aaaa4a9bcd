"""What every paper is written with: its templates, and how it shows amounts, instants and addresses."""

from __future__ import annotations

import io
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ledger.core.money import format_minor

Lang = Literal["zh", "zh+en"]

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_SHANGHAI = ZoneInfo("Asia/Shanghai")


def grouped(minor: int, currency: str) -> str:
    """The amount with thousands separators and all its decimals: -1,234,567.80."""
    whole, point, part = format_minor(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{part}"


def figures(currency: str) -> dict[str, Any]:
    """How a page of this currency writes amounts."""
    sign = "¥" if currency == "CNY" else f"{currency} "

    def signed(minor: int) -> str:
        return f"{'-' if minor < 0 else ''}{sign}{grouped(abs(minor), currency)}"

    return {
        "money": lambda minor: grouped(minor, currency),
        "sign_money": signed,
        "unit": "人民币元" if currency == "CNY" else currency,
    }


def instant(at: datetime) -> str:
    """An instant as Beijing reads it."""
    return f"{at.astimezone(_SHANGHAI):%Y-%m-%d %H:%M:%S}（北京时间）"


def qr(url: str) -> Markup | None:
    """The address as a QR code in SVG, or None where there is none."""
    if not url:
        return None
    drawn = io.BytesIO()
    segno.make(url, micro=False).save(drawn, kind="svg", xmldecl=False, border=0, omitsize=True)
    return Markup(drawn.getvalue().decode())


@cache
def templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
