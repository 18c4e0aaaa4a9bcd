"""The nightly backup: one file a night in one folder, the last seven kept."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from ledger import backups
from ledger.clock import day_of
from ledger.config import Settings
from ledger.jobs import Progress

KEPT = 7
SUFFIX = ".yongjin"


def make(settings: Settings, folder: Path, *, now: datetime, progress: Progress) -> dict[str, str | int]:
    """Write tonight's; it has its name only once it is whole. Then the oldest go."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{day_of(now)}{SUFFIX}"
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        manifest = backups.make(settings, file, now=now, progress=progress)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    for old in sorted(folder.glob(f"*{SUFFIX}"))[:-KEPT]:
        old.unlink()
    return {"file": path.name, "size": path.stat().st_size, "head": manifest.head}
