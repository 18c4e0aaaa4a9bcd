"""What Prometheus collects: the requests of this process, and the vital signs of the books."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ledger import clock, config, vitals
from ledger.db import Database
from ledger.vitals import Sign

SLOW_EVERY = timedelta(minutes=5)  # how old what reads all the books may be
_LOOPBACK = {"127.0.0.1", "::1"}

router = APIRouter(include_in_schema=False)

_process = CollectorRegistry()
_requests = Histogram(
    "yongjin_request_seconds",
    "Requests by route and answer.",
    ["method", "route", "status"],
    registry=_process,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def note(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. Paths that are no route are one: whoever tries them must not fill the memory."""
    _requests.labels(method, route or "none", str(status)).observe(seconds)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """For a collector on this machine, or one that sends the token of `YONGJIN_METRICS_TOKEN`."""
    if not _may(request):
        return Response("send the token of YONGJIN_METRICS_TOKEN as “Authorization: Bearer …”", 403)
    books = CollectorRegistry()
    books.register(_Signs(_signs(request)))
    return Response(generate_latest(_process) + generate_latest(books), media_type=CONTENT_TYPE_LATEST)


def _may(request: Request) -> bool:
    token = config.from_environment().metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    local = request.client is not None and request.client.host in _LOOPBACK
    return local and "X-Forwarded-For" not in request.headers


def _signs(request: Request) -> list[Sign]:
    database: Database = request.app.state.database
    now, kept = clock.now(), getattr(request.app.state, "slow_signs", None)
    with database.reading() as session:
        found = list(vitals.quick(session, now=now))
        if kept is None or now - kept[0] > SLOW_EVERY:
            kept = request.app.state.slow_signs = (now, list(vitals.slow(session)))
    return [*found, *kept[1], _age(kept[0], now)]


def _age(since: datetime, now: datetime) -> Sign:
    return Sign("slow_signs_seconds", (now - since).total_seconds())


class _Signs(Collector):
    """The signs as gauges, each under its name."""

    def __init__(self, signs: Iterable[Sign]) -> None:
        self._by_name: dict[str, list[Sign]] = {}
        for sign in signs:
            self._by_name.setdefault(sign.name, []).append(sign)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, signs in self._by_name.items():
            label, says = vitals.NAMES[name]
            family = GaugeMetricFamily(f"yongjin_{name}", says, labels=[label] if label else [])
            for sign in signs:
                family.add_metric([sign.of] if label else [], sign.value)
            yield family
