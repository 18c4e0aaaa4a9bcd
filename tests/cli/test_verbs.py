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


def test_simulating_loads_neither_the_books_nor_the_paper() -> None:
    script = (
        "import sys; from ledger.cli.verbs import register; register('simulate');"
        "sys.exit(' '.join(m for m in ('sqlalchemy', 'weasyprint', 'pyhanko') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
