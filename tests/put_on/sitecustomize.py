"""A program whose clock can be put on and back while it runs: with this folder on its path, it tells the time
that the machine has and so many seconds more as a file says (`PUT_ON_BY`). What time has passed stays true.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import apscheduler.executors.base
import apscheduler.schedulers.base

from ledger import clock

BY = Path(os.environ["PUT_ON_BY"])


class Shifted(datetime):
    """What apscheduler asks for the time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=float(BY.read_text("ascii")))


apscheduler.executors.base.datetime = Shifted
apscheduler.schedulers.base.datetime = Shifted
clock.now = lambda: Shifted.now(UTC)
