"""The observers that the settings turn on: the request log and traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from corpus.types import QuotableError
from qa.settings.settings import Settings, TracesExporter
from qa.web.telemetry.observed import Observer
from qa.web.telemetry.request_log import log_request

if TYPE_CHECKING:
    from qa.web.telemetry.tracing import Tracing


class CannotTrace(QuotableError):
    """OpenTelemetry's SDK is not installed."""


@contextmanager
def open_observers(settings: Settings) -> Iterator[Sequence[Observer]]:
    """Tracing comes before the log, which contains the trace id. Raises CannotTrace."""
    observers: list[Observer] = []
    with ExitStack() as closing:
        if settings.traces != "none":
            tracing = _tracing(settings.traces)
            closing.callback(tracing.close)
            observers.append(tracing)
        if settings.log_requests:
            observers.append(log_request)
        yield observers


def _tracing(name: TracesExporter) -> Tracing:
    try:
        from qa.web.telemetry.tracing import Tracing, exporter

        return Tracing(exporter(name))
    except ImportError as error:
        raise CannotTrace(
            f"traces ({name}) need OpenTelemetry's SDK: run `make install EXTRAS=otel` in the checkout, or set traces to none"
        ) from error
