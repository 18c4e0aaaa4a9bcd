"""Rules about the house itself: which room may do what, and that its papers tell the truth."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import typer

from ledger.cli import app
from ledger.cli.verbs import register
from ledger.core import states
from ledger.core.entry import CHART, KINDS

ROOT = Path(__file__).parents[1]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is kept in the repository, from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


@cache
def texts() -> dict[Path, str]:
    """What was written by hand: no locks, and nothing vendored or binary."""
    kept = {}
    for path in tracked():
        if path.suffix != ".lock" and "vendor" not in path.parts:
            content = (ROOT / path).read_bytes()
            if b"\0" not in content:
                kept[path] = content.decode()
    return kept


def modules(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for path, text in texts().items():
        if path.suffix == ".py" and path.as_posix().startswith(tuple(f"{room}/" for room in rooms)):
            yield path, ast.parse(text, str(path))


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a module refers to: `os.environ`, `session.commit`, `float`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield node.lineno, f"{node.module}.{name.name}"


def found(pattern: str, *rooms: str, but: tuple[str, ...] = ()) -> list[str]:
    """Where a module of these rooms refers to what the pattern matches; `but` may."""
    wanted = re.compile(pattern)
    return [
        f"{path}:{line}: {name}"
        for path, tree in modules(*rooms)
        if path.as_posix() not in but
        for line, name in uses(tree)
        if wanted.search(name)
    ]


def written(pattern: str, *, suffixes: tuple[str, ...] = (), but: tuple[str, ...] = ()) -> list[str]:
    """Where a tracked text has what the pattern matches; paths that begin with one of `but` may."""
    wanted = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts().items()
        if (not suffixes or path.suffix in suffixes) and not path.as_posix().startswith(but or ("\0",))
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def test_the_clock_is_read_in_one_module() -> None:
    clock = r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime))$"
    assert found(clock, "ledger", "api", but=("ledger/clock.py",)) == []


def test_the_environment_is_read_in_one_module() -> None:
    assert found(r"(^|\.)os\.(environ|getenv)$", "ledger", "api", but=("ledger/config.py",)) == []


def test_commits_are_made_in_one_module() -> None:
    assert found(r"\.commit$", "ledger", "api", but=("ledger/db.py",)) == []


def test_entries_are_written_in_one_module() -> None:
    """SQL of its own is the migrations' business: they hold the guards and the function that posts."""
    insert = r"(?i)\binsert\s+(or\s+\w+\s+)?into\s+\"?(entry|posting)\b"
    own = ("ledger/journal.py", "ledger/migrations/", "ledger/benches/ledger.py", "tests/")
    assert written(insert, suffixes=(".py", ".sql"), but=own) == []
    assert (
        found(r"^(journal\.)?(Entry|Posting)\.__table__", "ledger", "api", but=("ledger/journal.py",)) == []
    )


def test_no_float_comes_near_money() -> None:
    made = [
        f"{path}:{node.lineno}"
        for path, tree in modules("ledger/core")
        for node in ast.walk(tree)
        if path.name != "document.py"  # compares words
        and (
            (isinstance(node, ast.Constant) and isinstance(node.value, float))
            or (isinstance(node, ast.Call) and ast.unparse(node.func) == "float")
        )
    ]
    assert made == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "handler", "handlers", "common", "misc", "process", "info"}
    assert [path for path in tracked() if path.suffix == ".py" and path.stem in empty] == []


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert written(r"\b(TO" r"DO|FIX" r"ME)\b") == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert written(r"(?<![\w.)}\"'])/(wo" r"rk|ro" r"ot)/") == []


def test_no_file_names_where_packages_come_from() -> None:
    assert written(r"py" r"pi\.org|python" r"hosted\.org|npm" r"js\.(org|com)|debian\.org/debian") == []


def test_every_link_in_the_papers_resolves() -> None:
    broken = []
    for path, text in texts().items():
        if path.suffix == ".md":
            for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", text):
                if "://" not in target and not (ROOT / path.parent / target).exists():
                    broken.append(f"{path}: {target}")
    assert broken == []


def test_every_decision_is_in_the_index() -> None:
    decisions = Path("docs/decisions")
    index = texts()[decisions / "README.md"]
    records = [path.name for path in tracked() if path.parent == decisions and path.name != "README.md"]
    assert [name for name in records if f"]({name})" not in index] == []


def test_every_command_in_the_papers_exists() -> None:
    register(None)
    verbs = set(typer.main.get_group(app).commands)
    said = set()
    for path in (Path("README.md"), Path("CONTRIBUTING.md")):
        said |= {f"scripts/{name}" for name in re.findall(r"\bscripts/([a-z]+)\b", texts()[path])}
        said |= set(
            re.findall(r"(?:^ {4}|`)(?:\.venv/bin/)?yongjin ([a-z][a-z-]*)", texts()[path], re.MULTILINE)
        )
    known = verbs | {path.as_posix() for path in tracked() if path.parts[0] == "scripts"}
    assert said - known == set()


def test_every_script_can_be_run() -> None:
    scripts = [path for path, text in texts().items() if text.startswith("#!")]
    assert scripts and [path for path in scripts if not (ROOT / path).stat().st_mode & 0o111] == []


def test_the_glossary_has_every_account() -> None:
    glossary = texts()[Path("docs/GLOSSARY.md")]
    rows = [f"| {one.code} | {one.name} | {one.title_zh} | {one.side} |" for one in CHART.values()]
    assert [row for row in rows if row not in glossary] == []


def test_the_glossary_has_every_kind_of_entry() -> None:
    said = set(re.findall(r"[a-z_]+", texts()[Path("docs/GLOSSARY.md")]))
    assert set(KINDS) - said == set()


def test_the_glossary_has_every_state() -> None:
    glossary = texts()[Path("docs/GLOSSARY.md")].split("## States")[1]
    machines = [steps for name, steps in vars(states).items() if name.isupper()]
    known = {state for steps in machines for state in steps}
    known |= {state for steps in machines for following in steps.values() for state in following.values()}
    assert known and known - set(re.findall(r"[a-z_]+", glossary)) == set()
