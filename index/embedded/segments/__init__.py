"""Segments and generations: the derived indexes on disk, each segment covering a range of passage ids.

The store's passages enter; a loaded `Generation`, verified by SHA-256 and a self-test, leaves. Small segments are merged with their
neighbours in the background. Nothing here is the truth: a damaged or outdated generation is deleted and built again from the store.
"""
