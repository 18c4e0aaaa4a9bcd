"""A statement read as a payee reads it: from the text of its PDF, as poppler's pdftotext sets it out."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pypdf

AMOUNT = r"-?[\d,]+\.\d\d"
DAY = r"\d{4}-\d\d-\d\d"
_STAGE = re.compile("需求挖掘|技术寻源|合同签订|完成转化")
_ENTRY = re.compile(r"^\d+(?=\s)", re.M)
_DEAL = re.compile(r"\b[A-Z]{2}-\d{4}-\d+\b")
_HEADS = (
    "应付佣金变动",
    "本期明细",
    "以前期间的调整",
    "暂扣释放",
    "其他变动",
    "付款与计税",
    "未付、暂扣与预计",
    "有异议怎么办",
)
_BAR = re.compile(r"^(\d+) (\d+) 23 (\d+) re$", re.M)  # x, top, height: a bar is 23 wide, a month 37


def minor(text: str) -> int:
    """1,234.50 in fen."""
    return int(text.replace(",", "").replace(".", ""))


@dataclass
class Read:
    """The figures of one statement, in fen."""

    figures: list[int]  # closing, held, expected, as they stand at the top
    words: str = ""
    bridge: dict[str, int] = field(default_factory=dict)
    year: dict[str, int] = field(default_factory=dict)
    extremes: dict[str, int] = field(default_factory=dict)
    bars: list[int] = field(default_factory=list)  # heights of twelve bars, in units of the drawing
    lines: list[tuple[object, ...]] = field(default_factory=list)
    bases: list[tuple[str, str, int]] = field(default_factory=list)  # entry, deal, base
    adjustments: list[tuple[object, ...]] = field(default_factory=list)
    releases: list[tuple[object, ...]] = field(default_factory=list)
    payouts: list[tuple[object, ...]] = field(default_factory=list)
    pending: list[tuple[object, ...]] = field(default_factory=list)
    totals: dict[str, list[int]] = field(default_factory=dict)


def read(pdf: bytes) -> Read:
    """All that a statement in Chinese says in figures."""
    said = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    parts = _sections(said)
    found = Read(_figures(parts[""]))
    words = re.search(r"^\s*(人民币[^元\s]*元\S*)", "\n".join(parts[""]), re.M)
    found.words = words[1] if words else ""
    _bridge(found, parts["应付佣金变动"])
    for head, rows in parts.items():
        found.totals |= {head: _total(rows)} if _total(rows) else {}
    found.lines, found.bases = _lines(parts.get("本期明细", []))
    found.adjustments = list(_adjustments(parts.get("以前期间的调整", [])))
    found.releases = list(_releases(parts.get("暂扣释放", [])))
    found.payouts = list(_payouts(parts.get("付款与计税", [])))
    found.pending = list(_pending(parts["未付、暂扣与预计"]))
    found.bars = _bars(pdf)
    return found


def _sections(said: str) -> dict[str, list[str]]:
    """Rows of text under the heading they stand under, whichever page that is on."""
    parts: dict[str, list[str]] = {"": []}
    head = ""
    for row in said.replace("\f", "\n").splitlines():
        first = row.split()[:1]
        if first and first[0] in _HEADS and not re.search(AMOUNT, row):
            head = first[0]
            parts.setdefault(head, [])
        elif row.strip():
            parts[head].append(row)
    return parts


def _figures(rows: list[str]) -> list[int]:
    placed = [
        (found.start(), minor(found[1] + found[2]))
        for row in rows
        for found in re.finditer(r"(-?)¥([\d,]+\.\d\d)", row)
    ]
    return [value for _, value in sorted(placed)]


def _bridge(found: Read, rows: list[str]) -> None:
    for row in rows:
        if tops := re.findall(rf"(最高|最低) ({AMOUNT})", row):
            found.extremes = {what: minor(amount) for what, amount in tops}
            row = row.partition("最")[0].rstrip()
        for pair in re.finditer(rf"([^\s\d-]\S*)\s+({AMOUNT})(?=\s|$)", row):
            (found.bridge if pair.start() == 0 else found.year)[pair[1]] = minor(pair[2])


def _total(rows: list[str]) -> list[int]:
    found = next((row for row in rows if re.match(r"合计 \d+ 笔", row)), "")
    return [minor(one) for one in re.findall(AMOUNT, found)]


def _blocks(rows: list[str], begins: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """(the first row, all of it) of every entry of a list."""
    starts = [(place, found) for place, row in enumerate(rows) if (found := begins.match(row))]
    for number, (place, found) in enumerate(starts):
        until = starts[number + 1][0] if number + 1 < len(starts) else len(rows)
        yield found, "\n".join(rows[place:until])


def _named(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


_LINE = re.compile(rf"({DAY})\s.*?\s({AMOUNT}|—)\s+((?:\S+ × )?\S+)\s+({AMOUNT})\s+({AMOUNT})\s+({AMOUNT})$")


def _lines(rows: list[str]) -> tuple[list[tuple[object, ...]], list[tuple[str, str, int]]]:
    lines: list[tuple[object, ...]] = []
    bases = []
    for found, whole in _blocks(rows, _LINE):
        entry, deal = _named(_ENTRY, whole), _named(_DEAL, whole)
        taken = "（追回）" in whole.partition("。")[0]
        amounts = [minor(found[place]) for place in (4, 5, 6)]
        lines.append((found[1], entry, deal, _named(_STAGE, found[0]), taken, *amounts))
        if found[2] != "—":
            bases.append((entry, deal, minor(found[2])))
    return lines, bases


_ADJUSTMENT = re.compile(
    rf"({DAY})\s+(\d{{4}}-\d\d)\s.*?\s({AMOUNT})\s+({AMOUNT})\s+({AMOUNT})\s+({AMOUNT})$"
)


def _adjustments(rows: list[str]) -> Iterator[tuple[object, ...]]:
    for found, whole in _blocks(rows, _ADJUSTMENT):
        amounts = [minor(found[place]) for place in (3, 4, 5, 6)]
        stage, deal = _named(_STAGE, found[0]), _named(_DEAL, whole)
        yield (found[1], _named(_ENTRY, whole), deal, stage, found[2], *amounts)


def _releases(rows: list[str]) -> Iterator[tuple[object, ...]]:
    for found, whole in _blocks(rows, re.compile(rf"({DAY})\s.*\s({AMOUNT})$")):
        stage, deal = _named(_STAGE, found[0]), _named(_DEAL, whole)
        yield found[1], _named(_ENTRY, whole), deal, stage, minor(found[2])


def _payouts(rows: list[str]) -> Iterator[tuple[object, ...]]:
    begins = re.compile(rf"(FK-\d+-\d+)\S*\s.*\s({AMOUNT})\s+({AMOUNT})\s+({AMOUNT})$")
    for found, whole in _blocks(rows, begins):
        steps = tuple(re.findall(r"\d\d (制单|送银行|退回|退汇|银行确认)", whole))
        yield found[1], steps, *(minor(found[place]) for place in (2, 3, 4))


def _pending(rows: list[str]) -> Iterator[tuple[object, ...]]:
    for found, whole in _blocks(rows, re.compile(rf"(应付|暂扣|预计)\s.*\s({AMOUNT})$")):
        if found[1] == "应付":
            yield "应付", "", "", minor(found[2])
        else:
            yield found[1], _named(_DEAL, whole), _named(_STAGE, found[0]), minor(found[2])


def _bars(pdf: bytes) -> list[int]:
    """Heights of the twelve bars, as drawn: negative below the line, none for a zero."""
    contents = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].get_contents()
    assert contents is not None
    drawn = contents.get_data().decode("latin-1")
    line = re.search(r"^0 (\d+) m\n444 \1 l$", drawn, re.M)
    assert line is not None
    heights = [0] * 12
    for x, top, tall in _BAR.findall(drawn):
        heights[int(x) // 37] = -int(tall) if top == line[1] else int(tall)
    return heights
