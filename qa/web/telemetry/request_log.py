"""The request log: a line for each request with route, status, times and the key's name; never the question."""

from __future__ import annotations

import logging
from typing import Any

from qa.observation import Observation
from qa.operate.logs import event
from qa.web.server.admission import Admission

log = logging.getLogger(__name__)

# Probes, asked every few seconds, and parts of pages: logged for server errors only.
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static/{filename}"})


def log_request(observation: Observation) -> None:
    if observation.route in QUIET and observation.status < 500:
        return
    milliseconds = round(observation.seconds * 1000, 3)
    fields: dict[str, Any] = {
        "request_id": observation.request_id,
        "method": observation.method,
        "route": observation.route,
        "status": observation.status,
        "duration_ms": milliseconds,
        "stages_ms": {stage: round(seconds * 1000, 3) for stage, seconds in observation.stages().items()},
        "key": observation.caller,
    }
    if observation.answered:
        fields["answerable"] = observation.answered[-1]
    if observation.trace_id:
        fields["trace_id"] = observation.trace_id
    route = observation.route or "(no such route)"
    event(f"{observation.method} {route} {observation.status} {milliseconds:.1f} ms {observation.request_id}", fields)


class RefusalLog:
    """Logs how many requests were refused. A line for each would cost more than the answers."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._logged = 0

    def log_new(self) -> None:
        """Log the refusals since the last call; called every few seconds."""
        refused = self._admission.refused
        if refused > self._logged:
            log.warning("refused %d requests: server overloaded", refused - self._logged)
        self._logged = refused
