"""Ingest: files, addresses and jobs become stored documents.

In: paths, URLs, uploaded bodies. `intake.py` accepts jobs in any process; `files.py`, `watching.py` and `worker.py` read documents in the
sandbox; `writer.py` splits and embeds the
documents and puts them into the engine. Out: an outcome or a reason for each file, and progress.
"""
