"""`/upload`: adds documents from files (setting `upload_page`)."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from index.jobs import Job
from qa.web.api.documents import MAX_UPLOAD_BYTES, accept_file, refuse_when_full
from qa.web.current import settings, writer
from qa.web.routes import WRITE, route
from qa.web.schemas.documents import passage_number
from qa.web.schemas.problems import Problem

blueprint = Blueprint("upload", __name__)

MOST_JOBS = 100  # shown on one page
_OUTCOMES = {"added": "Added", "replaced": "Replaced", "unchanged": "Already there", "kept": "Kept as it was"}


@route(blueprint, "GET", "/upload", WRITE)
def upload_page() -> str:
    _require_upload_page()
    jobs = _jobs(request.args.getlist("job"))
    return render_template("upload.html", jobs=jobs, most_bytes=MAX_UPLOAD_BYTES, outcome_words=outcome_words)


@route(blueprint, "POST", "/upload", WRITE)
def upload() -> Response:
    """The form without scripts. With scripts each file goes to POST /v1/documents."""
    _require_upload_page()
    request.max_content_length = MAX_UPLOAD_BYTES
    refuse_when_full()
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        raise Problem(422, "No file was chosen")
    jobs = [accept_file(file) for file in files]
    return redirect(url_for(".upload_page", job=[job.id for job in jobs]), 303)


def outcome_words(job: Job) -> str:
    """What a finished job did, in words. static/upload.js does the same."""
    (kind,) = job.outcomes if len(job.outcomes) == 1 else ("",)
    word = _OUTCOMES.get(kind, "Done")
    return f"{word}: {job.documents} documents" if job.documents > 1 else word


def _require_upload_page() -> None:
    if not settings().upload_page:
        raise Problem(404, "The upload page is turned off; the setting `upload_page` turns it on")
    writer()


def _jobs(names: list[str]) -> list[Job]:
    numbers = [number for name in names[:MOST_JOBS] if (number := passage_number(f"p{name}")) is not None]
    return [job for number in numbers if (job := writer().engine.jobs.job(number))]
