"""The journal against a hand-written pgbench script: the same rows, triggers, rights, server and writers.

Ways to post one three-posting entry, each a durable commit of its own: the function of the database alone,
called by pgbench too; the same called as the journal calls it, by Python; a whole transaction of the program.
The first also with every entry on one same account, which would show a row that all have to update. What is
to be posted is there before the clock starts, as the script's rows are.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count, islice
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg

from ledger import journal, processes
from ledger.benches import Result, postgres
from ledger.core.entry import COMMISSION_COST, HELD, PAYABLE, Entry, Posting
from ledger.db import Database

WRITERS = 8
ROUNDS = 3
SECONDS = 4
MOST = 3_000 * SECONDS  # so many entries no writer gets through
MANAGERS = 30_000
NOW = datetime(2026, 5, 6, tzinfo=UTC)

BY_HAND = rf"""
\set manager random(1, {MANAGERS})
BEGIN;
SELECT nextval('entry_id_seq') AS entry \gset
INSERT INTO posting (entry_id, line, account, owner, amount_minor, currency, period,
                     deal_id, manager_id, stage, origin, nature)
  VALUES (:entry, 1, '6401', '', 150000, 'CNY', '2026-05', 'D-1', 'M' || :manager, 's', '2026-05', 'earned'),
         (:entry, 2, '2202.01', 'M' || :manager, -135000, 'CNY', '2026-05',
          'D-1', 'M' || :manager, 's', '2026-05', 'earned'),
         (:entry, 3, '2202.02', 'M' || :manager, -15000, 'CNY', '2026-05',
          'D-1', 'M' || :manager, 's', '2026-05', 'earned');
INSERT INTO entry (id, kind, source, booked_on, period, currency, summary, deal_id, because, digest,
                   posted_at, posted_by)
  VALUES (:entry, 'accrual', 'pgbench/' || :entry, '2026-05-06', '2026-05', 'CNY', '', 'D-1', '[]', '',
          now(), 'bench');
END;
"""

BARE = "INSERT INTO bare VALUES (1);"

PGLEDGER = "pgledger"
TRANSFERS = rf"""
\set manager random(1, {MANAGERS})
SELECT count(*) FROM mine, pgledger_create_transfers(
  ROW(mine.cost, mine.payable, 1350.00)::transfer_request, ROW(mine.cost, mine.held, 150.00)::transfer_request
) WHERE mine.no = :manager;
"""
MINE = f"""
CREATE TABLE mine AS SELECT no, cost.id AS cost, payable.id AS payable, held.id AS held
  FROM pgledger_create_account('6401', 'CNY') AS cost, generate_series(1, {MANAGERS}) AS no,
       LATERAL pgledger_create_account('2202.01 M' || no, 'CNY') AS payable,
       LATERAL pgledger_create_account('2202.02 M' || no, 'CNY') AS held;
ALTER TABLE mine ADD PRIMARY KEY (no);
ANALYZE;
"""

Writer = Callable[[str, Barrier, int], int]


def run(pgledger: Sequence[Path] = ()) -> Sequence[Result]:
    """Entries a second of each way, the median of some rounds in which they take turns."""
    with postgres.migrated() as server:
        _post_first(server)
        with psycopg.connect(server.dsn(postgres.BENCH, postgres.OWNER)) as connection:
            connection.execute("CREATE TABLE bare (no integer)")
        if pgledger:
            _install(server, pgledger)
        by_hand, function, called, transaction, one_account, bare, *theirs = _measured(
            lambda: _pgbench(server, BY_HAND),
            lambda: _pgbench(server, _function(MANAGERS)),
            lambda: _written(server, _by_function),
            lambda: _written(server, _by_transaction),
            lambda: _pgbench(server, _function(1)),
            lambda: _pgbench(server, BARE, role=postgres.OWNER),
            *([lambda: _pgbench(server, TRANSFERS, PGLEDGER, postgres.OWNER)] if pgledger else []),
        )
    missing = (
        "" if pgledger else "pgledger is not compared: give its SQL files with --pgledger, in their order"
    )
    return (
        Result("journal_post, one call an entry", function, by_hand, 0.8),
        Result("journal_post, called by Python", called, by_hand, 0.8),
        Result("journal.post, a transaction an entry", transaction, by_hand, 0.8),
        Result("journal_post, every entry on one account", one_account, function, 0.8),
        Result("journal_post, against a commit of one bare row", function, bare, 0),
        Result(
            "journal_post, against pgledger's transfers", function, theirs[0] if theirs else None, 0, missing
        ),
    )


def _install(server: postgres.Server, files: Sequence[Path]) -> None:
    """A database of pgledger's own, with the accounts that are posted to."""
    server.create(PGLEDGER)
    with psycopg.connect(server.dsn(PGLEDGER, postgres.OWNER)) as connection:
        for text in (*(file.read_bytes() for file in files), MINE.encode()):
            connection.execute(text)


