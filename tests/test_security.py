"""docs/SECURITY.md tells the truth: no requirement is left out, and every test and file it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAPER = (ROOT / "docs" / "SECURITY.md").read_text("utf-8")

# Every requirement of OWASP ASVS 4.0.3 up to level 2, by section.
REQUIREMENTS = """
    1.1:1-7 1.2:1-4 1.4:1,4-5 1.5:1-4 1.6:1-4 1.7:1-2 1.8:1-2 1.9:1-2 1.10:1 1.11:1-2 1.12:2 1.14:1-6
    2.1:1-12 2.2:1-3 2.3:1-3 2.4:1-5 2.5:1-7 2.6:1-3 2.7:1-6 2.8:1-7 2.9:1-3 2.10:1-4 3.1:1 3.2:1-4
    3.3:1-4 3.4:1-5 3.5:1-3 3.7:1 4.1:1-3,5 4.2:1-2 4.3:1-3 5.1:1-5 5.2:1-8 5.3:1-10 5.4:1-3 5.5:1-4
    6.1:1-3 6.2:1-6 6.3:1-2 6.4:1-2 7.1:1-4 7.2:1-2 7.3:1,3-4 7.4:1-3 8.1:1-4 8.2:1-3 8.3:1-8 9.1:1-3
    9.2:1-4 10.2:1-2 10.3:1-3 11.1:1-8 12.1:1-3 12.2:1 12.3:1-6 12.4:1-2 12.5:1-2 12.6:1 13.1:1,3-5
    13.2:1-3,5-6 13.3:1-2 13.4:1-2 14.1:1-4 14.2:1-6 14.3:2-3 14.4:1-7 14.5:1-4
"""


def required() -> list[str]:
    """1.1.1, 1.1.2 and so on."""
    found = []
    for section, _, told in (one.partition(":") for one in REQUIREMENTS.split()):
        for part in told.split(","):
            first, _, last = part.partition("-")
            found += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


def rows() -> list[tuple[str, str, str]]:
    """(number, whether, by what) of every row."""
    return re.findall(r"^\| (\d+\.\d+\.\d+) \| [^|]+ \| ([^|]+) \| ([^|]*) ?\|$", PAPER, re.MULTILINE)


def test_every_requirement_up_to_level_2_has_a_row() -> None:
    assert [number for number, _, _ in rows()] == required()


def test_whatever_is_met_says_by_what_and_whatever_is_not_says_so() -> None:
    known = {"met", "in part", "**no**", "who runs it", "n/a"}
    assert [one for one in rows() if one[1] not in known] == []
    assert [
        number for number, whether, by in rows() if whether in ("met", "in part") and not by.strip()
    ] == []
    counts = re.search(r"Of (\d+) requirements (\d+) are met, (\d+) in part, (\d+) are not", PAPER)
    stated = [sum(one[1] == word for one in rows()) for word in ("met", "in part", "**no**")]
    assert counts is not None and list(map(int, counts.groups())) == [len(rows()), *stated]


def test_every_test_it_names_is_there() -> None:
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAPER))
    assert len(named) > 80 and sorted(named - there) == []


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+|[\w-]+\.(?:md|toml|yaml|lock))`", PAPER))
    assert len(named) > 40 and [name for name in sorted(named) if not (ROOT / name).exists()] == []
