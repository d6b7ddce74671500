"""Passages to something that can be searched: embeddings, the store, the derived indexes and the search over them."""
