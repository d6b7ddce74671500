"""`/manage`: the documents that a search and filters select, the additions that failed, and forms to add more."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, render_template, request
from pydantic import Field

from index.jobs import Job, JobStatus
from qa.web.api.documents import MAX_UPLOAD_BYTES, page_of_documents
from qa.web.current import collections, settings, writer
from qa.web.pages.manage.address import LIST_FIELDS, list_address, list_query, require_manage_page
from qa.web.routes import WRITE, route
from qa.web.schemas.document_requests import SORT, PageParameters
from qa.web.schemas.documents import listed_documents_json, passage_number
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import validated

blueprint = Blueprint("list", __name__)

MAX_JOBS = 100  # shown on one page, and in one address
FAILURES_SHOWN = 20
MAX_TYPES = 50
STATES = {"ready": "Ready", "updating": "Updating", "failed": "Update failed"}
# In the order of the columns; the words for ascending and descending order.
SORTS = {
    "title": ("Title A–Z", "Title Z–A"),
    "file_name": ("File name A–Z", "File name Z–A"),
    "type": ("Type A–Z", "Type Z–A"),
    "date": ("Oldest date", "Newest date"),
    "language": ("Language A–Z", "Language Z–A"),
    "added": ("First added", "Last added"),
    "changed": ("First changed", "Last changed"),
}
DESCENDING_FIRST = frozenset({"date", "added", "changed"})
_OUTCOMES = {"added": "Added", "replaced": "Replaced", "unchanged": "Already there", "kept": "Kept as it was"}


class ListParameters(PageParameters):
    """The query string of the list; empty fields of its form are dropped before."""

    sort: Annotated[str, Field(pattern=SORT)] = "-changed"
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50


@route(blueprint, "GET", "/manage", WRITE, public=False)
def list_page() -> tuple[str, int]:
    require_manage_page()
    values = {name: request.args[name] for name in (*LIST_FIELDS, "after") if request.args.get(name)}
    try:
        return _render(values, validated(ListParameters, values)), 200
    except Problem as problem:
        words = "; ".join(f"{_FIELD_NAMES.get(one['field'], one['field'])} {one['message']}" for one in problem.errors)
        return _render(values, ListParameters(), error=words or problem.detail), problem.status


_FIELD_NAMES = {"date_from": "“Dated from”", "date_to": "“to”", "after": "The place of the page", "state": "The state"}


def _render(values: dict[str, str], parameters: ListParameters, error: str | None = None) -> str:
    engine = writer().engine
    page, after = page_of_documents(parameters)
    before = passage_number(f"p{request.args.get('failed_before', '')}")
    failed = engine.jobs.jobs(JobStatus.FAILED, before, FAILURES_SHOWN + 1)
    documents, passages = engine.counts()
    query = list_query(values)
    return render_template(
        "manage/list.html",
        counts=(documents, passages, engine.jobs.waiting(), engine.jobs.failed()),
        jobs=_jobs(request.args.getlist("job")),
        failed=failed[:FAILURES_SHOWN],
        older_failures=failed[FAILURES_SHOWN - 1].id if len(failed) > FAILURES_SHOWN else None,
        documents=listed_documents_json(engine, page.documents),
        total=page.total,
        query=query,
        next=list_address(query, after=after) if after else None,
        first=list_address(query) if parameters.after else None,
        values=values,
        filtered=any(name in values for name in LIST_FIELDS if name != "sort"),
        sort=parameters.sort,
        sort_address=lambda key: list_address(query, sort=_next_order(key, parameters.sort)),
        sorts=[(sign + key, words[bool(sign)]) for key, words in SORTS.items() for sign in ("", "-")],
        states=STATES,
        collections=collections(),
        types=sorted(str(value) for value, _ in engine.facets("type", None, MAX_TYPES)),
        error=error,
        removed=passage_number(f"p{request.args.get('removed', '')}"),
        dismissed=passage_number(f"p{request.args.get('dismissed', '')}"),
        outcome_words=outcome_words,
        most_bytes=MAX_UPLOAD_BYTES,
        fetches_addresses=bool(settings().url_hosts or settings().url_private_hosts),
    )


def _next_order(key: str, current: str) -> str:
    """The order that the head of a column leads to: the other direction, if the list is in the order of that column."""
    if current.removeprefix("-") == key:
        return key if current.startswith("-") else f"-{key}"
    return f"-{key}" if key in DESCENDING_FIRST else key


def outcome_words(job: Job) -> str:
    """What a finished job did, in words. static/manage/adding.js does the same."""
    (kind,) = job.outcomes if len(job.outcomes) == 1 else ("",)
    word = _OUTCOMES.get(kind, "Done")
    return f"{word}: {job.documents} documents" if job.documents > 1 else word


def _jobs(names: list[str]) -> list[Job]:
    """The jobs of an address that have not failed, which are listed anyway."""
    numbers = [number for name in names[:MAX_JOBS] if (number := passage_number(f"p{name}")) is not None]
    found = [job for number in numbers if (job := writer().engine.jobs.job(number))]
    return [job for job in found if job.status is not JobStatus.FAILED]
