"""The addresses of the manager's pages. Forms carry the list's query string, so that people return to the list they left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from qa.web.current import settings, writer
from qa.web.schemas.problems import Problem

MANAGE = "/manage"
# The fields of the list's query string, but for the place of a page.
LIST_FIELDS = ("title", "collection", "type", "state", "date_from", "date_to", "sort")


def require_manage_page() -> None:
    """Raise Problem 404 if the page is turned off, 403 for a service that is read-only."""
    if not settings().manage_page:
        raise Problem(404, "This page is turned off; the setting `manage_page` turns it on.")
    writer()


def list_query(values: Mapping[str, str]) -> str:
    """The query string of the list that `values` describe, without its page and without messages."""
    return urlencode({name: values[name] for name in LIST_FIELDS if values.get(name)})


def list_address(query: str, **notices: Any) -> str:
    """The address of a list. `query`: as `list_query` gives it, from a form; other fields are dropped. `notices`: what was done."""
    fields = {name: value for name, value in parse_qsl(query) if name in LIST_FIELDS} | notices
    return f"{MANAGE}?{urlencode(fields, doseq=True)}" if fields else MANAGE


def document_address(document_id: str, query: str, **notices: Any) -> str:
    """The address of the page on which a document is edited."""
    fields = {"id": document_id, **({"list": query} if query else {}), **notices}
    return f"{MANAGE}/document?{urlencode(fields)}"
