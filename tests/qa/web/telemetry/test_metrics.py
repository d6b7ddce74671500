"""`/metrics`: the counters and gauges, their labels and formats."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import values
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from qa.observation import STAGES
from qa.operate.keys import Role, create_key
from qa.settings.reading import METRICS_VARIABLE
from qa.state_files import FolderFiles
from qa.web.application import create_app
from qa.web.server.admission import Admission
from qa.web.telemetry.metrics import publisher_of
from tests.conftest import Server, StartServer
from tests.waiting import wait_for

Metrics = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def parse_metrics(text: str) -> Metrics:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in prometheus(text)
        for sample in family.samples
    }


def read_metrics(server: Server) -> Metrics:
    response = server.get("/metrics")
    assert response.status == 200
    assert response.headers.get_content_type() == "text/plain"
    return parse_metrics(response.text)


def metrics_after(server: Server, before: Metrics, requests: int) -> Metrics:
    """The metrics once `requests` more are counted, which happens a moment after their answers."""

    def read() -> Metrics | None:
        after = read_metrics(server)
        return after if requests_in(after) >= requests_in(before) + requests else None

    after = wait_for(read)
    assert after
    return after


def requests_in(metrics: Metrics) -> float:
    """Finished requests, except those for the metrics."""
    return sum(
        value
        for (name, labels), value in metrics.items()
        if name == "quotable_requests_total" and ("route", "/metrics") not in labels
    )


def increase(before: Metrics, after: Metrics, name: str, **labels: str) -> float:
    key = (f"quotable_{name}", frozenset(labels.items()))
    return after[key] - before.get(key, 0.0)


@pytest.fixture(scope="module")
def running(data_folder: Callable[[], Path], start_server: StartServer) -> Iterator[Server]:
    with start_server(data_folder()) as server:
        yield server


def test_counts_requests_stages_and_questions(running: Server) -> None:
    before = read_metrics(running)
    running.search("Who signed the memorandum?")
    running.search("Who signed the memorandum?")
    running.search("How do I boil an egg?")
    assert running.post("/v1/search", b"{}").status == 422
    after = metrics_after(running, before, requests=4)
    assert increase(before, after, "requests_total", method="POST", route="/v1/search", status="200") == 3
    assert increase(before, after, "requests_total", method="POST", route="/v1/search", status="422") == 1
    assert increase(before, after, "request_duration_seconds_count", route="/v1/search") == 4
    assert increase(before, after, "request_duration_seconds_bucket", route="/v1/search", le="+Inf") == 4
    assert increase(before, after, "questions_total", answerable="true") == 2
    assert increase(before, after, "questions_total", answerable="false") == 1
    stages = {stage: increase(before, after, "stage_duration_seconds_count", stage=stage) for stage in STAGES}
    assert {stage: stages[stage] for stage in ("embed", "rank", "quote", "response")} == dict.fromkeys(
        ("embed", "rank", "quote", "response"), 3
    )
    seconds = [increase(before, after, "stage_duration_seconds_sum", stage=stage) for stage in STAGES]
    assert sum(seconds) >= increase(before, after, "request_duration_seconds_sum", route="/v1/search") > 0
    assert increase(before, after, "cache_lookups_total", cache="questions", result="hit") == 1
    assert increase(before, after, "cache_lookups_total", cache="questions", result="miss") == 2


def test_counts_hits_and_misses_of_the_reply_cache(running: Server) -> None:
    before = read_metrics(running)
    body = json.dumps({"messages": [{"role": "user", "content": "When did the London office open?"}]}).encode()
    for _ in range(3):
        assert running.post("/v1/chat/completions", body).status == 200
    after = metrics_after(running, before, requests=3)
    assert increase(before, after, "cache_lookups_total", cache="replies", result="miss") == 1
    assert increase(before, after, "cache_lookups_total", cache="replies", result="hit") == 2
    assert increase(before, after, "questions_total", answerable="true") == 3


def test_gauges_follow_the_stored_documents(running: Server) -> None:
    before = read_metrics(running)
    running.finished(running.add(id="new", title="Eggs", text="Boil an egg for six minutes."))
    after = read_metrics(running)
    assert increase(before, after, "documents") == 1
    assert increase(before, after, "passages") == 1
    assert increase(before, after, "index_tail_passages") == 1
    assert running.request("DELETE", "/v1/documents/new").status == 200
    assert increase(before, read_metrics(running), "documents") == 0
    ready = running.get("/readyz").json()
    for name in ("documents", "passages", "generation"):
        assert after[f"quotable_{name}", frozenset()] == ready[name] + (name != "generation")
    assert after["quotable_index_segments", frozenset()] == 1
    assert after["quotable_ready", frozenset()] == 1
    assert after["quotable_degraded", frozenset()] == 0
    assert after["process_resident_memory_bytes", frozenset()] > 1e7
    ((_, labels),) = [key for key in after if key[0] == "quotable_build_info"]
    assert {name for name, _ in labels} == {"version", "python"}


def test_labels_hold_no_input(running: Server) -> None:
    running.get("/v1/zqcanary?q=zqcanary")
    running.get("/v1/documents/zqcanary")
    running.request("ZQCANARY", "/v1/search")
    running.request("GET", "/v1/search?q=zqcanary", headers={"X-Request-Id": "zqcanary", "Host": "zqcanary"})
    assert "zqcanary" not in running.get("/metrics").text.lower()
    routes = {dict(labels).get("route") for _, labels in read_metrics(running)} - {None, "none"}
    assert routes
    assert all("{" in str(route) or str(route).startswith("/") for route in routes)


def test_serves_openmetrics_on_request(running: Server) -> None:
    response = running.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.headers.get_content_type() == "application/openmetrics-text"
    assert {family.name for family in openmetrics(response.text)} >= {"quotable_requests", "quotable_stage_duration_seconds"}


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=new", "text/plain; version=1.x; escaping=none", ";,="]
)
def test_unknown_formats_get_the_default_format(running: Server, accept: str) -> None:
    response = running.request("GET", "/metrics", headers={"Accept": accept})
    assert (response.status, response.headers.get_content_type()) == (200, "text/plain")
    assert parse_metrics(response.text)["quotable_ready", frozenset()] == 1


def test_shows_the_servers_queue_and_refusals() -> None:
    admission = Admission(slots=2)
    app = create_app(lambda: None, admission=admission)
    for _ in range(5):
        admission.admit()
    for _ in range(7):
        admission.count_refusal()
    with app.test_client().get("/metrics") as response:
        metrics = parse_metrics(response.text)
    expected = {"requests_running": 2, "requests_waiting": 3, "requests_refused_total": 7, "ready": 0}
    assert {name: metrics[f"quotable_{name}", frozenset()] for name in expected} == expected


def test_applications_in_one_process_count_separately() -> None:
    one, other = create_app(lambda: None), create_app(lambda: None)
    with one.test_client().get("/healthz"), other.test_client().get("/metrics") as response:
        assert 'route="/healthz"' not in response.text


def test_publishing_again_and_again_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(METRICS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.MultiProcessValue())
    publish = publisher_of(cast(Any, SimpleNamespace(failures=3)))
    shared = create_app(lambda: None, admission=Admission(slots=2)).extensions["quotable-metrics"]

    def kept() -> int:
        gc.collect()
        return sum(type(each) is values.ValueClass for each in gc.get_objects())

    for _ in range(2):
        before = kept()
        for _ in range(20):
            publish()
            shared.publish()
    assert kept() == before


def test_needs_a_key_with_the_role_read(data_folder: Callable[[], Path], start_server: StartServer) -> None:
    folder = data_folder()
    secret = create_key(FolderFiles(folder), "prometheus", Role.READ)
    with start_server(folder, QA_REQUIRE_KEY="1", QA_PUBLIC="1") as running:
        assert running.get("/v1/search?q=who").status == 200
        assert running.get("/metrics").status == 401
        answer = running.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        assert parse_metrics(answer.text)["quotable_ready", frozenset()] == 1
