"""Index: holds documents and ranks their passages for a question.

Documents with split and embedded passages enter; ranked passages leave. `engine.py` is the contract; `embedded/` implements it in one
folder, with the pure rooms `text/` and `ranking/` and the embedding models of `embedding/`. Imports `corpus.types` only.
"""
