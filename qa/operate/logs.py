"""What the program says of itself while it serves: a line an event on standard error, for people or as JSON.

What people ask and what documents say stays out of it. Our own messages are written so; of other libraries' the template is told
without its values, and of an exception nobody foresaw its kind and place, because its message may hold what it stumbled over. With
`questions` these are told too, redacted.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from corpus.types import QuotableError
from qa import observation
from qa.operate.redaction import redacted

LogFormat = Literal["text", "json"]

# Events of the program itself, which are told whatever the level: that it serves, and requests.
EVENTS = logging.getLogger("qa.events")
OURS = ("corpus", "index", "qa")
# Whose messages hold how to get into a collector, and never a question.
SECRETIVE = ("opentelemetry",)
# Characters of an unforeseen error, or of another library's message, that are told.
MOST_TOLD = 2_000
# waitress puts the address into the message itself.
WITHOUT_ADDRESS = " while serving "

# A terminal obeys them, and a line's end would begin a line that looks like another event.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}

_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), default=str).encode


def configure(form: LogFormat, *, questions: bool = False) -> None:
    """Log from now on in this form. For a process that serves: what ends a thread or is warned of is logged as well.

    `questions`: messages that may hold what was asked are told, redacted.
    """
    handler = _Handler()
    handler.setFormatter(_Json(questions) if form == "json" else _Text(questions))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    EVENTS.setLevel(logging.INFO)
    # Nothing that is told needs them, and they take a fifth of a line's time (https://docs.python.org/3/howto/logging.html#optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    sys.excepthook = lambda kind, error, _: _unforeseen("the program ended", error)
    threading.excepthook = lambda ended: _unforeseen("a thread ended", ended.exc_value)
    sys.unraisablehook = lambda found: _unforeseen("an error could not be raised", found.exc_value)
    warnings.showwarning = _warned


def event(message: str, fields: Mapping[str, Any] | None = None) -> None:
    """`message` is the whole line for people, `fields` are told besides in JSON."""
    record = logging.LogRecord(EVENTS.name, logging.INFO, "", 0, message, None, None)
    record.fields = fields
    EVENTS.handle(record)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """A log that cannot be written stops nothing, and its line is not printed elsewhere."""


class _Text(logging.Formatter):
    """The time of day, the level where it is more than an event, the message."""

    def __init__(self, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        request_id = getattr(observation.current(), "request_id", None) if level else None
        about = f" (request {request_id})" if request_id else ""
        line = f"{self.formatTime(record, '%H:%M:%S')} {level}{_message(record, self._questions)}{about}"
        return "\n".join(told.translate(_CONTROLS) for told in (line, *_Told(record, self._questions).lines()))


class _Json(logging.Formatter):
    def __init__(self, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if fields:
            entry["message"] = "request"
            return _encode(entry | fields)
        entry |= {"logger": record.name, "message": _message(record, self._questions)}
        seen = observation.current()
        if seen:
            entry["request_id"] = seen.request_id
        told = list(_Told(record, self._questions).lines())
        return _encode(entry | ({"error": "\n".join(told)} if told else {}))


class _Told:
    """An exception as it is told: where it was raised, line by line, and its kind."""

    def __init__(self, record: logging.LogRecord, questions: bool) -> None:
        self._error = record.exc_info[1] if record.exc_info else None
        self._questions = questions

    def lines(self) -> Iterator[str]:
        for error in reversed(list(_with_causes(self._error))):
            yield "Traceback (most recent call last):"
            yield from (line for entry in traceback.format_tb(error.__traceback__) for line in entry.splitlines())
            yield f"{type(error).__qualname__}: {self._words(error)}"

    def _words(self, error: BaseException) -> str:
        if isinstance(error, QuotableError):
            return str(error)
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        return (
            redacted(str(error)[:MOST_TOLD])
            if self._questions
            else "(what it says may hold what was asked; log_questions tells it)"
        )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and those that it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _message(record: logging.LogRecord, questions: bool) -> str:
    if record.name.partition(".")[0] in OURS:
        return record.getMessage()
    if questions and not record.name.startswith(SECRETIVE):
        return redacted(record.getMessage()[:MOST_TOLD])
    values = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    if not all(isinstance(value, int | float) for value in values):
        return str(record.msg)
    said, cut, _ = record.getMessage().partition(WITHOUT_ADDRESS)
    return said + cut.rstrip()


def _unforeseen(what: str, error: BaseException | None) -> None:
    logging.getLogger("qa").critical("%s by an unforeseen error", what, exc_info=error)


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    """Where it was warned, and of what kind; the message may hold values."""
    logging.getLogger("qa").warning("%s at %s:%d", category.__name__, filename, lineno)
