"""What a process leaves behind that ends between two steps of storing a document, and documents that two processes change at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from index.opensearch.documents.writing import Writer
from index.opensearch.engine import ClusterEngine
from index.types import Origin
from tests.index.engine.examples import document
from tests.index.engine.test_engine_contract import EMBEDDER, passages_of, put, search
from tests.index.opensearch.conftest import OpenClusterEngine


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["_commit", "_delete"])
def test_a_put_that_ends_halfway_leaves_one_whole_document(
    open_cluster_engine: OpenClusterEngine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    engine, other = open_cluster_engine(), open_cluster_engine()
    put(engine, document("a", ["otter 1", "otter 1"]))
    with monkeypatch.context() as patched:
        patched.setattr(Writer, step, killed)
        with pytest.raises(Killed):
            put(engine, document("a", ["heron 2", "heron 2", "heron 2"]))
    expected = ["otter 1"] * 2 if step == "_commit" else ["heron 2"] * 3
    assert texts(open_cluster_engine(), "otter heron") == expected
    assert other.counts() == (1, len(expected))
    assert other._writer.sweep(older_than=-60) > 0
    assert other._writer.sweep(older_than=-60) == 0
    assert texts(other, "otter heron") == expected
    assert other.content("a") == document("a", expected)


def killed(*_: Any, **__: Any) -> Any:
    raise Killed


def texts(engine: ClusterEngine, question: str) -> list[str]:
    with engine.snapshot() as snapshot:
        ids = [candidate.passage_id for candidate in snapshot.search(engine.prepare(question)).candidates]
        return [stored.passage.text for stored in snapshot.passages(ids)]


def test_a_put_that_began_before_a_removal_does_not_bring_the_document_back(open_cluster_engine: OpenClusterEngine) -> None:
    engine, other = open_cluster_engine(), open_cluster_engine()
    put(engine, document("a", ["otter"]))
    assert put_while(engine, "heron", lambda: other.remove("a")) == "cancelled"
    assert (engine.document("a"), texts(engine, "otter heron")) == (None, [])
    assert put(engine, document("a", ["trout"])) == "added"


def test_the_later_of_two_puts_stays(open_cluster_engine: OpenClusterEngine) -> None:
    engine, other = open_cluster_engine(), open_cluster_engine()
    assert put_while(engine, "heron", lambda: put(other, document("a", ["trout"]))) in ("replaced", "cancelled")
    assert texts(engine, "heron trout") == texts(other, "heron trout") == ["trout"]


def test_a_put_survives_a_change_of_the_origin_meanwhile(open_cluster_engine: OpenClusterEngine) -> None:
    engine, other = open_cluster_engine(), open_cluster_engine()
    put(engine, document("a", ["otter"]))
    assert put_while(engine, "heron", lambda: other.update_origin("a", Origin("new.txt", "new.txt"))) == "replaced"
    assert texts(engine, "heron otter") == ["heron"]
    assert engine.content("a") == document("a", ["heron"])


def put_while(engine: ClusterEngine, word: str, meanwhile: Callable[[], object]) -> str:
    """Store the document `a`; between its passages and its record something else happens."""
    changed = document("a", [word])
    vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(changed)])

    def happen() -> bool:
        meanwhile()
        return False

    return engine.put("a", changed, passages_of(changed), vectors, unless=happen)


def test_what_one_process_acknowledged_the_others_find_at_once(open_cluster_engine: OpenClusterEngine) -> None:
    engine, other = open_cluster_engine(), open_cluster_engine()
    for number in range(3):
        put(engine, document(f"d{number}", [f"otter {number}"]))
        assert len(search(other, "otter")) == number + 1
        assert other.version == engine.version
    for number in range(3):
        other.remove(f"d{number}")
        assert len(search(engine, "otter")) == 2 - number
