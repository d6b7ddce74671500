"""The SQLite store: the only source of truth of the embedded engine.

In: documents with their passages and vectors, and jobs, each written in one transaction. Out: the same rows, verified by the hash
stored with them, as values of `index.types`; damaged rows are withheld and reported. Everything else in the data folder (FAISS,
tantivy) is derived from here. `database` owns the file, `store` the documents, `jobs` the work that was accepted.
"""
