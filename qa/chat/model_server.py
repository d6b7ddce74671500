"""An OpenAI-compatible server of a language model, asked for one streamed answer.

It opens connections only to the address that the operator set: no redirect is followed, no proxy of the
environment is asked. A thread of its own reads, so that no server, however it behaves, is waited for longer than is allowed.
"""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from corpus.types import QuotableError

CONNECT_SECONDS = 5.0
LONGEST_LINE = 1_000_000  # bytes
LONGEST_ANSWER = 50_000  # characters
# Each holds a thread of the server that streams to its client; the others stay free for what needs no model.
AT_ONCE = 4

Message = Mapping[str, str]


class ModelFailed(QuotableError):
    """The language model gave no whole answer; the message completes "the language model …"."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the server counted them."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class ModelServer:
    """`url`: the base of its routes, such as http://127.0.0.1:8080/v1. `silence`: seconds without a word that are waited for, to
    the first one too; `timeout`: seconds for a whole answer.
    """

    url: str
    model: str
    key: str | None = None
    silence: float = 20.0
    timeout: float = 60.0
    _free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE), repr=False)

    def answer(self, messages: Sequence[Message]) -> Iterator[str | Usage]:
        """The pieces of an answer as they come, and the usage where the server tells it. Raises ModelFailed."""
        if not self._free.acquire(blocking=False):
            raise ModelFailed("is busy with other questions")
        call = _Call(self, messages)
        threading.Thread(target=call.run, name="language-model", daemon=True).start()
        end = time.monotonic() + self.timeout
        try:
            while (said := self._next(call, end)) is not None:
                yield said
        finally:
            call.stop()

    def _next(self, call: _Call, end: float) -> str | Usage | None:
        left = end - time.monotonic()
        try:
            said = call.said.get(timeout=max(min(self.silence, left), 0.0))
        except queue.Empty:
            if left > self.silence:
                raise _silent(self.silence) from None
            raise ModelFailed(f"was not ready ({min(self.silence, self.timeout):g} s)") from None
        if isinstance(said, ModelFailed):
            raise said
        return said


class _Call:
    """One request, read in a thread of its own, which ends when it is stopped or nothing comes any more."""

    def __init__(self, server: ModelServer, messages: Sequence[Message]) -> None:
        self._server = server
        self._messages = messages
        self._stopped = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None  # the connection lets go of it while its response is still read
        self.said: queue.SimpleQueue[str | Usage | ModelFailed | None] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            for said in self._read():
                self.said.put(said)
            self.said.put(None)
        except ModelFailed as failure:
            self.said.put(failure)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, TimeoutError) and self._socket:
                self.said.put(_silent(self._server.silence))
                return
            self.said.put(ModelFailed(f"cannot be reached, or broke off ({type(error).__name__})"))
        except Exception as error:  # noqa: BLE001 - whatever a server sends, the one who waits is told
            self.said.put(ModelFailed(f"sent what cannot be read ({type(error).__name__})"))
        finally:
            if self._connection:
                self._connection.close()
            self._server._free.release()

    def stop(self) -> None:
        """Wake the thread from whatever it waits for."""
        self._stopped.set()
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> Iterator[str | Usage]:
        response = self._response()
        if response.headers.get_content_type() == "application/json":  # a server that does not stream
            yield from _whole(_json(response.read(LONGEST_LINE)))
            return
        written, finished = 0, False
        while not self._stopped.is_set():
            line = response.readline(LONGEST_LINE)
            if not line:
                break
            data = _data(line)
            if data is None:
                continue
            if data == b"[DONE]":
                return
            event = _json(data)
            for said in _pieces(event):
                written += len(said) if isinstance(said, str) else 0
                yield said
            if written > LONGEST_ANSWER:
                raise ModelFailed(f"went on for more than {LONGEST_ANSWER:,} characters")
            finished = finished or bool(_choice(event).get("finish_reason"))
        if not finished:
            raise ModelFailed("broke off")

    def _response(self) -> http.client.HTTPResponse:
        server, parts = self._server, urlsplit(self._server.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = self._connection = kind(str(parts.hostname), parts.port, timeout=min(CONNECT_SECONDS, server.silence))
        connection.connect()
        self._socket = connection.sock
        self._socket.settimeout(server.silence)
        if self._stopped.is_set():
            raise ModelFailed("was not waited for")
        body = {"model": server.model, "messages": list(self._messages), "stream": True, "temperature": 0}
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if server.key:
            headers["Authorization"] = f"Bearer {server.key}"
        path = (parts.path.rstrip("/") or "/v1").removesuffix("/chat/completions")
        connection.request("POST", f"{path}/chat/completions", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise ModelFailed(f"answered with status {response.status}")
        return response


def _silent(seconds: float) -> ModelFailed:
    return ModelFailed(f"said nothing for too long ({seconds:g} s)")


def _data(line: bytes) -> bytes | None:
    """What a line of an event stream says; None for a comment, another field or the line between events."""
    if not line.endswith(b"\n") and len(line) >= LONGEST_LINE:
        raise ModelFailed("sent a line without an end")
    name, _, value = line.strip().partition(b":")
    return value.strip() if name == b"data" else None


def _json(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelFailed("sent an event that is not JSON") from error
    if not isinstance(event, dict):
        raise ModelFailed("sent an event that is no object")
    if event.get("error"):
        raise ModelFailed("answered with an error")
    return event


def _choice(event: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _pieces(event: Mapping[str, Any]) -> Iterator[str | Usage]:
    delta = _choice(event).get("delta")
    delta = delta if isinstance(delta, dict) else {}
    text = delta.get("content")
    if isinstance(text, str) and text:
        yield text
    elif delta.get("reasoning_content") or delta.get("reasoning"):
        yield ""  # it thinks, and is not silent
    yield from _usage(event)


def _whole(event: Mapping[str, Any]) -> Iterator[str | Usage]:
    message = _choice(event).get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise ModelFailed("sent no answer")
    yield text[:LONGEST_ANSWER]
    yield from _usage(event)


def _usage(event: Mapping[str, Any]) -> Iterator[Usage]:
    usage = event.get("usage")
    if isinstance(usage, dict):
        read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(read, int) and isinstance(written, int) and min(read, written) >= 0:
            yield Usage(read, written)
