"""What another plan would have changed, as a picture: a bar for each manager, to the right where it is more.

SVG written by hand, for a browser or a paper. Everything is whole numbers; nothing is drawn to a scale that
a number beside it does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from ledger.core.compare import WHATS, Comparison, ManagerRow, What
from ledger.core.money import format_minor
from ledger.core.sentences import Sentence
from ledger.core.workings import Lang

SHOWN_MOST = 30
_WIDTH, _AXIS, _SPAN = 960, 520, 250  # the bars reach _SPAN to both sides of the axis
_TOP, _ROW = 120, 22
_STYLE = (
    "text{font:13px 'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif}"
    "text{fill:#1f2933}"
    ".title{font-size:18px;font-weight:700}.quiet{fill:#52606d}.more{fill:#1f7a4d}.less{fill:#b3402e}"
    ".axis{stroke:#9aa5b1}.right{text-anchor:end}"
)

CROSSED: dict[What, Sentence] = {
    "tier": Sentence("deals in another bracket", "换档项目"),
    "pool_floor": Sentence("deals at the floor or no longer", "触及或脱离下限的项目"),
    "pool_cap": Sentence("deals at the cap or no longer", "触及或脱离上限的项目"),
    "deal_cap": Sentence("managers at the cap on a deal or no longer", "触及或脱离每项目上限的人次"),
    "year_cap": Sentence("managers at the cap on a year or no longer (◆)", "触及或脱离年度上限的人（◆）"),
}
_TOTAL = Sentence("old {old} → new {new}, {difference}", "旧 {old} → 新 {new}，{difference}")
_SPAN_OF_DAYS = Sentence("earned {from_on} to {to_on}, {currency}", "{from_on}至{to_on}计提，{currency}")
_BEGINNING = Sentence("from the beginning", "自始")
_OTHERS = Sentence("{count} others", "其余{count}人")
_NOBODY = Sentence("Nobody would have earned another amount.", "无人的佣金会有变化。")


class _Bar(NamedTuple):
    label: str
    difference_minor: int
    note: str = ""
    drawn: bool = True  # the rest together is said and not drawn: it would dwarf everybody


def draw(found: Comparison, lang: Lang) -> str:
    """The picture, a whole SVG document."""
    bars = _bars(found, lang)
    height = _TOP + _ROW * max(1, len(bars)) + 30
    title = escape(f"{found.old} → {found.new}")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
            f' height="{height}" role="img">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="24" y="34" class="title">{title}</text>',
            *_heads(found, lang),
            f'<line x1="{_AXIS}" y1="{_TOP - 12}" x2="{_AXIS}" y2="{height - 20}" class="axis"/>',
            *(_rows(bars, found.currency) if bars else [_text(24, _TOP + 4, "quiet", _said(_NOBODY, lang))]),
            "</svg>\n",
        ]
    )


def _said(sentence: Sentence, lang: Lang, **places: object) -> str:
    return (sentence.zh if lang == "zh" else sentence.en).format(**places)


def _text(x: int, y: int, kind: str, text: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'


def _signed(minor: int, currency: str) -> str:
    return ("+" if minor > 0 else "") + format_minor(minor, currency)


def _heads(found: Comparison, lang: Lang) -> Iterable[str]:
    old, new = format_minor(found.old_minor, found.currency), format_minor(found.new_minor, found.currency)
    difference = _signed(found.new_minor - found.old_minor, found.currency)
    from_on = found.from_on or _said(_BEGINNING, lang)
    counts = [(_said(CROSSED[what], lang), len(found.crossings(what))) for what in WHATS]
    crossed = " · ".join(f"{name} {count}" for name, count in counts if count)
    span = _said(_SPAN_OF_DAYS, lang, from_on=from_on, to_on=found.to_on, currency=found.currency)
    yield _text(24, 58, "quiet", span)
    yield _text(24, 78, "", _said(_TOTAL, lang, old=old, new=new, difference=difference))
    yield _text(24, 98, "quiet", crossed)


def _bars(found: Comparison, lang: Lang) -> list[_Bar]:
    """The largest differences, and the sum of the rest."""
    moved = [row for row in found.managers if row.difference_minor]
    bars = [_bar(row) for row in moved[:SHOWN_MOST]]
    if rest := moved[SHOWN_MOST:]:
        label = _said(_OTHERS, lang, count=len(rest))
        bars.append(_Bar(label, sum(row.difference_minor for row in rest), drawn=False))
    return bars


def _bar(row: ManagerRow) -> _Bar:
    at_cap = any(one.what == "year_cap" for one in row.crossings)
    return _Bar(f"{row.manager_id} {row.name}", row.difference_minor, " ◆" if at_cap else "")


def _rows(bars: Sequence[_Bar], currency: str) -> Iterable[str]:
    largest = max(abs(bar.difference_minor) for bar in bars if bar.drawn)
    for number, bar in enumerate(bars):
        y, length = _TOP + number * _ROW, abs(bar.difference_minor) * _SPAN // largest if bar.drawn else 0
        kind = "more" if bar.difference_minor > 0 else "less"
        left = _AXIS if bar.difference_minor > 0 else _AXIS - length
        amount = _signed(bar.difference_minor, currency) + bar.note
        yield _text(24, y + 4, "", bar.label)
        if bar.drawn:
            yield f'<rect x="{left}" y="{y - 7}" width="{max(1, length)}" height="14" class="{kind}"/>'
        if bar.difference_minor > 0:
            yield _text(_AXIS + length + 6, y + 4, "quiet", amount)
        else:
            yield _text(_AXIS - length - 6, y + 4, "quiet right", amount)
