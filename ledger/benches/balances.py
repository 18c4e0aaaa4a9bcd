"""Balances of closed books against books ten times as large, and against reading the same journal anew.

Trial balance and one manager's standing are asked of PostgreSQL, months closed. hledger, beancount and
ledger, where they are installed, get our export as a file, which they read and add up each time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from sqlmodel import Session

from ledger import accounts, city, closing, imports, users
from ledger.benches import Result, a_second, postgres, took
from ledger.benches.imports import NOW, PEOPLE, PLAN, publish
from ledger.core.facts_file import read_lines
from ledger.db import Database
from ledger.exports import journals
from ledger.users import User

SMALL, TIMES = 447, 10
YEAR = 2023
SLOWER = 1.3  # at most so many times the time in books ten times as large
*_, FINANCE = PEOPLE


def run(contracts: int = SMALL) -> Sequence[Result]:
    """Balances a second: of large books against small ones, and of ours against each judge's."""
    with postgres.migrated() as server:
        publish(server)
        for name in ("small", "large"):
            server.create(name, template=postgres.BENCH)
        small, large = (
            _filled(server, name, contracts * by) for name, by in (("small", 1), ("large", TIMES))
        )
        try:
            return [*_by_size(small, large), *_against_judges(large)]
        finally:
            small.close()
            large.close()


def _filled(server: postgres.Server, name: str, contracts: int) -> Database:
    """A year of so many contracts, closed; as many managers, so that each has as much in both."""
    database = Database(server.url(name), pool_size=2)
    made = city.City(
        contracts=contracts, total_minor=city.proportional_minor(contracts), managers=max(contracts // 15, 3)
    )
    report = imports.load(database, read_lines(city.lines(made), "city", "CNY"), plan_id=PLAN, now=NOW)
    if report.refused:
        raise RuntimeError(report.refused[0])
    database.run(lambda session: closing.close(session, f"{YEAR}-12", by=_finance(session), now=NOW))
    return database


def _finance(session: Session) -> User:
    found = users.find(session, FINANCE)
    if found is None:
        raise RuntimeError("the bench's finance user is not there")
    return found


def _by_size(small: Database, large: Database) -> list[Result]:
    with small.reading() as one, large.reading() as ten:
        few, many = _finance(one), _finance(ten)
        rates = a_second(
            lambda: accounts.trial_balance(ten, by=many),
            lambda: accounts.trial_balance(one, by=few),
            lambda: accounts.standing(ten, "M001"),
            lambda: accounts.standing(one, "M001"),
            rounds=5,
        )
    return [
        Result(f"trial balance, {TIMES} times the postings", rates[0], rates[1], 1 / SLOWER),
        Result(f"one manager's balances, {TIMES} times the postings", rates[2], rates[3], 1 / SLOWER),
    ]


def _against_judges(database: Database) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="yongjin-bench-") as folder, database.reading() as session:
        by = _finance(session)
        (ours,) = a_second(lambda: accounts.trial_balance(session, by=by), rounds=5)
        found = []
        for name, syntax, command in _judges():
            file = Path(folder) / f"journal.{syntax}"
            if not file.exists():
                file.write_text("".join(journals.journal(session, syntax)), "utf-8")
            found.append(_against(name, ours, [*command, str(file)] if command else None))
    return found


def _judges() -> list[tuple[str, journals.Format, list[str] | None]]:
    """(name, the syntax it reads, how it is asked for a trial balance of a file)."""

    def there(program: str, *words: str) -> list[str] | None:
        path = shutil.which(program, path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin")
        return [path, *words] if path else None

    return [
        ("hledger", "hledger", there("hledger", "balance", "--flat", "-f")),
        ("ledger", "hledger", there("ledger", "balance", "--flat", "-f")),
        ("beancount", "beancount", there("bean-check", "--no-cache")),
    ]


def _against(name: str, ours: float, command: list[str] | None) -> Result:
    what = f"trial balance against {name} reading the same journal"
    if command is None:
        return Result(what, ours, None, 1, f"{name} is not installed")
    return Result(what, ours, 1 / median(took(lambda: _asked(command)) for _ in range(3)), 1)


def _asked(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-500:]}")