def _function(managers: int) -> str:
    """A script that calls the database's function with a draft of the journal's, each of another source."""
    entry = replace(_entry("M:manager"), source=":source")
    text = journal.as_json([journal.draft(entry, entry.digest, None)]).replace("'", "''")
    made = re.sub(r":(manager|source)", r"' || :\1 || '", text)
    return rf"""
\set manager random(1, {managers})
\set source random(1, 1000000000000000)
SELECT entry_id, digest, is_new FROM journal_post(('{made}')::jsonb, now(), 'bench');
"""


def _post_first(server: postgres.Server) -> None:
    """One entry, which opens the month for the others."""
    database = Database(server.url(postgres.BENCH), pool_size=1)
    database.run(lambda session: journal.post(session, next(_drafts(0)), now=NOW, by="bench"))
    database.close()


def _measured(*ways: Callable[[], float]) -> list[float]:
    turns = [[way() for way in ways] for _ in range(ROUNDS)]
    return [median(of_one) for of_one in zip(*turns, strict=True)]


def _pgbench(
    server: postgres.Server, script: str, database: str = postgres.BENCH, role: str = postgres.APP
) -> float:
    done = subprocess.run(
        [
            *(str(postgres.binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared", "--file=-"),
            *(f"--client={WRITERS}", "--jobs=2", f"--time={SECONDS}"),
            server.dsn(database, role),
        ],
        input=script.lstrip(),
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pgbench said no rate: {done.stdout}{done.stderr}")
    return float(found[1])


def _written(server: postgres.Server, writer: Writer) -> float:
    """Entries a second of all writers together, each a process."""
    context = get_context("spawn")
    together = context.Barrier(WRITERS)
    url = server.url(postgres.BENCH)
    with context.Pool(WRITERS, initializer=_meet, initargs=(together,)) as pool:
        tasks = [(writer.__name__, url, number) for number in range(WRITERS)]
        return sum(pool.starmap(_write, tasks, chunksize=1)) / SECONDS


_together: Barrier


def _meet(together: Barrier) -> None:
    global _together
    _together = together
    processes.begin()


def _write(name: str, url: str, number: int) -> int:
    writer: Writer = globals()[name]
    return writer(url, _together, number)


def _by_function(url: str, together: Barrier, number: int) -> int:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return _counted(together, number, lambda entry: connection.execute(journal.POST, _one(entry)))


def _one(entry: Entry) -> dict[str, object]:
    return {"drafts": journal.as_json([journal.draft(entry, entry.digest, None)]), "now": NOW, "by": "bench"}


def _by_transaction(url: str, together: Barrier, number: int) -> int:
    database = Database(url, pool_size=1)
    try:
        return _counted(
            together,
            number,
            lambda entry: database.run(lambda session: journal.post(session, entry, now=NOW, by="bench")),
        )
    finally:
        database.close()


def _counted(together: Barrier, number: int, act: Callable[[Entry], object]) -> int:
    first, *entries = islice(_drafts(number), MOST)
    act(first)  # connect
    together.wait()
    ends = perf_counter() + SECONDS
    for done, entry in enumerate(entries):
        if perf_counter() >= ends:
            return done
        act(entry)
    raise RuntimeError(f"a writer had no more than {MOST:,} entries to post")


def _drafts(number: int) -> Iterator[Entry]:
    """Entries without end, of sources that nobody has used."""
    run = f"{perf_counter():.6f}/{number}"
    for step in count():
        yield replace(_entry(f"M{(number * 4001 + step * 7919) % MANAGERS}"), source=f"{run}/{step}")


def _entry(manager: str) -> Entry:
    def line(account: str, amount_minor: int, owner: str = "") -> Posting:
        return Posting(account, amount_minor, owner, "D-1", manager, "s", "2026-05", "earned")

    return Entry(
        kind="accrual",
        source="",
        on=date(2026, 5, 6),
        period="2026-05",
        currency="CNY",
        deal_id="D-1",
        postings=(
            line(COMMISSION_COST, 150_000),
            line(PAYABLE, -135_000, manager),
            line(HELD, -15_000, manager),
        ),
    )
