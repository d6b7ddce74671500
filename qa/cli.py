"""The command `qa`. Exit codes: 0 done, 1 could not, 2 wrong usage."""

from __future__ import annotations

import io
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from corpus.types import QuotableError
from qa.progress import Summary
from qa.questions import BadQuestion, clean_question
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
@click.option(
    "--data", type=click.Path(path_type=Path, readable=False), help="The one data folder (default: ./qa-data, or QA_DATA)."
)
@click.pass_context
def main(context: click.Context, data: Path | None) -> None:
    """Ask your documents a question and get the exact words that answer it."""
    logging.basicConfig(format="qa: %(message)s", level=logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no reason to fail
    context.obj = {"data": data}


def _settings(context: click.Context, **overrides: Any) -> Settings:
    return read_settings(context.obj | overrides)


def _asked(question: str) -> str:
    try:
        return clean_question(question)
    except BadQuestion as error:
        raise click.BadParameter(f"the question {error}") from error


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
@click.option("--explain", is_flag=True, help="With --json: say of each passage why it stands where it does.")
@click.pass_context
def search(context: click.Context, question: str, limit: int, as_json: bool, explain: bool) -> None:
    """Ask one QUESTION."""
    from qa.assembly import open_to_read
    from qa.responses import answer_json

    question = _asked(question)
    service = open_to_read(_settings(context), _say)
    began = perf_counter()
    answer = service.answerer.ask(question, limit)
    body = answer_json(answer, (perf_counter() - began) * 1000, explained=explain)
    click.echo(_as_json(body, indent=2) if as_json else _as_text(body))


@main.command(name="why-not")
@click.argument("question")
@click.argument("document_id", metavar="DOCUMENT")
@click.pass_context
def why_not(context: click.Context, question: str, document_id: str) -> None:
    """Say why DOCUMENT did not come up, or not higher, for QUESTION."""
    from qa.assembly import open_to_read
    from qa.explanation import why_not as reasons

    question = _asked(question)
    service = open_to_read(_settings(context), _say)
    try:
        lines = reasons(service.searcher, service.store, question, document_id)
    except KeyError as error:
        raise QuotableError(f"there is no document {document_id}; `qa list` names those that are there") from error
    click.echo("\n".join(lines))


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Stay, and follow new, changed and deleted files.")
@click.pass_context
def add(context: click.Context, paths: tuple[Path, ...], watch: bool) -> None:
    """Add the files at PATHS and in the folders among them, or replace what was read from them before."""
    from corpus.sandbox import Sandbox
    from qa.assembly import open_to_write
    from qa.ingestion import add_files, changes_below, files_below, follow

    summary = Summary()
    with open_to_write(_settings(context), _say) as library, Sandbox() as sandbox:
        changes = changes_below(paths) if watch else None
        summary.show(add_files(library, sandbox, files := list(files_below(paths))), len(files))
        library.build_if_behind()
        if changes:
            _say(f"Watching {', '.join(map(str, paths))} (stop with Ctrl+C)")
            with suppress(KeyboardInterrupt):
                summary.show(follow(library, sandbox, changes))
    if summary.failed:
        raise QuotableError(f"{summary.failed} of {summary.files} files could not be added whole")


@main.command()
@click.argument("document_ids", metavar="ID...", nargs=-1, required=True)
@click.pass_context
def remove(context: click.Context, document_ids: tuple[str, ...]) -> None:
    """Remove the documents with these IDs."""
    from qa.assembly import open_to_write

    with open_to_write(_settings(context), _say) as library:
        missing = [document_id for document_id in document_ids if not library.remove(document_id)]
    if missing:
        raise QuotableError(f"there is no document {', '.join(missing)}; `qa list` names those that are there")


@main.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_documents(context: click.Context, as_json: bool) -> None:
    """List the documents."""
    from qa.assembly import open_store_to_read
    from qa.responses import listed_document_json

    store = open_store_to_read(_settings(context).data)
    after: str | None = None
    while page := store.documents(after):
        counts = store.passage_counts([document.number for document in page])
        for document in page:
            listed = listed_document_json(document, counts.get(document.number, 0))
            click.echo(_as_json(listed) if as_json else f"{document.id}\t{document.title}\t{document.source or ''}")
        after = page[-1].id


@main.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Say what the data folder holds."""
    from corpus.languages import name
    from qa.assembly import open_store_to_read

    settings = _settings(context)
    store = open_store_to_read(settings.data)
    documents, passages = store.counts()
    click.echo(f"data folder  {settings.data.resolve()}")
    click.echo(f"documents    {documents}")
    click.echo(f"passages     {passages}")
    click.echo(f"model        {settings.model} ({store.fingerprint})")
    for code, count in store.languages():
        served = code is None or not settings.languages or code in settings.languages
        note = "" if served else " (the model does not serve it; use words that stand in the text)"
        click.echo(f"language     {name(code) if code else 'not told'}: {count}{note}")


@main.command(name="eval")
@click.argument("question_set", metavar="FILE|FOLDER", type=click.Path(path_type=Path, exists=True))
@click.option("--compare", help="A second setting: legs=fused|dense|lexical|rrf, spelling=on|off, operating_point=0..1.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write one JSON object a question to this file."
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page with plots to this file.")
@click.option("--calibrate", is_flag=True, help="Fit confidence to these questions and keep it in the data folder.")
@click.pass_context
def evaluate(
    context: click.Context, question_set: Path, compare: str | None, output: Path | None, report: Path | None, calibrate: bool
) -> None:
    """Measure how well the questions in FILE (JSON Lines) or FOLDER (BEIR) are answered."""
    from qa.calibration import write_calibration
    from qa.evaluation import Judge
    from qa.evaluation_report import html, json_lines, table
    from qa.evaluation_session import SettingToCompare, Variant, asked, calibrated, parse_variant, run_variant
    from qa.question_sets import read_question_set

    try:
        variants = [Variant(), *([parse_variant(compare)] if compare else [])]
    except SettingToCompare as error:
        raise click.BadParameter(str(error), param_hint="--compare") from error
    settings, found = _settings(context), read_question_set(question_set)
    if calibrate and found.corpus is not None:
        raise click.UsageError(
            "--calibrate fits confidence to the data folder; a question set with its own corpus says nothing of it"
        )
    with asked(found, settings, _say) as service:
        judge = Judge(service.store)
        runs = [run_variant(found, service, settings, variant, judge) for variant in variants]
    click.echo(table(runs))
    if output:
        output.write_text("".join(f"{line}\n" for line in json_lines(runs)), "utf-8")
    if report:
        report.write_text(html(f"Evaluation of {found.name}", runs), "utf-8")
    if calibrate:
        calibration, gain = calibrated(runs[0].outcomes)
        _say(f"Confidence was fitted and written to {write_calibration(settings.data, calibration)}: {gain}")


def _as_json(value: Any, indent: int | None = None) -> str:
    """JSON with its characters as they are, or escaped where standard output cannot write them."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


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
