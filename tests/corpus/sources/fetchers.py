"""Fetchers for tests: a resolver with scripted answers and short limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher, Limits
from tests.corpus.sources.site import Site

LIMITS = Limits(seconds=1.0, connect_seconds=0.5, bytes=100_000, redirects=5)


class ScriptedResolver:
    """Returns the given answers in turn, the last one repeatedly, and counts its calls."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.calls = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.calls += 1
        return self.answers[min(self.calls, len(self.answers)) - 1]


def fetcher_for(site: Site, *hosts: str, limits: Limits = LIMITS, resolve: Any = None) -> Fetcher:
    """A fetcher that may reach the site as docs.test."""
    return Fetcher(Hosts(hosts, [f"docs.test:{site.port}"]), limits, resolve or ScriptedResolver(["127.0.0.1"]))
