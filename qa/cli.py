"""The command `qa`. Exit codes: 0 done, 1 could not, 2 wrong usage."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from corpus.types import QuotableError
from qa.settings import Settings, SettingsError, read_settings


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
@click.option("--data", type=click.Path(path_type=Path), help="The one data folder (default: ./qa-data, or QA_DATA).")
@click.pass_context
def main(context: click.Context, data: Path | None) -> None:
    """Ask your documents a question and get the exact words that answer it."""
    logging.basicConfig(format="qa: %(message)s", level=logging.WARNING)
    context.obj = {"data": data}


def _settings(context: click.Context, **overrides: Any) -> Settings:
    return read_settings(context.obj | overrides)


def _say(message: str) -> None:
    click.echo(message, err=True)


@main.command()
@click.option("--host", help="The address to serve on (default: 127.0.0.1).")
@click.option("--port", type=int, help="The port to serve on (default: 8000).")
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Answer over HTTP."""
    from qa.web.server import serve as serve_until_stopped

    serve_until_stopped(_settings(context, host=host, port=port), _say)


@main.command()
@click.argument("question")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="The most passages.")
@click.option("--json", "as_json", is_flag=True, help="Print what POST /v1/search answers.")
@click.pass_context
def search(context: click.Context, question: str, limit: int, as_json: bool) -> None:
    """Ask one QUESTION."""
    from qa.assembly import open_to_read
    from qa.questions import BadQuestion, clean_question
    from qa.responses import answer_json

    try:
        question = clean_question(question)
    except BadQuestion as error:
        raise click.BadParameter(f"the question {error}") from error
    service = open_to_read(_settings(context), _say)
    began = perf_counter()
    answer = service.answerer.ask(question, limit)
    body = answer_json(answer, (perf_counter() - began) * 1000)
    click.echo(json.dumps(body, ensure_ascii=False, indent=2) if as_json else _as_text(body))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_context
def add(context: click.Context, files: tuple[Path, ...]) -> None:
    """Add FILES, or replace what was read from them before."""
    from qa.assembly import open_to_write
    from qa.ingestion import add_files

    failed = 0
    with open_to_write(_settings(context), _say) as library:
        for outcome in add_files(library, files):
            failed += outcome.failure is not None
            click.echo(str(outcome))
        library.build_if_behind()
    if failed:
        raise QuotableError(f"{failed} of {len(files)} files could not be added")


@main.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Say what the data folder holds."""
    from qa.assembly import open_store_to_read

    settings = _settings(context)
    store = open_store_to_read(settings.data)
    documents, passages = store.counts()
    click.echo(
        f"data folder  {settings.data.resolve()}\ndocuments    {documents}\npassages     {passages}\nmodel        {store.fingerprint}"
    )


def _as_text(body: dict[str, Any]) -> str:
    lines = [
        f"“{body['answer']['text']}”" if body["answer"] else "Not in these documents.",
        f"(confidence {body['confidence']:.2f})",
    ]
    if body["results"]:
        lines += ["", "Passages:" if body["answer"] else "Nearest passages:"]
    for number, result in enumerate(body["results"], 1):
        document = result["document"]
        heading = " › ".join([document["title"], *result["headings"]])
        lines += ["", f"{number}. {heading} [{document['id']} {result['start']}–{result['end']}]", result["text"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
