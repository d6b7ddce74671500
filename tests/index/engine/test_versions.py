"""Earlier texts of a document, with every engine: which are kept, for whom, and that they go with the document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from corpus.types import Document
from index.access.audience import Audience
from index.access.restricted import RestrictedEngine
from index.engine import Engine
from index.opensearch.engine import ClusterEngine
from tests.index.engine.conftest import NewEngine
from tests.index.engine.examples import document
from tests.index.engine.test_engine_contract import EMBEDDER, passages_of

WORDS = ("otter", "heron", "salmon", "reed")


def text_of(word: str) -> Document:
    return document("a", [word, "reed reed"], "Rivers")


def put(engine: Engine, each: Document, **options: object) -> str:
    vectors = EMBEDDER.embed_passages([passage.searchable_text for passage in passages_of(each)])
    return engine.put(str(each.id), each, passages_of(each), vectors, **options)  # type: ignore[arg-type]


def texts(engine: Engine) -> list[str | None]:
    """The first word of every version, the newest first."""
    contents = [engine.version_content("a", version.stored.version) for version in engine.versions("a")]
    return [content.text.split()[0] if content else None for content in contents]


def test_a_replaced_text_stays_with_its_times_and_who_stored_it(engine: Engine) -> None:
    for word, by in zip(WORDS[:3], ("ann", None, "bob"), strict=True):
        put(engine, text_of(word), by=by)
    newest, middle, oldest = engine.versions("a")
    assert texts(engine) == ["salmon", "heron", "otter"]
    assert [version.by for version in (newest, middle, oldest)] == ["bob", None, "ann"]
    assert (oldest.until, middle.until, newest.until) == (middle.since, newest.since, None)
    stored = engine.document("a")
    assert stored
    assert (newest.stored, newest.since, oldest.since) == (stored, stored.changed, stored.added)
    assert [version.stored.version for version in (middle, oldest)] == [text_of(word).version for word in ("heron", "otter")]
    assert engine.version_content("a", text_of("otter").version) == text_of("otter")
    assert engine.version_content("a", text_of("reed").version) is None
    assert engine.counts() == (1, 2)
    ranking = engine.search(engine.prepare("otter", spelling=False))
    shown = engine.passages([candidate.passage_id for candidate in ranking.candidates])
    assert {each.passage.text for each in shown} == {"salmon", "reed reed"}


@pytest.mark.parametrize(("keep", "kept"), [(0, ["reed"]), (1, ["reed", "salmon"]), (9, ["reed", "salmon", "heron", "otter"])])
def test_only_the_newest_of_them_stay(engine: Engine, keep: int, kept: Sequence[str]) -> None:
    for word in WORDS[:-1]:
        put(engine, text_of(word))
    put(engine, text_of(WORDS[-1]), keep_versions=keep)
    assert texts(engine) == kept
    assert engine.version_content("a", text_of("otter").version) == (text_of("otter") if "otter" in kept else None)


def test_an_edit_and_the_same_text_again_are_no_new_version(engine: Engine) -> None:
    put(engine, text_of("otter"), by="ann")
    put(engine, text_of("heron"), by="bob")
    before = engine.versions("a")
    engine.edit("a", {"date": "2026-01-01", "collection": "hr"})
    put(engine, text_of("heron"), by="eve", edits={"access": ["staff"]})
    now = engine.versions("a")
    assert [(each.since, each.until, each.by) for each in now] == [(each.since, each.until, each.by) for each in before]
    assert now[0].stored == engine.document("a")
    assert now[1] == before[1]
    assert texts(engine) == ["heron", "otter"]


def test_a_removed_document_has_no_versions(engine: Engine) -> None:
    put(engine, text_of("otter"))
    put(engine, text_of("heron"))
    engine.remove("a")
    assert not engine.versions("a")
    assert engine.version_content("a", text_of("otter").version) is None
    put(engine, text_of("salmon"))
    assert texts(engine) == ["salmon"]
    assert engine.version_content("a", text_of("otter").version) is None


def test_what_may_not_be_read_has_no_versions(engine: Engine) -> None:
    put(engine, text_of("otter"), edits={"access": ["board"]})
    put(engine, text_of("heron"), edits={"access": ["board", "staff"]})  # the first text keeps to its group
    put(engine, text_of("salmon"), edits={"collection": "hr"})
    versions = {
        Audience(None, ("board",)): ["salmon", "heron", "otter"],
        Audience(None, ("staff",)): ["salmon", "heron"],
        Audience(("hr",), ("board",)): ["salmon"],
        Audience(("default",), ("board",)): [],
        Audience(None, ("guests",)): [],
    }
    for audience, expected in versions.items():
        view = RestrictedEngine(engine, audience)
        contents = [view.version_content("a", text_of(word).version) for word in ("salmon", "heron", "otter")]
        assert [content.text.split()[0] for content in contents if content] == expected
        assert [each.stored.version for each in view.versions("a")] == [text_of(word).version for word in expected]


def test_a_copy_has_the_same_versions(engine: Engine, new_engine: NewEngine) -> None:
    for word in WORDS[:3]:
        put(engine, text_of(word), by="ann", edits={"access": [word]})
    exported = engine.export("a")
    assert exported
    with new_engine() as other:
        put(other, text_of("reed"), by="bob")
        for _ in range(2):
            other.put_copies([exported])
            again = other.export("a")
            assert again
            assert (again.since, again.by) == (exported.since, "ann")
            assert [(each.since, each.until, each.by, each.stored.access) for each, _ in again.earlier] == [
                (each.since, each.until, each.by, each.stored.access) for each, _ in exported.earlier
            ]
            assert [text for _, text in again.earlier] == [text_of("heron"), text_of("otter")]
        put(other, text_of("reed"))
        assert texts(other) == ["reed", "salmon", "heron", "otter"]


def test_the_cluster_keeps_what_versions_name_and_nothing_else(engine: Engine) -> None:
    if not isinstance(engine, ClusterEngine):
        pytest.skip("other engines have transactions")
    for word in WORDS:
        put(engine, text_of(word), keep_versions=2)
    engine.edit("a", {"date": "2026-01-01"})
    assert engine._writer.sweep(older_than=-10) == 0
    assert texts(engine) == ["reed", "salmon", "heron"]
    assert contents(engine) == 3
    assert put(engine, text_of("otter"), unless=lambda: True) == "cancelled"
    assert (texts(engine), contents(engine)) == (["reed", "salmon", "heron"], 3)
    engine.remove("a")
    assert contents(engine) == 0


def contents(engine: ClusterEngine) -> int:
    """How many texts the cluster holds."""
    engine.connection.write("POST", f"/{engine.records.index}/_refresh")
    found = engine.records.search({"size": 0, "track_total_hits": True, "query": {"term": {"kind": "content"}}})
    return int(found["hits"]["total"]["value"])
