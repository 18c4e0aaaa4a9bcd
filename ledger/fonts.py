"""The Chinese faces papers are printed with, cut to the characters in common use.

A whole Noto Sans CJK has 65,535 glyphs, and every PDF pays for their number in time and bytes. Each
process therefore cuts its faces once, in memory, to GB 2312 and what figures and Latin text need
(6,763 ideographs: all but some names). A rarer character falls back to the whole installed face.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Literal

import uharfbuzz

from ledger.core.errors import Conflict

Weight = Literal["regular", "bold"]
FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN")
_LATIN_AND_SIGNS = ((0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2027), (0x2030, 0x203B), (0x2200, 0x22FF))
_UNUSED_TABLES = (b"GSUB", b"GPOS", b"GDEF", b"BASE", b"VORG", b"vhea", b"vmtx")  # vertical text, variants


@dataclass(frozen=True, slots=True)
class Face:
    """An installed face: a font file and the number of the face in it."""

    path: str
    index: int


def installed(weight: Weight) -> Face:
    """Where fontconfig finds the face, or Conflict with what to install."""
    wanted = f"{','.join(FAMILIES)}:{weight}"
    found = subprocess.run(
        ["fc-match", "--format", "%{file}\t%{index}\t%{family}", wanted],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    path, index, family = found.split("\t")
    if not any(name in family for name in FAMILIES):
        raise Conflict(
            "font_missing",
            "no Chinese font is installed (found only {family}); install fonts-noto-cjk",
            family=family,
        )
    return Face(path, int(index) & 0xFFFF)


@cache
def cut(weight: Weight) -> bytes:
    """The face as an OpenType file with the common characters only; about 0.15 s, once a process."""
    face = installed(weight)
    wanted = uharfbuzz.SubsetInput()
    wanted.sets(uharfbuzz.SubsetInputSets.UNICODE).update(common_characters())
    wanted.drop_table_tag_set.update(int.from_bytes(tag, "big") for tag in _UNUSED_TABLES)
    flags = uharfbuzz.SubsetFlags
    wanted.flags = flags.NO_HINTING | flags.NO_LAYOUT_CLOSURE | flags.DESUBROUTINIZE
    whole = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(face.path), face.index)
    return bytes(uharfbuzz.subset(whole, wanted).blob.data)


@cache
def common_characters() -> frozenset[int]:
    """Code points of GB 2312, Latin letters and the signs figures are written with."""
    pairs = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    chinese = {ord(text) for pair in pairs if (text := pair.decode("gb2312", errors="ignore"))}
    return frozenset(chinese.union(*(range(first, last + 1) for first, last in _LATIN_AND_SIGNS)))
