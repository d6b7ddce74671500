"""The index: passages in, ranked passages out. Imports only corpus.types.

`engine.py` is the protocol that callers use and `embedded/` its implementation. `embedding/` turns text into vectors, `text/` into terms,
and `ranking/` scores candidates; none of the three knows an engine. `types.py` and `filters.py` hold the shared types, and
`model_cache.py` finds prepared models.
"""
