"""Processes that work for another of this machine: they log as it does, and end when it does."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Thread

from ledger import logs


@contextmanager
def not_collecting() -> Iterator[None]:
    """Nobody looks for rings of dead objects: for work that makes many objects and keeps them to its end."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def begin() -> None:
    """What such a process does first: where its parent was killed it ends, and would wait for work for ever.

    A fresh process knows nothing of how its parent logs; on standard output there are results alone.
    """
    logs.set_up(logging.WARNING)
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
