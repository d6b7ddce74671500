"""The command `qa`. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import io
import logging
import sys
from functools import partial
from typing import Any

import click

from corpus.types import QuotableError
from qa.cli import audit, config, curation, keys, mcp, preparation, serving, sources
from qa.cli.folder import copying, documents, status, storage
from qa.cli.questions import chat, evaluation, gaps, search
from qa.settings.reading import SettingsError
from qa.version import DISTRIBUTION


class _Commands(click.Group):
    """Prints the project's own errors as one line, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except SettingsError as error:
            raise click.UsageError(str(error), context) from error
        except QuotableError as error:
            click.echo(f"qa: {error}", err=True)
            context.exit(1)


def _store_option(context: click.Context, option: click.Parameter, value: str | None) -> None:
    """Record --data, --engine or --config, which may come before and after the command."""
    given = context.ensure_object(dict)
    name = str(option.name)
    if value is not None and given.setdefault(name, value) != value:
        raise click.UsageError(f"--{name} is given twice, as {given[name]} and as {value}; give it once", context)


def _folder_options() -> list[click.Parameter]:
    option = partial(click.Option, expose_value=False, callback=_store_option)
    return [
        option(["--data"], metavar="PATH", help="The data folder (default: qa-data, or QA_DATA)."),
        option(["--engine"], metavar="ADDRESS", help="A cluster instead of the folder (default: QA_ENGINE)."),
        option(["--config"], metavar="PATH", help="The TOML file of settings (default: QA_CONFIG)."),
    ]


def _with_folder_options(command: click.Command) -> click.Command:
    """Accept these options after the command too."""
    command.params += _folder_options()
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        _with_folder_options(subcommand)
    return command


@click.group(cls=_Commands, params=_folder_options(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION)
def main() -> None:
    """Ask your documents a question and get the exact words that answer it."""
    logging.basicConfig(format="qa: %(message)s", level=logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # do not fail on characters that the terminal cannot show


for command in (
    serving.serve,
    serving.work,
    preparation.prepare,
    search.search,
    search.why_not,
    chat.chat,
    mcp.mcp,
    documents.add,
    documents.remove,
    documents.list_documents,
    documents.versions,
    sources.sources,
    status.status,
    config.config,
    storage.check,
    storage.backup,
    storage.restore,
    copying.copy,
    storage.rebuild,
    evaluation.evaluate,
    gaps.gaps,
    keys.keys,
    curation.curate,
    audit.audit,
):
    main.add_command(_with_folder_options(command))


if __name__ == "__main__":
    sys.exit(main())
