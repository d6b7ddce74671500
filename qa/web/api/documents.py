"""`/v1/documents`, `/v1/passages`, `/v1/jobs` and `/v1/verify`: read and change the documents."""

from __future__ import annotations

import json
from pathlib import PurePath

from flask import Blueprint, request
from werkzeug.datastructures import FileStorage

from corpus.sources.addresses import FetchError
from index.types import Job, StoredDocument
from qa.answering.question.validity import check_text
from qa.answering.verification import verify
from qa.ingest.writer import check_document_id, id_for_address, readable_id
from qa.web.current import service, writer
from qa.web.routes import READ, WRITE, route
from qa.web.schemas.documents import (
    AcceptedDocument,
    DocumentList,
    DocumentText,
    JobState,
    ListedDocument,
    PassageDetails,
    RemovedDocument,
    Verification,
    job_json,
    listed_document_json,
    passage_details_json,
    passage_number,
)
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_body, from_query_string, json_body, validated
from qa.web.schemas.requests import AddressRequest, DocumentRequest, PageParameters, VerifyRequest

blueprint = Blueprint("documents", __name__)

MAX_UPLOAD_BYTES = 50_000_000
# Accepted and unfinished. Each holds its file on disk.
MAX_WAITING_JOBS = 10_000


def _document_links(pointer: str) -> dict[str, dict[str, str]]:
    """Operations on the document whose id is in the response body, in the object at the JSON pointer."""
    operations = ("documents.show_document", "documents.show_text", "documents.remove_document")
    return {operation: {"document_id": f"$response.body#/{pointer}/id"} for operation in operations}


@route(blueprint, "GET", "/v1/documents", READ, "List the documents", query=PageParameters, links=_document_links("data/0"))
def list_documents() -> DocumentList:
    page = from_query_string(request, PageParameters)
    engine = service().engine
    documents = engine.documents(page.after, page.limit + 1)
    shown = documents[: page.limit]
    counts = engine.passage_counts([document.id for document in shown])
    data = [listed_document_json(document, counts.get(document.id, 0)) for document in shown]
    return {"data": data, "next": shown[-1].id if len(documents) > page.limit else None}


@route(
    blueprint,
    "POST",
    "/v1/documents",
    WRITE,
    "Add or replace a document",
    request=(DocumentRequest, AddressRequest),
    upload=True,
    status=202,
    errors=(507,),
    links={"documents.show_job": {"job_id": "$response.body#/job/id"}, **_document_links("document")},
)
def add_document() -> tuple[AcceptedDocument, int, dict[str, str]]:
    request.max_content_length = MAX_UPLOAD_BYTES
    refuse_when_full()
    job = _accept_upload() if request.mimetype == "multipart/form-data" else _accept_json()
    return {"job": job_json(job), "document": {"id": job.document_id}}, 202, {"Location": f"/v1/jobs/{job.id}"}


@route(blueprint, "GET", "/v1/documents/<document_id:document_id>", READ, "Show a document")
def show_document(document_id: str) -> ListedDocument:
    document = _document(document_id)
    count = service().engine.passage_counts([document.id]).get(document.id, 0)
    return listed_document_json(document, count)


@route(blueprint, "DELETE", "/v1/documents/<document_id:document_id>", WRITE, "Remove a document", errors=(507,))
def remove_document(document_id: str) -> RemovedDocument:
    if not writer().engine.remove(document_id):
        raise _not_found("document", document_id)
    return {"id": document_id, "deleted": True}


@route(blueprint, "GET", "/v1/documents/<document_id:document_id>/text", READ, "Show the text of a document")
def show_text(document_id: str) -> DocumentText:
    content = service().engine.content(document_id)
    if content is None:
        raise _not_found("document", document_id)
    return {"text": content.text, "version": content.version}


@route(blueprint, "GET", "/v1/passages/<passage_id>", READ, "Show a passage")
def show_passage(passage_id: str) -> PassageDetails:
    number = passage_number(passage_id)
    found = service().engine.passages([number]) if number is not None else []
    if not found:
        raise _not_found("passage", passage_id)
    return passage_details_json(found[0])


@route(blueprint, "GET", "/v1/jobs/<job_id>", WRITE, "Show the status of a job")
def show_job(job_id: str) -> JobState:
    number = passage_number(f"p{job_id}")
    job = writer().engine.jobs.job(number) if number is not None else None
    if job is None:
        raise _not_found("job", job_id)
    return job_json(job)


@route(blueprint, "POST", "/v1/verify", READ, "Verify a quote", request=(VerifyRequest,))
def verify_quote() -> Verification:
    body = from_body(request, VerifyRequest)
    content = service().engine.content(body.document_id)
    verdict, place = verify(content.text if content else None, body.quote, body.start, body.end)
    return {
        "status": verdict.value,
        "start": place[0] if place else None,
        "end": place[1] if place else None,
        "version": content.version if content else None,
        "version_is_current": content is not None and body.version in (None, content.version),
    }


def refuse_when_full() -> None:
    """Raise Problem 503 if too many jobs are waiting."""
    if writer().engine.jobs.waiting() >= MAX_WAITING_JOBS:
        raise Problem(503, "Too many documents are waiting; retry in 30 seconds.", headers={"Retry-After": "30"})


def _accept_json() -> Job:
    body = json_body(request)
    if "url" in body and body.keys().isdisjoint(("title", "text")):
        return _accept_address(validated(AddressRequest, body))
    document = validated(DocumentRequest, body)
    identity = json.dumps([document.title, document.text, document.url]).encode()
    document_id = document.id or readable_id(document.title, identity)
    record = document.model_dump(exclude_none=True) | {"id": document_id}
    return writer().accept("document.jsonl", json.dumps(record).encode(), document_id)


def _accept_address(body: AddressRequest) -> Job:
    """Raises Problem 422 for an address that the settings do not allow, before it is fetched."""
    try:
        return writer().accept_address(body.url, body.id or id_for_address(body.url))
    except FetchError as error:
        raise Problem.of_field("url", str(error)) from error


def _accept_upload() -> Job:
    unknown = [*(name for name in request.files if name != "file"), *(name for name in request.form if name != "id")]
    if unknown:
        raise Problem.of_field(unknown[0], "is unknown")
    uploads = request.files.getlist("file")
    if len(uploads) != 1 or not uploads[0].filename:
        raise Problem.of_field("file", "must be exactly one file")
    return accept_file(uploads[0], request.form.get("id"))


def accept_file(upload: FileStorage, document_id: str | None = None) -> Job:
    """Queue an uploaded file. Without an id, the document is named after the file. Raises Problem 422 for an invalid name or id."""
    name, body = upload.filename or "", upload.read()
    if document_id is None:
        document_id = readable_id(PurePath(name).stem, body)
    for field, value, check in (("file", name, check_text), ("id", document_id, check_document_id)):
        try:
            check(value)
        except ValueError as error:
            raise Problem.of_field(field, str(error)) from error
    return writer().accept(name, body, document_id)


def _document(document_id: str) -> StoredDocument:
    document = service().engine.document(document_id)
    if document is None:
        raise _not_found("document", document_id)
    return document


def _not_found(kind: str, name: str) -> Problem:
    return Problem(404, f"No {kind} has the id {name!r}; it may have been removed.")
