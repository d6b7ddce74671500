"""Running a service: API keys, the log, kept questions, and maintenance of the data folder.

In: the data folder and log records. Out: keys and their roles, log lines without questions or document text, questions.jsonl,
and the findings of checks and repairs.
"""
