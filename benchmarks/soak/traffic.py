"""Traffic of the soak test: every interface, changing documents, clients that hang up and invalid requests."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from benchmarks.soak.files import FORMATS, SUBJECTS
from benchmarks.speed.questions import questions

# The harness and the server may both be stopped for minutes while something else is measured.
PATIENCE = 900.0
ASKED = questions(1_500)
REPEATED = ASKED[:40]
IDS = 3  # documents of each format: they are replaced, so that the folder stays as large as it is
TEXTS = 40  # of each format: they repeat, so that the cache of passages (4,096 of 25 kB each) is soon full
# Refusals that are in order at any time: too much at once; no space.
ALWAYS = {503, 507}


@dataclass(slots=True)
class Tally:
    """Responses by kind of visit and status, and unexpected ones."""

    answers: Counter[str] = field(default_factory=Counter)
    unforeseen: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    broken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, visit: str, status: int, expected: set[int], body: bytes) -> None:
        with self.lock:
            self.answers[f"{visit} {status}"] += 1
            if status not in expected | ALWAYS:
                self.unforeseen.append(f"{visit} {status} {body[:200]!r}")

    def note_broken(self, visit: str) -> None:
        with self.lock:
            self.answers[f"{visit} broken"] += 1
            self.broken += 1

    @property
    def requests(self) -> int:
        return self.answers.total()


class Visitor:
    """One client with a persistent connection and its own random numbers."""

    def __init__(self, address: tuple[str, int], tally: Tally, seed: int) -> None:
        self.address, self.tally, self.chance = address, tally, random.Random(seed)
        self._connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
        self.visit = ""

    def go(self) -> None:
        """One visit of a random kind."""
        (kind,) = self.chance.choices(VISITS, WEIGHTS)
        self.visit = kind.__name__.removeprefix("_")
        try:
            kind(self)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self.tally.note_broken(self.visit)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, target: str, body: Any = None, kind: str = "application/json", *expected: int) -> bytes:
        """`body`: bytes, or a value sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self._connection.request(method, target, content, {"Content-Type": kind} if content is not None else {})
        answer = self._connection.getresponse()
        read = answer.read()
        self.tally.note(self.visit, answer.status, set(expected or (200,)), read)
        return read if answer.status == 200 else b""

    def question(self) -> str:
        """One of forty questions, or a mostly new one, sometimes misspelt."""
        if self.chance.random() < 0.4:
            return self.chance.choice(REPEATED)
        word = "".join(self.chance.choices("aeinorst", k=6))
        return (
            f"{self.chance.choice(ASKED)[:-1]} {self.chance.choice(SUBJECTS)} {self.chance.choice(('', word))} {self.number()}?"
        )

    def number(self) -> int:
        return self.chance.randrange(1_000_000)

    def hang_up(self, target: str, body: bytes, after: int) -> None:
        """Send a request, read some bytes of the response, and close the connection."""
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(self.address, timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + body)
            if after:
                connection.recv(after)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an orderly end
        self.tally.note(self.visit, 200, {200}, b"")


def _search_by_address(visitor: Visitor) -> None:
    visitor.ask("GET", f"/v1/search?q={quote_plus(visitor.question())}")


def _search(visitor: Visitor) -> None:
    body: dict[str, Any] = {"query": visitor.question(), "limit": visitor.chance.randint(1, 20)}
    if visitor.chance.random() < 0.3:
        body["filter"] = {"type": "in", "key": "language", "value": ["en", "fr"]}
    if visitor.chance.random() < 0.3:
        body |= {"facets": ["type", "year"], "explain": True}
    visitor.ask("POST", "/v1/search", body)


def _follow_up(visitor: Visitor) -> None:
    turns = [{"role": "user", "content": visitor.question()}, {"role": "assistant", "content": "“It does.” [1]"}]
    visitor.ask("POST", "/v1/search", {"query": f"And in {visitor.chance.choice(('Wales', 'London'))}?", "history": turns})


def _chat(visitor: Visitor) -> None:
    visitor.ask("POST", "/v1/chat/completions", _conversation(visitor))


def _streamed_chat(visitor: Visitor) -> None:
    visitor.ask("POST", "/v1/chat/completions", _conversation(visitor) | {"stream": True})


def _conversation(visitor: Visitor) -> dict[str, Any]:
    messages = [{"role": "user", "content": visitor.question()}]
    if visitor.chance.random() < 0.3:
        messages += [{"role": "assistant", "content": "“It does.” [1]"}, {"role": "user", "content": "How much is it?"}]
    return {"model": "quotable", "messages": messages}


def _hanging_up(visitor: Visitor) -> None:
    after = visitor.chance.choice((0, 1, 200))
    if visitor.chance.random() < 0.5:
        visitor.hang_up("/v1/chat/completions", json.dumps(_conversation(visitor) | {"stream": True}).encode(), after)
    else:
        visitor.hang_up("/v1/search", json.dumps({"query": visitor.question(), "limit": 100}).encode(), after)


