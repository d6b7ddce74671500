"""The command `qa`. Exit codes: 0 done, 1 could not, 2 wrong usage."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path
from typing import Any

import click

from corpus.types import QuotableError
from qa.cli import config, keys, mcp, serving
from qa.cli.folder import documents, status, storage
from qa.cli.questions import chat, evaluation, gaps
from qa.cli.questions import search as asking
from qa.settings.reading import SettingsError


class _Commands(click.Group):
    """Tells our own errors in one line and leaves no traceback for what a person can mend."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except SettingsError as error:
            raise click.UsageError(str(error), context) from error
        except QuotableError as error:
            click.echo(f"qa: {error}", err=True)
            context.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quotable")
@click.option(
    "--data", type=click.Path(path_type=str, readable=False), help="The one data folder (default: ./qa-data, or QA_DATA)."
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The TOML file of settings (default: QA_CONFIG).",
)
@click.pass_context
def main(context: click.Context, data: str | None, config_file: Path | None) -> None:
    """Ask your documents a question and get the exact words that answer it."""
    logging.basicConfig(format="qa: %(message)s", level=logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no reason to fail
    context.obj = {"data": data, "config": config_file}


for command in (
    serving.serve,
    asking.search,
    asking.why_not,
    chat.chat,
    mcp.mcp,
    documents.add,
    documents.remove,
    documents.list_documents,
    status.status,
    config.config,
    storage.check,
    storage.backup,
    storage.restore,
    storage.rebuild,
    evaluation.evaluate,
    gaps.gaps,
    keys.keys,
):
    main.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
