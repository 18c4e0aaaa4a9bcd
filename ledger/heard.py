"""Who hears of what the trail notes, in its transaction: whatever opens the books lets them listen."""

from __future__ import annotations

from ledger import audit, sign_in_notices, webhooks

LISTENERS = (webhooks.hear, sign_in_notices.hear)


def listen() -> None:
    """From now on, in this process."""
    for hears in LISTENERS:
        audit.heard_by(hears)
