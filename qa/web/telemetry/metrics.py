"""`/metrics` for Prometheus: counters of finished requests, and gauges that are read when it asks.

Names and units follow https://prometheus.io/docs/practices/naming/. Label values are words that the program chose, never input.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from corpus.types import QuotableError
from qa.assembly import Service
from qa.observation import STAGES, Observation
from qa.version import installed_version
from qa.web.current import GetService
from qa.web.routes import READ, route
from qa.web.server.admission import Admission

blueprint = Blueprint("metrics", __name__)

# In seconds: half a millisecond for the quickest stages, a minute for a language model.
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
NO_ROUTE = "none"


@route(blueprint, "GET", "/metrics", READ, "Prometheus metrics", public=False, media_type="text/plain", tag="monitoring")
def metrics() -> Response:
    return current_app.extensions["quotable-metrics"].render(request.headers.get("Accept", ""))  # type: ignore[no-any-return]


class Metrics:
    """The metrics of one application. An observer of its requests."""

    def __init__(self, get_service: GetService, admission: Admission | None) -> None:
        """`admission` is the server's, None without a server."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "quotable_requests", "Finished requests.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "quotable_request_duration_seconds", "Time from the arrival of a request to the end of its answer.", ["route"],
            registry=self._registry, buckets=BUCKETS,
        )  # fmt: skip
        stages = Histogram(
            "quotable_stage_duration_seconds",
            "Time of each stage of a request.",
            ["stage"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        questions = Counter(
            "quotable_questions",
            "Questions asked, by whether the documents answer them.",
            ["answerable"],
            registry=self._registry,
        )
        self._questions = {answerable: questions.labels(str(answerable).lower()) for answerable in (True, False)}
        self._registry.register(_StateCollector(get_service, admission))
        ProcessCollector(registry=self._registry)

    def __call__(self, observation: Observation) -> None:
        route = observation.route or NO_ROUTE
        self._requests.labels(observation.method, route, str(observation.status)).inc()
        self._seconds.labels(route).observe(observation.seconds)
        for stage, begin, end in observation.spans():
            self._stages[stage].observe(end - begin)
        for answerable in observation.answered:
            self._questions[answerable].inc()

    def render(self, accept: str) -> Response:
        """The metrics in the format that the Accept header prefers: Prometheus's or OpenMetrics'."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # an invalid version in the header
            encode, content_type = choose_encoder("")
        return Response(encode(self._registry), content_type=content_type)


class _StateCollector(Collector):
    """Reads the gauges from the service and the admission."""

    def __init__(self, get_service: GetService, admission: Admission | None) -> None:
        self._get_service, self._admission = get_service, admission

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(
            "quotable_build",
            "Versions of Quotable and Python.",
            {"version": installed_version(), "python": platform.python_version()},
        )
        if self._admission:
            yield from _queue(self._admission)
        service = self._get_service()
        yield GaugeMetricFamily(
            "quotable_ready", "1 if questions can be answered, 0 during the start.", int(service is not None)
        )
        if service:
            yield _caches(service)
            try:
                yield from list(_index(service))
            except QuotableError:
                return  # the other metrics are still useful; the error is in the log

    def describe(self) -> list[Metric]:
        return []  # or the registry would call collect() when this registers


def _queue(admission: Admission) -> Iterator[Metric]:
    yield GaugeMetricFamily("quotable_requests_running", "Requests being processed.", admission.running)
    yield GaugeMetricFamily("quotable_requests_waiting", "Requests in the queue.", admission.waiting)
    yield GaugeMetricFamily(
        "quotable_requests_admitted_most", "Current limit of requests, running and waiting.", admission.limit
    )
    yield CounterMetricFamily("quotable_requests_refused", "Requests refused with 503 because of overload.", admission.refused)


def _caches(service: Service) -> Metric:
    family = CounterMetricFamily("quotable_cache_lookups", "Cache lookups, by cache and result.", labels=("cache", "result"))
    replies = service.chatbot.cache
    for cache, hits, misses in (
        ("questions", *service.engine.embedder.cache_counts),
        ("replies", replies.hits, replies.misses),
    ):
        family.add_metric((cache, "hit"), hits)
        family.add_metric((cache, "miss"), misses)
    return family


def _index(service: Service) -> Iterator[Metric]:
    status = service.engine.status()
    yield GaugeMetricFamily("quotable_documents", "Stored documents.", status.documents)
    yield GaugeMetricFamily("quotable_passages", "Stored passages.", status.passages)
    yield GaugeMetricFamily("quotable_degraded", "1 if damaged rows are withheld, 0 otherwise.", int(status.degraded))
    yield GaugeMetricFamily("quotable_generation", "Number of the index generation in use.", service.engine.generation)
    yield GaugeMetricFamily("quotable_index_segments", "Segments in the index generation.", status.segments)
    yield GaugeMetricFamily("quotable_index_tail_passages", "Passages not yet in a segment.", status.unindexed)
    if service.worker:
        yield GaugeMetricFamily("quotable_jobs_waiting", "Jobs waiting to be processed.", status.jobs_waiting)
        yield GaugeMetricFamily("quotable_jobs_failed", "Failed jobs, neither retried nor dismissed.", status.jobs_failed)
        yield CounterMetricFamily("quotable_job_failures", "Attempts of jobs that failed.", service.worker.failures)
