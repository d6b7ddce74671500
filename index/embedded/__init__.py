"""The embedded engine: documents in one SQLite file, searched by FAISS and tantivy.

`engine.py` is the one owner of store, searcher, filter cache and locks; `opening.py` opens it. In: documents with passages and
vectors; prepared queries and filters. Out: rankings, passages, documents. `store/` is the truth; `dense/`, `lexical/` and `segments/`
are derived from it and rebuilt when stale or damaged; `integrity/` finds damage and makes backups.
"""
