"""Requests to a cluster: any of its nodes, within a deadline, again where that is safe, and errors in the words of this project."""

from __future__ import annotations

import json
import logging
import time
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import opensearchpy

from index.opensearch.address import ClusterAddress
from index.types import EngineUnavailable, StorageFull, StoreError

# Seconds until a request counts as failed, with all its attempts. A primary is there again .4 to 2.2 s after its node was killed; a
# node that hangs leaves the cluster after 33 s, and until then the others answer.
READ_SECONDS = 10.0
WRITE_SECONDS = 30.0
# Of one attempt. A node that hangs accepts connections, so that only this finds it.
ATTEMPT_SECONDS = 5.0
WRITE_ATTEMPT_SECONDS = 15.0
# Until a cluster of which no node accepts a connection is given up: nobody waits for the deadline then.
REFUSED_SECONDS = 1.5
PAUSE_SECONDS = 0.1
CONNECTIONS = 32  # to each node, as many as there are threads that answer
DEAD_SECONDS = 2.0  # a node that refused a connection is left out for this long, if there are others
TOO_MANY = 429

# Settings of an index that one shard holds; a copy of it if there are several nodes.
SMALL_INDEX = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}}

# Every failure is raised; the library would log a line for each attempt too.
logging.getLogger("opensearch").setLevel(logging.CRITICAL)


class SearchFailed(EngineUnavailable):
    """Part of the documents could not be searched, or the point in time that was searched has gone."""


