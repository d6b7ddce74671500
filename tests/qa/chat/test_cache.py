"""What the chatbot keeps of the replies that it may be asked for again."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.types import Document
from index.embedded.opening import open_engine_to_write
from index.lru import LRU
from qa.answering.answerer import Answerer
from qa.chat.chatbot import Chatbot, Request
from qa.ingest.writer import DocumentWriter, IncomingDocument
from tests.index.engine.reference import HashingEmbedder

DOCUMENTS = 40
MOST_BYTES = 20_000  # of a reply with three citations and five results


@pytest.fixture
def answerer(tmp_path: Path) -> Iterator[Answerer]:
    writer = DocumentWriter(open_engine_to_write(tmp_path, lambda _: ("hashing", HashingEmbedder())))
    for number in range(DOCUMENTS):
        text = " ".join(f"Rule {line} of the ferry to island {number} costs {line} pounds." for line in range(5))
        writer.put(IncomingDocument(str(number), Document(text, f"Ferries {number}", language="en")))
    yield Answerer(writer.engine, 0.0)
    writer.engine.close()


def test_keeps_replies_without_how_they_were_found(answerer: Answerer) -> None:
    """Of all candidates and the features of all units, which are most of an answer."""
    chatbot = Chatbot(answerer, lambda: answerer.state, cache=LRU(8))
    request = Request("What does the ferry to island 7 cost?")
    *_, first = chatbot.reply(request)
    *_, again = chatbot.reply(request)
    assert (first.text, first.citations) == (again.text, again.citations)
    assert chatbot.cache.hits == 1
    assert len(pickle.dumps(chatbot.cache.get((answerer.state, request)))) < MOST_BYTES
