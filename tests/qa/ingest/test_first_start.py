"""The press release is stored in an empty data folder only: another version of it stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

EARLIER = " date 2025-07-21 OpenAI and the UK Government today announced a strategic partnership (opens in a new window)."


def test_keeps_an_earlier_version_of_the_press_release(
    data_folder: Callable[[], Path], start_server: Callable[..., Any], qa_path: Path
) -> None:
    folder = data_folder()
    with start_server(folder, command=(qa_path,)) as running:
        assert running.get("/v1/documents/press-release/text").json()["text"].startswith("OpenAI and the UK")
        running.finished(running.add(id="press-release", title="Partnership", text=EARLIER))
    with start_server(folder) as running:
        assert running.get("/v1/documents/press-release/text").json()["text"] == EARLIER
        assert running.search("Which partnership was announced?")["results"][0]["document"]["id"] == "press-release"
