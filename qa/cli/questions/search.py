"""`qa search` and `qa why-not`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any, get_args

import click

from corpus.types import QuotableError
from qa.answering.question.validity import InvalidQuestion, InvalidTime, clean_question, read_moment
from qa.cli.console import as_printable_json, read_collection, say, settings_of
from qa.settings.settings import Read


def _read_moment(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    try:
        return read_moment(value) if value is not None else None
    except InvalidTime as error:
        raise click.BadParameter(f"{value!r} {error}") from error


@click.command()
@click.argument("question")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="The maximum number of passages.")
@click.option("--json", "as_json", is_flag=True, help="Print the response of POST /v1/search.")
@click.option("--explain", is_flag=True, help="With --json: explain the rank of each passage and the choice of the quote.")
@click.option("--read", type=click.Choice(get_args(Read)), help="When the reading model reads; by default as the setting says.")
@click.option("--collection", callback=read_collection, help="Search only the documents of this collection.")
@click.option("--as-of", metavar="TIME", callback=_read_moment, help="Answer from the texts that were valid at a date or time.")
@click.pass_context
def search(
    context: click.Context,
    question: str,
    limit: int,
    as_json: bool,
    explain: bool,
    read: Read | None,
    collection: str | None,
    as_of: str | None,
) -> None:
    """Answer one QUESTION."""
    from index.filters import of_collection
    from qa.answering.past.past_engine import answerer_as_of
    from qa.assembly import open_or_create
    from qa.web.schemas.answers import answer_json, explained_answer_json

    question = _clean(question)
    service = open_or_create(settings_of(context), say)
    began = perf_counter()
    answerer = answerer_as_of(service.answerer, as_of) if as_of else service.answerer
    answer = answerer.ask(question, limit, of_collection(collection), read=read)
    to_json = explained_answer_json if explain else answer_json
    body = to_json(answer, (perf_counter() - began) * 1000)
    click.echo(as_printable_json(body, indent=2) if as_json else _as_text(body))


@click.command(name="why-not")
@click.argument("question")
@click.argument("document_id", metavar="DOCUMENT")
@click.pass_context
def why_not(context: click.Context, question: str, document_id: str) -> None:
    """Explain why DOCUMENT is not among the results for QUESTION, or not higher, or not quoted."""
    from qa.answering.explanation import why_not as reasons
    from qa.assembly import open_to_read

    question = _clean(question)
    service = open_to_read(settings_of(context), say)
    try:
        lines = reasons(service.answerer, service.engine, question, document_id)
    except KeyError as error:
        raise QuotableError(f"no document {document_id}; `qa list` lists all documents") from error
    click.echo("\n".join(lines))


def _clean(question: str) -> str:
    try:
        return clean_question(question)
    except InvalidQuestion as error:
        raise click.BadParameter(f"the question {error}") from error


def _as_text(body: Mapping[str, Any]) -> str:
    from qa.answering.labels import CHOSEN

    lines = [line for answer in body["answers"] for line in (*_quote(answer), "")] or [*_refusal(body), ""]
    if body["results"]:
        lines.append("Passages:" if body["answers"] else "Nearest passages:")
    for number, result in enumerate(body["results"], 1):
        lines += ["", f"{number}. {f'{CHOSEN}: ' if result['pinned'] else ''}{_source(result)}", result["text"]]
    return "\n".join(lines).rstrip()


def _quote(answer: Mapping[str, Any]) -> Iterator[str]:
    from qa.answering.labels import label

    yield f"{label(answer['confidence'])} (confidence {answer['confidence']:.2f}):"
    if answer["lead_in"]:
        yield answer["lead_in"]
    yield f"“{answer['text']}”" + (f" and {answer['more']} more" if answer["more"] else "")
    yield _source(answer)


def _refusal(body: Mapping[str, Any]) -> Iterator[str]:
    from qa.answering.labels import missing_sentence

    yield f"Not in these documents (confidence {body['confidence']:.2f})."
    if body["missing"]:
        yield missing_sentence(body["missing"])
    if body["stop_answer"]:
        yield body["stop_answer"]


def _source(found: Mapping[str, Any]) -> str:
    document = found["document"]
    return f"{' › '.join([document['title'], *found['headings']])} [{document['id']} {found['start']}–{found['end']}]"
