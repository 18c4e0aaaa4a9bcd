"""What every test may ask for: a fresh, migrated database on each engine, and the real server."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ledger import logs
from ledger.benches import postgres
from ledger.config import Settings
from ledger.db import Database
from ledger.migrations import run
from tests import canaries

ROOM = 8 * 2**30  # for the databases of all tests that run at once

_HOME = pytest.StashKey[Path]()
_TOLD = pytest.StashKey[list[str]]()
_WATCH = pytest.StashKey[pytest.MonkeyPatch]()


def pytest_configure(config: pytest.Config) -> None:
    """The run has one folder for its PostgreSQL server; workers are told of it. What is logged is read."""
    logs.set_up()
    config.stash[_TOLD] = canaries.watch(config.stash.setdefault(_WATCH, pytest.MonkeyPatch()))
    if hasattr(config, "workerinput"):
        config.stash[_HOME] = Path(config.workerinput["postgres_home"])
    else:
        config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="yongjin-tests-", dir=_quick_place()))
        postgres.watch(config.stash[_HOME])


def _quick_place() -> Path | None:
    """Memory, where there is plenty: a database is copied there in a fourth of the time; else the usual."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    node.workerinput["postgres_home"] = str(node.config.stash[_HOME])  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test after which somebody's number or a secret stands in a log, an address or an error has failed."""
    report = yield
    told = item.config.stash[_TOLD]
    if call.when == "teardown" and report.passed:
        found = [*told, *canaries.Started.told(), *canaries.read(report.sections)]
        if found:
            report.outcome, report.longrepr = (
                "failed",
                "\n".join(["told to whom it does not concern:", *found]),
            )
    if call.when == "teardown":
        told.clear()
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_WATCH].undo()
    if not hasattr(config, "workerinput"):
        postgres.remove(config.stash[_HOME])


@pytest.fixture
def told(pytestconfig: pytest.Config) -> list[str]:
    """What this test told of values that nobody is to be told."""
    return pytestconfig.stash[_TOLD]


@pytest.fixture(scope="session", autouse=True)
def data_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The keys that personal data is kept under, of this process; none of them lands in the project."""
    path = tmp_path_factory.mktemp("keys") / "data-keys"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("YONGJIN_DATA_KEYS_FILE", str(path))
        yield path


@pytest.fixture(scope="session")
def postgresql_server(pytestconfig: pytest.Config) -> postgres.Server:
    """The run's PostgreSQL server, started when the first test asks for it."""
    return postgres.server(pytestconfig.stash[_HOME])


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database at this version, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "yongjin.db"
    run.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(postgresql_server: postgres.Server) -> str:
    """A PostgreSQL database at this version, to be copied; the run's workers share it."""
    with postgres.one_at_a_time(postgresql_server.home):
        if not postgresql_server.exists("migrated"):
            postgresql_server.drop("migrating")  # left by a worker that failed here
            postgresql_server.create("migrating")
            run.upgrade(postgresql_server.url("migrating", postgres.OWNER), app_role=postgres.APP)
            postgresql_server.rename("migrating", "migrated")
    return "migrated"


@pytest.fixture
def sqlite_settings(tmp_path: Path, migrated_file: Path, told: list[str]) -> Iterator[Settings]:
    """A fresh, migrated SQLite database and a place for files."""
    var = tmp_path / "var"
    var.mkdir()
    url = f"sqlite:///{shutil.copyfile(migrated_file, var / 'yongjin.db')}"
    yield Settings(var=var, database_url=url, owner_url=url)
    told += canaries.kept(url)


@pytest.fixture
def postgresql_settings(
    tmp_path: Path, postgresql_server: postgres.Server, migrated_template: str, told: list[str]
) -> Iterator[Settings]:
    """A fresh, migrated PostgreSQL database, its two roles, and a place for files."""
    name = f"test_{uuid4().hex}"
    postgresql_server.create(name, template=migrated_template)
    yield Settings(
        var=tmp_path / "var",
        database_url=postgresql_server.url(name, postgres.APP),
        owner_url=postgresql_server.url(name, postgres.OWNER),
    )
    told += canaries.kept(postgresql_server.url(name, postgres.OWNER))
    postgresql_server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A fresh, migrated database, once on each engine; programs started by the test use it too."""
    made: Settings = request.getfixturevalue(f"{request.param}_settings")
    monkeypatch.setenv("YONGJIN_VAR", str(made.var))
    monkeypatch.setenv("YONGJIN_DATABASE_URL", made.database_url)
    monkeypatch.setenv("YONGJIN_OWNER_DATABASE_URL", made.owner_url)
    for limit in ("YONGJIN_RATE_USER", "YONGJIN_RATE_ADDRESS"):  # tests ask more often than people
        monkeypatch.setenv(limit, "0")
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of `settings`, as the application opens it."""
    opened = Database(settings.database_url)
    yield opened
    opened.close()
