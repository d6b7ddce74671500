"""A LlamaIndex retriever over a running Quotable: `make install EXTRAS=llama-index`, or pip install llama-index-core.

retriever = QuotableRetriever("http://127.0.0.1:8000", limit=5)
nodes = retriever.retrieve("who signed the memorandum")
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


class QuotableRetriever(BaseRetriever):
    """`filter_` is that of POST /v1/search. With `only_answers`, nothing is given where the documents do not answer."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        limit: int = 5,
        filter_: dict[str, Any] | None = None,
        key: str | None = None,
        only_answers: bool = False,
    ) -> None:
        super().__init__()
        self._address = address
        self._limit = limit
        self._filter = filter_
        self._key = key
        self._only_answers = only_answers

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        body = json.dumps({"query": query_bundle.query_str, "limit": self._limit, "filter": self._filter}).encode()
        with urlopen(Request(f"{self._address}/v1/search", body, headers), timeout=30) as response:  # noqa: S310
            answer = json.load(response)
        if self._only_answers and not answer["answerable"]:
            return []
        return [_node(result, answer) for result in answer["results"]]


def _node(result: dict[str, Any], answer: dict[str, Any]) -> NodeWithScore:
    """The passage's exact words; where they stand, and whether the documents answer, in the metadata."""
    place = {name: result[name] for name in ("start", "end", "page", "headings")}
    source = {
        "source": result["document"]["id"],
        "title": result["document"]["title"],
        "version": result["document"]["version"],
    }
    told = {"url": result["url"], "answerable": answer["answerable"], "confidence": answer["confidence"]}
    node = TextNode(id_=result["id"], text=result["text"], metadata=result["metadata"] | source | place | told)
    return NodeWithScore(node=node, score=result["score"])
