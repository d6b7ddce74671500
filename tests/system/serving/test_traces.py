"""OpenTelemetry: spans of requests and stages, in the caller's trace, sent as the standard variables say."""

from __future__ import annotations

import itertools
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from qa.settings.reading import read_settings
from qa.settings.settings import Settings
from qa.web.telemetry.observers import CannotTrace, open_observers
from tests.conftest import Response, RunProcess, Server, StartServer
from tests.waiting import wait_for

QUESTION = "zqcanaryquestion"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """An OTLP/HTTP receiver on this machine."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/traces"
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def requests(self) -> list[Any]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.received]

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for_trace(self, trace_id: str) -> list[Any]:
        """Wait for the spans of a trace."""

        def find() -> list[Any]:
            found = [span for span in self.spans() if span.trace_id.hex() == trace_id]
            complete = any(not span.parent_span_id or span.parent_span_id.hex() == PARENT for span in found)
            return found if complete else []

        return wait_for(find)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    receiving = Collector()
    yield receiving
    receiving.close()


@pytest.fixture(scope="module")
def traced(collector: Collector, data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    options = {
        "QA_TRACES": "otlp",
        "QA_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_SERVICE_NAME": "the search box",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with start_server(data_folder(), **options) as running:
        yield running


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def ask(server: Server, traceparent: str | None, query: str = "Who signed the memorandum?") -> Response:
    headers = {"Content-Type": "application/json"} | ({"traceparent": traceparent} if traceparent else {})
    return server.request("POST", "/v1/search", json.dumps({"query": query}).encode(), headers)


def test_spans_of_a_request_and_its_stages_in_the_callers_trace(traced: Server, collector: Collector) -> None:
    before = time.time_ns()
    answer = ask(traced, f"00-{TRACE}-{PARENT}-01")
    spans = collector.wait_for_trace(TRACE)
    (request,) = [span for span in spans if span.parent_span_id.hex() == PARENT]
    stages = [span for span in spans if span is not request]
    assert request.name == "POST /v1/search"
    assert [stage.name for stage in stages] == ["queue", "request", "embed", "rank", "quote", "response"]
    assert {stage.parent_span_id for stage in stages} == {request.span_id}
    assert before < request.start_time_unix_nano < request.end_time_unix_nano < time.time_ns()
    for first, second in itertools.pairwise(stages):
        assert first.start_time_unix_nano <= first.end_time_unix_nano == second.start_time_unix_nano
    assert stages[0].start_time_unix_nano == request.start_time_unix_nano
    assert stages[-1].end_time_unix_nano == request.end_time_unix_nano
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/search",
        "http.response.status_code": 200,
        "quotable.request_id": answer.headers["X-Request-Id"],
        "quotable.answerable": True,
    }
    resource = collector.requests()[0].resource_spans[0].resource
    assert attributes(resource)["service.name"] == "the search box"
    assert "service.version" in attributes(resource)


def test_log_contains_the_trace_id(traced: Server, collector: Collector) -> None:
    request_id = ask(traced, None).headers["X-Request-Id"]
    found = wait_for(lambda: re.search(f'"request_id": "{request_id}".*"trace_id": "([0-9a-f]{{32}})"', traced.log))
    assert found
    assert collector.wait_for_trace(found[1])


def test_follows_the_callers_sampling_decision(traced: Server, collector: Collector) -> None:
    dropped, kept = "1" * 32, "2" * 32
    ask(traced, f"00-{dropped}-{PARENT}-00")
    ask(traced, f"00-{kept}-{PARENT}-01")
    collector.wait_for_trace(kept)
    assert dropped not in {span.trace_id.hex() for span in collector.spans()}


def test_sends_no_question(traced: Server, collector: Collector) -> None:
    ask(traced, f"00-{'3' * 32}-{PARENT}-01", QUESTION)
    ask(traced, f"{QUESTION}-{TRACE}-{PARENT}-01", QUESTION * 500)
    traced.get(f"/v1/search?q={QUESTION}")
    traced.get(f"/{QUESTION}?q={QUESTION}")
    traced.get(f"/v1/documents/{QUESTION}")
    traced.get("/healthz")
    traced.request(QUESTION.upper(), "/v1/search")
    ask(traced, f"00-{'4' * 32}-{PARENT}-01")
    collector.wait_for_trace("3" * 32)
    collector.wait_for_trace("4" * 32)
    assert QUESTION.encode() not in b"".join(collector.received).lower()
    assert not any("healthz" in span.name for span in collector.spans())


def test_missing_collector_delays_neither_answers_nor_shutdown(
    data_folder: Callable[[], Path], start_server: StartServer
) -> None:
    gone = Collector()
    gone.close()
    options = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": gone.address, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with start_server(data_folder(), **options) as running:
        assert ask(running, None, QUESTION).status == 200
        time.sleep(0.3)
        assert ask(running, None, QUESTION).status == 200
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 8
        assert QUESTION not in running.log


def test_unresponsive_collector_does_not_delay_shutdown(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with start_server(data_folder(), QA_TRACES="otlp", **options) as running:
            assert ask(running, None).status == 200
            sending, _ = silent.accept()
            began = time.monotonic()
            with sending:
                assert running.stop() == 0
            assert time.monotonic() - began < 7  # the SDK alone waits ten seconds for an answer


def test_log_contains_no_trace_id_if_the_sdk_is_disabled(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    options = {"QA_TRACES": "otlp", "QA_LOG_FORMAT": "json", "OTEL_SDK_DISABLED": "true"}
    with start_server(data_folder(), **options) as running:
        assert ask(running, None).status == 200
        running.stop()
        assert "/v1/search" in running.log
        assert "trace_id" not in running.log


def test_collector_secrets_are_not_logged(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    options = {"QA_TRACES": "otlp", "OTEL_EXPORTER_OTLP_HEADERS": "authorization zqsecret"}
    with start_server(data_folder(), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", **options) as running:
        running.stop()
        assert "Header format invalid" in running.log
        assert "zqsecret" not in running.log


def test_standard_variable_turns_traces_on_and_ours_takes_precedence() -> None:
    assert read_settings({}, {}).traces == "none"
    assert read_settings({}, {"OTEL_TRACES_EXPORTER": "otlp"}).traces == "otlp"
    assert read_settings({}, {"OTEL_TRACES_EXPORTER": "otlp", "QA_TRACES": "none"}).traces == "none"


def test_missing_sdk_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "qa.web.telemetry.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(CannotTrace, match="make install EXTRAS=otel"), open_observers(Settings(traces="otlp")):
        pass


def test_sdk_is_not_imported_when_off(python: RunProcess) -> None:
    program = (
        "import sys; from qa.settings.settings import Settings; from qa.web.server import process; "
        "from qa.web.application import create_app;"
        " from qa.web.telemetry.observers import open_observers\n"
        "with open_observers(Settings()) as observers: create_app(lambda: None, observers=observers)\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert python(program).stdout.strip() == "[]"
