"""Embedding models: a model's files become an `Embedder` that turns texts into unit vectors.

A sentence-transformers model is exported once to ONNX, checked against the original and cached by fingerprint; questions are embedded
in 8 bits, passages in full precision, many passages on a GPU if there is one. Models that cannot be exported run in torch.
The optional re-ranker is here too.
"""
