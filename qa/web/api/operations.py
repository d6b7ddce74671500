"""What each route takes and answers, in one table: the OpenAPI document and the page `/docs` are made from it.

A line is the route's endpoint (`blueprint.function`), as in `rules.py`; a route under `/v1` that is not in it fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from qa.web.schemas import answers
from qa.web.schemas.openai_requests import ChatRequest, VectorStoreSearchRequest
from qa.web.schemas.requests import (
    AddressRequest,
    DocumentRequest,
    FeedbackRequest,
    PageParameters,
    SearchParameters,
    SearchRequest,
    VerifyRequest,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """`takes`: the model of the JSON body, or one of those in `or_takes`; `query` that of the query string; `answer` with which `status`,
    None for plain text, or for nothing with 204.

    `refusals`: statuses of problem documents besides those that every operation may have. `upload`: a file may be sent instead.
    `streams`: the answer may come as server-sent events. `error`: the shape of a refusal.
    `links`: endpoints of what follows, each with its parameters as runtime expressions of OpenAPI.
    """

    summary: str
    answer: type[BaseModel] | None
    status: int = 200
    takes: type[BaseModel] | None = None
    or_takes: tuple[type[BaseModel], ...] = ()
    query: type[BaseModel] | None = None
    refusals: tuple[int, ...] = ()
    upload: bool = False
    streams: bool = False
    error: type[BaseModel] = answers.ProblemAnswer
    media_type: str = "application/json"
    tags: tuple[str, ...] = ("documents",)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


ASKING, CHATTING, WATCHING = ("asking",), ("chatting",), ("watching",)
ONE_DOCUMENT = ("documents.show_document", "documents.show_text", "documents.remove_document")
OF_THE_FIRST = {name: {"document_id": "$response.body#/data/0/id"} for name in ONE_DOCUMENT}
RESULT = {"documents.show_passage": {"passage_id": "$response.body#/results/0/id"}}

OPERATIONS: Mapping[str, Operation] = {
    "search.search": Operation("Ask a question", answers.SearchAnswer, takes=SearchRequest, tags=ASKING, links=RESULT),
    "search.search_by_address": Operation(
        "Ask a question by its address", answers.SearchAnswer, query=SearchParameters, tags=ASKING
    ),
    "chat.complete": Operation(
        "Answer a conversation, as OpenAI's clients expect it",
        answers.ChatCompletion,
        takes=ChatRequest,
        refusals=(404,),
        streams=True,
        error=answers.OpenAIErrorAnswer,
        tags=CHATTING,
    ),
    "chat.list_models": Operation("List the models", answers.ChatModelList, error=answers.OpenAIErrorAnswer, tags=CHATTING),
    "chat.show_model": Operation(
        "One model", answers.ChatModel, refusals=(404,), error=answers.OpenAIErrorAnswer, tags=CHATTING
    ),
    "vector_stores.list_stores": Operation(
        "List the vector stores, of which there is one", answers.VectorStoreList, error=answers.OpenAIErrorAnswer, tags=CHATTING
    ),
    "vector_stores.show_store": Operation(
        "The vector store", answers.VectorStore, refusals=(404,), error=answers.OpenAIErrorAnswer, tags=CHATTING
    ),
    "vector_stores.search_store": Operation(
        "Search as in OpenAI's vector stores",
        answers.VectorStoreSearchAnswer,
        takes=VectorStoreSearchRequest,
        refusals=(404,),
        error=answers.OpenAIErrorAnswer,
        tags=CHATTING,
    ),
    "documents.verify_quote": Operation("Is this quote still there?", answers.Verification, takes=VerifyRequest, tags=ASKING),
    "pages.feedback.give_feedback": Operation(
        "Say whether what was shown for a question helped", None, status=204, takes=FeedbackRequest, tags=ASKING
    ),
    "documents.list_documents": Operation("List the documents", answers.DocumentList, query=PageParameters, links=OF_THE_FIRST),
    "documents.add_document": Operation(
        "Add a document, or replace one",
        answers.AcceptedDocument,
        status=202,
        takes=DocumentRequest,
        or_takes=(AddressRequest,),
        upload=True,
        refusals=(507,),
        links={
            "documents.show_job": {"job_id": "$response.body#/job/id"},
            **{name: {"document_id": "$response.body#/document/id"} for name in ONE_DOCUMENT},
        },
    ),
    "documents.show_document": Operation("One document", answers.ListedDocument, refusals=(404,)),
    "documents.show_text": Operation("A document's text", answers.DocumentText, refusals=(404,)),
    "documents.remove_document": Operation("Remove a document", answers.DeletedDocument, refusals=(404, 507)),
    "documents.show_passage": Operation("One passage", answers.Passage, refusals=(404,)),
    "documents.show_job": Operation("What became of a document that was accepted", answers.Job, refusals=(404,)),
    "health.healthz": Operation("The process runs", answers.Health, tags=WATCHING),
    "health.readyz": Operation("It can answer", answers.Readiness, tags=WATCHING),
    "metrics.metrics": Operation("Figures for Prometheus", None, media_type="text/plain", tags=WATCHING),
}
