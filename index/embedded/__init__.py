"""The embedded engine: documents in one SQLite file, searched by FAISS and tantivy.

`opening.py` opens a folder in any process: `owner.py` is the engine of the one that ingests and builds indexes, `engine.py` that of all
others, which follow it. In: documents with passages and
vectors; prepared queries and filters. Out: rankings, passages, documents. `store/` is the truth; `dense/`, `lexical/` and `segments/`
are derived from it and rebuilt when stale or damaged; `integrity/` finds damage and makes backups.
"""
