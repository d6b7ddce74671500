"""The requests of every route that a caller may send, about documents that it may read and others, and about an editor's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.types import text_version
from tests.qa.web.access.private_documents import EARLIER, PLACES, earlier_text, text_of

Request = tuple[str, str, dict[str, Any]]
FARE = "What does the ferry cost?"
MISSING = "doc-x"
# The requests of each route that a reader may use. {id}, {passage}: of every document, of those that the caller may not read too.
# {then}: when the service held earlier texts. The questions are also those that the rules of an editor are for.
READING: Mapping[str, list[Request]] = {
    "search.search_by_address": [
        ("GET", f"/v1/search?q={FARE}&limit=100", {}),
        ("GET", "/v1/search?q=tides&collection=hr", {}),
        ("GET", "/v1/search?q=pier&as_of={then}&limit=50", {}),
    ],
    "search.search": [
        (
            "POST",
            "/v1/search",
            {"query": FARE, "limit": 100, "explain": True, "facets": ["collection", "type", "year", "keeper", "id"]},
        ),
        ("POST", "/v1/search", {"query": "harbor tides", "collection": "press"}),
        ("POST", "/v1/search", {"query": "And the tides?", "history": [{"role": "user", "content": FARE}]}),
        ("POST", "/v1/search", {"query": FARE, "filter": {"type": "gte", "key": "date", "value": "2010"}}),
        ("POST", "/v1/search", {"query": FARE, "filter": {"type": "eq", "key": "id", "value": "{id}"}, "facets": ["keeper"]}),
        *(
            ("POST", "/v1/search", {"query": asked, "limit": 50, "explain": True, **where})
            for asked in (
                *("the ferry", "Is the pier closed?", "The guide says pounds", "seven tides", "shallow fares", "quarks"),
                *EARLIER,
            )
            for where in ({}, {"collection": "hr"}, {"as_of": "{then}"}, {"as_of": "{then}", "collection": "press"})
            if asked not in EARLIER or where == {"as_of": "{then}"}
        ),
    ],
    "chat.list_models": [("GET", "/v1/models", {})],
    "chat.show_model": [("GET", "/v1/models/quotable/press", {}), ("GET", "/v1/models/quotable/none", {})],
    "chat.complete": [
        ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": FARE}]}),
        ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": FARE}], "stream": True}),
        ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": FARE}], "model": "quotable/hr"}),
    ],
    "chat.respond": [
        ("POST", "/v1/responses", {"input": FARE}),
        ("POST", "/v1/responses", {"input": FARE, "stream": True, "model": "quotable/hr"}),
        ("POST", "/v1/responses", {"input": "Which documents do you have?"}),
        ("POST", "/v1/responses", {"input": "List documents about the ferry"}),
        ("POST", "/v1/responses", {"input": "Summarise the guide"}),
    ],
    "mcp.model_context_protocol": [
        ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        for name, arguments in (
            ("search", {"query": FARE, "limit": 50}),
            ("search", {"query": FARE, "collection": "hr"}),
            ("fetch", {"id": "{id}"}),
            ("fetch", {"id": "{passage}"}),
            ("list_documents", {}),
            ("list_documents", {"title": "guide", "collection": "hr"}),
            ("verify_quote", {"document_id": "{id}", "quote": "The ferry costs", "start": 7, "end": 22}),
        )
    ],
    "vector_stores.list_stores": [("GET", "/v1/vector_stores", {})],
    "vector_stores.show_store": [("GET", f"/v1/vector_stores/{name}", {}) for name in ("press", "hr", "default")],
    "vector_stores.search_store": [
        ("POST", f"/v1/vector_stores/{name}/search", {"query": [FARE, "tides"], "max_num_results": 50})
        for name in ("press", "hr")
    ],
    "documents.list_documents": [
        ("GET", f"/v1/documents?{query}", {})
        for query in ("", "sort=-date&limit=2", "title=guide", "collection=hr", "state=ready", "after=doc-0")
    ],
    "documents.show_document": [("GET", "/v1/documents/{id}", {})],
    "documents.show_text": [("GET", "/v1/documents/{id}/text", {})],
    "versions.list_versions": [("GET", "/v1/documents/{id}/versions", {})],
    "versions.show_version": [
        ("GET", f"/v1/documents/{{id}}/versions/{text_version(text)}", {})
        for number in range(len(PLACES))
        for text in (text_of(number), earlier_text(number))
    ],
    "documents.download_original": [("GET", "/v1/documents/{id}/original", {})],
    "documents.show_passage": [("GET", "/v1/passages/{passage}", {})],
    "documents.verify_quote": [
        ("POST", "/v1/verify", {"document_id": "{id}", "quote": quote, "start": 7, "end": 22})
        for quote in ("The ferry costs", *(f"The pier of {canary} is closed" for canary in EARLIER))
    ]
    + [
        (
            "POST",
            "/v1/verify",
            {"document_id": "{id}", "quote": "The ferry", "start": 7, "end": 16, "version": text_version(text)},
        )
        for text in map(earlier_text, range(len(PLACES)))
    ],
    "health.healthz": [("GET", "/healthz", {})],
    "health.readyz": [("GET", "/readyz", {})],
    "metrics.metrics": [("GET", "/metrics", {})],
    "openapi.openapi": [("GET", "/openapi.json", {})],
    "openapi.docs": [("GET", "/docs", {})],
    "pages.box.search_page": [
        ("GET", "/", {}),
        ("GET", f"/?q={FARE}&explain=true&limit=20", {}),
        ("GET", "/?collection=hr", {}),
    ],
    "pages.box.collection_page": [("GET", f"/c/{name}?q={FARE}", {}) for name in ("press", "hr", "default", "none")],
    "pages.box.embedded_page": [("GET", f"/embed?q={FARE}", {}), ("GET", "/embed", {})],
    "pages.conversation.chat_page": [("GET", f"/chat?q={FARE}&q=tides", {})],
    "pages.document.document_page": [("GET", "/d/{id}", {}), ("GET", "/d/{id}?start=7&end=22", {})],
    "pages.document-versions.versions_page": [
        ("GET", "/d/{id}/versions", {}),
        *(
            ("GET", f"/d/{{id}}/versions?older={text_version(earlier_text(number))[7:]}&whole=true", {})
            for number in range(len(PLACES))
        ),
    ],
    "pages.page-image.image_page": [("GET", "/d/{id}/page/1", {})],
    "pages.page-image.page_png": [("GET", "/d/{id}/page/1.png", {})],
    "pages.feedback.give_feedback": [("POST", "/v1/feedback", {"query": FARE, "helped": True, "generation": 1, "results": []})],
    "pages.feedback.send_feedback": [("POST", "/feedback", {})],
    "static": [("GET", "/static/search.js", {})],
}
# Routes for keys that write, which are never bound.
WRITING = {
    *(f"documents.{name}" for name in ("add_document", "edit_document", "remove_document")),
    *(f"jobs.{name}" for name in ("list_jobs", "show_job", "retry_job", "dismiss_job")),
    *(f"pages.manage.adding.{name}" for name in ("former_upload_page", "add_files", "add_address", "handle_failures")),
    *(f"pages.manage.form.{name}" for name in ("document_form", "edit_document")),
    *(f"pages.manage.removal.{name}" for name in ("ask_to_remove", "remove_documents")),
    *(f"pages.manage.curation.{name}" for name in ("curation_page", "store_curation")),
    "pages.manage.list.list_page",
    "pages.manage.health.health_page",
    "pages.manage.settings.settings_page",
}
