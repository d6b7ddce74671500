"""Forms that add documents, and those that retry or dismiss additions that failed."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from index.jobs import JobStatus
from qa.web.api.documents import MAX_UPLOAD_BYTES, accept_address, accept_file, edits_of_form, refuse_when_full
from qa.web.api.jobs import dismiss_job, retry_job
from qa.web.current import writer
from qa.web.pages.manage.address import MANAGE, list_address, require_manage_page
from qa.web.routes import WRITE, route
from qa.web.schemas.document_requests import AddressRequest
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import validated

blueprint = Blueprint("adding", __name__)

ALL = "all"
_DISMISSED_TOGETHER = 1_000


@route(blueprint, "GET", "/upload", WRITE, public=False)
def former_upload_page() -> Response:
    return redirect(MANAGE, 301)


@route(blueprint, "POST", "/manage/files", WRITE)
def add_files() -> Response:
    """The form without scripts. With scripts each file goes to POST /v1/documents. `id`: of the one document to replace."""
    require_manage_page()
    request.max_content_length = MAX_UPLOAD_BYTES
    refuse_when_full()
    files = _files()
    document_id = request.form.get("id")
    if document_id is not None and len(files) > 1:
        raise Problem(422, "A document is replaced by one file. Go back and choose one.")
    edits = edits_of_form(request.form)
    jobs = [accept_file(file, document_id, edits=edits) for file in files]
    return redirect(list_address(request.form.get("list", ""), job=[job.id for job in jobs]), 303)


@route(blueprint, "POST", "/manage/address", WRITE)
def add_address() -> Response:
    require_manage_page()
    refuse_when_full()
    job = accept_address(validated(AddressRequest, {"url": request.form.get("url", "").strip()}))
    return redirect(list_address(request.form.get("list", ""), job=job.id), 303)


@route(blueprint, "POST", "/manage/failures", WRITE)
def handle_failures() -> Response:
    """`retry` or `dismiss`: the id of a failed job; `dismiss` may be "all"."""
    require_manage_page()
    query, retried, dismissed = (request.form.get(name, "") for name in ("list", "retry", "dismiss"))
    if retried:
        retry_job(retried)
        return redirect(list_address(query, job=retried), 303)
    if dismissed == ALL:
        return redirect(list_address(query, dismissed=_dismiss_all()), 303)
    dismiss_job(dismissed)
    return redirect(list_address(query, dismissed=1), 303)


def _files() -> list[FileStorage]:
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        raise Problem(422, "No file was chosen. Go back and choose one.")
    return files


def _dismiss_all() -> int:
    jobs, count = writer().engine.jobs, 0
    while done := sum(jobs.dismiss(job.id) for job in jobs.jobs(JobStatus.FAILED, None, _DISMISSED_TOGETHER)):
        count += done
    return count
