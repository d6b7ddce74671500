"""A line for each request: which route, how it ended, how long its stages took, and whose key it came with. Never what was asked."""

from __future__ import annotations

import logging
from typing import Any

from qa.observation import Observation
from qa.operate.logs import event
from qa.operate.redaction import redacted
from qa.web.server.admission import Admission

log = logging.getLogger(__name__)

# Asked every few seconds by those who watch over the service, and parts of pages: told only where something is wrong.
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static/{filename}"})


class RequestLog:
    def __init__(self, *, questions: bool) -> None:
        """`questions`: what was asked is told too, redacted."""
        self._questions = questions

    def __call__(self, seen: Observation) -> None:
        if seen.route in QUIET and seen.status < 500:
            return
        milliseconds = round(seen.seconds * 1000, 3)
        fields: dict[str, Any] = {
            "request_id": seen.request_id,
            "method": seen.method,
            "route": seen.route,
            "status": seen.status,
            "duration_ms": milliseconds,
            "stages_ms": {stage: round(seconds * 1000, 3) for stage, seconds in seen.stages().items()},
            "key": seen.caller,
        }
        if seen.answered:
            fields["answerable"] = seen.answered[-1]
        if seen.trace_id:
            fields["trace_id"] = seen.trace_id
        asked = ""
        if self._questions and seen.questions:
            fields["questions"] = [" ".join(redacted(question).split()) for question in seen.questions]
            asked = " " + " | ".join(fields["questions"])
        route = seen.route or "(no such route)"
        event(f"{seen.method} {route} {seen.status} {milliseconds:.1f} ms {seen.request_id}{asked}", fields)


class RefusalLog:
    """Those that were refused because too many came: told together, since one by one they would be more work than the answers."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._told = 0

    def tell(self) -> None:
        """To be called every few seconds."""
        refused = self._admission.refused
        if refused > self._told:
            log.warning("%d requests were refused: more is asked than can be answered", refused - self._told)
        self._told = refused
