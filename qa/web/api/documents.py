"""`/v1/documents`, `/v1/passages` and `/v1/verify`: read and change the documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage, MultiDict

from corpus.sources.addresses import FetchError
from index.jobs import IfExists, Job, JobKind
from index.listing import DocumentPage
from index.types import NO_EDITS, StoredDocument
from qa.answering.question.validity import check_text
from qa.ingest.contents import address_location, already_there, upload_location, upload_source
from qa.ingest.writer import check_document_id, id_for_address, id_for_source, readable_id
from qa.web.api.download import download
from qa.web.current import service, writer
from qa.web.routes import READ, WRITE, route
from qa.web.schemas.document_requests import (
    PLACEMENT,
    AddParameters,
    AddressRequest,
    DocumentRequest,
    EditRequest,
    PageParameters,
    Placement,
    cursor,
)
from qa.web.schemas.documents import (
    AcceptedDocument,
    AcceptedName,
    DocumentList,
    DocumentText,
    EditedDocument,
    ListedDocument,
    PassageDetails,
    RemovedDocument,
    document_json,
    job_json,
    listed_documents_json,
    passage_details_json,
    passage_number,
)
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body, from_query_string, json_body, validated
from qa.web.schemas.requests import VerifyRequest
from qa.web.schemas.versions import Verification, verification_json

blueprint = Blueprint("documents", __name__)

MAX_UPLOAD_BYTES = 50_000_000
UPLOAD_FIELDS = ("id", "collection", "access")
# Accepted and unfinished. Each holds its file on disk.
MAX_WAITING_JOBS = 10_000


def _document_links(pointer: str) -> dict[str, dict[str, str]]:
    """Operations on the document whose id is in the response body, in the object at the JSON pointer."""
    names = ("show_document", "show_text", "download_original", "edit_document", "remove_document")
    operations = (*(f"documents.{name}" for name in names), "versions.list_versions")
    return {operation: {"document_id": f"$response.body#/{pointer}/id"} for operation in operations}


@route(blueprint, "GET", "/v1/documents", READ, "List the documents", query=PageParameters, links=_document_links("data/0"))
def list_documents() -> DocumentList:
    parameters = from_query_string(request, PageParameters)
    page, after = page_of_documents(parameters)
    return {"data": listed_documents_json(service().engine, page.documents), "next": after, "total": page.total}


def page_of_documents(parameters: PageParameters) -> tuple[DocumentPage, str | None]:
    """A page of the list and the `after` of the next. Raises Problem 422."""
    try:
        page = service().engine.page(parameters.query())
    except ValueError as error:
        raise Problem.of_field("after", str(error)) from error
    return page, cursor(page.next, parameters.sort) if page.next else None


@route(
    blueprint,
    "POST",
    "/v1/documents",
    WRITE,
    "Add or replace a document",
    request=(DocumentRequest, AddressRequest),
    upload=True,
    query=AddParameters,
    status=202,
    errors=(409, 507),
    links={"jobs.show_job": {"job_id": "$response.body#/job/id"}, **_document_links("document")},
)
def add_document() -> tuple[AcceptedDocument, int, dict[str, str]]:
    request.max_content_length = MAX_UPLOAD_BYTES
    if_exists = IfExists(from_query_string(request, AddParameters).if_exists)
    refuse_when_full()
    job = _accept_upload(if_exists) if request.mimetype == "multipart/form-data" else _accept_json(if_exists)
    stored = service().engine.document(job.document_id)
    document: AcceptedName = {"id": job.document_id, "stored": document_json(stored) if stored else None}
    return {"job": job_json(job, None), "document": document}, 202, {"Location": f"/v1/jobs/{job.id}"}


@route(blueprint, "GET", "/v1/documents/<document_id:document_id>", READ, "Show a document")
def show_document(document_id: str) -> ListedDocument:
    return listed_documents_json(service().engine, [_document(document_id)])[0]


@route(
    blueprint,
    "PATCH",
    "/v1/documents/<document_id:document_id>",
    WRITE,
    "Edit title, date, metadata, collection or groups",
    request=(EditRequest,),
    errors=(507,),
)
def edit_document(document_id: str) -> EditedDocument:
    changes = from_body(request, EditRequest).changes()
    if not changes:
        raise Problem.of_field("body", "must have a title, date, metadata, collection or access")
    edited = writer().edit(document_id, changes)
    if edited is None:
        raise _not_found("document", document_id)
    document, job = edited
    (listed,) = listed_documents_json(service().engine, [document])
    return {**listed, "job": job_json(job, None) if job else None}


@route(
    blueprint,
    "DELETE",
    "/v1/documents/<document_id:document_id>",
    WRITE,
    "Remove a document and its attachments",
    errors=(507,),
)
def remove_document(document_id: str) -> RemovedDocument:
    if not writer().remove(document_id):
        raise _not_found("document", document_id)
    return {"id": document_id, "deleted": True}


@route(blueprint, "GET", "/v1/documents/<document_id:document_id>/text", READ, "Show the text of a document")
def show_text(document_id: str) -> DocumentText:
    content = service().engine.content(document_id)
    if content is None:
        raise _not_found("document", document_id)
    return {"text": content.text, "version": content.version}


@route(
    blueprint,
    "GET",
    "/v1/documents/<document_id:document_id>/original",
    READ,
    "Download the file of a document",
    media_type="application/octet-stream",
)
def download_original(document_id: str) -> Response:
    document = _document(document_id)
    content = service().engine.original(document_id)
    if content is None:
        raise Problem(
            404, f"No file of the document {document_id!r} is kept; its text is at {request.path[: -len('original')]}text."
        )
    return download(content, document.file_name or document_id)


@route(blueprint, "GET", "/v1/passages/<passage_id>", READ, "Show a passage")
def show_passage(passage_id: str) -> PassageDetails:
    number = passage_number(passage_id)
    found = service().engine.passages([number]) if number is not None else []
    if not found:
        raise _not_found("passage", passage_id)
    return passage_details_json(found[0])


@route(blueprint, "POST", "/v1/verify", READ, "Verify a quote", request=(VerifyRequest,))
def verify_quote() -> Verification:
    body = from_body(request, VerifyRequest)
    return verification_json(service().engine, body)


def refuse_when_full() -> None:
    """Raise Problem 503 if too many jobs are waiting."""
    if writer().engine.jobs.waiting() >= MAX_WAITING_JOBS:
        raise Problem(503, "Too many documents are waiting; retry in 30 seconds.", headers={"Retry-After": "30"})


def accept_file(
    upload: FileStorage,
    document_id: str | None = None,
    if_exists: IfExists = IfExists.REPLACE,
    edits: Mapping[str, Any] = NO_EDITS,
) -> Job:
    """Queue an uploaded file. Without an id it is known by its name. `edits`: as in `Engine.put`.

    Raises Problem 422 for an invalid name or id, 409 for a document that must not be replaced.
    """
    name, body = upload.filename or "", upload.read()
    for field, value, check in (("file", name, check_text), ("id", document_id, check_document_id)):
        try:
            if value is not None:
                check(value)
        except ValueError as error:
            raise Problem.of_field(field, str(error)) from error
    document_id = document_id or id_for_source(upload_source(name))
    _refuse_existing(document_id, upload_location(document_id), if_exists)
    return writer().accept(name, body, document_id, JobKind.FILE, if_exists, edits)


def accept_address(body: AddressRequest, if_exists: IfExists = IfExists.REPLACE) -> Job:
    """Queue a document to fetch. Raises Problem 422 for an address that the settings do not allow, before it is fetched."""
    document_id = body.id or id_for_address(body.url)
    _refuse_existing(document_id, address_location(body.url, document_id), if_exists)
    try:
        return writer().accept_address(body.url, document_id, if_exists, body.edits())
    except FetchError as error:
        raise Problem.of_field("url", str(error)) from error


def _accept_json(if_exists: IfExists) -> Job:
    body = json_body(request)
    if "url" in body and body.keys().isdisjoint(("title", "text")):
        return accept_address(validated(AddressRequest, body), if_exists)
    document = validated(DocumentRequest, body)
    if document.id or document.url:
        document_id = document.id or id_for_address(str(document.url))
    else:
        document_id = readable_id(document.title, json.dumps([document.title, document.text]).encode())
    _refuse_existing(document_id, upload_location(document_id), if_exists)
    record = json.dumps(document.model_dump(exclude_none=True, exclude=PLACEMENT) | {"id": document_id}).encode()
    return writer().accept(document.title, record, document_id, JobKind.RECORD, if_exists, document.edits())


def _accept_upload(if_exists: IfExists) -> Job:
    unknown = [
        *(name for name in request.files if name != "file"),
        *(name for name in request.form if name not in UPLOAD_FIELDS),
    ]
    if unknown:
        raise Problem.of_field(unknown[0], "is unknown")
    uploads = request.files.getlist("file")
    if len(uploads) != 1 or not uploads[0].filename:
        raise Problem.of_field("file", "must be exactly one file")
    return accept_file(uploads[0], request.form.get("id"), if_exists, edits_of_form(request.form))


def edits_of_form(form: MultiDict[str, str]) -> dict[str, Any]:
    """The collection and the groups of a form; empty fields are not given. Raises Problem 422."""
    groups = [group for value in form.getlist("access") for group in value.replace(",", " ").split()]
    given = {"collection": form.get("collection", "").strip(), "access": groups}
    return validated(Placement, {name: value for name, value in given.items() if value}).edits()


def _refuse_existing(document_id: str, location: str, if_exists: IfExists) -> None:
    """Raise Problem 409 for a document that is there and must not be replaced."""
    if if_exists is IfExists.FAIL:
        engine = writer().engine
        stored = engine.document(document_id) or next(iter(engine.documents_from(location)), None)
        if stored:
            raise Problem(409, f"{already_there(stored)}.")


def _document(document_id: str) -> StoredDocument:
    document = service().engine.document(document_id)
    if document is None:
        raise _not_found("document", document_id)
    return document


def _not_found(kind: str, name: str) -> Problem:
    return Problem(404, f"No {kind} has the id {name!r}; it may have been removed.")
