"""`/v1/documents/{id}/versions`: the texts that a document has and had."""

from __future__ import annotations

from flask import Blueprint

from index.types import DocumentVersion
from qa.web.current import may_write, service
from qa.web.routes import READ, route
from qa.web.schemas.problems import Problem
from qa.web.schemas.versions import VersionList, VersionText, version_list_json, version_text_json

blueprint = Blueprint("versions", __name__)


@route(
    blueprint,
    "GET",
    "/v1/documents/<document_id:document_id>/versions",
    READ,
    "List the versions of a document",
    tag="documents",
    links={"versions.show_version": {"document_id": "$request.path.document_id", "version": "$response.body#/data/0/version"}},
)
def list_versions(document_id: str) -> VersionList:
    return version_list_json(_versions(document_id), name_authors=may_write())


@route(
    blueprint,
    "GET",
    "/v1/documents/<document_id:document_id>/versions/<version:version>",
    READ,
    "Show the text of a version",
    tag="documents",
)
def show_version(document_id: str, version: str) -> VersionText:
    content = service().engine.version_content(document_id, version)
    found = next((each for each in _versions(document_id) if each.stored.version == version), None)
    if content is None or found is None:
        raise Problem(404, f"The document {document_id!r} has no version {version}, or it is not kept any more.")
    return version_text_json(found, content, name_authors=may_write())


def _versions(document_id: str) -> list[DocumentVersion]:
    """Raises Problem 404 if there is no such document."""
    found = list(service().engine.versions(document_id))
    if not found:
        raise Problem(404, f"No document has the id {document_id!r}; it may have been removed.")
    return found
