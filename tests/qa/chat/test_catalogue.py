"""Questions about the documents themselves are answered from the catalogue; summaries are said to be out of reach."""

from __future__ import annotations

import pytest

from corpus.types import Document, Heading
from index.embedded.opening import open_engine_to_write
from index.filters import Comparison, Filter
from qa.assembly import service_over
from qa.chat.chatbot import Chatbot, Request, last_reply
from qa.ingest.writer import DocumentWriter, IncomingDocument
from qa.settings.settings import Settings
from tests.index.engine.reference import HashingEmbedder

GUIDE = "Fees\n\nA mooring costs £18 a night.\n\nOpening\n\nThe harbour opens at seven."


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory) -> Chatbot:
    folder = tmp_path_factory.mktemp("catalogue")
    writer = DocumentWriter(open_engine_to_write(folder, lambda _: ("hashing", HashingEmbedder())))
    opening = GUIDE.index("Opening")
    headings = (Heading(0, 4, 1, "Fees"), Heading(opening, opening + 7, 1, "Opening"))
    writer.put(IncomingDocument("guide", Document(text=GUIDE, title="Harbour guide", date="2025-03-01", headings=headings)))
    for number in range(22):
        text = f"Report {number} of the lighthouse says that the lamp burns."
        writer.put(IncomingDocument(f"report-{number}", Document(text=text, title=f"Report {number:02}")))
    return service_over(writer.engine, Settings(data=folder, reader="none")).chatbot


def reply(chatbot: Chatbot, message: str, allowed: Filter | None = None) -> str:
    found = last_reply(chatbot.reply(Request(message, filter=allowed)))
    assert (found.by, found.citations) == ("fixed", ())
    return found.text


@pytest.mark.parametrize(
    "message",
    [
        "Which documents do you have?",
        "What documents are there",
        "Please list all documents.",
        "show me the files",
        "How many documents do you have?",
    ],
)
def test_lists_the_documents_by_title(chatbot: Chatbot, message: str) -> None:
    lines = reply(chatbot, message).splitlines()
    assert len(lines) == 24
    assert lines[:4] == ["There are 23 documents here:", "", "- Harbour guide (2025-03-01)", "- Report 00"]
    assert lines[-1] == "and 3 more."


def test_lists_documents_about_something(chatbot: Chatbot) -> None:
    assert "- Harbour guide" in reply(chatbot, "List documents about the harbour")
    by_passage = reply(chatbot, "Which documents are about a mooring?")
    assert by_passage.startswith("Documents about “a mooring”")
    assert "- Harbour guide (2025-03-01)" in by_passage
    assert "Report" not in by_passage
    assert reply(chatbot, "Do you have any documents on volcanoes?").startswith("No document here has “volcanoes”")


def test_lists_only_what_a_filter_allows(chatbot: Chatbot) -> None:
    only = Comparison("eq", "id", "guide")
    assert reply(chatbot, "Which documents do you have?", only).splitlines()[0] == "There is 1 document here:"
    assert reply(chatbot, "List documents about Report 01", only).startswith("No document here")


def test_a_summary_is_out_of_reach_and_names_the_sections(chatbot: Chatbot) -> None:
    said = reply(chatbot, "Can you summarise the harbour guide, please?")
    assert said.startswith("I cannot summarise")
    assert said.endswith("- Fees\n- Opening")
    assert "name a document" in reply(chatbot, "Give me a short summary")
    assert said == reply(chatbot, "Summarize this document", Comparison("eq", "id", "guide"))


@pytest.mark.parametrize(
    "question",
    ["Which documents do I need for a mooring?", "List the documents that are required", "What is the summary of the report?"],
)
def test_questions_to_the_documents_are_searched(chatbot: Chatbot, question: str) -> None:
    assert last_reply(chatbot.reply(Request(question))).by == "quotes"
