"""Which file has which verb. Only the file of the verb that runs is imported: the books, the pages and
the paper take seconds to load, and `simulate` or `tax` need none of them."""

from __future__ import annotations

from importlib import import_module

VERBS = {
    "amount-cn": "money",
    "audit": "audit",
    "backup": "backups",
    "balances": "balances",
    "bench": "bench",
    "city": "city",
    "close": "books",
    "demo": "service",
    "export": "exports",
    "import": "books",
    "keys": "keys",
    "migrate": "books",
    "paper": "papers",
    "person": "persons",
    "plan": "plans",
    "restore": "backups",
    "seal": "seals",
    "serve": "service",
    "settle": "books",
    "simulate": "simulate",
    "statements": "statements",
    "tax": "money",
    "user": "people",
    "verify": "books",
    "why": "why",
    "worker": "service",
}


def register(verb: str | None) -> None:
    """Import the file of one verb, or of all of them where it is none of these."""
    for module in [VERBS[verb]] if verb in VERBS else sorted(set(VERBS.values())):
        import_module(f"ledger.cli.{module}")
