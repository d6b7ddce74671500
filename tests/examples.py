"""How many examples Hypothesis generates: half of the whole number in `make test`, which saves a minute; all in `make test-long`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

DEFAULT = 100
WHOLE = os.environ.get("QUOTABLE_EXAMPLES") == "whole"


def use_profile() -> None:
    """The same examples in every run, so that a failure is reproducible; no deadline, because machines differ."""
    base = examples(DEFAULT, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("tests", base)
    settings.load_profile("tests")


def examples(whole: int, **others: Any) -> settings:
    """The settings of a test with this whole number of examples. `others`: further settings of Hypothesis."""
    return settings(max_examples=whole if WHOLE else whole // 2, **others)
