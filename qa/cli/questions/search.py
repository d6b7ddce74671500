"""`qa search` and `qa why-not`."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import click

from corpus.types import QuotableError
from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.cli.console import as_printable_json, say, settings_of


@click.command()
@click.argument("question")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="The maximum number of passages.")
@click.option("--json", "as_json", is_flag=True, help="Print the response of POST /v1/search.")
@click.option("--explain", is_flag=True, help="With --json: explain the rank of each passage.")
@click.pass_context
def search(context: click.Context, question: str, limit: int, as_json: bool, explain: bool) -> None:
    """Answer one QUESTION."""
    from qa.assembly import open_or_create
    from qa.web.schemas.answers import answer_json, explained_answer_json

    question = _clean(question)
    service = open_or_create(settings_of(context), say)
    began = perf_counter()
    answer = service.answerer.ask(question, limit)
    to_json = explained_answer_json if explain else answer_json
    body = to_json(answer, (perf_counter() - began) * 1000)
    click.echo(as_printable_json(body, indent=2) if as_json else _as_text(body))


@click.command(name="why-not")
@click.argument("question")
@click.argument("document_id", metavar="DOCUMENT")
@click.pass_context
def why_not(context: click.Context, question: str, document_id: str) -> None:
    """Explain why DOCUMENT is not among the results for QUESTION, or not higher."""
    from qa.answering.explanation import why_not as reasons
    from qa.assembly import open_to_read

    question = _clean(question)
    service = open_to_read(settings_of(context), say)
    try:
        lines = reasons(service.engine, question, document_id)
    except KeyError as error:
        raise QuotableError(f"no document {document_id}; `qa list` lists all documents") from error
    click.echo("\n".join(lines))


def _clean(question: str) -> str:
    try:
        return clean_question(question)
    except InvalidQuestion as error:
        raise click.BadParameter(f"the question {error}") from error


def _as_text(body: Mapping[str, Any]) -> str:
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
