"""The command `qa`, one file per command; `main.py` registers them.

In: arguments, options and standard input. Out: results on standard output, messages on standard error, and exit code 0 (done),
1 (failed) or 2 (wrong usage). folder/ has the commands on documents and storage, questions/ those that ask and evaluate.
"""
