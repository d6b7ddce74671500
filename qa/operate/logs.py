"""The server's log: one event per line on standard error, as text or JSON, without questions, document text or keys.

Our own messages contain none. Of other libraries' messages only the template is logged, without its values; of an unexpected exception
only the type and place, because its message may contain the value that caused it.
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
from typing import Any

from corpus.types import QuotableError
from qa import observation
from qa.settings.settings import LogFormat

# Requests and the program's own events, logged at any level.
EVENTS = logging.getLogger("qa.events")
OURS = ("corpus", "index", "qa")

# A terminal obeys control characters, and a line break could forge a log line.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}

_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), default=str).encode


def configure(form: LogFormat) -> None:
    """Set up logging for a serving process, including unhandled exceptions and warnings."""
    handler = _Handler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    EVENTS.setLevel(logging.INFO)
    # Unused here, and a fifth of the time of a line (https://docs.python.org/3/howto/logging.html#optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    sys.excepthook = lambda kind, error, _: _log_unexpected("the program ended", error)
    threading.excepthook = lambda ended: _log_unexpected("a thread ended", ended.exc_value)
    sys.unraisablehook = lambda found: _log_unexpected("an error could not be raised", found.exc_value)
    warnings.showwarning = _log_warning


def event(message: str, fields: Mapping[str, Any] | None = None) -> None:
    """Log an event: `message` in the text format, `fields` in JSON."""
    record = logging.LogRecord(EVENTS.name, logging.INFO, "", 0, message, None, None)
    record.fields = fields
    EVENTS.handle(record)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Ignore a log that cannot be written."""


class _Text(logging.Formatter):
    """The time of day, the level above INFO, the message."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        request_id = getattr(observation.current(), "request_id", None) if level else None
        about = f" (request {request_id})" if request_id else ""
        line = f"{self.formatTime(record, '%H:%M:%S')} {level}{_message(record)}{about}"
        return "\n".join(each.translate(_CONTROLS) for each in (line, *_error_lines(record)))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if fields:
            entry["message"] = "request"
            return _encode(entry | fields)
        entry |= {"logger": record.name, "message": _message(record)}
        request = observation.current()
        if request:
            entry["request_id"] = request.request_id
        error = list(_error_lines(record))
        return _encode(entry | ({"error": "\n".join(error)} if error else {}))


def _error_lines(record: logging.LogRecord) -> Iterator[str]:
    """The tracebacks of the exception and its causes."""
    for error in reversed(list(_with_causes(record.exc_info[1] if record.exc_info else None))):
        yield "Traceback (most recent call last):"
        yield from (line for entry in traceback.format_tb(error.__traceback__) for line in entry.splitlines())
        yield f"{type(error).__qualname__}: {_error_message(error)}"


def _error_message(error: BaseException) -> str:
    if isinstance(error, QuotableError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "(message not logged: it may contain a question)"


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _message(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] in OURS:
        return record.getMessage()
    values = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    if not all(isinstance(value, int | float) for value in values):
        return str(record.msg)
    return record.getMessage()


def _log_unexpected(what: str, error: BaseException | None) -> None:
    logging.getLogger("qa").critical("%s with an unexpected error", what, exc_info=error)


def _log_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    """Log the category and place; the message may contain values."""
    logging.getLogger("qa").warning("%s at %s:%d", category.__name__, filename, lineno)
