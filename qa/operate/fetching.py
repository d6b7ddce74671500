"""Opens what fetches documents for a service: from the hosts that the operator allows, and as its sources say."""

from __future__ import annotations

from corpus.sources.addresses import Hosts
from corpus.sources.fetcher import Fetcher
from qa.ingest.writer import DocumentWriter
from qa.operate.state import state_files_of
from qa.settings.settings import Settings
from qa.sources.runner import SourceRunner


def fetcher_of(settings: Settings) -> Fetcher:
    """A fetcher for the hosts that the operator allows."""
    return Fetcher(Hosts(settings.url_hosts, settings.url_private_hosts))


def source_runner_of(writer: DocumentWriter, settings: Settings) -> SourceRunner:
    """Runs the sources of the service."""
    return SourceRunner(writer, fetcher_of(settings), state_files_of(settings), settings.source_pause)
