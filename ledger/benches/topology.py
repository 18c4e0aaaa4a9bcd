"""The whole deployment on one machine, without containers: what compose.yaml and docs/operations set up.

A primary PostgreSQL and a standby that has confirmed every commit before it is answered; web processes, one
clock and workers that find whichever of the two may be written to; nginx with the shipped configuration
before the web processes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from ledger import config
from ledger.benches import postgres, serving

ROOT = Path(__file__).resolve().parents[2]
NGINX = ROOT / "docs" / "operations" / "nginx.conf"
_HOST = "127.0.0.1"
_PATIENCE = 180.0  # seconds until something that should be there is given up


@dataclass
class Topology:
    """What runs, and where: `port` is nginx's, `webs` the processes behind it; `hands` do what is planned."""

    home: Path
    primary: postgres.Server
    standby: postgres.Server
    port: int
    webs: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    hands: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _nginx: subprocess.Popen[bytes] | None = None

    @property
    def database_url(self) -> str:
        """Both servers; the driver takes the one that may be written to."""
        hosts = f"host={self.primary.home}&host={self.standby.home}"
        return (
            f"postgresql+psycopg://{postgres.APP}@/{postgres.BENCH}?{hosts}&target_session_attrs=read-write"
        )

    def start(self, webs: int = 2, workers: int = 3) -> None:
        """Web processes one after the other, nginx, then the clock and the workers it hands parts to."""
        for _ in range(webs):
            self._serve(serving.free_port())
        self._configure(self.webs)
        self._nginx = subprocess.Popen(
            self._nginx_command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for(self.port)
        port = serving.free_port()
        self.hands.append(self._run("clock", "serve", "--port", str(port), YONGJIN_HANDS="0"))
        _wait_for(port)
        self.hands += [self._run(f"worker-{number}", "worker") for number in range(workers)]

    def promote(self) -> None:
        """The primary is gone from one moment to the next; the standby takes its place."""
        postgres.kill(self.primary)
        postgres.promote(self.standby)

    def roll(self) -> None:
        """A new version of every web process, one at a time, each without requests while it is replaced."""
        for port in list(self.webs):
            self._configure([other for other in self.webs if other != port])
            self._reload()
            _stop(self.webs.pop(port))
            self._serve(port)
            self._configure(self.webs)
            self._reload()

    def stop(self) -> None:
        """Everything ends, and nothing is left behind."""
        for process in (*self.webs.values(), *self.hands, *([self._nginx] if self._nginx else [])):
            _stop(process)
        postgres.remove(self.standby.home)

    def _serve(self, port: int) -> None:
        self.webs[port] = self._run(f"web-{port}", "serve", "--port", str(port), YONGJIN_CLOCK="off")
        _wait_for(port)

    def _run(self, name: str, *words: str, **more: str) -> subprocess.Popen[bytes]:
        """A process of the program; what it says is in `home`, under its name."""
        environment = config.for_a_process(self.home / "var", self.database_url, **more)
        with (self.home / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "ledger.cli", *words]
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _configure(self, ports: Iterable[int]) -> None:
        """The shipped configuration with the processes of now; TLS is left to the real one."""
        servers = "\n".join(f"    server {_HOST}:{port};" for port in ports)
        text = NGINX.read_text("utf-8")
        text = re.sub(r"(?m)^ *server \d.*;\n", "", text).replace("{\n", f"{{\n{servers}\n", 1)
        text = re.sub(r"(?m)^ *(ssl_|server_name).*;\n", "", text)
        text = text.replace("listen 443 ssl;", f"listen {_HOST}:{self.port};")
        (self.home / "site.conf").write_text(text, "utf-8")
        (self.home / "nginx.conf").write_text(
            f"daemon off; pid nginx.pid; error_log {self.home}/nginx.log; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {_temporary()} include {self.home}/site.conf; }}\n",
            "utf-8",
        )

    def _nginx_command(self, *more: str) -> list[str]:
        return [_nginx(), "-p", str(self.home), "-c", str(self.home / "nginx.conf"), *more]

    def _reload(self) -> None:
        """nginx goes on with the new configuration, and old requests to their ends."""
        workers = self._workers()
        subprocess.run(self._nginx_command("-s", "reload"), check=True, capture_output=True)
        _until(lambda: not workers & self._workers(), "nginx's old processes end")

    def _workers(self) -> set[int]:
        assert self._nginx is not None
        children = Path(f"/proc/{self._nginx.pid}/task/{self._nginx.pid}/children").read_text("ascii")
        return {int(child) for child in children.split()}


@contextmanager
def prepared() -> Iterator[Topology]:
    """A primary with an empty, migrated database and its standby; all gone at the end."""
    with tempfile.TemporaryDirectory(prefix="yongjin-topology-") as home, postgres.migrated() as primary:
        standby = postgres.standby_of(primary)
        yield Topology(Path(home), primary, standby, serving.free_port())


def _nginx() -> str:
    found = shutil.which("nginx", path=f"{os.defpath}:/usr/sbin")
    if found is None:
        raise RuntimeError("nginx is not installed: run ./scripts/setup --test")
    return found


def _temporary() -> str:
    """nginx's folders, all within its own."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {kind};" for kind in kinds)


def _wait_for(port: int) -> None:
    _until(lambda: _ready(port), f"port {port} answers")


def _ready(port: int) -> bool:
    with closing(HTTPConnection(_HOST, port, timeout=5)) as connection:
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False


def _until(there: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while not there():
        if time.monotonic() > ends:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Run until somebody ends it."""
    with prepared() as site:
        try:
            site.start()
            sys.stdout.write(
                f"http://{_HOST}:{site.port}  web: {sorted(site.webs)}  files: {site.home}\n"
                f"primary: {site.primary.home}  standby: {site.standby.home}\n"
            )
            sys.stdout.flush()
            signal.pause()
        except KeyboardInterrupt:
            pass
        finally:
            site.stop()


if __name__ == "__main__":
    main()
