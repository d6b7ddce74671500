"""`/metrics` for Prometheus: counters of finished requests, and gauges that are read when it asks.

Names and units follow https://prometheus.io/docs/practices/naming/. Label values are words of the program or names of the operator's
sources, never input.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from corpus.types import QuotableError
from qa.assembly import Service
from qa.ingest.worker import Worker
from qa.observation import STAGES, Observation
from qa.settings.reading import metrics_folder
from qa.sources.source import Source
from qa.version import installed_version
from qa.web.current import GetService
from qa.web.routes import READ, route
from qa.web.server.admission import Admission

blueprint = Blueprint("metrics", __name__)

# In seconds: half a millisecond for the quickest stages, a minute for a language model.
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
NO_ROUTE = "none"

GetSources = Callable[[], Mapping[str, Source]]


@route(blueprint, "GET", "/metrics", READ, "Prometheus metrics", public=False, media_type="text/plain", tag="monitoring")
def metrics() -> Response:
    return metrics_of(current_app).render(request.headers.get("Accept", ""))


class Metrics:
    """The metrics of one application. An observer of its requests.

    Worker processes keep theirs in the files of a folder (https://prometheus.github.io/client_python/multiprocess/), and each renders
    those of all. What one process counts elsewhere is then copied there by `publish`.
    """

    def __init__(self, get_service: GetService, admission: Admission | None, sources: GetSources) -> None:
        """`admission` is the server's, None without a server. `sources`: by name, with their last runs."""
        self._registry = CollectorRegistry()
        self._get_service, self._admission = get_service, admission
        self._is_shared = metrics_folder() is not None
        own = None if self._is_shared else self._registry
        self._requests = Counter("quotable_requests", "Finished requests.", ["method", "route", "status"], registry=own)
        self._seconds = Histogram(
            "quotable_request_duration_seconds", "Time from the arrival of a request to the end of its answer.", ["route"],
            registry=own, buckets=BUCKETS,
        )  # fmt: skip
        stages = Histogram(
            "quotable_stage_duration_seconds", "Time of each stage of a request.", ["stage"], registry=own, buckets=BUCKETS
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        questions = Counter(
            "quotable_questions", "Questions asked, by whether the documents answer them.", ["answerable"], registry=own
        )
        self._questions = {answerable: questions.labels(str(answerable).lower()) for answerable in (True, False)}
        if self._is_shared:
            MultiProcessCollector(self._registry, metrics_folder())  # type: ignore[no-untyped-call]
            self._published = _Published()
        else:
            ProcessCollector(registry=self._registry)
        self._registry.register(_StateCollector(get_service, None if self._is_shared else admission, self._is_shared, sources))

    def publish(self) -> None:
        """Called every few seconds."""
        service = self._get_service()
        if self._is_shared and self._admission:
            self._published.update([*_queue(self._admission), *([_caches(service)] if service else [])])

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
        self.publish()
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # an invalid version in the header
            encode, content_type = choose_encoder("")
        return Response(encode(self._registry), content_type=content_type)


class _Published:
    """Gauges and counters in the shared folder, set to the values of this process."""

    def __init__(self) -> None:
        self._metrics: dict[str, Gauge | Counter] = {}
        self._counted: dict[tuple[str, tuple[str, ...]], float] = {}

    def update(self, families: Iterable[Metric]) -> None:
        for family in families:
            for sample in family.samples:
                labels = tuple(sample.labels.values())
                metric = self._metrics.get(family.name)
                if metric is None:  # prometheus_client keeps what is made here for ever
                    metric = self._metrics[family.name] = _shared_metric(family, tuple(sample.labels))
                child = metric.labels(*labels) if labels else metric
                if isinstance(child, Gauge):
                    child.set(sample.value)
                else:
                    child.inc(sample.value - self._counted.get((family.name, labels), 0.0))
                    self._counted[family.name, labels] = sample.value


def publisher_of(worker: Worker) -> Callable[[], None]:
    """Publishes the counts of a process that ingests documents and serves no HTTP, whenever it is called."""
    published = _Published()
    return lambda: published.update([_failures(worker)])


def _shared_metric(family: Metric, labels: Sequence[str]) -> Gauge | Counter:
    if family.type == "gauge":
        return Gauge(family.name, family.documentation, labels, registry=None, multiprocess_mode="livesum")
    return Counter(family.name, family.documentation, labels, registry=None)


def metrics_of(app: Flask) -> Metrics:
    found: Metrics = app.extensions["quotable-metrics"]
    return found


def use_shared_metrics() -> None:
    """Keep the metrics of this process in the shared folder. prometheus_client chooses when it is imported; a forked process did not."""
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def forget_process(pid: int) -> None:
    """A worker process ended: its requests are no longer running or waiting. Its counts are kept."""
    mark_process_dead(pid, metrics_folder())  # type: ignore[no-untyped-call]


class _StateCollector(Collector):
    """Reads the gauges from the service, its sources and the admission. `is_shared`: the caches of all processes are published instead."""

    def __init__(self, get_service: GetService, admission: Admission | None, is_shared: bool, sources: GetSources) -> None:
        self._get_service, self._admission, self._is_shared, self._sources = get_service, admission, is_shared, sources

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
            if not self._is_shared:
                yield _caches(service)
            try:
                yield from [*_index(service), *_sources(self._sources())]
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
    yield GaugeMetricFamily(
        "quotable_invariants_missed",
        "Invariants that the last rebuilt index missed, so that it did not take over; 0 if it did.",
        service.missed_invariants(),
    )
    yield GaugeMetricFamily("quotable_index_segments", "Segments in the index generation.", status.segments)
    yield GaugeMetricFamily("quotable_index_tail_passages", "Passages not yet in a segment.", status.unindexed)
    if service.intake:
        yield GaugeMetricFamily("quotable_jobs_waiting", "Jobs waiting to be processed.", status.jobs_waiting)
        yield GaugeMetricFamily("quotable_jobs_failed", "Failed jobs, neither retried nor dismissed.", status.jobs_failed)
    if service.worker:
        yield _failures(service.worker)


def _sources(sources: Mapping[str, Source]) -> Iterator[Metric]:
    ended = GaugeMetricFamily("quotable_source_last_run_timestamp_seconds", "When a source last ran.", labels=("source",))
    pages = GaugeMetricFamily("quotable_source_pages", "Pages or files of a source.", labels=("source",))
    failures = GaugeMetricFamily(
        "quotable_source_failures",
        "Pages that a source failed to fetch or read in its last run, and the run itself.",
        labels=("source",),
    )
    for name, source in sources.items():
        if last := source.last:
            ended.add_metric((name,), datetime.fromisoformat(last.ended).timestamp())
            pages.add_metric((name,), last.pages)
            failures.add_metric((name,), last.failed + (last.error is not None))
    yield from (ended, pages, failures)


def _failures(worker: Worker) -> Metric:
    return CounterMetricFamily("quotable_job_failures", "Attempts of jobs that failed.", worker.failures)
