"""Workers on many machines: Procrastinate on the books' own PostgreSQL tells them of parts of a run.

It only dispatches. A part told of twice, or told of to a worker that dies, is done once: its row says so.
Its tables have a schema of their own, which a migration makes.
"""

from __future__ import annotations

from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import AlreadyEnqueued

from ledger import guards, printing
from ledger.db import Database, conninfo
from ledger.files import Store

SCHEMA = guards.DISPATCH
QUEUE = "parts"
TASK = "do_part"


def _pool(database: Database, most: int) -> dict[str, Any]:
    """At most so many connections to the tables by which workers are told."""
    options = {"options": f"-c search_path={SCHEMA}"}
    return {
        "conninfo": conninfo(database.engine.url),
        "kwargs": options,
        "min_size": 1,
        "max_size": most,
    }


def _app(connector: BaseConnector, database: Database | None = None, store: Store | None = None) -> App:
    app = App(connector=connector)

    def do_part(part_id: str) -> None:
        if database is not None and store is not None:
            printing.work(database, store, part_id=part_id)

    app.task(name=TASK, queue=QUEUE)(do_part)
    return app


def tell(database: Database, part_ids: list[str]) -> None:
    """Tell workers of parts; those they know of already are left as they are."""
    with _app(SyncPsycopgConnector(**_pool(database, 1))).open() as app:
        for part_id in part_ids:
            try:
                app.configure_task(TASK, queue=QUEUE, queueing_lock=part_id).defer(part_id=part_id)
            except AlreadyEnqueued:
                continue


async def work(database: Database, store: Store, *, until_empty: bool = False) -> None:
    """Do what is told of, until this process is ended; or until there is nothing more to do."""
    async with _app(PsycopgConnector(**_pool(database, 2)), database, store).open_async() as app:
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=1,  # the press takes one at a time; more processes are more hands
            wait=not until_empty,
            delete_jobs="always",
            install_signal_handlers=True,
        )
