"""`/metrics`: figures for Prometheus, of requests as they end and of the state as it is when somebody looks.

Names and units follow https://prometheus.io/docs/practices/naming/. A label is one of a few words that the program chose, never what
somebody sent.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from corpus.types import QuotableError
from qa.assembly import Service
from qa.observation import STAGES, Observation
from qa.web.current import GetService
from qa.web.server.admission import Admission

blueprint = Blueprint("metrics", __name__)

# In seconds: half a millisecond for the quickest stages, a minute for a language model.
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
NO_ROUTE = "none"


@blueprint.get("/metrics")
def metrics() -> Response:
    return current_app.extensions["quotable-metrics"].exposed(request.headers.get("Accept", ""))  # type: ignore[no-any-return]


class Metrics:
    """The figures of one application. An observer of its requests."""

    def __init__(self, get_service: GetService, admission: Admission | None) -> None:
        """`admission`: of the server, where there is one."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "quotable_requests", "Requests that were answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "quotable_request_duration_seconds", "From a request's arrival to the end of its answer.", ["route"],
            registry=self._registry, buckets=BUCKETS,
        )  # fmt: skip
        stages = Histogram(
            "quotable_stage_duration_seconds", "The stages of requests.", ["stage"], registry=self._registry, buckets=BUCKETS
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        questions = Counter(
            "quotable_questions", "Questions, by whether the documents answer them.", ["answerable"], registry=self._registry
        )
        self._questions = {answerable: questions.labels(str(answerable).lower()) for answerable in (True, False)}
        self._registry.register(_State(get_service, admission))
        ProcessCollector(registry=self._registry)

    def __call__(self, seen: Observation) -> None:
        route = seen.route or NO_ROUTE
        self._requests.labels(seen.method, route, str(seen.status)).inc()
        self._seconds.labels(route).observe(seen.seconds)
        for stage, begin, end in seen.spans():
            self._stages[stage].observe(end - begin)
        for answerable in seen.answered:
            self._questions[answerable].inc()

    def exposed(self, accept: str) -> Response:
        """In the format that the Accept header prefers: Prometheus's or OpenMetrics'."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = choose_encoder("")
        return Response(encode(self._registry), content_type=content_type)


class _State(Collector):
    """What is read when it is asked for."""

    def __init__(self, get_service: GetService, admission: Admission | None) -> None:
        self._get_service, self._admission = get_service, admission

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(
            "quotable_build", "What runs here.", {"version": version("quotable"), "python": platform.python_version()}
        )
        if self._admission:
            yield from _queue(self._admission)
        service = self._get_service()
        yield GaugeMetricFamily("quotable_ready", "Whether the documents can be asked.", int(service is not None))
        if service:
            yield _caches(service)
            try:
                yield from list(_index(service))
            except QuotableError:
                return  # the rest is worth knowing all the more; the log says what is the matter

    def describe(self) -> list[Metric]:
        return []  # nothing is read when the registry is made


def _queue(admission: Admission) -> Iterator[Metric]:
    yield GaugeMetricFamily("quotable_requests_running", "Requests that are being answered.", admission.running)
    yield GaugeMetricFamily("quotable_requests_waiting", "Requests that wait for their turn.", admission.waiting)
    yield GaugeMetricFamily("quotable_requests_admitted_most", "Requests that are let in at the present pace.", admission.bound)
    yield CounterMetricFamily("quotable_requests_refused", "Requests refused because too many came.", admission.refused)


def _caches(service: Service) -> Metric:
    family = CounterMetricFamily(
        "quotable_cache_lookups", "What was there already and what was not.", labels=("cache", "result")
    )
    replies = service.chatbot.cache
    for cache, hits, misses in (("questions", *service.searcher.cache_counts), ("replies", replies.hits, replies.misses)):
        family.add_metric((cache, "hit"), hits)
        family.add_metric((cache, "miss"), misses)
    return family


def _index(service: Service) -> Iterator[Metric]:
    documents, passages = service.store.counts()
    adopted = service.searcher.adopted
    yield GaugeMetricFamily("quotable_documents", "Documents that are stored.", documents)
    yield GaugeMetricFamily("quotable_passages", "Passages that are stored.", passages)
    yield GaugeMetricFamily("quotable_degraded", "Whether something damaged is withheld.", int(service.store.damaged))
    yield GaugeMetricFamily("quotable_generation", "The generation of the index that is searched.", service.searcher.generation)
    yield GaugeMetricFamily("quotable_index_segments", "Segments of the index.", len(adopted.segments) if adopted else 0)
    yield GaugeMetricFamily("quotable_index_tail_passages", "Passages that no segment holds yet.", service.searcher.unbuilt)
    if service.worker:
        waiting = service.worker.library.jobs.waiting()
        yield GaugeMetricFamily("quotable_jobs_waiting", "Accepted documents that are not taken in yet.", waiting)
