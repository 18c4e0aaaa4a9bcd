"""The server the tests run on has the shape that production has."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.benches import postgres


@pytest.fixture
def address(postgresql_server: postgres.Server, worker_id: str) -> Iterator[tuple[str, str]]:
    name = f"plain_{worker_id}"
    postgresql_server.create(name)
    yield postgresql_server.dsn(name, postgres.OWNER), postgresql_server.dsn(name, postgres.APP)
    postgresql_server.drop(name)


def test_the_owner_makes_tables(address: tuple[str, str]) -> None:
    owner, _ = address
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_the_application_may_not_make_tables(address: tuple[str, str]) -> None:
    _, app = address
    with (
        psycopg.connect(app) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE kept (n integer)")


def test_the_order_of_text_is_not_the_order_of_bytes(address: tuple[str, str]) -> None:
    """So that a query that needs the order of code points is found out when it does not say so."""
    owner, _ = address
    with psycopg.connect(owner) as connection:
        rows = connection.execute("SELECT w FROM unnest(ARRAY['a', 'B']) AS w ORDER BY w").fetchall()
    assert rows == [("a",), ("B",)]


def test_the_roles_script_may_run_twice_and_lets_nobody_else_in(postgresql_server: postgres.Server) -> None:
    home = str(postgresql_server.home)
    with postgres.one_at_a_time(postgresql_server.home):
        for _ in range(2):
            subprocess.run(
                ["scripts/roles"],
                cwd=Path(__file__).parents[1],
                env={
                    "PATH": os.environ["PATH"],
                    "PGHOST": home,
                    "PGUSER": postgres.SUPERUSER,
                    "YONGJIN_OWNER_PASSWORD": "o'ne",
                    "YONGJIN_APP_PASSWORD": "tw\\o",
                },
                check=True,
            )
        with psycopg.connect(postgresql_server.dsn("yongjin"), autocommit=True) as connection:
            connection.execute("CREATE ROLE stranger LOGIN")
        with psycopg.connect(postgresql_server.dsn("yongjin", postgres.APP)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(postgresql_server.dsn("yongjin", "stranger"))
        postgresql_server.drop("yongjin")
