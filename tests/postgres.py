"""The real server the tests run on."""

from ledger.benches.postgres import *  # noqa: F403
