"""Opens what a service keeps besides documents, in its data folder or its cluster: keys, calibration, kept questions, the audit log and
rate limits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from index.opensearch.address import ClusterAddress, parse
from qa.audit import FILE_NAME as AUDIT_FILE
from qa.audit import AuditLog
from qa.operate.question_log import FILE_NAME as QUESTIONS_FILE
from qa.operate.question_log import MAX_BYTES as MAX_QUESTION_BYTES
from qa.operate.question_log import QuestionLog
from qa.settings.settings import Settings
from qa.state_files import FolderFiles, FolderJournal, StateFiles

if TYPE_CHECKING:  # imported when a cluster is opened: the client takes a tenth of a second
    from index.opensearch.connection import Connection
    from index.opensearch.state.buckets import ClusterBuckets

# Of a process and an address, as long as it is used. A child process does not use the sockets of its parent.
_connections: WeakValueDictionary[tuple[int, ClusterAddress], Connection] = WeakValueDictionary()


def state_files_of(settings: Settings) -> StateFiles:
    """Keys, calibration and other small files of the service."""
    if not settings.engine:
        return FolderFiles(settings.data)
    from index.opensearch.state.state_files import ClusterFiles

    return ClusterFiles(open_connection(settings))


def questions_of(settings: Settings) -> QuestionLog:
    """The kept questions of the service."""
    if not settings.engine:
        return QuestionLog(FolderJournal(settings.data / QUESTIONS_FILE, MAX_QUESTION_BYTES))
    from index.opensearch.state.state_files import MAX_ENTRIES, ClusterJournal

    return QuestionLog(ClusterJournal(open_connection(settings), "questions", MAX_ENTRIES))


def audit_of(settings: Settings) -> AuditLog:
    """Who changed documents and keys of the service; entries are never refused."""
    if not settings.engine:
        return AuditLog(FolderJournal(settings.data / AUDIT_FILE))
    from index.opensearch.state.state_files import ClusterJournal

    return AuditLog(ClusterJournal(open_connection(settings), "audit"))


def cluster_buckets(settings: Settings) -> ClusterBuckets | None:
    """The rate limits that all front ends on a cluster share; None for a data folder."""
    if not settings.engine:
        return None
    from index.opensearch.state.buckets import ClusterBuckets

    return ClusterBuckets(open_connection(settings))


def open_connection(settings: Settings) -> Connection:
    """To the cluster that the settings name, shared by all its users in this process. Raises StoreError."""
    from index.opensearch.connection import Connection

    key = os.getpid(), cluster_of(settings)
    found = _connections.get(key)
    if found is None:
        found = _connections[key] = Connection(key[1])
    return found


def cluster_of(settings: Settings) -> ClusterAddress:
    """The cluster of settings that name one."""
    return replace(
        parse(settings.engine or ""),
        tls=settings.engine_tls,
        user=settings.engine_user,
        password=settings.engine_password,
        certificate=settings.engine_certificate,
        key=settings.engine_key,
        ca=settings.engine_ca,
    )
