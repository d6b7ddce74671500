"""Who may use which route, in one table: a route that is not in it is refused to everyone.

A line is the route's endpoint (`blueprint.function`) and the least role that it needs; `ANYONE` needs no key at all. With
`public` set, everyone may use what needs `READ`, but for what is `NOT_PUBLIC`.
"""

from __future__ import annotations

from collections.abc import Mapping

from qa.operate.keys import Role

ANYONE = None
READ, WRITE, ADMIN = Role.READ, Role.WRITE, Role.ADMIN

RULES: Mapping[str, Role | None] = {
    "static": ANYONE,
    "health.healthz": ANYONE,
    "health.readyz": ANYONE,
    "metrics.metrics": READ,
    "openapi.openapi": READ,
    "openapi.docs": READ,
    "pages.box.search_page": READ,
    "pages.box.embedded_page": READ,
    "pages.document.document_page": READ,
    "pages.conversation.chat_page": READ,
    "pages.upload.upload_page": WRITE,
    "pages.upload.upload": WRITE,
    "pages.feedback.give_feedback": READ,
    "pages.feedback.send_feedback": READ,
    "search.search": READ,
    "search.search_by_address": READ,
    "chat.complete": READ,
    "chat.list_models": READ,
    "chat.show_model": READ,
    "vector_stores.list_stores": READ,
    "vector_stores.show_store": READ,
    "vector_stores.search_store": READ,
    "documents.list_documents": READ,
    "documents.show_document": READ,
    "documents.show_text": READ,
    "documents.show_passage": READ,
    "documents.verify_quote": READ,
    "documents.add_document": WRITE,
    "documents.remove_document": WRITE,
    "documents.show_job": WRITE,
}

# What is for holders of a key only, also where the public may ask.
NOT_PUBLIC = frozenset({"metrics.metrics"})
