"""`/manage/document`: what is known of a document, a form to edit what people decide of it, and one to replace its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from corpus.types import OCR, MetadataValue
from qa.ingest.parts import PART_OF
from qa.web.api.documents import MAX_UPLOAD_BYTES
from qa.web.current import service, writer
from qa.web.pages.manage.address import document_address, list_address, require_manage_page
from qa.web.pages.manage.list_page import STATES
from qa.web.routes import WRITE, route
from qa.web.schemas.document_requests import EditRequest
from qa.web.schemas.documents import ListedDocument, listed_documents_json
from qa.web.schemas.problems import Problem, ProblemField
from qa.web.schemas.reading import validated

blueprint = Blueprint("form", __name__)

_NOT_FOUND = "No document has this id; it may have been removed."
# Metadata that says how a file was read; editing it would break the links between documents.
_FIXED = frozenset({PART_OF, OCR, "not_read"})


@dataclass(frozen=True, slots=True)
class Field:
    """A key of the metadata in the form. `lines`: of its text area, 1 for a line."""

    key: str
    text: str
    lines: int


@route(blueprint, "GET", "/manage/document", WRITE, public=False)
def document_form() -> str:
    require_manage_page()
    document = _document(request.args.get("id", ""))
    values = {name: _shown(document, name) for name in ("title", "date", "collection", "access")}
    return _render(document, values, list(_fields(document["metadata"])), request.args.get("list", ""))


@route(blueprint, "POST", "/manage/document", WRITE)
def edit_document() -> Response | tuple[str, int]:
    """PATCH /v1/documents/{id} as a form. What is left as it was is not edited."""
    require_manage_page()
    form, query = request.form, request.form.get("list", "")
    document = _document(form.get("id", ""))
    values = {"title": form.get("title", ""), "date": form.get("date", "").strip()}
    values |= {name: form.get(name, _shown(document, name)).strip() for name in ("collection", "access")}
    texts = dict(zip(form.getlist("key"), map(_plain_lines, form.getlist("value")), strict=False))
    try:
        _refuse_empty_title(values["title"])
        changes = validated(EditRequest, _changes(document, values, texts)).changes()
    except Problem as problem:
        fields = [Field(each.key, texts.get(each.key, each.text), each.lines) for each in _fields(document["metadata"])]
        return _render(document, values, fields, query, problem.errors), problem.status
    if changes and writer().edit(document["id"], changes) is None:
        abort(404, _NOT_FOUND)
    return redirect(document_address(document["id"], query, saved=int(bool(changes))), 303)


def _document(document_id: str) -> ListedDocument:
    document = service().engine.document(document_id)
    if document is None:
        abort(404, _NOT_FOUND)
    return listed_documents_json(service().engine, [document])[0]


def _render(document: ListedDocument, values: Mapping[str, str], fields: list[Field], query: str, errors: Any = ()) -> str:
    return render_template(
        "manage/document.html",
        document=document,
        values=values,
        fields=fields,
        errors={_of_field(error): error["message"] for error in errors},
        list=query,
        back=list_address(query),
        saved=request.args.get("saved"),
        states=STATES,
        most_bytes=MAX_UPLOAD_BYTES,
    )


def _of_field(error: ProblemField) -> str:
    """The form's name of an invalid field: that of a key is in its metadata."""
    return error["field"].removeprefix("metadata.")


def _refuse_empty_title(title: str) -> None:
    if not title.strip():
        raise Problem.of_field("title", "must not be empty")


def _fields(metadata: Mapping[str, MetadataValue]) -> Iterator[Field]:
    for key, value in metadata.items():
        if key not in _FIXED:
            text = _as_text(value)
            yield Field(key, text, len(value) + 1 if isinstance(value, list) else 1 + text.count("\n"))


def _changes(document: ListedDocument, values: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Any]:
    """The body of PATCH that the form means. An emptied field is removed, but for the title, which is refused."""
    changes: dict[str, Any] = {}
    if values["title"] != document["title"]:
        changes["title"] = values["title"]
    if values["date"] != (document["date"] or ""):
        changes["date"] = values["date"] or None
    if values["collection"] != document["collection"]:
        changes["collection"] = values["collection"]
    groups = values["access"].replace(",", " ").split()
    if groups != (document["access"] or []):
        changes["access"] = groups or None
    known = document["metadata"]
    metadata = {
        key: _as_value(text, known.get(key))
        for key, text in texts.items()
        if key.strip() and key not in _FIXED and text != (_as_text(known[key]) if key in known else "")
    }
    return changes | ({"metadata": metadata} if metadata else {})


def _shown(document: ListedDocument, name: Literal["title", "date", "collection", "access"]) -> str:
    value = document[name]
    return ", ".join(value) if isinstance(value, list) else value or ""


def _as_text(value: MetadataValue) -> str:
    """A list has one element a line."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else _plain_lines(str(value))


def _as_value(text: str, before: MetadataValue | None) -> MetadataValue | None:
    """The value of a text, of the type that the key has; None for an empty one."""
    if not text.strip():
        return None
    if isinstance(before, list):
        return [line.strip() for line in text.split("\n") if line.strip()]
    if isinstance(before, bool):
        return text == "true" if text in ("true", "false") else text
    with suppress(ValueError):
        if isinstance(before, int | float):
            return type(before)(text)
    return text


def _plain_lines(text: str) -> str:
    """Forms send CRLF."""
    return text.replace("\r\n", "\n")
