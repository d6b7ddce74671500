"""The tool `search` with several answers: spans, lead-ins, labels; what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client

from qa.mcp.server import mcp_server
from tests.qa.web import prepared_answers as prepared


def test_gives_every_answer_with_its_span_and_label(tmp_path: Path) -> None:
    found: dict[str, Any] = {}

    async def use() -> None:
        async with Client(mcp_server(prepared.prepared_service(tmp_path).readable_by(None), "http://127.0.0.1:8001")) as client:
            for question in (prepared.SEVERAL, prepared.MISSING):
                found[question] = (await client.call_tool("search", {"query": question})).structured_content

    anyio.run(use)
    first, row, item = found[prepared.SEVERAL]["answers"]
    assert (first["text"], first["span"], first["label"]) == (
        prepared.SENTENCE,
        "£300 🔥 <b>a winter</b>\nif",
        "Likely the answer",
    )
    assert (row["text"], row["lead_in"], row["label"]) == (
        "66 to 79 | £200 | in November",
        "Age | Amount | Paid",
        "Closest found",
    )
    assert (item["lead_in"], item["span"], item["confidence"]) == ("You can apply if you:", None, 0.5)
    assert first["url"].startswith(prepared.URL)
    assert found[prepared.MISSING]["missing"] == ["Germany", "<i>1999</i>"]
    assert found[prepared.MISSING]["answers"] == []
