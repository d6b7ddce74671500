"""Client for an OpenAI-compatible language model server: one streamed chat completion.

Connects only to the address in the settings, follows no redirect and uses no proxy. Both time limits hold whatever the server sends.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from corpus.sources.addresses import PORTS, Address
from corpus.sources.deadline import Deadline, IdleTimeout, resolve_host
from corpus.types import QuotableError

if TYPE_CHECKING:
    from corpus.sources.http_client import Response

CONNECT_SECONDS = 5.0
MAX_LINE_BYTES = 1_000_000
MAX_ANSWER_CHARACTERS = 50_000
# Each call occupies a thread of the web server; the remaining threads stay free for requests without a model.
MAX_CONCURRENT_CALLS = 4

Message = Mapping[str, str]


class ModelFailed(QuotableError):
    """The language model gave no complete answer; the message completes "the language model …"."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as reported by the server."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class ModelServer:
    """`url`: the base URL of the API, such as http://127.0.0.1:8080/v1. `idle_timeout`: the longest wait in seconds for the next piece,
    including the first; `timeout`: seconds for a whole answer.
    """

    url: str
    model: str
    key: str | None = None
    idle_timeout: float = 20.0
    timeout: float = 60.0
    _free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_CONCURRENT_CALLS), repr=False)

    def answer(self, messages: Sequence[Message]) -> Iterator[str | Usage]:
        """Yield the pieces of an answer as they arrive, and the usage if the server reports it. Raises ModelFailed.

        "" is yielded while a model reasons without writing.
        """
        if not self._free.acquire(blocking=False):
            raise ModelFailed("is busy with other questions")
        try:
            deadline = Deadline(self.timeout, self.idle_timeout)
            with self._response(messages, deadline) as response:
                yield from _read_answer(response, deadline)
        except IdleTimeout as error:
            raise ModelFailed(f"sent nothing for {self.idle_timeout:g} s") from error
        except TimeoutError as error:
            raise ModelFailed(f"did not finish within {self.timeout:g} s") from error
        except OSError as error:
            raise ModelFailed(f"cannot be reached, or closed the connection early ({type(error).__name__})") from error
        finally:
            self._free.release()

    @contextmanager
    def _response(self, messages: Sequence[Message], deadline: Deadline) -> Iterator[Response]:
        from corpus.sources.http_client import send_request

        parts = urlsplit(self.url)
        path = (parts.path.rstrip("/") or "/v1").removesuffix("/chat/completions")
        address = Address(parts.scheme, str(parts.hostname), parts.port or PORTS[parts.scheme], f"{path}/chat/completions")
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        body = {"model": self.model, "messages": list(messages), "stream": True, "temperature": 0}
        with send_request(
            address,
            resolve_host(address.host, address.port, deadline),
            deadline,
            method="POST",
            headers=headers,
            body=json.dumps(body).encode(),
            connect_seconds=CONNECT_SECONDS,
        ) as response:
            if response.status != 200:
                raise ModelFailed(f"answered with status {response.status}")
            yield response


def _read_answer(response: Response, deadline: Deadline) -> Iterator[str | Usage]:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":  # a server that does not stream
        yield from _whole_answer(_parse_json(_read_body(response)))
        return
    length, finished = 0, False
    for line in _lines(response):
        name, _, data = line.strip().partition(b":")
        if name != b"data":  # a comment, another field or the end of an event
            continue
        if data.strip() == b"[DONE]":
            return
        event = _parse_json(data)
        for piece in _pieces(event):
            length += len(piece) if isinstance(piece, str) else 0
            yield piece
            deadline.restart_idle()
        if length > MAX_ANSWER_CHARACTERS:
            raise ModelFailed(f"wrote more than {MAX_ANSWER_CHARACTERS:,} characters")
        finished = finished or bool(_first_choice(event).get("finish_reason"))
    if not finished:
        raise ModelFailed("closed the connection before the end of its answer")


def _read_body(response: Response) -> bytes:
    body = b""
    for chunk in response.chunks:
        body += chunk
        if len(body) > MAX_LINE_BYTES:
            raise ModelFailed(f"sent more than {MAX_LINE_BYTES:,} bytes")
    return body


def _lines(response: Response) -> Iterator[bytes]:
    """The lines of the body as they arrive, the last one even if it has no line end."""
    buffer = b""
    for chunk in response.chunks:
        *lines, buffer = (buffer + chunk).split(b"\n")
        yield from lines
        if len(buffer) > MAX_LINE_BYTES:
            raise ModelFailed(f"sent a line of more than {MAX_LINE_BYTES:,} bytes")
    if buffer:
        yield buffer


def _parse_json(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelFailed("sent an event that is not JSON") from error
    if not isinstance(event, dict):
        raise ModelFailed("sent an event that is not a JSON object")
    if event.get("error"):
        raise ModelFailed("answered with an error")
    return event


def _first_choice(event: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _pieces(event: Mapping[str, Any]) -> Iterator[str | Usage]:
    delta = _first_choice(event).get("delta")
    delta = delta if isinstance(delta, dict) else {}
    text = delta.get("content")
    if isinstance(text, str) and text:
        yield text
    elif delta.get("reasoning_content") or delta.get("reasoning"):
        yield ""
    yield from _usage(event)


def _whole_answer(event: Mapping[str, Any]) -> Iterator[str | Usage]:
    message = _first_choice(event).get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise ModelFailed("sent no answer")
    yield text[:MAX_ANSWER_CHARACTERS]
    yield from _usage(event)


def _usage(event: Mapping[str, Any]) -> Iterator[Usage]:
    usage = event.get("usage")
    if isinstance(usage, dict):
        read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(read, int) and isinstance(written, int) and min(read, written) >= 0:
            yield Usage(read, written)
