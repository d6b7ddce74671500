"""Sequences of generated requests along the document's links: an added document is shown, a removed one is gone."""

from __future__ import annotations

from typing import Any

from benchmarks.contract import ENVIRONMENT, explore

EXAMPLES = 200


def test_responses_to_linked_requests_conform_to_the_document(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), **ENVIRONMENT) as running:
        found = explore(running.address, EXAMPLES, ("stateful",))
        assert not found.failures, found.failures[0]
        assert not set(found.server_errors) - {503, 507}
        print(found.as_json())
        assert "Traceback" not in running.log
