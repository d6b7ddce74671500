"""Deletes what processes that were killed left in a cluster: rows of documents, originals, and bytes that no record names."""

from __future__ import annotations

from index.opensearch.connection import Connection
from index.opensearch.documents.writing import LEFT_OVER_SECONDS, Writer
from index.opensearch.state.file_parts import FileParts
from index.opensearch.state.jobs import ClusterJobs
from index.opensearch.state.originals import ClusterOriginals


def sweep(
    connection: Connection,
    writer: Writer,
    jobs: ClusterJobs,
    originals: ClusterOriginals,
    older_than: float = LEFT_OVER_SECONDS,
) -> None:
    """`older_than`: seconds after which rows and bytes without a record are left over for certain."""
    writer.sweep(older_than)
    originals.sweep()
    FileParts(connection).sweep(lambda key: jobs.names_file(key) or originals.names_file(key), older_than)
