"""Requests made from the OpenAPI document get only what it promises; `python -m benchmarks.contract` makes ten times as many."""

from __future__ import annotations

from typing import Any

from benchmarks.contract import ENVIRONMENT, explore
from qa.web.api.openapi import document
from qa.web.application import create_app

EXAMPLES = 200


def test_requests_made_from_the_document_get_what_it_promises(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), **ENVIRONMENT) as running:
        found = explore(running.address, EXAMPLES, ("fuzzing",))
        assert not found.failures, found.failures[0]
        assert not set(found.server_errors) - {503, 507}
        assert found.operations == sum(map(len, document(create_app(lambda: None))["paths"].values()))
        print(found.as_json())
        assert "Traceback" not in running.log
