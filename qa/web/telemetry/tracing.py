"""OpenTelemetry traces: a span for each request and one for each of its stages. The only importer of the SDK.

The SDK reads the exporter's address, the service's name and the sampling from the standard variables
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The attributes follow
https://opentelemetry.io/docs/specs/semconv/http/http-spans/; none holds an address, a question or a key.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qa.observation import Observation
from qa.settings.settings import TracesExporter
from qa.version import installed_version
from qa.web.telemetry.request_log import QUIET

SERVICE_NAME = "quotable"
SERVER_ERROR = 500
# For the last spans when the server stops; the SDK alone retries for up to 30 seconds.
CLOSE_SECONDS = 2.0
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """An observer of requests. Creates the spans when a request is over, from its recorded times."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        own = Resource({"service.name": SERVICE_NAME, "service.version": installed_version()})
        self._provider = TracerProvider(
            resource=Resource.create().merge(own).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,  # it would wait for an unresponsive collector
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("qa.web")

    def __call__(self, observation: Observation) -> None:
        if observation.route in QUIET and observation.status < SERVER_ERROR:
            return
        now = time.time_ns()

        def at(moment: float) -> int:
            """A `time.perf_counter()` value as nanoseconds since 1970."""
            return now - int((observation.ended - moment) * 1e9)

        # Continues the caller's trace and follows its sampling decision.
        parent = _PROPAGATOR.extract({"traceparent": observation.traceparent or ""})
        span = self._tracer.start_span(
            f"{observation.method} {observation.route}" if observation.route else observation.method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_attributes(observation),
            start_time=at(observation.began - observation.waited),
        )
        if span.is_recording():
            within = set_span_in_context(span)
            for stage, begin, end in observation.spans():
                self._tracer.start_span(stage, context=within, start_time=at(begin)).end(at(end))
        if observation.status >= SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))
        span.end(at(observation.ended))
        context = span.get_span_context()
        if context.is_valid:  # not if OTEL_SDK_DISABLED is set
            observation.trace_id = format_trace_id(context.trace_id)

    def close(self) -> None:
        """Send the remaining spans, within CLOSE_SECONDS."""
        closing = threading.Thread(target=self._provider.shutdown, name="last-traces", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            self._exporter.shutdown()


def exporter(name: TracesExporter) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _attributes(observation: Observation) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "http.request.method": observation.method if observation.method != "other" else "_OTHER",
        "http.response.status_code": observation.status,
        "quotable.request_id": observation.request_id,
    }
    if observation.route:
        attributes["http.route"] = observation.route
    if observation.status >= SERVER_ERROR:
        attributes["error.type"] = str(observation.status)
    if observation.answered:
        attributes["quotable.answerable"] = observation.answered[-1]
    return attributes
