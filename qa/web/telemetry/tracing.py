"""OpenTelemetry traces, where the operator asks for them: a span a request, with one for each of its stages. The only importer of its SDK.

Where spans go, what the service is called and how many are kept is read by the SDK itself from the standard variables
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Names of attributes are those of
https://opentelemetry.io/docs/specs/semconv/http/http-spans/; none holds an address, a question or a key.
"""

from __future__ import annotations

import threading
import time
from importlib.metadata import version
from typing import Any

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qa.observation import Observation
from qa.settings.settings import TracesExporter
from qa.web.telemetry.request_log import QUIET

SERVICE_NAME = "quotable"
SERVER_ERROR = 500
# For what was not sent yet when the server stops; the SDK's own tries go on for up to half a minute.
CLOSE_SECONDS = 2.0
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """An observer of requests. Spans are made when a request is over, from the times that were noted meanwhile."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        own = Resource({"service.name": SERVICE_NAME, "service.version": version("quotable")})
        self._provider = TracerProvider(
            resource=Resource.create().merge(own).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,  # which would wait for a collector that says nothing
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("qa.web")

    def __call__(self, seen: Observation) -> None:
        if seen.route in QUIET and seen.status < SERVER_ERROR:
            return
        now = time.time_ns()

        def at(moment: float) -> int:
            """Nanoseconds since 1970 of a moment of this request."""
            return now - int((seen.ended - moment) * 1e9)

        # The caller's own trace goes on, and its word on whether this one is kept.
        parent = _PROPAGATOR.extract({"traceparent": seen.traceparent or ""})
        span = self._tracer.start_span(
            f"{seen.method} {seen.route}" if seen.route else seen.method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_attributes(seen),
            start_time=at(seen.began - seen.waited),
        )
        if span.is_recording():
            within = set_span_in_context(span)
            for stage, begin, end in seen.spans():
                self._tracer.start_span(stage, context=within, start_time=at(begin)).end(at(end))
        if seen.status >= SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))
        span.end(at(seen.ended))
        context = span.get_span_context()
        if context.is_valid:  # not where OTEL_SDK_DISABLED is set
            seen.trace_id = format_trace_id(context.trace_id)

    def close(self) -> None:
        """Send what was not sent yet; a collector that cannot be reached, or says nothing, is not waited for."""
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


def _attributes(seen: Observation) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "http.request.method": seen.method if seen.method != "other" else "_OTHER",
        "http.response.status_code": seen.status,
        "quotable.request_id": seen.request_id,
    }
    if seen.route:
        attributes["http.route"] = seen.route
    if seen.status >= SERVER_ERROR:
        attributes["error.type"] = str(seen.status)
    if seen.answered:
        attributes["quotable.answerable"] = seen.answered[-1]
    return attributes
