"""`/metrics`: what Prometheus reads moves with what is asked, and holds nothing that somebody sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from qa.observation import STAGES
from qa.operate.keys import Role, create_key
from qa.web.application import create_app
from qa.web.server.admission import Admission

Figures = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def figures_in(text: str) -> Figures:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in prometheus(text)
        for sample in family.samples
    }


def figures_of(server: Any) -> Figures:
    response = server.get("/metrics")
    assert response.status == 200
    assert response.headers.get_content_type() == "text/plain"
    return figures_in(response.text)


def figures_after(server: Any, before: Figures, requests: int) -> Figures:
    """When so many requests more are counted; one is a moment after its answer."""
    for _ in range(500):
        after = figures_of(server)
        if answered(after) >= answered(before) + requests:
            return after
        time.sleep(0.01)
    raise AssertionError(f"{answered(after) - answered(before)} of {requests} requests are counted")


def answered(figures: Figures) -> float:
    """Requests but for those of the figures themselves."""
    return sum(
        value
        for (name, labels), value in figures.items()
        if name == "quotable_requests_total" and ("route", "/metrics") not in labels
    )


def gained(before: Figures, after: Figures, name: str, **labels: str) -> float:
    key = (f"quotable_{name}", frozenset(labels.items()))
    return after[key] - before.get(key, 0.0)


@pytest.fixture(scope="module")
def counted(data_folder: Any, start_server: Any) -> Iterator[Any]:
    with start_server(data_folder()) as running:
        yield running


def test_a_question_moves_its_routes_stages_and_answers(counted: Any) -> None:
    before = figures_of(counted)
    counted.search("Who signed the memorandum?")
    counted.search("Who signed the memorandum?")
    counted.search("How do I boil an egg?")
    assert counted.post("/v1/search", b"{}").status == 422
    after = figures_after(counted, before, requests=4)
    assert gained(before, after, "requests_total", method="POST", route="/v1/search", status="200") == 3
    assert gained(before, after, "requests_total", method="POST", route="/v1/search", status="422") == 1
    assert gained(before, after, "request_duration_seconds_count", route="/v1/search") == 4
    assert gained(before, after, "request_duration_seconds_bucket", route="/v1/search", le="+Inf") == 4
    assert gained(before, after, "questions_total", answerable="true") == 2
    assert gained(before, after, "questions_total", answerable="false") == 1
    stages = {stage: gained(before, after, "stage_duration_seconds_count", stage=stage) for stage in STAGES}
    assert {stage: stages[stage] for stage in ("embed", "rank", "quote", "response")} == dict.fromkeys(
        ("embed", "rank", "quote", "response"), 3
    )
    seconds = [gained(before, after, "stage_duration_seconds_sum", stage=stage) for stage in STAGES]
    assert sum(seconds) >= gained(before, after, "request_duration_seconds_sum", route="/v1/search") > 0
    assert gained(before, after, "cache_lookups_total", cache="questions", result="hit") == 1
    assert gained(before, after, "cache_lookups_total", cache="questions", result="miss") == 2


def test_a_reply_that_is_given_again_is_told_from_one_that_is_not(counted: Any) -> None:
    before = figures_of(counted)
    body = json.dumps({"messages": [{"role": "user", "content": "When did the London office open?"}]}).encode()
    for _ in range(3):
        assert counted.post("/v1/chat/completions", body).status == 200
    after = figures_after(counted, before, requests=3)
    assert gained(before, after, "cache_lookups_total", cache="replies", result="miss") == 1
    assert gained(before, after, "cache_lookups_total", cache="replies", result="hit") == 2
    assert gained(before, after, "questions_total", answerable="true") == 3


def test_what_is_stored_is_counted_as_it_is_now(counted: Any) -> None:
    before = figures_of(counted)
    counted.finished(counted.add(id="new", title="Eggs", text="Boil an egg for six minutes."))
    after = figures_of(counted)
    assert gained(before, after, "documents") == 1
    assert gained(before, after, "passages") == 1
    assert gained(before, after, "index_tail_passages") == 1
    assert counted.request("DELETE", "/v1/documents/new").status == 200
    assert gained(before, figures_of(counted), "documents") == 0
    ready = counted.get("/readyz").json()
    for name in ("documents", "passages", "generation"):
        assert after[f"quotable_{name}", frozenset()] == ready[name] + (name != "generation")
    assert after["quotable_index_segments", frozenset()] == 1
    assert after["quotable_ready", frozenset()] == 1
    assert after["quotable_degraded", frozenset()] == 0
    assert after["process_resident_memory_bytes", frozenset()] > 1e7
    ((_, labels),) = [key for key in after if key[0] == "quotable_build_info"]
    assert {name for name, _ in labels} == {"version", "python"}


def test_no_label_holds_what_somebody_sent(counted: Any) -> None:
    counted.get("/v1/zqcanary?q=zqcanary")
    counted.get("/v1/documents/zqcanary")
    counted.request("ZQCANARY", "/v1/search")
    counted.request("GET", "/v1/search?q=zqcanary", headers={"X-Request-Id": "zqcanary", "Host": "zqcanary"})
    assert "zqcanary" not in counted.get("/metrics").text.lower()
    routes = {dict(labels).get("route") for _, labels in figures_of(counted)} - {None, "none"}
    assert routes
    assert all("{" in str(route) or str(route).startswith("/") for route in routes)


def test_open_metrics_is_given_to_who_prefers_it(counted: Any) -> None:
    response = counted.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.headers.get_content_type() == "application/openmetrics-text"
    assert {family.name for family in openmetrics(response.text)} >= {"quotable_requests", "quotable_stage_duration_seconds"}


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=new", "text/plain; version=1.x; escaping=none", ";,="]
)
def test_who_prefers_what_there_is_not_is_given_the_usual_format(counted: Any, accept: str) -> None:
    response = counted.request("GET", "/metrics", headers={"Accept": accept})
    assert (response.status, response.headers.get_content_type()) == (200, "text/plain")
    assert figures_in(response.text)["quotable_ready", frozenset()] == 1


def test_the_queue_and_what_was_refused_are_those_of_the_server() -> None:
    admission = Admission(threads=2)
    app = create_app(lambda: None, admission=admission)
    for _ in range(5):
        admission.admit()
    for _ in range(7):
        admission.count_refusal()
    with app.test_client().get("/metrics") as response:
        figures = figures_in(response.text)
    expected = {"requests_running": 2, "requests_waiting": 3, "requests_refused_total": 7, "ready": 0}
    assert {name: figures[f"quotable_{name}", frozenset()] for name in expected} == expected


def test_two_applications_in_one_process_count_apart() -> None:
    one, other = create_app(lambda: None), create_app(lambda: None)
    with one.test_client().get("/healthz"), other.test_client().get("/metrics") as response:
        assert 'route="/healthz"' not in response.text


def test_the_public_does_not_read_it_and_a_key_that_reads_does(data_folder: Any, start_server: Any) -> None:
    folder = data_folder()
    secret = create_key(folder, "prometheus", Role.READ)
    with start_server(folder, QA_REQUIRE_KEY="1", QA_PUBLIC="1") as running:
        assert running.get("/v1/search?q=who").status == 200
        assert running.get("/metrics").status == 401
        answer = running.request("GET", "/metrics", headers={"Authorization": f"Bearer {secret}"})
        assert figures_in(answer.text)["quotable_ready", frozenset()] == 1
