"""A LangChain retriever over a running Quotable: `make install EXTRAS=langchain`, or pip install langchain-core.

retriever = QuotableRetriever(address="http://127.0.0.1:8000", limit=5)
documents = retriever.invoke("who signed the memorandum")
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class QuotableRetriever(BaseRetriever):
    """`filter` is that of POST /v1/search. With `only_answers`, nothing is given where the documents do not answer."""

    address: str = "http://127.0.0.1:8000"
    limit: int = 5
    filter: dict[str, Any] | None = None
    key: str | None = None
    only_answers: bool = False

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        body = json.dumps({"query": query, "limit": self.limit, "filter": self.filter}).encode()
        with urlopen(Request(f"{self.address}/v1/search", body, headers), timeout=30) as response:  # noqa: S310
            answer = json.load(response)
        if self.only_answers and not answer["answerable"]:
            return []
        return [_document(result, answer) for result in answer["results"]]


def _document(result: dict[str, Any], answer: dict[str, Any]) -> Document:
    """The passage's exact words; where they stand, and whether the documents answer, in the metadata."""
    place = {name: result[name] for name in ("start", "end", "page", "headings", "score")}
    source = {
        "source": result["document"]["id"],
        "title": result["document"]["title"],
        "version": result["document"]["version"],
    }
    told = {"url": result["url"], "answerable": answer["answerable"], "confidence": answer["confidence"]}
    return Document(id=result["id"], page_content=result["text"], metadata=result["metadata"] | source | place | told)
