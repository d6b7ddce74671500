"""All targets by name, with their seeds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.fuzzing import asking
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.reading import members, packed, reading
from benchmarks.fuzzing.seeds import SEEDS

ENOUGH, ENOUGH_OF_FILES = 1_000_000, 50_000


@dataclass(frozen=True, slots=True)
class Target:
    """`check` raises on an error. It takes bytes, or choices, as `kind` says.

    `kind`: text is kept UTF-8 most of the time. `runs`: how often it is tried in the long form. `longest`: bytes of an input.
    """

    name: str
    kind: Literal["text", "bytes", "choices"]
    check: Callable[[bytes], None] | Callable[[Choices], None]
    seeds: Sequence[bytes] = ()
    runs: int = ENOUGH
    longest: int = 512


def _texts(name: str, file: str) -> Target:
    return Target(name, "text", reading(file), SEEDS[name])


def _packed(name: str) -> Target:
    files = SEEDS[name]
    parts = [number.to_bytes(2, "big") + content for number, (_, _, content) in enumerate(members(files))]
    small = [part for part in parts if len(part) <= 16_384]
    return Target(name, "bytes", packed(files, f"a.{name}"), [*small, *files], ENOUGH_OF_FILES, 65_536)


def _bodies() -> list[bytes]:
    filter_ = {
        "type": "and",
        "filters": [{"type": "eq", "key": "a", "value": 1}, {"type": "in", "key": "b", "value": ["c", 2.5]}],
    }
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    written = (
        {"query": "who", "limit": 5, "filter": filter_, "facets": ["type"], "history": history, "explain": True},
        {"title": "a", "text": "b", "id": "c", "url": "https://d.example", "date": "2025-07-21", "metadata": {"a": [], "b": 1}},
        {"url": "https://d.example/a", "id": "b"},
        {"query": "who", "helped": True, "generation": 1, "results": ["p1"]},
        {"quote": "a", "document_id": "b", "version": "c", "start": 0, "end": 1},
        {"model": "quotable", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "stream": True},
        {
            "query": ["a"],
            "max_num_results": 3,
            "filters": filter_,
            "ranking_options": {"ranker": "auto", "score_threshold": 0.5},
        },
    )
    addresses = (b"q=who&limit=5", b"q=w%20o&source=a&type=b&year=2025", b"limit=5&after=a")
    return [bytes([number]) + body for number, body in enumerate([*(json.dumps(one).encode() for one in written), *addresses])]


def _chosen(name: str, check: Callable[[Choices], None], longest: int = 512) -> Target:
    """A target with random seeds, so that large values occur from the start."""
    return Target(name, "choices", check, [random.Random(number).randbytes(longest) for number in range(20)], longest=longest)


TARGETS = {
    target.name: target
    for target in (
        _chosen("models", asking.modelling, 1_024),
        Target("bodies", "text", asking.bodies, _bodies()),
        _chosen("filters", asking.filtering),
        _chosen("quotes", asking.quoting),
        _chosen("splitter", asking.splitting, 1_024),
        _texts("text", "a.txt"),
        _texts("csv", "a.csv"),
        _texts("jsonl", "a.jsonl"),
        _texts("govuk", "a.json"),
        _texts("markdown", "a.md"),
        _texts("email", "a.eml"),
        _texts("html", "a.html"),
        _packed("docx"),
        Target("pdf", "bytes", reading("a.pdf"), SEEDS["pdf"], ENOUGH_OF_FILES, 16_384),
        _packed("pptx"),
        _packed("xlsx"),
        _packed("odt"),
        Target("any", "bytes", reading("a"), SEEDS["any"]),
    )
}
