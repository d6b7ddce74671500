"""Record of one request: its stages with their times and its outcome, for logs, metrics and traces.

The record of the current request belongs to the thread that handles it, so code calls `mark_stage` at the end of a stage without
passing an object around. Outside a request nothing is recorded.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

# In order: waiting for a thread; parsing and validation; embedding the question; ranking; quotes and confidence; the language model's
# reply; everything after the last of them.
STAGES = QUEUE, REQUEST, EMBED, RANK, QUOTE, WRITE, RESPONSE = (
    "queue", "request", "embed", "rank", "quote", "write", "response",
)  # fmt: skip


@dataclass(slots=True)
class Observation:
    """One request. Times are `time.perf_counter()` values in seconds; `waited` is the time in the queue before `began`.

    `route`: the matched rule, never the requested address; None without a match. `caller`: the name of the key.
    `answered`: for each question in it, whether the documents answer.
    """

    request_id: str
    method: str
    waited: float = 0.0
    traceparent: str | None = None
    route: str | None = None
    caller: str | None = None
    status: int = 500
    trace_id: str | None = None
    marks: list[tuple[str, float]] = field(default_factory=list)
    answered: list[bool] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """From arrival to end."""
        return self.ended - self.began + self.waited

    def spans(self) -> Iterator[tuple[str, float, float]]:
        """Each stage with its start and end, in order. A repeated stage is yielded each time."""
        if self.waited:
            yield QUEUE, self.began - self.waited, self.began
        begin = self.began
        for stage, end in self.marks:
            yield stage, begin, end
            begin = end
        yield RESPONSE if self.marks else REQUEST, begin, self.ended

    def stages(self) -> dict[str, float]:
        """The seconds of each stage."""
        seconds: dict[str, float] = {}
        for stage, begin, end in self.spans():
            seconds[stage] = seconds.get(stage, 0.0) + end - begin
        return seconds


class _Thread(threading.local):
    observation: Observation | None = None


_thread = _Thread()


def begin(observation: Observation) -> None:
    """Make this the record of the current thread."""
    _thread.observation = observation


def end(observation: Observation) -> None:
    observation.ended = time.perf_counter()
    if _thread.observation is observation:
        _thread.observation = None


def current() -> Observation | None:
    """The record of the request that this thread handles."""
    return _thread.observation


def mark_stage(stage: str) -> None:
    """Record the end of a stage; the next one starts."""
    observation = _thread.observation
    if observation is not None:
        observation.marks.append((stage, time.perf_counter()))


def record_answer(answerable: bool) -> None:
    """Record whether the documents answer a question; this ends the stage QUOTE."""
    observation = _thread.observation
    if observation is not None:
        observation.marks.append((QUOTE, time.perf_counter()))
        observation.answered.append(answerable)


def new_request_id() -> str:
    return secrets.token_hex(8)
