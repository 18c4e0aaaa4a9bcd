"""A settlement statement on paper: the PDF as a pure function of its snapshot.

No clock, no network, no file but the template's own: what is not in the snapshot is not on the
paper. The snapshot itself is attached, so that the paper can be checked from the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from ledger import stationery
from ledger.core import period as periods
from ledger.core.errors import Invalid
from ledger.core.statement import Bridge, Month, Snapshot, Words, check, code, from_json, to_json
from ledger.stationery import Lang, grouped

ATTACHMENT = "statement.json"

LABELS = {
    "earned": Words(zh="本期计提", en="Earned"),
    "adjustments": Words(zh="调整", en="Adjustments"),
    "clawed_back": Words(zh="追回", en="Clawed back"),
    "year_cap": Words(zh="年度封顶", en="Cap over the year"),
    "held": Words(zh="暂扣", en="Held back"),
    "released": Words(zh="暂扣释放", en="Released"),
    "in_approval": Words(zh="审批中", en="In approval"),
    "in_transit": Words(zh="在途", en="In transit"),
    "rejected": Words(zh="退回与退汇", en="Came back"),
    "paid_net": Words(zh="已付（税后）", en="Paid, net"),
    "paid_tax": Words(zh="代扣个人所得税", en="Tax withheld"),
    "paid_vat": Words(zh="代扣增值税及附加", en="VAT withheld"),
    "vat_corrected": Words(zh="增值税更正", en="VAT corrected"),
    "paid_elsewhere": Words(zh="账外已付", en="Paid elsewhere"),
    "left_owing": Words(zh="转为应收追回", en="Debt moved out"),
    "brought_in": Words(zh="期初带入", en="Brought in"),
}
_ONLY_IF_ANY = {"year_cap", "paid_vat", "vat_corrected", "paid_elsewhere", "left_owing", "brought_in"}
_STEPS = {
    "made": Words(zh="制单", en="made"),
    "sent": Words(zh="送银行", en="sent"),
    "confirmed": Words(zh="银行确认", en="confirmed"),
    "returned": Words(zh="退回", en="came back"),
    "bounced": Words(zh="退汇", en="given back after payment"),
    "paid_elsewhere": Words(zh="账外支付", en="paid elsewhere"),
}
_NATURES = {
    "adjusted": Words(zh="手工调整", en="by hand"),
    "clawed_back": Words(zh="追回", en="clawed back"),
}


def render(snapshot: Snapshot, lang: Lang = "zh") -> bytes:
    """The PDF/A-3u of a statement that ties, with the snapshot attached; else Invalid."""
    from ledger import press  # WeasyPrint is slow to load: who prints nothing does without

    header = snapshot.header
    text = to_json(check(snapshot))
    return press.pdf(html(snapshot, lang), press.Source(ATTACHMENT, text, header.number, header.made_at))


def html(snapshot: Snapshot, lang: Lang = "zh") -> str:
    """The page the PDF is printed from; every text of the snapshot is escaped."""
    header = snapshot.header
    template = stationery.templates().get_template("statements/statement.html")
    return template.render(
        s=snapshot,
        both=lang == "zh+en",
        instant=stationery.instant,
        made_at=header.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        month=f"{header.period[:4]} 年 {int(header.period[5:])} 月",
        first_on=periods.first_day(header.period),
        last_on=periods.last_day(header.period),
        rows=list(_rows(snapshot.bridge)),
        quiet=not any(minor for _, minor in snapshot.bridge.rows()),
        labels=LABELS,
        steps=_STEPS,
        natures=_NATURES,
        columns=_columns(snapshot, lang),
        chart=_chart(snapshot.twelve_months, header.currency, lang),
        qr=stationery.qr(header.verify_url),
        code=code(snapshot),
        **stationery.figures(header.currency),
    )


def embedded_snapshot(pdf: bytes) -> Snapshot:
    """The snapshot attached to a statement's PDF, signed or not; Invalid if there is none.

    What is read is not yet trusted: `check` tells whether it adds up, the signature who said so.
    """
    return from_json(embedded(pdf))


def embedded(pdf: bytes) -> bytes:
    """The attached JSON exactly as it was printed from, for comparing hashes."""
    from ledger import pdf_reader  # and so is pyHanko

    name, content = pdf_reader.attached(pdf)
    if name != ATTACHMENT:
        raise Invalid("pdf_without_snapshot", "this PDF has no {name} attached", name=ATTACHMENT)
    return content


def _rows(bridge: Bridge) -> Iterator[tuple[Words, int]]:
    for name, minor in bridge.rows():
        if minor or name not in _ONLY_IF_ANY:
            yield LABELS[name], minor


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths of the columns of the lines in whole mm, None for what is left; `tight` in smaller type."""

    widths: tuple[int | None, ...]
    tight: bool


