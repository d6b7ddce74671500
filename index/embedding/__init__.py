"""Embedding models: a model's files become an `Embedder` that turns texts into unit vectors.

A sentence-transformers model is exported to ONNX and cached by fingerprint, once per user: a BERT model from its files, another through
torch and checked against the original. Questions are embedded in 8 bits, passages in full precision, many passages on a GPU if there is
one. Models that cannot be exported run in torch. The optional re-ranker is here too.
"""
