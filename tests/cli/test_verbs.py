"""Every verb is found without loading the others."""

from __future__ import annotations

import subprocess
import sys

from typer.main import get_command

from ledger.cli import app
from ledger.cli.verbs import VERBS, register


def test_every_verb_says_which_file_it_is_in() -> None:
    register(None)
    command = get_command(app)
    assert sorted(command.commands) == sorted(VERBS)  # type: ignore[attr-defined]
    for verb, found in command.commands.items():  # type: ignore[attr-defined]
        module = found.callback.__module__ if found.callback else None
        assert module in (None, f"ledger.cli.{VERBS[verb]}")


def loaded_by(code: str, modules: tuple[str, ...]) -> str:
    script = f"import sys; {code}; print(*(one for one in {modules} if one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_simulating_loads_neither_the_books_nor_the_paper() -> None:
    code = "from ledger.cli.verbs import register; register('simulate')"
    assert loaded_by(code, ("sqlalchemy", "weasyprint", "pyhanko")) == ""


def test_who_opens_the_books_does_not_wait_for_printing_signing_and_buckets() -> None:
    heavy = ("weasyprint", "pyhanko", "boto3")
    assert loaded_by("import ledger.tables, ledger.verification", heavy) == ""
    assert loaded_by("import ledger.press, ledger.signing, boto3", heavy) == " ".join(heavy)
