"""Who hears of what the trail notes, in its transaction. Imported by whatever opens the books."""

from __future__ import annotations

from ledger import audit, sign_in_notices, webhooks

audit.heard_by(webhooks.hear)
audit.heard_by(sign_in_notices.hear)
