"""`yongjin`: the command line. A file per noun; each adds its verbs to `app`."""

from __future__ import annotations

import sys

from ledger.cli.app import app
from ledger.cli.verbs import register
from ledger.core.errors import Refused


def main() -> None:
    """Run one command. A refusal is one line on standard error and exit code 2."""
    register(sys.argv[1] if len(sys.argv) > 1 else None)
    try:
        app()
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)


__all__ = ["app", "main"]
