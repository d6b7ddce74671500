"""`qa chat`."""

from __future__ import annotations

import sys

import click

from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.cli.console import say, settings_of

LEAVING = ("/quit", "/exit")


@click.command()
@click.pass_context
def chat(context: click.Context) -> None:
    """Talk with the documents: one question a line, answered with quotes and their sources."""
    from qa.answering.question.turn import Turn
    from qa.assembly import open_to_read
    from qa.chat.chatbot import Request
    from qa.chat.replies import Reply

    service = open_to_read(settings_of(context), say)
    person = sys.stdin.isatty()
    if person:
        say("Ask a question a line; an empty line, /quit or Ctrl+D ends the conversation.")
    history: list[Turn] = []
    while (line := _line(person)) is not None:
        try:
            message = clean_question(line)
        except InvalidQuestion as error:
            say(f"qa: the question {error}")
            continue
        service.engine.refresh()
        for piece in service.chatbot.reply(Request(message, tuple(history))):
            if isinstance(piece, Reply):
                click.echo("\n")
                history += [Turn("user", message), Turn("assistant", piece.text)]
            else:
                click.echo(piece, nl=False)


def _line(person: bool) -> str | None:
    """The next line that a person or a file gives; None at the end."""
    if person:
        click.echo("> ", nl=False)
    line = sys.stdin.readline()
    ended = not line or line.strip() in LEAVING or (person and not line.strip())
    return None if ended else line
