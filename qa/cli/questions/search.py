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
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="The most passages.")
@click.option("--json", "as_json", is_flag=True, help="Print what POST /v1/search answers.")
@click.option("--explain", is_flag=True, help="With --json: say of each passage why it stands where it does.")
@click.pass_context
def search(context: click.Context, question: str, limit: int, as_json: bool, explain: bool) -> None:
    """Ask one QUESTION."""
    from qa.assembly import open_to_read
    from qa.web.schemas.answers import answer_json, explained_answer_json

    question = _asked(question)
    service = open_to_read(settings_of(context), say)
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
    """Say why DOCUMENT did not come up, or not higher, for QUESTION."""
    from qa.answering.explanation import why_not as reasons
    from qa.assembly import open_to_read

    question = _asked(question)
    service = open_to_read(settings_of(context), say)
    try:
        lines = reasons(service.engine, question, document_id)
    except KeyError as error:
        raise QuotableError(f"there is no document {document_id}; `qa list` names those that are there") from error
    click.echo("\n".join(lines))


def _asked(question: str) -> str:
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
