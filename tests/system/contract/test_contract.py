"""Responses to requests generated from the OpenAPI document conform to it. `python -m benchmarks.contract` sends many more."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.contract import ENVIRONMENT, explore
from qa.web.api.openapi import document
from qa.web.application import create_app


@pytest.mark.parametrize("examples", [50, pytest.param(200, marks=pytest.mark.long)])
def test_responses_to_generated_requests_conform_to_the_document(data_folder: Any, start_server: Any, examples: int) -> None:
    with start_server(data_folder(), **ENVIRONMENT) as running:
        found = explore(running.address, examples, ("fuzzing",))
        assert not found.failures, found.failures[0]
        assert not set(found.server_errors) - {503, 507}
        assert found.operations == sum(map(len, document(create_app(lambda: None))["paths"].values()))
        print(found.as_json())
        assert "Traceback" not in running.log