_PAPER_MM, _DEAL_MM, _DATE_MM, _RATE_MM = 184, 36, 17, 20


def _columns(snapshot: Snapshot, lang: Lang) -> _Columns:
    """Room for the longest figure of every column, in smaller type where deals would get too little."""
    lines, currency = snapshot.lines, snapshot.header.currency
    figures = (
        [line.base_minor or 0 for line in lines],
        [line.gross_minor for line in lines],
        [line.held_minor for line in lines],
        [line.payable_minor for line in lines],
    )
    longest = [max(len(grouped(minor, currency)) for minor in (*column, sum(column))) for column in figures]
    stage_mm = 17 if lang == "zh" else 21
    widths, left_mm = _widths(longest, stage_mm, per_ten=17)
    if left_mm < _DEAL_MM:
        widths, _ = _widths(longest, stage_mm, per_ten=14)
        return _Columns(widths, tight=True)
    return _Columns(widths, tight=False)


def _widths(longest: list[int], stage_mm: int, *, per_ten: int) -> tuple[tuple[int | None, ...], int]:
    """The columns when ten characters take `per_ten` mm, and what is left for the deal."""
    base, *rest = (max(18, length * per_ten // 10 + 2) for length in longest)
    left_mm = _PAPER_MM - _DATE_MM - stage_mm - _RATE_MM - base - sum(rest)
    return (_DATE_MM, None, stage_mm, base, _RATE_MM, *rest), left_mm


_CHART_WIDTH, _CHART_HEIGHT, _SLOT, _BAR = 444, 168, 37, 23


def _chart(months: tuple[Month, ...], currency: str, lang: Lang) -> Markup:
    """Twelve bars as SVG, the highest and a negative lowest above them; below the line a month lost."""
    highest = max(0, *(month.earned_minor for month in months))
    lowest = min(0, *(month.earned_minor for month in months))
    room = _CHART_HEIGHT - 58
    scale = max(1, highest - lowest)
    zero = 30 + room * highest // scale
    said = [("最高", "highest", highest)] if highest or not lowest else []
    said += [("最低", "lowest", lowest)] if lowest else []
    shown = " · ".join(
        f"{zh if lang == 'zh' else f'{zh} {en}'} {grouped(minor, currency)}" for zh, en, minor in said
    )
    shapes = [_label(_CHART_WIDTH, 14, "end", shown)]
    for i, month in enumerate(months):
        left, tall = i * _SLOT + (_SLOT - _BAR) // 2, room * abs(month.earned_minor) // scale
        top = zero if month.earned_minor < 0 else zero - tall
        fill = "#173f42" if i == len(months) - 1 else "#9fb3b1"
        shapes.append(f'<rect x="{left}" y="{top}" width="{_BAR}" height="{tall}" fill="{fill}"/>')
        shapes.append(_label(left + _BAR // 2, _CHART_HEIGHT - 6, "middle", f"{int(month.period[5:])}"))
    shapes.append(f'<path d="M0 {zero}H{_CHART_WIDTH}" stroke="#173f42" stroke-width="1.5"/>')
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_CHART_WIDTH} {_CHART_HEIGHT}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(shapes)}</svg>"
    )


def _label(x: int, y: int, anchor: str, text: str) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="15" fill="#555" '
        f'font-family="Yongjin, Noto Sans CJK SC">{text}</text>'
    )
