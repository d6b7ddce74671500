"""`qa serve` and `qa work`."""

from __future__ import annotations

import logging
import signal
from threading import Event

import click

from corpus.types import QuotableError
from qa.cli.console import configuration_of, say
from qa.settings.reading import unknown_variables

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


@click.command()
@click.option("--host", help="The address to serve on (default: 127.0.0.1).")
@click.option("--port", type=int, help="The port to serve on (default: 8000).")
@click.option("--workers", type=int, help="Processes that answer (default: the cores, at most 8).")
@click.option("--watch", metavar="PATH", multiple=True, help="A file or folder to add and to follow; may be repeated.")
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None, workers: int | None, watch: tuple[str, ...]) -> None:
    """Serve HTTP: the API, the pages and the metrics."""
    from qa.operate import logs
    from qa.web.pages.language import check_languages
    from qa.web.server.process import serve as serve_until_stopped

    configuration = configuration_of(context, host=host, port=port, workers=workers, watch=watch or None)
    settings = configuration.settings
    check_languages(settings)
    logs.configure(settings.log_format)
    for line in (*configuration.warnings, *unknown_variables()):
        log.warning("%s", line)
    if settings.log_format == "text":
        serve_until_stopped(settings, say)
        return
    try:
        serve_until_stopped(settings, logs.event)
    except QuotableError as error:
        log.critical("%s", error)
        context.exit(1)


@click.command()
@click.pass_context
def work(context: click.Context) -> None:
    """Ingest what is sent to the servers of a cluster.

    Any number of workers may run, on any machine. The job of one that dies is taken over by another.
    """
    from qa.assembly import open_to_write, worker_of
    from qa.operate import logs

    settings = configuration_of(context).settings
    if not settings.engine:
        raise QuotableError(
            "a data folder has one process that ingests, `qa serve`; `qa work` needs a cluster: name it with --engine"
        )
    logs.configure(settings.log_format)
    stopping = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with open_to_write(settings, say) as writer:
        worker = worker_of(writer, settings, say)
        worker.start()
        say(f"Working for {settings.engine} (stop with Ctrl+C)")
        while not stopping.wait(POLL_SECONDS):  # with a limit, because a signal's handler does not end a wait without one
            pass
        worker.stop()
