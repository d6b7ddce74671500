"""The record of a job: its fields, and how it is found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from index.documents import now
from index.jobs import IfExists, Job, JobKind, JobStatus
from index.opensearch.state.file_parts import StoredFile
from index.opensearch.state.records import Source
from index.types import DamagedRow

# Those to search.
FIELDS = {"number": "long", "status": "keyword", "document_id": "keyword"}


def new_record(
    number: int,
    name: str,
    document_id: str,
    kind: JobKind,
    if_exists: IfExists,
    edits: Mapping[str, Any],
    body: StoredFile,
    by: str | None = None,
    failures: Sequence[str] = (),
    attempts: int = 0,
) -> Source:
    return {
        "number": number,
        "status": JobStatus.FAILED if failures else JobStatus.QUEUED,
        "kind": kind,
        "document_id": document_id,
        "name": name,
        "if_exists": if_exists,
        "edits": json.dumps(dict(edits)),
        "by": by,
        "attempts": attempts,
        "retry_at": None,
        "documents": 0,
        "outcomes": {},
        "failures": list(failures),
        "created": now(),
        "finished": now() if failures else None,
        "body": asdict(body),
        "worker": None,
    }


def job_of(source: Source) -> Job:
    """Raises DamagedRow."""
    try:
        return Job(
            id=int(source["number"]),
            status=JobStatus(source["status"]),
            kind=JobKind(source["kind"]),
            if_exists=IfExists(source["if_exists"]),
            **{name: source[name] for name in ("document_id", "name", "attempts", "retry_at", "documents", "outcomes")},
            **{name: source[name] for name in ("failures", "created", "finished")},
            edits=json.loads(source.get("edits", "{}")),
            by=source.get("by"),
        )
    except (KeyError, ValueError) as error:
        raise DamagedRow(f"the stored job {source.get('number')} is damaged ({error})") from error


def body_file(source: Source) -> StoredFile | None:
    """Where the bytes are, if they are kept."""
    return StoredFile(**source["body"]) if source["body"] else None


def is_due(source: Source) -> bool:
    """Whether a queued job may run now."""
    is_queued, retry_at = source["status"] == JobStatus.QUEUED, source["retry_at"]
    return is_queued and (retry_at is None or datetime.fromisoformat(retry_at) <= datetime.now(UTC))


def matching(
    *statuses: JobStatus, before: int | None = None, document_id: str | None = None, document_ids: Sequence[str] | None = None
) -> Source:
    """A query for jobs in one of the states, below a number, of one document or of several."""
    filters: list[dict[str, Any]] = [{"terms": {"status": list(statuses)}}]
    if before is not None:
        filters.append({"range": {"number": {"lt": before}}})
    ids = [document_id] if document_id is not None else document_ids
    if ids is not None:
        filters.append({"terms": {"document_id": list(ids)}})
    return {"bool": {"filter": filters}}
