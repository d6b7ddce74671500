"""What is noted of one request: how long its stages took and what came of it, for logs, figures and traces.

The work that a thread does belongs to the request that it handles, so code calls `mark_stage` at the
end of a stage without passing an object around. Outside a request nothing is recorded.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

# The stages of a request, in their order: waiting for its turn; reading and checking it; embedding the question; ranking passages;
# choosing quotes and judging confidence; a language model's writing; all that is done after the last of them.
STAGES = QUEUE, REQUEST, EMBED, RANK, QUOTE, WRITE, RESPONSE = (
    "queue", "request", "embed", "rank", "quote", "write", "response",
)  # fmt: skip


@dataclass(slots=True)
class Observation:
    """One request as it is handled. Times are `time.perf_counter()`'s; `waited` seconds went by before it was begun.

    `route` is the rule that was matched, never the address that was asked; None where there is none. `caller`: the name of the key.
    `answered`: for each question that was asked in it, whether the documents answer.
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
    questions: list[str] = field(default_factory=list)
    answered: list[bool] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """From its arrival to its end."""
        return self.ended - self.began + self.waited

    def spans(self) -> Iterator[tuple[str, float, float]]:
        """Each stage with its begin and end, in their order; one that was gone through twice comes twice."""
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
    """What this thread does from now on belongs to that request."""
    _thread.observation = observation


def end(observation: Observation) -> None:
    observation.ended = time.perf_counter()
    if _thread.observation is observation:
        _thread.observation = None


def current() -> Observation | None:
    """The request that this thread handles."""
    return _thread.observation


def mark_stage(stage: str) -> None:
    """The stage is done; the next one begins."""
    observation = _thread.observation
    if observation is not None:
        observation.marks.append((stage, time.perf_counter()))


def record_answer(question: str, answerable: bool) -> None:
    """A question was asked, and the documents answer it or not; the stage of quoting is done with it."""
    observation = _thread.observation
    if observation is not None:
        observation.marks.append((QUOTE, time.perf_counter()))
        observation.questions.append(question)
        observation.answered.append(answerable)


def new_request_id() -> str:
    return secrets.token_hex(8)
