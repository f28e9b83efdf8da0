"""Figures for Prometheus: requests by route, jobs by status, followers, the process itself."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import Response

from core.config import VERSION
from core.service import ServiceStatus, Status

from .api import Api, Content

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
#: methods by name; anybody may send any word as one
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


class Figures:
    """What the app counts of its requests."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self._requests = Counter("jobdeck_http_requests", "Requests answered.", names, registry=self.registry)
        self._seconds = Histogram(
            "jobdeck_http_request_seconds",
            "How long requests took; live ones until their end.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        # Looking a label up costs more than counting does.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        key = (method if method in _METHODS else "other", route, status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (self._requests.labels(*map(str, key)), self._seconds.labels(route))
        found[0].inc()
        found[1].observe(seconds)


class _Of(Collector):
    """The figures of a service at one moment."""

    def __init__(self, status: ServiceStatus, followers: int) -> None:
        self._status = status
        self._followers = followers

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        jobs = GaugeMetricFamily("jobdeck_jobs", "Jobs on record, by status.", labels=["status"])
        for status in Status:
            if status not in (Status.Historical, Status.Active):
                jobs.add_metric([status.name], self._status.counts.get(status.name, 0))
        yield jobs
        yield GaugeMetricFamily("jobdeck_max_running", "Jobs that may run at once.", value=self._status.max_running)
        yield GaugeMetricFamily("jobdeck_followers", "Clients that follow a job.", value=self._followers)
        leads = 0 if self._status.leader is None else 1
        yield GaugeMetricFamily("jobdeck_led", "Whether an engine leads the store.", value=leads)
        yield GaugeMetricFamily("jobdeck_problems", "Problems the status tells of.", value=len(self._status.problems))
        yield InfoMetricFamily("jobdeck", "The version of jobdeck.", value={"version": VERSION})


def add(api: Api, counted: Figures) -> None:
    """Put the route into the app."""

    @api.route("GET", "/metrics", Content({"type": "string"}, "jobdeck_led 1.0\n", _TYPE), tag="service", prefix="")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        registry = CollectorRegistry()
        registry.register(_Of(await api.service.status(), api.following.followers))
        body = generate_latest(counted.registry) + generate_latest(registry)
        return Response(body, headers={"Content-Type": _TYPE})
