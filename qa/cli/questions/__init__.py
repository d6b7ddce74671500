"""Commands that ask questions: search, why-not and chat, and the evaluation of question sets and unanswered questions.

In: a question or a file of questions. Out: quotes with their sources, reasons, or measures; JSON with `--json`.
"""
