"""Waiting for a state that is seen, and gates that hold work until a test has seen it: never for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ledger.files import Store

SECONDS_MOST = 600  # a busy machine, and then some

Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], *, seconds: float = SECONDS_MOST) -> Seen:
    """What a look shows, once there is something to see."""
    latest = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < latest, "what was waited for did not come"
        time.sleep(0.02)
    return seen


@dataclass(frozen=True, slots=True)
class Gated(Store):
    """A store that keeps nothing until its gate is opened: whoever has something to keep waits there."""

    def put(self, content: bytes) -> str:
        until((self.root / "open").exists)
        return Store.put(self, content)

    def open_gate(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "open").touch()
