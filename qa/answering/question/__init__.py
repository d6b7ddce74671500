"""The question: its validity, turns of a conversation, small talk, follow-ups, names and language.

In: the text of a message and the turns before it. Out: a question to search for, or the kind of small talk that it is.
Imports nothing from the rest of qa.
"""
