"""The names of settings: in the environment, and those of earlier versions."""

from __future__ import annotations

ENVIRONMENT_PREFIX = "QA_"
# Settings that also have a standard environment variable; ours takes precedence.
STANDARD_VARIABLES = {"traces": "OTEL_TRACES_EXPORTER"}
# Former names, still accepted in version 0.2 with a warning.
RENAMED = {"operating_point": "answer_threshold", "llm_silence": "llm_idle_timeout", "upload_page": "manage_page"}
REMOVED = {"log_questions": "it was removed; keep_questions keeps the questions that are asked, for `qa gaps`"}


def variables(name: str) -> tuple[str, ...]:
    """The environment variables of a setting, in order of precedence."""
    former = [old for old, new in RENAMED.items() if new == name]
    standard = [STANDARD_VARIABLES[name]] if name in STANDARD_VARIABLES else []
    return (variable(name), *standard, *map(variable, former))


def variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()
