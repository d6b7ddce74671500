"""`/v1/jobs`: accepted work, and what became of it; failed jobs are retried or dismissed."""

from __future__ import annotations

from flask import Blueprint, request

from index.jobs import Job, JobStatus
from index.types import StoredDocument
from qa.ingest.contents import job_location
from qa.web.current import writer
from qa.web.routes import WRITE, route
from qa.web.schemas.document_requests import JobParameters
from qa.web.schemas.documents import JobList, JobState, RemovedJob, job_json, passage_number
from qa.web.schemas.problems import Problem
from qa.web.schemas.reading import from_query_string

blueprint = Blueprint("jobs", __name__)

_LINKS = {
    operation: {"job_id": "$response.body#/data/0/id"} for operation in ("jobs.show_job", "jobs.retry_job", "jobs.dismiss_job")
}


@route(blueprint, "GET", "/v1/jobs", WRITE, "List the jobs, the newest first", query=JobParameters, links=_LINKS)
def list_jobs() -> JobList:
    page = from_query_string(request, JobParameters)
    status = JobStatus(page.status) if page.status else None
    jobs = writer().engine.jobs.jobs(status, page.before, page.limit + 1)
    shown = jobs[: page.limit]
    return {"data": [shown_job(job) for job in shown], "next": str(shown[-1].id) if len(jobs) > page.limit else None}


@route(blueprint, "GET", "/v1/jobs/<job_id>", WRITE, "Show the status of a job")
def show_job(job_id: str) -> JobState:
    return shown_job(_job(job_id))


@route(blueprint, "POST", "/v1/jobs/<job_id>/retry", WRITE, "Try a failed job again", status=202, errors=(409, 507))
def retry_job(job_id: str) -> tuple[JobState, int]:
    job = _job(job_id)
    if not writer().retry(job.id):
        failed = job.status is JobStatus.FAILED
        raise Problem(409, "Its file is no longer kept; send it again." if failed else f"Only failed jobs; it is {job.status}.")
    return shown_job(_job(job_id)), 202


@route(blueprint, "DELETE", "/v1/jobs/<job_id>", WRITE, "Dismiss a failed job", errors=(409, 507))
def dismiss_job(job_id: str) -> RemovedJob:
    job = _job(job_id)
    if not writer().engine.jobs.dismiss(job.id):
        raise Problem(409, f"Only failed jobs; it is {job.status}. Removing the document {job.document_id!r} cancels it.")
    return {"id": str(job.id), "deleted": True}


def shown_job(job: Job) -> JobState:
    return job_json(job, _document(job) if job.status is JobStatus.DONE and job.documents == 1 else None)


def _document(job: Job) -> StoredDocument | None:
    found = writer().engine.documents_from(job_location(job))
    return found[0] if len(found) == 1 else None


def _job(job_id: str) -> Job:
    number = passage_number(f"p{job_id}")
    job = writer().engine.jobs.job(number) if number is not None else None
    if job is None:
        raise Problem(404, f"No job has the id {job_id!r}; it may have been dismissed.")
    return job