def _page(visitor: Visitor) -> None:
    asked = quote_plus(visitor.question())
    visitor.ask("GET", visitor.chance.choice(("/", f"/?q={asked}", f"/?q={asked}&type=html", f"/chat?q={asked}", "/docs")))


def _static(visitor: Visitor) -> None:
    visitor.ask("GET", visitor.chance.choice(("/static/quotable.css", "/openapi.json", "/v1/models", "/healthz", "/readyz")))


def _documents(visitor: Visitor) -> None:
    listed = visitor.ask("GET", "/v1/documents?limit=100")
    if not listed:
        return
    document = quote(visitor.chance.choice(json.loads(listed)["data"])["id"])
    # It may have been removed.
    visitor.ask("GET", f"/v1/documents/{document}", None, "", 200, 404)
    visitor.ask("GET", f"/v1/documents/{document}/text", None, "", 200, 404)
    visitor.ask("GET", f"/d/{document}", None, "", 200, 404)


def _verify(visitor: Visitor) -> None:
    found = visitor.ask("POST", "/v1/search", {"query": visitor.question()})
    for result in json.loads(found)["results"][:1] if found else ():
        visitor.ask("GET", f"/v1/passages/{result['id']}", None, "", 200, 404)
        body = {
            "quote": result["text"],
            "document_id": result["document"]["id"],
            "start": result["start"],
            "end": result["end"],
        }
        visitor.ask("POST", "/v1/verify", body)


def _vector_store(visitor: Visitor) -> None:
    visitor.ask("POST", "/v1/vector_stores/default/search", {"query": [visitor.question()], "max_num_results": 5})


def _add(visitor: Visitor) -> None:
    number = visitor.chance.randrange(TEXTS)
    body = {"id": f"soak-json-{number % IDS}", "title": f"Prices {number}", "text": FORMATS["txt"](number).decode()}
    visitor.ask("POST", "/v1/documents", body, "application/json", 202)


def _upload(visitor: Visitor) -> None:
    number, extension = visitor.chance.randrange(TEXTS), visitor.chance.choice(list(FORMATS))
    content = FORMATS[extension](number)
    if visitor.chance.random() < 0.1:  # damaged: the reader rejects it or reads the rest
        content = content[: len(content) // 2]
    mark, document = "b" * 40, f"soak-{extension}-{number % IDS}"
    part = f'--{mark}\r\nContent-Disposition: form-data; name="id"\r\n\r\n{document}\r\n--{mark}\r\n'
    part += f'Content-Disposition: form-data; name="file"; filename="prices.{extension}"\r\n\r\n'
    body = part.encode() + content + f"\r\n--{mark}--\r\n".encode()
    visitor.ask("POST", "/v1/documents", body, f"multipart/form-data; boundary={mark}", 202)


def _remove(visitor: Visitor) -> None:
    document = f"soak-{visitor.chance.choice(['json', *FORMATS])}-{visitor.chance.randrange(IDS)}"
    visitor.ask("DELETE", f"/v1/documents/{document}", None, "", 200, 404)


def _nonsense(visitor: Visitor) -> None:
    method, target, body, kind, status = visitor.chance.choice(NONSENSE)
    visitor.ask(method, target, body, kind, status)


NONSENSE: tuple[tuple[str, str, Any, str, int], ...] = (
    ("GET", "/v1/search", None, "", 422),
    ("GET", "/v1/search?q=%ff", None, "", 400),
    ("POST", "/v1/search", b"{", "application/json", 400),
    ("POST", "/v1/search", b"who", "text/plain", 415),
    ("POST", "/v1/search", {"query": "who", "unknown": 1}, "application/json", 422),
    ("POST", "/v1/search", {"query": "x" * 3_000}, "application/json", 422),
    ("POST", "/v1/chat/completions", {"messages": []}, "application/json", 400),
    ("POST", "/v1/documents", {"title": "", "text": ""}, "application/json", 422),
    ("GET", "/v1/jobs/999999999", None, "", 404),
    ("GET", "/v1/passages/p999999999", None, "", 404),
    ("GET", "/nothing/here", None, "", 404),
    ("PATCH", "/v1/search", None, "", 405),
)

MIX: dict[Callable[[Visitor], None], int] = {
    _search_by_address: 25,
    _search: 12,
    _follow_up: 8,
    _chat: 8,
    _streamed_chat: 8,
    _hanging_up: 6,
    _page: 8,
    _static: 4,
    _documents: 2,
    _verify: 2,
    _vector_store: 2,
    _add: 2,
    _upload: 3,
    _remove: 2,
    _nonsense: 6,
}
VISITS, WEIGHTS = tuple(MIX), tuple(MIX.values())
