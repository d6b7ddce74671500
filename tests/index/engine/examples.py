"""Hypothesis strategies for documents, steps and searches."""

from __future__ import annotations

from hypothesis import strategies as st

from corpus.types import Document
from index.filters import Combination, Comparison

WORDS = "otter heron trout salmon alder willow reed passport".split()


def document(document_id: str, parts: list[str], title: str = "", **fields: object) -> Document:
    return Document(text="\n\n".join(parts), title=title, id=document_id, **fields)  # type: ignore[arg-type]


sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
ids = st.sampled_from("abcd")
sources = st.sampled_from(["one.txt", "two.txt"])
documents = st.builds(
    lambda document_id, title, parts, date, colours: document(
        document_id, parts, title, date=date, metadata={"colour": colours}
    ),
    ids,
    sentences,
    st.lists(sentences, min_size=1, max_size=3),
    st.sampled_from([None, "2024-05-01", "2025-07-21"]),
    st.lists(st.sampled_from(["red", "green"]), max_size=2, unique=True),
)
comparisons = st.one_of(
    st.builds(Comparison, st.sampled_from(["eq", "ne"]), st.just("id"), ids),
    st.builds(Comparison, st.sampled_from(["eq", "ne"]), st.just("source"), sources),
    st.builds(
        Comparison, st.sampled_from(["gt", "gte", "lt", "lte"]), st.just("date"), st.sampled_from(["2025", "2025-07-21"])
    ),
    st.builds(Comparison, st.sampled_from(["in", "nin"]), st.just("colour"), st.sampled_from([(), ("red",), ("red", "green")])),
)
filters = st.recursive(
    comparisons,
    lambda parts: st.builds(Combination, st.sampled_from(["and", "or"]), st.lists(parts, max_size=2).map(tuple)),
    max_leaves=3,
)
steps = st.one_of(
    st.tuples(st.just("put"), documents, sources),
    st.tuples(st.just("remove"), ids),
    st.tuples(st.just("update_origin"), ids, sources),
    st.tuples(st.sampled_from(["maintain", "rebuild"])),
)
searches = st.tuples(sentences, st.none() | filters)
