"""Prometheus metrics: what is counted, and the page that shows it (`/metrics`)."""

import functools
import hmac
import os
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.api.principals import Unauthenticated

REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

_requests = Counter("throughline_requests_total", "Requests served.", ("method", "route", "status"), registry=REGISTRY)
_request_seconds = Histogram(
    "throughline_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=REGISTRY
)
_deliveries = Counter(
    "throughline_deliveries_total", "Deliveries by adapter and verdict.", ("adapter", "verdict"), registry=REGISTRY
)
_conflicts = Counter(
    "throughline_conflicting_events_total",
    "Events whose id was there with other content; the first wins.",
    ("adapter",),
    registry=REGISTRY,
)
_commit_seconds = Histogram(
    "throughline_ingest_commit_seconds", "Time of one group commit.", buckets=_SECONDS, registry=REGISTRY
)
_group_size = Histogram(
    "throughline_ingest_group_size",
    "Deliveries in one group commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=REGISTRY,
)
_quarantined = Gauge(
    "throughline_quarantined_deliveries",
    "Deliveries in quarantine.",
    ("tenant",),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
_silence = Gauge(
    "throughline_source_silence_seconds",
    "Time since the last delivery.",
    ("tenant", "source"),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
_job_age = Gauge(
    "throughline_oldest_job_seconds",
    "Age of the oldest job that is due.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
_look_age = Gauge(
    "throughline_oldest_look_seconds",
    "Age of the oldest look at a tenant's quarantine and sources.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
_SHARED = "PROMETHEUS_MULTIPROC_DIR" in os.environ
"""Whether this is one of several processes that count into the files of one folder (`serve --workers`)."""

router = APIRouter(include_in_schema=False)


def request_served(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request."""
    count, duration = _of_request(method if method.isalpha() and len(method) < 10 else "other", route, status)  # noqa: PLR2004  longer ones are noise
    count.inc()
    duration.observe(seconds)


@functools.lru_cache(maxsize=2_000)
def _of_request(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return what counts requests of a kind: to find them is dearer than to count."""
    return _requests.labels(method, route, str(status)), _request_seconds.labels(route)


def delivery_judged(adapter: str, verdict: str, conflicts: int = 0) -> None:
    """Count one delivery, and its events that contradict those of the same id."""
    _of_delivery(adapter, verdict).inc()
    if conflicts:
        _conflicts.labels(adapter).inc(conflicts)


@functools.lru_cache(maxsize=500)
def _of_delivery(adapter: str, verdict: str) -> Counter:
    return _deliveries.labels(adapter, verdict)


def group_committed(size: int, seconds: float) -> None:
    """Count one group commit."""
    _group_size.observe(size)
    _commit_seconds.observe(seconds)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return all metrics in the text format; with the token of the settings when one is set."""
    token = request.app.state.settings.metrics_token
    if token is not None:
        sent = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(sent, f"Bearer {token.get_secret_value()}".encode()):
            raise Unauthenticated("Send the token of THROUGHLINE_METRICS_TOKEN as a Bearer token.")
    found = await request.app.state.vitals.observe(request.app.state.database, datetime.now(UTC))
    if not _SHARED:  # there, the library has no way to forget a label
        _quarantined.clear()
        _silence.clear()
    for tenant, depth in found.quarantined.items():
        _quarantined.labels(tenant).set(depth)
    for (tenant, source), seconds in found.silence_seconds.items():
        _silence.labels(tenant, source).set(seconds)
    _job_age.set(found.oldest_job_seconds)
    _look_age.set(found.oldest_look_seconds)
    return Response(generate_latest(_everything()), media_type=CONTENT_TYPE_LATEST)


def _everything() -> CollectorRegistry:
    """Return what this process counted, or all of several processes together."""
    if not _SHARED:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types for it
    return registry