class ClosedToChanges(EngineUnavailable):
    """Another index takes the place of this one, or has taken it."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: Any


class Connection:
    """A client of one cluster for the indices whose names begin with that of the address. Several threads may use it at once.

    Its sockets are closed when nobody uses it any more.
    """

    def __init__(self, address: ClusterAddress) -> None:
        """Connects with the first request. Raises StoreError for a certificate that cannot be read."""
        self.address = address
        self.name = address.name
        self._counts = False  # whether the index of counters is known to be there
        self._hosts = len(address.hosts)
        login = (address.user, address.password or "") if address.user else None
        try:
            self._transport = opensearchpy.Transport(
                [{"host": host, "port": port} for host, port in address.hosts],
                http_auth=login,
                max_retries=0,
                retry_on_timeout=True,  # that is, a node that does not answer counts as dead too
                pool_maxsize=CONNECTIONS,
                dead_timeout=DEAD_SECONDS,
                timeout_cutoff=0,
                **_tls(address),
            )
        except (OSError, opensearchpy.ImproperlyConfigured) as error:
            raise StoreError(f"the certificates for {address} cannot be used: {error}") from error
        weakref.finalize(self, self._transport.close)

    def index(self, suffix: str) -> str:
        """The name of an index."""
        return f"{self.name}-{suffix}"

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        accept: Collection[int] = (),
        retry: bool = True,
        seconds: float = READ_SECONDS,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> Response:
        """The response, also with a status of `accept`. `body`: JSON, or lines of JSON as bytes.

        `retry`: send it again after a failure that passes. Its first attempt may have been carried out: a conditional write then meets
        itself as 409. Raises EngineUnavailable, or StoreError for what the cluster refuses.
        """
        began = time.monotonic()
        headers = {"content-type": "application/x-ndjson" if isinstance(body, bytes) else "application/json"}
        refused = 0
        while True:
            left = began + seconds - time.monotonic()
            try:
                return Response(
                    200,
                    self._transport.perform_request(
                        method, path, dict(params or {}), body, timeout=max(min(left, attempt_seconds), 0.05), headers=headers
                    ),
                )
            except opensearchpy.TransportError as error:
                if error.status_code in accept:
                    return Response(int(error.status_code), error.info)
                failure = self._failure(error)
                refused = refused + 1 if _is_refused(error) else 0
            elapsed = time.monotonic() - began
            given_up = refused >= self._hosts and elapsed > REFUSED_SECONDS
            passes = isinstance(failure, EngineUnavailable) and not isinstance(failure, ClosedToChanges)
            if not (retry and passes) or given_up or elapsed + PAUSE_SECONDS > seconds:
                raise failure
            if refused != 1 or self._hosts == 1:  # after one refusal another node is asked at once
                time.sleep(PAUSE_SECONDS)

    def search_many(
        self, searches: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], *, again: bool = True, partial: bool = False
    ) -> list[Any]:
        """The results of several searches, each a header and a body, in one request.

        `again`: repeat it until the deadline. `partial`: take the results of the shards that are there; otherwise the lack of one is a
        failure. Raises SearchFailed.
        """
        allowed = {"allow_partial_search_results": partial}
        lines = as_lines(part for header, body in searches for part in ({**allowed, **header}, body))
        began = time.monotonic()
        while True:
            results: list[Any] = self.request("POST", "/_msearch", lines).body["responses"]
            failed = [result for result in results if _has_failed(result, partial)]
            if not failed:
                return results
            if not all(map(_passes, failed)):
                raise StoreError(f"the cluster refused a search: {_reason(failed[0])}")
            if not again or time.monotonic() - began > READ_SECONDS:
                raise SearchFailed(f"part of the documents in the cluster {self.address} is not available; try again later")
            time.sleep(PAUSE_SECONDS)

    def bulk(self, operations: Iterable[Mapping[str, Any]], *, refresh: bool = False) -> list[Any]:
        """The results of operations, each a line of its own, and of writes with the document on the next line.

        An operation whose external version is not the newest has the status 409, which is no failure. Raises StoreError for others.
        """
        body, began = as_lines(operations), time.monotonic()
        while True:
            params = {"refresh": "true"} if refresh else {}
            found = self.write("POST", "/_bulk", body, params=params).body
            items = [next(iter(item.values())) for item in found["items"]]
            failed = [item for item in items if item["status"] >= 400 and item["status"] not in (404, 409)]
            if not failed:
                return items
            if any(_is_full(item) for item in failed):
                raise self._full()
            if any(_is_closed(item) for item in failed):
                raise self._closed()
            if not all(_is_passing(item["status"]) for item in failed):
                raise StoreError(f"the cluster refused a document: {_reason(failed[0])}")
            if time.monotonic() - began > WRITE_SECONDS:
                raise EngineUnavailable(f"the cluster {self.address} does not store documents now: {_reason(failed[0])}")
            time.sleep(PAUSE_SECONDS)

    def write(self, method: str, path: str, body: Any = None, **options: Any) -> Response:
        """As `request`, with the patience of a write."""
        return self.request(
            method, path, body, **{"seconds": WRITE_SECONDS, "attempt_seconds": WRITE_ATTEMPT_SECONDS} | options
        )

    def create_index(
        self, suffix: str, mappings: Mapping[str, Any], settings: Mapping[str, Any], aliases: Mapping[str, Any] | None = None
    ) -> None:
        """Create an index unless it is there; another process may do so at the same time."""
        body = {"mappings": mappings, "settings": settings, "aliases": aliases or {}}
        path = f"/{self.index(suffix)}"
        created = self.write("PUT", path, body, accept=(400,))
        if created.status == 400 and created.body["error"]["type"] != "resource_already_exists_exception":
            raise StoreError(f"the cluster refused to create {self.index(suffix)}: {_reason(created.body)}")

    def next(self, counter: str, by: int = 1) -> int:
        """Raise a counter of the cluster; the last of the `by` numbers given. They rise and are never given twice, but may be left out."""
        if not self._counts:
            self.create_index("counters", {"dynamic": False}, SMALL_INDEX)
            self._counts = True
        change = {"script": {"source": "ctx._source.value += params.by", "params": {"by": by}}, "upsert": {"value": by}}
        params = {"retry_on_conflict": 100, "_source": "true"}
        done = self.write("POST", f"/{self.index('counters')}/_update/{counter}", change, params=params)
        return int(done.body["get"]["_source"]["value"])

    def counter(self, counter: str) -> int:
        """The number given last, by any process; 0 before the first."""
        found = self.request("GET", f"/{self.index('counters')}/_doc/{counter}", accept=(404,))
        return int(found.body["_source"]["value"]) if found.status == 200 else 0

    def _full(self) -> StorageFull:
        return StorageFull(f"the disks of the cluster {self.address} are full; nothing is stored until there is space")

    def _closed(self) -> ClosedToChanges:
        return ClosedToChanges(
            f"the documents of {self.address} get vectors of another embedding model, or have them: restart this process when"
            " `qa rebuild` has ended"
        )

    def _failure(self, error: opensearchpy.TransportError) -> StoreError:
        if isinstance(error, opensearchpy.SSLError):
            return StoreError(f"the certificate of the cluster {self.address} is not trusted ({error.error}): set engine_ca")
        if isinstance(error, opensearchpy.ConnectionTimeout):
            return EngineUnavailable(f"the cluster {self.address} does not answer; try again later")
        if isinstance(error, opensearchpy.ConnectionError):
            return EngineUnavailable(f"no node of the cluster {self.address} can be reached; try again later")
        match error.status_code:
            case 403 if _is_closed(error.info):
                return self._closed()
            case 401 | 403:
                return StoreError(
                    f"the cluster {self.address} refuses access: check engine_user, engine_password and its rights"
                )
            case 429 if _is_full(error.info):
                return self._full()
            case int(status) if _is_passing(status):
                return EngineUnavailable(
                    f"the cluster {self.address} cannot do this now: {_reason(error.info)}; try again later"
                )
            case _:
                return StoreError(f"the cluster {self.address} refused a request: {_reason(error.info)}")


def as_lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n" for value in values).encode(
        "utf-8", "surrogatepass"
    )


def _tls(address: ClusterAddress) -> dict[str, Any]:
    if not address.uses_tls:
        return {}
    verified = address.tls != "unverified"
    files = {"ca_certs": address.ca, "client_cert": address.certificate, "client_key": address.key}
    for path in filter(None, files.values()):
        path.read_bytes()
    named = {name: str(path) for name, path in files.items() if path}
    return {
        "use_ssl": True,
        "verify_certs": verified,
        "ssl_assert_hostname": None if verified else False,
        "ssl_show_warn": False,
        **named,
    }


def _is_full(info: Any) -> bool:
    """Whether the cluster has made an index read-only because a disk is past the last watermark."""
    return "disk usage exceeded" in str(info)


def _is_closed(info: Any) -> bool:
    """Whether an index refuses changes because another one is about to take its place."""
    return "FORBIDDEN/8/" in str(info)


def _is_refused(error: opensearchpy.TransportError) -> bool:
    return isinstance(error, opensearchpy.ConnectionError) and not isinstance(error, opensearchpy.ConnectionTimeout)


def _has_failed(result: Any, partial: bool) -> bool:
    """A shard that is just starting counts neither as failed nor as missing, though nothing of it was searched."""
    if "error" in result or partial:
        return "error" in result
    return bool(result["_shards"]["successful"] < result["_shards"]["total"] or result["timed_out"])


def _passes(result: Any) -> bool:
    """Whether a failed search may succeed a moment later, on another node or point in time."""
    return (
        "error" not in result
        or _is_passing(result.get("status", 503))
        or "search_context_missing" in json.dumps(result["error"])
    )


def _is_passing(status: int) -> bool:
    """Whether an error may be gone a moment later: too many requests, no primary, or, as 500, a node that is not connected any more."""
    return status == TOO_MANY or status >= 500


def _reason(info: Any) -> str:
    error = info.get("error", info) if isinstance(info, dict) else info
    if not isinstance(error, dict):
        return str(error)
    causes = error.get("root_cause") or [error]
    failed = error.get("failed_shards") or []
    return str(next((shard["reason"].get("reason") for shard in failed if "reason" in shard), None) or causes[0].get("reason"))
