"""`qa chat`."""

from __future__ import annotations

import sys

import click

from qa.answering.question.validity import InvalidQuestion, clean_question
from qa.cli.console import read_collection, say, settings_of

LEAVING = ("/quit", "/exit")


@click.command()
@click.option("--collection", callback=read_collection, help="Ask only the documents of this collection.")
@click.pass_context
def chat(context: click.Context, collection: str | None) -> None:
    """Ask questions in a conversation, one per line; replies quote their sources."""
    from index.filters import of_collection
    from qa.answering.question.turn import Turn
    from qa.assembly import open_to_read
    from qa.chat.chatbot import Request
    from qa.chat.replies import Reply

    service = open_to_read(settings_of(context), say)
    interactive = sys.stdin.isatty()
    if interactive:
        say("Ask one question per line. An empty line, /quit or Ctrl+D ends the conversation.")
    history: list[Turn] = []
    while (line := _line(interactive)) is not None:
        try:
            message = clean_question(line)
        except InvalidQuestion as error:
            say(f"qa: the question {error}")
            continue
        for piece in service.chatbot.reply(Request(message, tuple(history), of_collection(collection))):
            if isinstance(piece, Reply):
                click.echo("\n")
                history += [Turn("user", message), Turn("assistant", piece.text)]
            else:
                click.echo(piece, nl=False)


def _line(interactive: bool) -> str | None:
    """The next line of standard input; None at the end."""
    if interactive:
        click.echo("> ", nl=False)
    line = sys.stdin.readline()
    ended = not line or line.strip() in LEAVING or (interactive and not line.strip())
    return None if ended else line
