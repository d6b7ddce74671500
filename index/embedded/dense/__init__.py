"""Dense indexes: passages by the cosine of their vectors.

Ids and unit vectors enter; a search returns the ids of the nearest passages, and `scores` the cosine of any passage.
Flat (exact, in FAISS) for small segments, IVF (approximate, in FAISS) for large ones, brute force (NumPy) for the unindexed tail.
"""
