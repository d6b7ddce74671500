"""The same, one request after another along the document's links: what was added is shown, what was removed is gone."""

from __future__ import annotations

from typing import Any

from benchmarks.contract import ENVIRONMENT, explore

EXAMPLES = 200


def test_requests_that_follow_from_one_another_get_what_the_document_promises(data_folder: Any, start_server: Any) -> None:
    with start_server(data_folder(), **ENVIRONMENT) as running:
        found = explore(running.address, EXAMPLES, ("stateful",))
        assert not found.failures, found.failures[0]
        assert not set(found.server_errors) - {503, 507}
        print(found.as_json())
        assert "Traceback" not in running.log
