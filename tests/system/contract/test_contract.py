"""Responses to requests generated from the OpenAPI document conform to it. `python -m benchmarks.contract` sends ten times as many."""

from __future__ import annotations

from typing import Any

from benchmarks.contract import ENVIRONMENT, explore
from qa.web.api.openapi import document
from qa.web.application import create_app

EXAMPLES = 200


def test_responses_to_generated_requests_conform_to_the_document(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), **ENVIRONMENT) as running:
        found = explore(running.address, EXAMPLES, ("fuzzing",))
        assert not found.failures, found.failures[0]
        assert not set(found.server_errors) - {503, 507}
        assert found.operations == sum(map(len, document(create_app(lambda: None))["paths"].values()))
        print(found.as_json())
        assert "Traceback" not in running.log
